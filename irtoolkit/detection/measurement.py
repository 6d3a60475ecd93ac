"""The table of defects: place, size, shape, opacity and probability of each region of a mask."""

from functools import partial

import cv2
import numpy as np
import xarray as xr
from scipy.optimize import isotonic_regression
from scipy.spatial import KDTree

from irtoolkit.arrays import map_blocks, reduce_blocks
from irtoolkit.detection.exceedances import REGION_LEVEL
from irtoolkit.detection.segmentation import join_regions
from irtoolkit.schema import describe

REACH = 32
"""Distance to the edge, px, up to which blocks measure it; larger ones are searched among the edge's pixels."""

ELONGATED = 5.0
"""Smallest length over width of a hair (docs/method.md)."""

SLENDER = 12.0
"""Smallest length over width of a scratch: the .95 quantile of short hairs (docs/method.md)."""

STRAIGHT = 0.9
"""Smallest straightness of a scratch: that of an arc which turns by 90 degrees (docs/method.md)."""

FACTOR = 2.0
"""Ranks within this factor of a region's rank are compared with it."""

PRIOR_DECOYS = 0.5
"""Expected number of decoys where none was found: the mean of a Poisson rate under Jeffreys' prior."""

MICROMETRES_PER_INCH = 25400.0


def measure_defects(
    mask: xr.DataArray,
    score: xr.DataArray,
    residual: xr.DataArray,
    grain: xr.DataArray | None = None,
    *,
    dpi: float | None = None,
    infrared_blur: float = 0.0,
) -> xr.Dataset:
    """Compute the place, size, shape, opacity and probability of each 8-connected region of a mask, in one pass.

    Parameters
    ----------
    mask
        (y, x) bool, True = defect; lazy or in memory, like the others. There are no defects beyond the slide.
    score, grain
        (y, x) float32 from `score_residual`: sigma, positive where light is blocked, and density.
    residual
        (y, x) float32, infrared density (log10) without the picture's ghost, positive where light is blocked.
    dpi
        True resolution of the slide, pixels per inch.
    infrared_blur
        Sigma in pixels by which the infrared is blurrier than the visible bands; for the visibility only.

    Returns
    -------
    xarray.Dataset
        On dimension `defect`, in row order of the first pixels, with the centre of mass `y`, `x` as coordinates:
        `top`, `left`, `bottom`, `right` (px): the bounding box, half-open.
        `area`, `length`, `width` (px): width is 4 times the mean distance to the edge, exact for a long straight
        strip along the pixels and up to 7 % low at a slant (1 px: high); length is area / width.
        `straightness`: extent along the principal axis over length, at most 1.
        `kind`: "hair" from a length of 5 widths, "scratch" if also straight (.9) and 12 widths long, else "dust".
        `peak_opacity`, `mean_opacity`: share of infrared light lost in a pixel, 1 - 10^-residual.
        `visibility`: as in `join_regions`; only with `grain`.
        `probability_false`: estimated probability that the region is noise: decoys over regions of similar rank, the
        summed score beyond 3.2 sigma; it decreases with the rank and is never 0.
        `length_um`, `width_um`, `area_um2` (micrometres): only with `dpi`, which is also an attribute.

    Examples
    --------
    >>> residual = xr.DataArray(np.zeros((40, 90), np.float32), dims=("y", "x"))
    >>> residual[10:13, 5:80] = 0.3
    >>> residual[30:34, 20:24] = 0.1
    >>> defects = measure_defects(residual > 0, residual / 0.01, residual, dpi=2540)
    >>> defects.kind.values.tolist(), defects.area.values.tolist(), defects.width_um.values.round().tolist()
    (['scratch', 'dust'], [225, 16], [30.0, 28.0])
    """
    pixels = _gather_pixels(mask, score, residual, xr.ones_like(residual) if grain is None else grain)
    pixels.attrs["infrared_blur"] = infrared_blur
    marked, unmarked = (pixels.isel(pixel=pixels.marked.values == side) for side in (True, False))
    regions = join_regions(marked.assign(score=np.fmax(marked.score.astype(float), REGION_LEVEL)), sign=1)
    decoys = join_regions(unmarked, sign=-1)
    if grain is None:
        regions, decoys = (sided.drop_vars("visibility") for sided in (regions, decoys))
    columns = _shapes(marked, regions) | _opacities(regions) | _certainties(regions, decoys)
    defects = xr.Dataset({name: ("defect", column) for name, column in columns.items()}).set_coords(["y", "x"])
    return _with_units(defects, dpi)


