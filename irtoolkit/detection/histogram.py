"""Histograms of the score, for the slide and its sub-regions, and the thresholds derived from them.

Thresholds are in sigma, at least 1, and infinite if the histogram gives none; defects score the threshold or more.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from irtoolkit.arrays import Reduction, from_kernel, measure_together
from irtoolkit.schema import describe

BINS_PER_SIGMA = 20
FIRST_BIN, BINS = -12 * BINS_PER_SIGMA, 52 * BINS_PER_SIGMA
EDGES = np.arange(FIRST_BIN, FIRST_BIN + BINS) / BINS_PER_SIGMA
WITHIN_NOISE = 1.0
"""Sigma; lower thresholds would split the noise itself."""

SLOPE_BINS = 2
"""Bins joined to one of .1 sigma."""

FITTED = (-2.0, WITHIN_NOISE)
FEWEST_IN_BIN = 10
FEWEST_BINS = 6
STANDARD_ERRORS = 3.0
ENOUGH = 30_000
"""Pixels from which a sub-region's own threshold is used alone (docs/method.md)."""


def measure_histogram(score: xr.DataArray) -> xr.Dataset:
    """Count a slide's pixels by score in one pass: `count` and `edge` of `measure_local_histograms` on (bin,)."""
    return measure_local_histograms(score, across=1).isel(tile_y=0, tile_x=0, drop=True)


def measure_local_histograms(score: xr.DataArray, *, across: int = 8) -> xr.Dataset:
    """Count the pixels of each sub-region by score, in one pass.

    Parameters
    ----------
    score
        (y, x) float32 in sigma, positive where light is blocked. Pixels of exactly 0, the score outside the infrared's
        frame, are not counted.
    across
        Sub-regions along the longer side; along the other, the number that makes them nearly square.

    Returns
    -------
    xarray.Dataset
        `count` (tile_y, tile_x, bin), int64; the lower `edge` (bin) in sigma, the outer bins include everything beyond;
        and the sub-regions' centres in pixels, `y` (tile_y) and `x` (tile_x).
    """
    return measure_together(count_scores(score, across))[0]


def count_scores(score: xr.DataArray, across: int = 1) -> Reduction:
    """The reduction behind `measure_local_histograms`, for `measure_together`."""
    shape = score.sizes["y"], score.sizes["x"]
    down, right = (max(1, round(across * length / max(shape))) for length in shape)
    size: dict[str, Any] = {"shape": shape, "number": (down, right)}
    return Reduction(partial(_block_counts, **size), (score.chunk().data[None],), partial(_sum_counts, **size))


def _sum_counts(parts: list[Any], *, shape: tuple[int, int], number: tuple[int, int]) -> xr.Dataset:
    total = np.zeros((*number, BINS), np.int64)
    for top, left, counts in parts:
        total[top : top + counts.shape[0], left : left + counts.shape[1]] += counts
    y, x = ((np.arange(tiled) + 0.5) * length / tiled - 0.5 for tiled, length in zip(number, shape, strict=True))
    coordinates = {"edge": ("bin", EDGES), "y": ("tile_y", y), "x": ("tile_x", x)}
    return describe(xr.Dataset({"count": (("tile_y", "tile_x", "bin"), total)}, coordinates))


