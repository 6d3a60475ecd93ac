"""Visibility of defects: the contrast of numerous small regions in the visible bands, over the noise there."""

from functools import partial

import cv2
import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from irtoolkit.arrays import from_indices, map_blocks, reduce_blocks, to_density, to_light

SIZES = (0.0, 6.0, 12.0, 25.0)
MANY_DOTS = 200
DOTS_PER_DECOY = 3
VISIBLE = 3.0
SURROUNDINGS = 17
SHIFTED_ROWS = 24


def measure_visibility_factors(visible: xr.DataArray, regions: xr.Dataset, *, exponent: float = 1.0) -> xr.DataArray:
    """Measure the visibility of numerous small regions relative to that expected from their infrared.

    Some scanners show thousands of grain-sized dots per megapixel in the infrared, whose contrast in the visible bands
    is half as large and below the grain. A single dot cannot be measured there, but many of similar size can: their
    factor is the median share of the expected visible contrast that they show, over the spread of the same quantity
    24 rows away, in units of the expected noise.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B; read once more, and only if some size has at least 200 regions.
    regions
        Defects from `join_regions`.
    exponent
        Of light over counts, from `find_black`.

    Returns
    -------
    xarray.DataArray
        Factor of the visibility (size), at most 1; 1 for sizes of fewer than 200 regions. Coordinate `size`: smallest
        visible area, px.
    """
    size = np.searchsorted(SIZES, regions.visible_area.values, side="right") - 1
    eligible = (regions.visibility.values >= VISIBLE) & (regions.visible_area.values < 2 * SIZES[-1])
    populated = [number for number in range(len(SIZES)) if (eligible & (size == number)).sum() >= MANY_DOTS]
    factors = xr.DataArray(np.ones(len(SIZES)), {"size": list(SIZES)})
    if populated:
        shown, noise = _traces(visible, regions, exponent)
        for number in populated:
            similar = eligible & (size == number)
            spread = 1.4826 * np.median(np.abs(noise[similar]))
            factors[number] = np.clip(np.median(shown[similar]) / max(spread, 1.0), 0, 1)
    return factors


def scale_visibility(regions: xr.Dataset, factors: xr.DataArray) -> xr.Dataset:
    """Multiply the visibility of each region by the factor of its size, from `measure_visibility_factors`."""
    size = np.searchsorted(factors["size"].values, regions.visible_area.values, side="right") - 1
    return regions.assign(visibility=regions.visibility * np.where(_small(regions), factors.values[size], 1.0))


def rank_above_dots(defects: xr.Dataset, decoys: xr.Dataset, false_discovery_rate: float) -> float:
    """Rank from which small regions exceed a population of invisible dots; 0 without such a population.

    A population has at least 200 small defects, three times as many as small decoys, most of them invisible. The cube
    roots of its ranks are modelled as normal, as for sums in general (Wilson & Hilferty 1931,
    doi:10.1073/pnas.17.12.684), with the median and the ninth decile of all small regions. The rank returned is the
    lowest at which dots are at most the given share of the regions of that rank or more.
    """
    small, small_decoys = (regions["rank"].values[_small(regions)] for regions in (defects, decoys))
    invisible = defects.visibility.values[_small(defects)] < VISIBLE
    if len(small) < max(MANY_DOTS, DOTS_PER_DECOY * len(small_decoys)) or invisible.mean() < 0.5:
        return 0.0
    ranks = np.sort(small)
    roots = np.cbrt(ranks)
    middle, upper = np.quantile(roots, [0.5, 0.9])
    if upper <= middle:
        return float("inf")
    dots = len(small) * ndtr(-((roots - middle) / ((upper - middle) / ndtri(0.9))))
    above = np.flatnonzero(dots / np.arange(len(small), 0, -1) <= false_discovery_rate)
    return float(ranks[above[0]]) if above.size else float("inf")


def above_dots(regions: xr.Dataset, rank: float) -> xr.DataArray:
    """Regions that are large or rank at least `rank`: bool (region,)."""
    return xr.DataArray(~_small(regions) | (regions["rank"].values >= rank), dims="region")


def _small(regions: xr.Dataset) -> np.ndarray:
    return regions.visible_area.values < 2 * SIZES[-1]


def _traces(visible: xr.DataArray, regions: xr.Dataset, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Share of the expected visible contrast that each region shows, and its noise 24 rows away (1: as expected)."""
    kernel = partial(_trace, exponent=exponent)
    planes = map_blocks(kernel, visible.data, depth=SHIFTED_ROWS + SURROUNDINGS, dtype=np.float32, planes=2)
    index = np.sort(regions.pixel_index.values)
    marked = from_indices(index, (visible.sizes["y"], visible.sizes["x"]))
    parts = reduce_blocks(partial(_pick, width=visible.sizes["x"]), planes, marked)
    where, here, shifted = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(where)[np.searchsorted(index, regions.pixel_index.values)]
    owner, opacity, count = regions.pixel_region.values, regions.pixel_residual.values, regions.sizes["region"]
    squares = np.maximum(np.bincount(owner, opacity**2, count), 1e-12)
    shown = np.bincount(owner, here[order] * opacity, count) / (squares * regions.sharpening.values)
    noise = np.bincount(owner, shifted[order] * opacity, count) / np.sqrt(squares)
    return shown, noise / np.maximum(regions.grain.values, 1e-6)


def _trace(visible: np.ndarray, exponent: float) -> np.ndarray:
    """Density minus that of the surroundings, mean of the bands, and the same `SHIFTED_ROWS` rows below."""
    density = np.mean([to_density(to_light(band, exponent)) for band in visible], axis=0)
    trace = density - cv2.blur(density, (SURROUNDINGS, SURROUNDINGS), borderType=cv2.BORDER_REFLECT_101)
    return np.stack([trace, np.roll(trace, -SHIFTED_ROWS, axis=0)])


def _pick(
    planes: np.ndarray, marked: np.ndarray, *, start: tuple[int, int], width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, x = np.nonzero(marked[0])
    return (y + start[0]) * width + x + start[1], planes[0, y, x], planes[1, y, x]
