"""Visibility of defects: the contrast of numerous small regions in the visible bands, over the noise there."""

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from irtoolkit.arrays import mean_of
from irtoolkit.crosstalk import box_mean

SIZES = (0.0, 6.0, 12.0, 25.0)
MANY_DOTS = 200
DOTS_PER_DECOY = 3
WIDEST = 2.0
VISIBLE = 3.0
SURROUNDINGS = 17
SHIFTED_ROWS = 24
TRACES = ("trace", "trace_aside")
TRACE_REACH = SHIFTED_ROWS + SURROUNDINGS // 2


def measure_visibility_factors(regions: xr.Dataset) -> xr.DataArray:
    """Measure the visibility of numerous small regions relative to that expected from their infrared.

    Some scanners show thousands of grain-sized dots per megapixel in the infrared, whose contrast in the visible bands
    is half as large and below the grain. A single dot cannot be measured there, but many of similar size can: their
    factor is the median share of the expected visible contrast that they show, over the spread of the same quantity
    24 rows away, in units of the expected noise.

    Parameters
    ----------
    regions
        Defects from `join_regions`, with the traces of their pixels, `trace` and `trace_aside` (pixel).

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
        shown, noise = _measure_traces(regions)
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
    doi:10.1073/pnas.17.12.684), with the median and the ninth decile of all small regions; where much dust is among
    them, which widens the upper side only, the spread is at most twice that to the first decile. The rank returned is
    the lowest at which dots are at most the given share of the regions of that rank or more.
    """
    small, small_decoys = (regions["rank"].values[_small(regions)] for regions in (defects, decoys))
    invisible = defects.visibility.values[_small(defects)] < VISIBLE
    if len(small) < max(MANY_DOTS, DOTS_PER_DECOY * len(small_decoys)) or invisible.mean() < 0.5:
        return 0.0
    ranks = np.sort(small)
    roots = np.cbrt(ranks)
    lower, middle, upper = np.quantile(roots, [0.1, 0.5, 0.9])
    if lower == middle or middle == upper:
        return float("inf")
    spread = min(upper - middle, WIDEST * (middle - lower)) / ndtri(0.9)
    dots = len(small) * ndtr(-(roots - middle) / spread)
    above = np.flatnonzero(dots / np.arange(len(small), 0, -1) <= false_discovery_rate)
    return float(ranks[above[0]]) if above.size else float("inf")


def above_dots(regions: xr.Dataset, rank: float) -> xr.DataArray:
    """Regions that are large or rank at least `rank`: bool (region,)."""
    return xr.DataArray(~_small(regions) | (regions["rank"].values >= rank), dims="region")


def _small(regions: xr.Dataset) -> np.ndarray:
    return regions.visible_area.values < 2 * SIZES[-1]


def _measure_traces(regions: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Share of the expected visible contrast that each region shows, and its noise 24 rows away (1: as expected)."""
    owner, opacity, count = regions.pixel_region.values, regions.pixel_residual.values, regions.sizes["region"]
    squares = np.maximum(np.bincount(owner, opacity**2, count), 1e-12)
    shown = np.bincount(owner, regions.trace.values * opacity, count) / (squares * regions.sharpening.values)
    noise = np.bincount(owner, regions.trace_aside.values * opacity, count) / np.sqrt(squares)
    return shown, noise / np.maximum(regions.grain.values, 1e-6)


def trace_planes(density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of visible densities (3, y, x) less that of the surroundings (y, x), and the same `SHIFTED_ROWS` rows below.

    What is less than `TRACE_REACH` px from the edges is not to be used.
    """
    mean = mean_of(density)
    trace = mean - box_mean(mean, SURROUNDINGS)
    return trace, np.roll(trace, -SHIFTED_ROWS, axis=0)
