"""Least squares without outliers, which are found at each level of density."""

from typing import NamedTuple

import numpy as np

from irtoolkit.arrays.film_levels import LEAST_SIGMA, Levels, film_level, find_levels, standardised
from irtoolkit.arrays.mixture import PREVAILS, Dust, chance_of_film, measure_dust
from irtoolkit.arrays.statistics import (
    combine,
    pixels_alike,
    robust_centre_and_scale,
    solve_sums,
    standard_errors,
    sums_of_products,
)

RIDGE = 1e-5
LARGEST_LOSS = 20.0
START, EARLY_TRIMS, LATE_TRIMS = 4.0, (6.0, 5.0, 4.0), (3.0, 3.0, 3.0)
SINGLE_TRIMS = (3.0,) * 12
FIRST_SHARE, MIXTURE_ROUNDS, OF_ALL = 0.3, 6, 0.1
BRIGHTEST, FARTHEST_NOISE, DEEPER = 0.001, 3.0, 0.5
DUST, LARGE_SHARE = 5.0, 0.3
"""Sigmas above the centre of film from which samples are dust, and the share of it that may prevail
(docs/method.md)."""

RUNS_AWAY = 1.5
"""Growth of the share of dust from few samples to more above which the fit follows something else (docs/method.md)."""

MANY_SAMPLES, SPARSE = 10_000, 4


class Fit(NamedTuple):
    """Coefficients and their standard errors (terms,), the share of variance explained, and the robust residual sigma.

    `loss` is the mean absolute residual, clipped at 20 sigma, to which a few shadows also contribute; where dust
    prevails, that of film. `sums` (terms and values, terms and values) are the products summed over the samples kept,
    `variance` is that of their residual, `alike` the number of samples per independent error. Errors and `alike` are
    NaN unless requested.
    """

    coefficient: np.ndarray
    error: np.ndarray
    r2: float
    sigma: float
    loss: float
    sums: np.ndarray
    variance: float
    alike: float


def fit_trimmed(joined: np.ndarray, level: np.ndarray, errors: bool = False, start: np.ndarray | None = None) -> Fit:
    """Fit the last row of (terms and values, samples) on the other rows, without outliers.

    Outliers are samples with residuals beyond 6, 5, 4, and finally 3 sigmas from the centre of their level, in rounds.
    Levels are quantile ranges of `level` (samples,), finer at both ends. The first round starts from values near the
    centre of their level. From 10,000 samples on, every fourth is used before the last rounds. Where all samples have
    one level, dust prevails: the rounds are more and at 3 sigmas.

    With coefficients to `start` from (terms,), a fit with one level starts from what is near these. Where that finds
    much dust, whatever the levels, each sample counts by the chance that it is film.
    """
    terms, values = joined[:-1], joined[-1]
    levels, step = find_levels(level), SPARSE if joined.shape[1] >= MANY_SAMPLES else 1
    film = None if start is None else _weigh_film(joined, start, levels, step)
    if film is None:
        start = start if len(levels.rises) == 1 else None
        thin = levels._replace(number=levels.number[::step])
        film = _trim(joined, _fit_in_rounds(joined[:, ::step], thin, start), levels)
    residual = values - combine(film.coefficient, terms)
    explained = 1 - residual[film.keep].var() / max(values[film.keep].var(), 1e-20)
    error, alike = np.full(len(terms), np.nan), np.nan
    if errors:
        error = standard_errors(terms[:, film.keep], residual[film.keep], RIDGE)
        alike = pixels_alike(terms[:, film.keep], residual[film.keep])
    return Fit(film.coefficient, error, float(explained), film.sigma, film.loss, film.sums, film.variance, alike)


class Film(NamedTuple):
    """A fit on the samples of film, those that it keeps (samples,) bool, and the rest as in `Fit`."""

    coefficient: np.ndarray
    keep: np.ndarray
    sigma: float
    sums: np.ndarray
    variance: float
    loss: float


def _trim(joined: np.ndarray, coefficient: np.ndarray, levels: Levels) -> Film:
    """The last rounds, on all samples within some sigmas of the centre of their level."""
    terms, values = joined[:-1], joined[-1]
    keep = np.abs(standardised(values - combine(coefficient, terms), levels)) <= EARLY_TRIMS[-1]
    for trim in LATE_TRIMS:
        sums = sums_of_products(joined, keep)
        coefficient = solve_sums(sums, RIDGE)
        residual = values - combine(coefficient, terms)
        keep = np.abs(standardised(residual, levels)) <= trim
    sigma = robust_centre_and_scale(residual[keep])[1]
    loss = float(np.minimum(np.abs(residual), LARGEST_LOSS * sigma).mean())
    return Film(coefficient, keep, sigma, sums, float(residual[keep].var()), loss)


