"""Segmentation of the score: connected components of exceedances, and the mask."""

import numpy as np
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from irtoolkit.arrays import from_indices, lazy_number
from irtoolkit.detection.exceedances import REGION_LEVEL
from irtoolkit.detection.signature import SIGNATURE, SIGNED
from irtoolkit.detection.visibility import TRACES

SMALLEST_AREA = 4.0


def join_regions(exceedances: xr.Dataset, *, sign: int, level: float = REGION_LEVEL) -> xr.Dataset:
    """Join the exceedances of one sign into 8-connected components and measure each of these regions.

    Parameters
    ----------
    exceedances
        From `measure_exceedances`.
    sign
        1 for defects, -1 for decoys, the regions of the mirrored score, which show how noise looks.
    level
        In sigma; pixels with smaller scores are not used.

    Returns
    -------
    xarray.Dataset
        On dimension `pixel` the `pixel_region`, `pixel_index` and `pixel_residual` of the core pixels, and their
        `trace` and `trace_aside` if the exceedances have them. On dimension `region` the `rank`, the sum of score -
        level over the region in sigma; the `area` of its core (px), and the `length` and `breadth` (px) of the
        rectangle with the core's second moments; the `visible_area`, that area without the infrared's blur; the
        `sharpening`, the expected visible contrast over that of the infrared; the `grain` there; the `visibility`: the
        contrast expected from the region's opacity over the visible noise for its area; the means over the region of
        the signature's planes, with the sign of a defect; its `loss`, mean residual, its `peak`, the largest, and its
        effective number of `pixels`.
    """
    chosen = np.flatnonzero(sign * exceedances.score.values >= level)
    index = exceedances["index"].values[chosen]
    region, count = connect_pixels(index, int(exceedances.width))
    score, opacity = (sign * exceedances[name].values[chosen].astype(np.float64) for name in ("score", "residual"))
    core = _without_fragments(index, region, exceedances.core.values[chosen], int(exceedances.width))
    noise = np.bincount(region, exceedances.grain.values[chosen], count) / np.bincount(region, minlength=count)
    total, squares = np.bincount(region, opacity, count), np.bincount(region, opacity**2, count)
    infrared_area = total**2 / np.maximum(squares, 1e-12)
    visible_area = _visible_area(infrared_area, float(exceedances.infrared_blur))
    return xr.Dataset(
        {
            "pixel_region": ("pixel", region[core]),
            "pixel_index": ("pixel", index[core]),
            "pixel_residual": ("pixel", opacity[core]),
            **{name: ("pixel", exceedances[name].values[chosen][core]) for name in TRACES if name in exceedances},
            "rank": ("region", np.bincount(region, score - level, count)),
            "area": ("region", np.bincount(region[core], minlength=count)),
            **_rectangle(index[core], region[core], count, int(exceedances.width)),
            "grain": ("region", noise),
            "visible_area": ("region", visible_area),
            "sharpening": ("region", 2 * infrared_area / (infrared_area + np.minimum(visible_area, infrared_area))),
            "visibility": ("region", np.maximum(total, 0) / np.sqrt(visible_area) / np.maximum(noise, 1e-6)),
            **_signature(exceedances, chosen, region, count, sign),
        },
        attrs={"slopes": exceedances.attrs.get("slopes", 0.0)},
    )


def _signature(
    exceedances: xr.Dataset, chosen: np.ndarray, region: np.ndarray, count: int, sign: int
) -> dict[str, tuple[str, np.ndarray]]:
    """Means of `SIGNATURE` over each region, weighted by the residual, with the sign of a defect; `loss`, `peak` and
    `pixels` are the mean and the largest residual and the effective number of pixels.
    """
    weight = np.maximum(sign * exceedances.residual.values[chosen].astype(np.float64), 1e-9)
    total = np.maximum(np.bincount(region, weight, count), 1e-12)
    squares = np.bincount(region, weight**2, count)
    peak = np.zeros(count)
    np.maximum.at(peak, region, weight)
    means = {"loss": squares / total, "peak": peak, "pixels": total**2 / np.maximum(squares, 1e-18)}
    for name in SIGNATURE:
        if name in exceedances:
            turned = sign if name in SIGNED else 1
            means[name] = turned * np.bincount(region, weight * exceedances[name].values[chosen], count) / total
    return {name: ("region", mean) for name, mean in means.items()}


def _rectangle(index: np.ndarray, region: np.ndarray, count: int, width: int) -> dict[str, tuple[str, np.ndarray]]:
    """`length` and `breadth` (region), px, of the rectangles with the second moments of the regions' pixels.

    It is exact for upright rectangles, whose sides have the variance (side^2 - 1) / 12.
    """
    area = np.maximum(np.bincount(region, minlength=count), 1)
    places = [side.astype(np.float64) for side in np.divmod(index, width)]
    y, x = (side - (np.bincount(region, side, count) / area)[region] for side in places)
    down, across, mixed = (np.bincount(region, m, count) / area for m in (y * y, x * x, x * y))
    middle, apart = (down + across) / 2, np.hypot((down - across) / 2, mixed)
    longer, shorter = (np.sqrt(12 * np.maximum(moment, 0) + 1) for moment in (middle + apart, middle - apart))
    return {"length": ("region", longer), "breadth": ("region", shorter)}


