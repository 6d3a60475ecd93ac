"""How much blurrier the infrared is than the visible bands."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from irtoolkit.arrays import blur, combine, compute_each, high_pass, least_squares

LARGEST = 4.0
STEP, FINE_STEP = 0.5, 0.25
DETAIL = 5.0
MARGIN = 16
PIXELS = 150_000
LARGEST_SIDE = 400
RIDGE = 1e-5


def measure_blur(densities: Sequence[np.ndarray]) -> float:
    """Gaussian sigma, in pixels, by which the infrared is blurrier than the visible bands.

    Of 0 to 4 px the one at which blurred visible detail best explains infrared detail: the best of steps of .5 px, and
    of a quarter beside it by a parabola in its variance.

    `densities` are (4, y, x) tiles with infrared last, aligned, NaN where it is not known; 0 where it nowhere is.
    """
    densities = [_middle(tile) for tile in densities[:: max(1, sum(tile[0].size for tile in densities) // PIXELS)]]
    sigmas = np.arange(0, LARGEST + STEP / 2, STEP)
    details = [np.stack([high_pass(plane, DETAIL) for plane in tile]) for tile in densities]
    infrared = np.concatenate([_inside(tile[3]) for tile in details])
    if not np.isfinite(infrared).any():
        return 0.0
    low, high = np.nanquantile(infrared, [0.005, 0.995])
    keep = (infrared >= low) & (infrared <= high)
    values = infrared[keep].astype(np.float64)
    error = partial(_error, details, keep, values)
    best = np.clip(sigmas[np.argmin(compute_each(error, sigmas))], FINE_STEP, LARGEST - FINE_STEP)
    fine = best + FINE_STEP * np.arange(-1, 2)
    variances, errors = fine**2, np.array(compute_each(error, fine))
    bend, slope, _ = np.polyfit(variances, errors, 2)
    lowest = -slope / (2 * bend) if bend > 0 else variances[errors.argmin()]
    return float(np.sqrt(np.clip(lowest, variances[0], variances[2])))


def _middle(tile: np.ndarray) -> np.ndarray:
    """The middle of a tile (band, y, x), at most 400 px high and wide."""
    top, left = (max(0, length - LARGEST_SIDE) // 2 for length in tile.shape[1:])
    return tile[:, top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]


def _inside(plane: np.ndarray) -> np.ndarray:
    return plane[MARGIN:-MARGIN, MARGIN:-MARGIN].ravel()


def _error(details: Sequence[np.ndarray], keep: np.ndarray, values: np.ndarray, sigma: float) -> float:
    bands = [[_inside(blur(band, sigma)) for band in tile[:3]] for tile in details]
    terms = np.vstack([np.ones(len(values)), np.concatenate(bands, axis=1)[:, keep]])
    return float(((values - combine(least_squares(terms, values, RIDGE), terms)) ** 2).mean())
