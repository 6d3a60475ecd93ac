"""How much blurrier the infrared is than the visible bands."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from irtoolkit.arrays import blur, combine, compute_each, high_pass, least_squares

LARGEST = 4.0
STEP = 0.5
DETAIL = 5.0
MARGIN = 16
PIXELS = 50_000
RIDGE = 1e-5


def measure_blur(densities: Sequence[np.ndarray]) -> float:
    """Gaussian sigma, in pixels, by which the infrared is blurrier than the visible bands.

    Of 0 to 4 px the one at which blurred visible detail best explains infrared detail, between steps by a parabola in
    its variance.

    `densities` are (4, y, x) tiles with infrared last, aligned, NaN where it is not known; 0 where it nowhere is.
    """
    densities = densities[:: max(1, sum(tile[0].size for tile in densities) // PIXELS)]
    sigmas = np.arange(0, LARGEST + STEP / 2, STEP)
    infrared = np.concatenate([_detail(tile[3]) for tile in densities])
    if not np.isfinite(infrared).any():
        return 0.0
    low, high = np.nanquantile(infrared, [0.005, 0.995])
    keep = (infrared >= low) & (infrared <= high)
    values = infrared[keep].astype(np.float64)
    errors = np.array(compute_each(partial(_error, densities, keep, values), sigmas))
    best = int(np.clip(errors.argmin(), 1, len(sigmas) - 2))
    variances, nearby = sigmas[best - 1 : best + 2] ** 2, errors[best - 1 : best + 2]
    bend, slope, _ = np.polyfit(variances, nearby, 2)
    lowest = -slope / (2 * bend) if bend > 0 else variances[nearby.argmin()]
    return float(np.sqrt(np.clip(lowest, variances[0], variances[2])))


def _detail(plane: np.ndarray) -> np.ndarray:
    return high_pass(plane, DETAIL)[MARGIN:-MARGIN, MARGIN:-MARGIN].ravel()


def _error(densities: Sequence[np.ndarray], keep: np.ndarray, values: np.ndarray, sigma: float) -> float:
    bands = [[_detail(blur(band, sigma)) for band in tile[:3]] for tile in densities]
    terms = np.vstack([np.ones(len(values)), np.concatenate(bands, axis=1)[:, keep]])
    return float(((values - combine(least_squares(terms, values, RIDGE), terms)) ** 2).mean())