def _without_fragments(index: np.ndarray, region: np.ndarray, core: np.ndarray, width: int) -> np.ndarray:
    """Core pixels without fragments under 4 px, left by a blurred edge, beside a larger piece of the same region."""
    piece, count = connect_pixels(index[core], width)
    area = np.bincount(piece, minlength=count)
    largest = np.zeros(region.max(initial=-1) + 1, int)
    np.maximum.at(largest, region[core], area[piece])
    kept = core.copy()
    kept[core] = (area[piece] >= SMALLEST_AREA) | (area[piece] == largest[region[core]])
    return kept


def connect_pixels(index: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """Number of each pixel's 8-connected component, for sorted flat indices, and the number of components.

    Components are built of runs of neighbours in a row: a run, widened by a pixel, touches what it overlaps below.
    """
    if not index.size:
        return np.zeros(0, np.int32), 0
    opens = np.r_[True, (np.diff(index) != 1) | (index[1:] % width == 0)]
    first, last = index[opens], index[np.r_[opens[1:], True]]
    next_row = (first // width + 1) * width
    lowest = np.searchsorted(last, np.maximum(first + width - 1, next_row))
    beyond = np.searchsorted(first, np.minimum(last + width + 1, next_row + width - 1), side="right")
    touched = np.maximum(beyond - lowest, 0)
    upper = np.repeat(np.arange(len(first)), touched)
    lower = np.repeat(lowest - np.cumsum(touched) + touched, touched) + np.arange(touched.sum())
    links = coo_array((np.ones(len(upper), np.int8), (upper, lower)), shape=(len(first), len(first)))
    count, region = connected_components(links, directed=False)
    return region[np.cumsum(opens) - 1], int(count)


def _visible_area(infrared_area: np.ndarray, infrared_blur: float) -> np.ndarray:
    """Area without the infrared's blur, at least 4 px.

    A Gaussian speck of variance s^2 covers (sum d)^2 / sum d^2 = 4 pi s^2 pixels, and a blur adds its variance.
    """
    return np.maximum(infrared_area - 4 * np.pi * infrared_blur**2, SMALLEST_AREA)


def keep_regions(regions: xr.Dataset, kept: xr.DataArray) -> xr.Dataset:
    """Regions, with their pixels, for which `kept` (region,) is True, renumbered."""
    number = np.cumsum(kept.values) - 1
    owner = regions.pixel_region.values
    inside = kept.values[owner]
    region_names = [name for name in regions if regions[name].dims == ("region",)]
    return xr.Dataset(
        {
            "pixel_region": ("pixel", number[owner[inside]]),
            "pixel_index": ("pixel", regions.pixel_index.values[inside]),
            "pixel_residual": ("pixel", regions.pixel_residual.values[inside]),
            **{name: ("region", regions[name].values[kept.values]) for name in region_names},
        },
        attrs=regions.attrs,
    )


def fill_pinholes(regions: xr.Dataset, width: int) -> xr.Dataset:
    """Regions with the single pixels that they leave out: each has its four neighbours marked.

    Such a pixel, on a slide with `width` columns, becomes one of its left neighbour's region.

    >>> pixels = {"pixel_index": ("pixel", [2, 11, 13, 22]), "pixel_region": ("pixel", [0, 0, 0, 0])}
    >>> fill_pinholes(xr.Dataset(pixels), width=10).pixel_index.values
    array([ 2, 11, 12, 13, 22])
    """
    index = regions.pixel_index.values
    left = np.flatnonzero(np.diff(index) == 2)
    hole = index[left] + 1
    between = (hole % width != 0) & (hole % width != width - 1)
    enclosed = between & np.isin(hole - width, index) & np.isin(hole + width, index)
    filled = np.r_[index, hole[enclosed]]
    order = np.argsort(filled, kind="stable")
    like = np.r_[np.arange(len(index)), left[enclosed]]
    return regions.isel(pixel=like[order]).assign(pixel_index=("pixel", filled[order]))


def mask_regions(regions: xr.Dataset, shape: tuple[int, int]) -> tuple[xr.DataArray, xr.DataArray]:
    """Lazy mask (y, x) of all regions, bool, True = defect, and the number of 8-connected defects in it.

    Parameters
    ----------
    regions
        From `join_regions` or `keep_regions`.
    shape
        Height and width of the slide.
    """
    marked = regions.pixel_index.values
    mask = xr.DataArray(from_indices(marked, shape)[0], dims=("y", "x"), name="mask")
    return mask, xr.DataArray(lazy_number(count_defects, marked, shape[1]), name="defects")


def count_defects(index: np.ndarray, width: int) -> int:
    """Number of 8-connected defects formed by marked pixels, sorted flat indices on a slide with `width` columns.

    It may differ from the number of regions, because a region without its blurred edge may fall apart or vanish.

    >>> count_defects(np.array([0, 2, 11, 25]), width=10)
    2
    """
    return connect_pixels(index, width)[1]
