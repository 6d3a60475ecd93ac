"""Least squares that outliers do not pull, level by level of density."""

from typing import NamedTuple

import numpy as np

from irtoolkit.arrays.statistics import (
    combine,
    pixels_alike,
    robust_centre_and_scale,
    solve_sums,
    standard_errors,
    sums_of_products,
)

RIDGE = 1e-5
LEVELS = (0.002, 0.01, 0.03, *np.linspace(0.1, 0.9, 9).tolist(), 0.97, 0.99, 0.998)
LARGEST_LOSS = 5.0
TRIMS = ((6.0, 4), (5.0, 4), (4.0, 4), (3.0, 1), (3.0, 1), (3.0, 1))
MANY_SAMPLES = 50_000


class Fit(NamedTuple):
    """Coefficients and their standard errors (terms,), the share of variance explained, and the robust sigma left.

    `loss` is the mean size of the residual, where more than 5 sigma count as 5: few as they are, shadows have a say.
    `sums` (terms and values, terms and values) are those of products over the samples kept, `variance` that of their
    residual, `alike` how many of them err as one. Errors and `alike` are NaN where they were not asked for.
    """

    coefficient: np.ndarray
    error: np.ndarray
    r2: float
    sigma: float
    loss: float
    sums: np.ndarray
    variance: float
    alike: float


def fit_trimmed(joined: np.ndarray, level: np.ndarray, errors: bool = False) -> Fit:
    """Fit the last row of (terms and values, samples) on the others, without the samples that lie off.

    A sample lies off when its residual is beyond 6, 5, 4, and at last 3 robust sigmas from the median of its level, in
    rounds; levels are shares of the samples in order of `level` (samples,), finer at both ends. Of 50,000 samples and
    more every fourth serves the rounds before the last three.
    """
    terms, values = joined[:-1], joined[-1]
    number = np.searchsorted(np.quantile(level, LEVELS), level)
    keep = np.ones(len(values), bool)
    for trim, step in TRIMS:
        few = slice(None, None, step if len(values) >= MANY_SAMPLES else 1)
        sums = sums_of_products(joined[:, few], keep[few])
        coefficient = solve_sums(sums, RIDGE)
        residual = values - combine(coefficient, terms)
        keep = np.abs(_standardised(residual, number)) <= trim
    variance = float(residual[keep].var())
    explained = 1 - variance / max(values[keep].var(), 1e-20)
    error, alike = np.full(len(terms), np.nan), np.nan
    if errors:
        error = standard_errors(terms[:, keep], residual[keep], RIDGE)
        alike = pixels_alike(terms[:, keep], residual[keep])
    sigma = robust_centre_and_scale(residual)[1]
    loss = np.minimum(np.abs(residual), LARGEST_LOSS * sigma).mean()
    return Fit(coefficient, error, float(explained), sigma, float(loss), sums, variance, alike)


def level_scales(residual: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Robust sigma of the residual (samples,) in each level that has samples, from the least `level` (samples,)."""
    number = np.searchsorted(np.quantile(level, LEVELS), level)
    return np.array([robust_centre_and_scale(residual[number == one])[1] for one in np.unique(number)])


def _standardised(residual: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Residual from the median of its level's, in robust sigmas of its level: no level as a whole is an outlier."""
    standard = np.empty_like(residual)
    for level in range(len(LEVELS) + 1):
        inside = number == level
        if inside.any():
            centre, scale = robust_centre_and_scale(residual[inside])
            standard[inside] = (residual[inside] - centre) / max(scale, 1e-9)
    return standard