def _weigh_film(joined: np.ndarray, start: np.ndarray, levels: Levels, step: int) -> Film | None:
    """A fit in which each sample counts by the chance that it is film; None with little dust, or if it runs away.

    Of many samples few show whether there is much dust, then every `step`-th has the outliers found, then all count.
    """
    before = 1.0
    for thin in dict.fromkeys((step**2, step)):
        few = joined[:, ::thin]
        coefficient = _fit_in_rounds(few, find_levels(np.zeros(few.shape[1])), start)
        film, share = _mix(few, coefficient, levels.number[::thin])
        if share < PREVAILS or share > RUNS_AWAY * before:
            return None
        before = share
    return _mix(joined, film.coefficient, levels.number)[0]


def _mix(joined: np.ndarray, coefficient: np.ndarray, number: np.ndarray) -> tuple[Film, float]:
    """The fit on film as the mixture of film and dust has it, from coefficients near it; and the share of dust.

    Film has a sigma of its own in each level, whose `number` (samples,) is given.
    """
    residual = joined[-1] - combine(coefficient, joined[:-1])
    residual = residual - film_level(residual)[0]
    sigma = _scales(residual, np.ones_like(residual), number)
    dust = Dust(FIRST_SHARE, max(2 * float(np.maximum(residual, 0).mean()), float(sigma.mean())))
    for _ in range(MIXTURE_ROUNDS):
        chance = chance_of_film(residual, sigma, dust)
        dust = measure_dust(residual, float(sigma.mean()), chance)
        weight = chance * (np.abs(residual) <= LATE_TRIMS[-1] * sigma)
        sums = sums_of_products(joined, weight)
        coefficient = solve_sums(sums, RIDGE)
        residual = joined[-1] - combine(coefficient, joined[:-1])
        sigma = _scales(residual, weight, number)
    loss = float((chance * np.abs(residual)).sum() / chance.sum())
    variance = float((weight * residual**2).sum() / weight.sum())
    keep = weight > 0.5
    return Film(coefficient, keep, float(np.median(sigma[keep])), sums, variance, loss), dust.share


def _scales(residual: np.ndarray, weight: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Sigma of film (samples,): of the weighted residuals below zero, where no dust is, in each sample's level.

    It is drawn to that of all levels, which counts for a tenth of a mean level.
    """
    below = weight * (residual < 0)
    squares, weights = (np.bincount(number, values) for values in (below * residual**2, below))
    drawn = OF_ALL * weights.sum() / len(weights) + LEAST_SIGMA
    usual = squares.sum() / (weights.sum() + LEAST_SIGMA)
    return np.maximum(np.sqrt((squares + drawn * usual) / (weights + drawn)), LEAST_SIGMA)[number]


def _fit_in_rounds(joined: np.ndarray, levels: Levels, start: np.ndarray | None = None) -> np.ndarray:
    """Coefficients after the first rounds, which `start` from residuals, or values, near the centre of their level."""
    first = joined[-1] if start is None else joined[-1] - combine(start, joined[:-1])
    keep = np.abs(standardised(first, levels)) <= START
    for trim in EARLY_TRIMS if len(levels.rises) > 1 else SINGLE_TRIMS:
        coefficient = solve_sums(sums_of_products(joined, keep), RIDGE)
        keep = np.abs(standardised(joined[-1] - combine(coefficient, joined[:-1]), levels)) <= trim
    return coefficient


def dust_prevails(joined: np.ndarray, level: np.ndarray) -> bool:
    """Whether a fit with one level for all samples is the film's, and that with the given levels the dust's.

    Where much dust is on the film, levels have more dust than film, and the fit with them follows the dust. Dust only
    darkens, so a fit is the film's if nothing is brighter than it by more than noise, and much is darker; the other
    must have brighter samples by far. Parameters are those of `fit_trimmed`.
    """
    single, sigma, dusty = _extremes(joined, find_levels(np.zeros_like(level)))
    if single >= FARTHEST_NOISE * sigma or dusty < LARGE_SHARE:
        return False
    return single < DEEPER * _extremes(joined, find_levels(level))[0]


def _extremes(joined: np.ndarray, levels: Levels) -> tuple[float, float, float]:
    """How far the brightest samples are below the centre of the film's residual, its sigma, and the share of dust."""
    residual = joined[-1] - combine(_fit_in_rounds(joined, levels), joined[:-1])
    centre, sigma = film_level(residual)
    dusty = float((residual > centre + DUST * sigma).mean())
    return centre - float(np.quantile(residual, BRIGHTEST)), sigma, dusty
