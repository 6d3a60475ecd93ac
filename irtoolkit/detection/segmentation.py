"""Segmentation of the score: pixels beyond a level, their connected components, and the mask."""

from functools import partial

import cv2
import numpy as np
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from irtoolkit.arrays import Reduction, blur, from_indices, lazy_number, measure_together, to_transmittance
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.detection.signature import SIGNATURE, SIGNATURE_DEPTH, measure_signature

REGION_LEVEL = 3.2
SHARP = 1.0
CORE_SHARE = 0.25
CORE_WINDOW = 9
FAR_CORE_SHARE = 0.12
SMALLEST_AREA = 4.0


def measure_exceedances(
    evidence: xr.Dataset, *, infrared_blur: float, crosstalk: Crosstalk | None = None, level: float = REGION_LEVEL
) -> xr.Dataset:
    """Compute every pixel whose absolute score is at least `level`, in one pass over the slide.

    Parameters
    ----------
    evidence
        On (y, x), float32, lazy: `residual`, `score` and `grain` from `score_infrared`; where regions are ranked,
        `visible` (band, y, x) and `infrared`, counts.
    infrared_blur
        Sigma in pixels by which the infrared is blurrier than the visible bands. From 1 px on, only pixels whose
        residual reaches a share of the largest within 4 px are `core`, because the blur widens every mark.
    crosstalk
        That of the slide, where regions are ranked by their signature; without it the signature is 0.
    level
        In sigma.

    Returns
    -------
    xarray.Dataset
        On dimension `pixel`, in row order: `index` (y * width + x), `score`, `residual`, `grain`, `core`, and what
        `measure_signature` returns; attributes `height` and `width`, and the film's `slopes`.
    """
    wanted = find_exceedances(evidence, infrared_blur=infrared_blur, crosstalk=crosstalk, level=level)
    return measure_together(wanted)[0]


def find_exceedances(
    evidence: xr.Dataset, *, infrared_blur: float, crosstalk: Crosstalk | None = None, level: float = REGION_LEVEL
) -> Reduction:
    """The reduction behind `measure_exceedances`, for `measure_together`."""
    height, width = evidence.score.shape
    planes = [evidence[name].data[None] for name in ("score", "residual", "grain")]
    if crosstalk is not None:
        planes += [evidence.infrared.data[None], evidence.visible.data]
    slopes = crosstalk.slopes if crosstalk else 0.0
    attributes = {"height": height, "width": width, "infrared_blur": infrared_blur, "slopes": slopes}
    kernel = partial(
        _block_exceedances, infrared_blur=infrared_blur, crosstalk=crosstalk, level=np.float32(level), width=width
    )
    reach = max((window for _, window in _core_shares(infrared_blur)), default=0) + 2
    return Reduction(kernel, tuple(planes), partial(_concatenate, attributes), max(reach, SIGNATURE_DEPTH))


def _concatenate(attributes: dict[str, float], parts: list[dict[str, np.ndarray]]) -> xr.Dataset:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["index"])
    pixels = {name: ("pixel", column[order]) for name, column in columns.items()}
    return xr.Dataset(pixels, attrs=attributes)


def _core(residual: np.ndarray, infrared_blur: float) -> np.ndarray:
    """Pixels whose loss of light, which the blur mixes, reaches a share of the largest loss nearby and farther off."""
    core = np.ones(residual.shape, bool)
    if not _core_shares(infrared_blur):
        return core
    smooth = blur(np.nan_to_num(residual), 0.5)
    blocked = smooth > 0
    lost = 1 - to_transmittance(np.abs(smooth))
    for share, window in _core_shares(infrared_blur):
        square = np.ones((window, window), np.uint8)
        dark, bright = (~side | (lost >= share * cv2.dilate(lost * side, square)) for side in (blocked, ~blocked))
        core &= dark & bright
    return core


def _core_shares(infrared_blur: float) -> tuple[tuple[float, int], ...]:
    """Shares of the largest loss and the windows, px, in which it is searched; none if the infrared is sharp."""
    if infrared_blur < SHARP:
        return ()
    return (CORE_SHARE * min(infrared_blur / 1.5, 1.0), CORE_WINDOW), (FAR_CORE_SHARE, 2 * round(4 * infrared_blur) + 1)


def _block_exceedances(
    score: np.ndarray,
    residual: np.ndarray,
    grain: np.ndarray,
    *counts: np.ndarray,
    start: tuple[int, int],
    inside: tuple[slice, slice],
    infrared_blur: float,
    crosstalk: Crosstalk | None,
    level: np.float32,
    width: int,
) -> dict[str, np.ndarray]:
    """Columns of the exceedances of a block; `counts` are the infrared's and the visible bands'."""
    exceeding = np.abs(score[0]) >= level
    y, x = np.nonzero(exceeding[inside])
    places = y + inside[0].start, x + inside[1].start
    columns = {"index": (y + start[0]) * width + x + start[1]}
    planes = {"score": score[0], "residual": residual[0], "grain": grain[0], "core": _core(residual[0], infrared_blur)}
    columns |= {name: plane[places] for name, plane in planes.items()}
    if crosstalk is None:
        return columns | {name: np.zeros(len(y), np.float32) for name in SIGNATURE}
    infrared, visible = counts
    return columns | measure_signature(visible, infrared[0], residual[0], exceeding, places, crosstalk)


def join_regions(exceedances: xr.Dataset, *, sign: int, level: float = REGION_LEVEL) -> xr.Dataset:
    """Join the exceedances of one sign into 8-connected components and measure each of these regions.

    Parameters
    ----------
    exceedances
        From `measure_exceedances`.
    sign
        1 for defects, -1 for decoys, the regions of the mirrored score, which stand for noise.
    level
        In sigma; pixels with smaller scores are not used.

    Returns
    -------
    xarray.Dataset
        On dimension `pixel` the `pixel_region`, `pixel_index` and `pixel_residual` of the core pixels. On dimension
        `region` the `rank`, the sum of score - level over the region in sigma; the `area` of its core (px); the
        `visible_area`, that area without the infrared's blur; the `sharpening`, the expected visible contrast over that
        of the infrared; the `grain` there; the `visibility`: the contrast expected from the region's opacity over the
        visible noise for its area; the means over the region of the signature's planes, with the sign of a defect; its
        `loss`, mean residual, and its effective number of `pixels`.
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
            "rank": ("region", np.bincount(region, score - level, count)),
            "area": ("region", np.bincount(region[core], minlength=count)),
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
    """Means of `SIGNATURE` over each region, weighted by the residual, with the sign of a defect; `loss` and `pixels`
    are the mean residual and the effective number of pixels.
    """
    weight = np.maximum(sign * exceedances.residual.values[chosen].astype(np.float64), 1e-9)
    total = np.maximum(np.bincount(region, weight, count), 1e-12)
    squares = np.bincount(region, weight**2, count)
    means = {"loss": squares / total, "pixels": total**2 / np.maximum(squares, 1e-18)}
    for name in SIGNATURE:
        if name in exceedances:
            turned = 1 if name == "likeness" else sign
            means[name] = turned * np.bincount(region, weight * exceedances[name].values[chosen], count) / total
    return {name: ("region", mean) for name, mean in means.items()}


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
