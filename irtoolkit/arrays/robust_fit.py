"""Least squares without outliers, which are found at each level of density."""

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
    """Coefficients and their standard errors (terms,), the share of variance explained, and the robust residual sigma.

    `loss` is the mean absolute residual, clipped at 5 sigma, to which a few shadows also contribute. `sums` (terms and
    values, terms and values) are the products summed over the samples kept, `variance` is that of their residual,
    `alike` the number of samples per independent error. Errors and `alike` are NaN unless requested.
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
    """Fit the last row of (terms and values, samples) on the other rows, without outliers.

    In successive rounds, outliers are samples with residuals beyond 6, 5, 4, and finally 3 robust sigmas from the
    median of their level. Levels are quantile ranges of `level` (samples,), finer at both ends. From 50,000 samples on,
    every fourth is used before the last three rounds.
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
    """Robust sigma of the residual (samples,) in each level that has samples, by increasing `level` (samples,)."""
    number = np.searchsorted(np.quantile(level, LEVELS), level)
    return np.array([robust_centre_and_scale(residual[number == one])[1] for one in np.unique(number)])


def _standardised(residual: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Residual minus the median of its level, in robust sigmas of its level, so that no whole level is an outlier."""
    standard = np.empty_like(residual)
    for level in range(len(LEVELS) + 1):
        inside = number == level
        if inside.any():
            centre, scale = robust_centre_and_scale(residual[inside])
            standard[inside] = (residual[inside] - centre) / max(scale, 1e-9)
    return standard