def _gather_pixels(mask: xr.DataArray, score: xr.DataArray, residual: xr.DataArray, grain: xr.DataArray) -> xr.Dataset:
    """Marked pixels and those scoring under -3.2, in row order, as the exceedances that `join_regions` takes.

    Further columns are `marked`, `row`, `column`, and `distance`, of marked pixels to the edge of their region, px.
    """
    aligned = xr.align(mask.astype(bool), score, residual, grain, join="exact")
    planes = [plane.chunk().data[None] for plane in aligned]
    distance = map_blocks(_edge_distance, planes[0], depth=REACH + 2, dtype=np.float32)
    parts = reduce_blocks(partial(_pick, width=mask.sizes["x"]), *planes, distance)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["index"])
    pixels = xr.Dataset({name: ("pixel", column[order]) for name, column in columns.items()})
    row, column = np.divmod(pixels["index"], mask.sizes["x"])
    core = xr.ones_like(pixels.marked)
    contrast = xr.zeros_like(pixels.score)
    return pixels.assign(row=row, column=column, core=core, contrast=contrast).assign_attrs(width=mask.sizes["x"])


def _edge_distance(mask: np.ndarray) -> np.ndarray:
    """Distance of marked pixels to the nearest edge, mean over each pixel's four quarters, at most `REACH`.

    The edge is half a quarter before the centre of the nearest outside quarter along rows or columns, and at that
    centre along the diagonal, where its steps average out; between them the offset is cosine minus sine.
    """
    quarters = cv2.resize(mask[0].astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    framed = cv2.copyMakeBorder(quarters, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    nearest = cv2.distanceTransformWithLabels(framed, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    y, x = np.nonzero(framed)
    outside_y, outside_x = np.divmod(np.flatnonzero(framed == 0)[nearest[y, x] - 1], framed.shape[1])
    down, across = np.abs(outside_y - y), np.abs(outside_x - x)
    distance = np.hypot(down, across)
    to_edge = np.zeros(framed.shape, np.float32)
    to_edge[y, x] = np.minimum((distance - np.abs(down - across) / distance / 2) / 2, REACH)
    return cv2.resize(to_edge[1:-1, 1:-1], mask.shape[:0:-1], interpolation=cv2.INTER_AREA)[None]


def _pick(
    mask: np.ndarray,
    score: np.ndarray,
    residual: np.ndarray,
    grain: np.ndarray,
    distance: np.ndarray,
    *,
    start: tuple[int, int],
    width: int,
) -> dict[str, np.ndarray]:
    y, x = np.nonzero(mask[0] | (score[0] <= -REGION_LEVEL))
    picked = {"marked": mask, "score": score, "residual": residual, "grain": grain, "distance": distance}
    columns = {name: plane[0, y, x] for name, plane in picked.items()}
    return {"index": (y + start[0]) * width + x + start[1], **columns}


def _shapes(marked: xr.Dataset, regions: xr.Dataset) -> dict[str, np.ndarray]:
    owner, area = regions.pixel_region.values, regions.area.values
    row, column = marked.row.values, marked.column.values
    width = 4 * np.bincount(owner, _whole_distance(marked), area.size) / area
    length = area / width
    top, bottom, left, right = (*_range(row, owner), *_range(column, owner))
    y, x = (np.bincount(owner, places, area.size) / area for places in (row, column))
    straightness = np.minimum(_extent(row - y[owner], column - x[owner], owner, area) / length, 1.0)
    slender, straight = length / width, straightness >= STRAIGHT
    kind = np.select([(slender >= SLENDER) & straight, slender >= ELONGATED], ["scratch", "hair"], "dust")
    box = {"y": y, "x": x, "top": top, "left": left, "bottom": bottom + 1, "right": right + 1}
    return {**box, "area": area, "length": length, "width": width, "straightness": straightness, "kind": kind}


def _whole_distance(marked: xr.Dataset) -> np.ndarray:
    """Distance of each marked pixel to the edge, px; beyond `REACH` that to the nearest edge pixel plus .5."""
    distance = marked.distance.values.astype(np.float64)
    far, at_edge = distance >= REACH, distance <= 0.5
    if far.any():
        places = np.stack([marked.row.values, marked.column.values], axis=1)
        distance[far] = KDTree(places[at_edge]).query(places[far])[0] + 0.5
    return distance


def _extent(row: np.ndarray, column: np.ndarray, owner: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Extent of each region along its principal axis, px, from the positions of its pixels relative to its centre."""
    across, down, mixed = (np.bincount(owner, m, area.size) for m in (column**2, row**2, row * column))
    angle = np.arctan2(2 * mixed, across - down) / 2
    cosine, sine = np.cos(angle), np.sin(angle)
    lowest, highest = _range(column * cosine[owner] + row * sine[owner], owner)
    return highest - lowest + np.abs(cosine) + np.abs(sine)


def _range(values: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each owner; owners are numbered from 0 without gaps."""
    order = np.argsort(owner, kind="stable")
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    return np.minimum.reduceat(values[order], first), np.maximum.reduceat(values[order], first)


def _opacities(regions: xr.Dataset) -> dict[str, np.ndarray]:
    owner, lost = regions.pixel_region.values, 1 - 10**-regions.pixel_residual.values
    mean = np.bincount(owner, lost, regions.sizes["region"]) / regions.area.values
    return {"peak_opacity": _range(lost, owner)[1], "mean_opacity": mean}


def _certainties(regions: xr.Dataset, decoys: xr.Dataset) -> dict[str, np.ndarray]:
    """`visibility` if known, and `probability_false` from the decoys that the mask would have kept."""
    kept = np.ones(decoys.sizes["region"], bool)
    for name in {"rank", "visibility"} & set(regions):
        kept &= decoys[name].values >= regions[name].values.astype(float).min(initial=np.inf)
    probability = _false_probability(regions["rank"].values, decoys["rank"].values[kept])
    known = {"visibility": regions.visibility.values} if "visibility" in regions else {}
    return known | {"probability_false": probability}


def _false_probability(ranks: np.ndarray, decoys: np.ndarray) -> np.ndarray:
    """Estimated probability that each of the ranked regions is noise: the local false discovery rate.

    It is the ratio of decoys to regions within a factor of 2 in rank (Efron et al. 2001,
    doi:10.1198/016214501753382129, with decoys as the null), with half a decoy added so that it is never 0, and
    monotonic in the rank; 1 for rank 0, which has no score in its favour.
    """
    order = np.argsort(ranks)
    ascending = ranks[order]
    false, found = (_count_within(np.sort(side), ascending / FACTOR, ascending * FACTOR) for side in (decoys, ranks))
    share = np.where(ascending > 0, np.minimum((false + PRIOR_DECOYS) / (found + 1), 1), 1)
    probability = np.empty(len(ranks))
    if len(ranks):
        probability[order] = isotonic_regression(share, weights=found + 1, increasing=False).x
    return probability


def _count_within(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.searchsorted(values, high, side="right") - np.searchsorted(values, low)


def _with_units(defects: xr.Dataset, dpi: float | None) -> xr.Dataset:
    if dpi is not None:
        pixel = MICROMETRES_PER_INCH / dpi
        defects = defects.assign({f"{name}_um": defects[name] * pixel for name in ("length", "width")})
        defects = defects.assign(area_um2=defects.area * pixel**2).assign_attrs(dpi=dpi)
    return describe(defects)