def _block_counts(
    score: np.ndarray, *, start: tuple[int, int], shape: tuple[int, int], number: tuple[int, int]
) -> tuple[int, int, np.ndarray]:
    """First row and column of the sub-regions that a block touches, and their counts (tile_y, tile_x, bin)."""
    tile_y, tile_x = ((start[axis] + np.arange(score.shape[1 + axis])) * number[axis] // shape[axis] for axis in (0, 1))
    top, left = int(tile_y[0]), int(tile_x[0])
    touched = int(tile_y[-1]) - top + 1, int(tile_x[-1]) - left + 1
    tile = (tile_y[:, None] - top) * touched[1] + tile_x - left
    place = np.clip(np.floor(score[0] * BINS_PER_SIGMA) - FIRST_BIN, 0, BINS - 1).astype(np.int64)
    seen = (tile * BINS + place)[score[0] != 0]
    return top, left, np.bincount(seen, minlength=touched[0] * touched[1] * BINS).reshape(*touched, BINS)


def threshold_otsu(histogram: xr.Dataset) -> float:
    """Threshold between the two classes of least variance (Otsu 1979, doi:10.1109/TSMC.1979.4310076).

    Scores beyond the outer bins count as the centres of those bins.
    """
    return _split(histogram, _variance_between)


def threshold_yen(histogram: xr.Dataset) -> float:
    """Threshold of the largest total correlation of both classes (Yen, Chang & Chang 1995, doi:10.1109/83.366472)."""
    return _split(histogram, _correlation)


def _split(histogram: xr.Dataset, criterion: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """Middle between the two successive occupied bins at which the criterion is largest."""
    occupied = np.flatnonzero(histogram["count"].values)
    if len(occupied) < 2:
        return np.inf
    centre = histogram.edge.values[occupied] + 0.5 / BINS_PER_SIGMA
    best = int(np.argmax(criterion(histogram["count"].values[occupied].astype(np.float64), centre)))
    return _outside_noise(float(centre[best] + centre[best + 1]) / 2)


def _outside_noise(threshold: float) -> float:
    return threshold if threshold >= WITHIN_NOISE else np.inf


def _variance_between(count: np.ndarray, centre: np.ndarray) -> np.ndarray:
    below, above = _both_sides(count)
    moment_below, moment_above = _both_sides(count * centre)
    return below * above * (moment_above / above - moment_below / below) ** 2


def _correlation(count: np.ndarray, _: np.ndarray) -> np.ndarray:
    below, above = _both_sides(count / count.sum())
    squares_below, squares_above = _both_sides((count / count.sum()) ** 2)
    return 2 * np.log(below * above) - np.log(squares_below * squares_above)


def _both_sides(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the values before and after each gap between neighbours."""
    return np.cumsum(values)[:-1], np.cumsum(values[::-1])[::-1][1:]


def threshold_triangle(histogram: xr.Dataset) -> float:
    """Upper edge of the bin farthest below the line from the peak to zero at the last occupied bin.

    Zack, Rogers & Latt 1977, doi:10.1177/25.7.70454, on the positive side, with linear counts and no fixed offset.
    """
    count = histogram["count"].values
    peak, last = int(np.argmax(count)), int(np.flatnonzero(count).max(initial=0))
    if last <= peak:
        return np.inf
    distance = count[peak] * np.linspace(1, 0, last - peak + 1) - count[peak : last + 1]
    return _outside_noise(float(histogram.edge.values[peak + int(np.argmax(distance)) + 1]))


def threshold_slope(histogram: xr.Dataset, *, factor: float = 2.0) -> float:
    """Lowest score above 1 sigma at which the histogram exceeds the extrapolated noise.

    A parabola is fitted to the log counts between -2 and 1 sigma in bins of .1 sigma. The threshold is the first of
    three successive bins that hold more than `factor` times the parabola by 3 standard errors: Poisson's, 1 / sqrt(n)
    in ln, and that of the fit, scaled by its misfit. At a factor of 2 half of the pixels are noise (docs/method.md).
    """
    whole = histogram.sizes["bin"] // SLOPE_BINS * SLOPE_BINS
    centre = histogram.edge.values[:whole:SLOPE_BINS] + SLOPE_BINS / BINS_PER_SIGMA / 2
    count = histogram["count"].values[:whole].reshape(-1, SLOPE_BINS).sum(axis=1)
    fitted = (centre > FITTED[0]) & (centre < FITTED[1]) & (count >= FEWEST_IN_BIN)
    if fitted.sum() < FEWEST_BINS:
        return np.inf
    excess, error = _excess(centre, count, fitted)
    leaves = (excess - np.log(factor) > STANDARD_ERRORS * error) & (count > 0) & (centre > FITTED[1])
    first = np.flatnonzero(leaves[:-2] & leaves[1:-1] & leaves[2:])
    return float(histogram.edge.values[first[0] * SLOPE_BINS]) if first.size else np.inf


def _excess(centre: np.ndarray, count: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log counts minus the parabola through the bins `fitted`, and the standard error of the difference."""
    logarithm, weight = np.log(np.maximum(count, 1)), np.sqrt(np.maximum(count, 1))
    noise, covariance = np.polyfit(centre[fitted], logarithm[fitted], 2, w=weight[fitted], cov=True)
    terms = np.vander(centre, 3)
    variance = 1 / weight**2 + np.einsum("bi,ij,bj->b", terms, covariance, terms)
    return logarithm - np.einsum("bi,i->b", terms, noise), np.sqrt(variance)


def threshold_local(histograms: xr.Dataset, *, find: Callable[[xr.Dataset], float] = threshold_slope) -> xr.DataArray:
    """Thresholds (tile_y, tile_x) of the sub-regions.

    Thresholds of sub-regions with fewer than `ENOUGH` pixels are averaged with the median of the 3 by 3 around them,
    weighted by the pixels they lack. Infinite thresholds are replaced by that median, or by the whole slide's threshold
    if all 3 by 3 are infinite. `find` is any function of one histogram in this module.
    """
    pixels = histograms["count"].sum("bin")
    found = [find(histograms.isel(tile_y=row, tile_x=column)) for row, column in np.ndindex(pixels.shape)]
    own = pixels.copy(data=np.reshape(found, pixels.shape))
    finite = own.where(np.isfinite(own))
    around = finite.rolling(tile_y=3, tile_x=3, center=True, min_periods=1).median()
    around = around.fillna(find(histograms.sum(("tile_y", "tile_x"))))
    trust = (pixels / ENOUGH).clip(max=1)
    return (trust * finite + (1 - trust) * around).where(finite.notnull(), around).rename("threshold")


def spread_threshold(local: xr.DataArray, shape: tuple[int, int]) -> xr.DataArray:
    """Threshold of every pixel (y, x), float32, lazy: bilinear between sub-regions' centres, constant beyond them.

    It is infinite where an infinite threshold has weight. `shape` is the slide's height and width in pixels.
    """
    kernel = partial(_bilinear, local=local.values, y=local.y.values, x=local.x.values)
    return xr.DataArray(from_kernel(kernel, shape, np.float32)[0], dims=("y", "x"), name="threshold")


def _bilinear(rows: np.ndarray, columns: np.ndarray, local: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    down, right, infinite = _hats(rows, y), _hats(columns, x), np.isinf(local)
    tables = (np.where(infinite, 0, local), infinite.astype(float))
    finite, reached = (np.einsum("yj,xj->yx", np.einsum("yi,ij->yj", down, table), right) for table in tables)
    return np.where(reached > 0, np.inf, finite).astype(np.float32)[None]


def _hats(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Weights (points, centres) of linear interpolation."""
    return np.stack([np.interp(points, centres, unit) for unit in np.eye(len(centres))], axis=1)
