"""Noise of the residual: its centre and spread as a model of features of the picture."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import (
    PREVAILS,
    Dust,
    chance_of_film,
    combine,
    compute_each,
    even_step,
    film_level,
    least_squares,
    measure_dust,
)
from irtoolkit.crosstalk import FEWEST_PIXELS, Crosstalk, blurs_of, check_enough
from irtoolkit.detection.noise_features import PLAIN, all_features, measure_loss

SQUARED = ("density", "red", "fine gradient", "texture", "ghost gradient")
MARGIN = 12
SAMPLED_PIXELS, MIXED_PIXELS = 100_000, 30_000
SKEW = 1.1
NEAR, BIAS_ROUNDS = 2.0, 4
LOG_BIAS = 0.635
RIDGE, LEAST_SIGMA = 1e-3, 1e-7
FIRST_SHARE, MIXTURE_ROUNDS = 0.3, 12


class Noise(NamedTuple):
    """Centre and spread of a residual as a log-linear model of features of the picture.

    `bias` (feature,): coefficients of the centre, density; `blocked` and `bright` (feature,): of ln sigma where the
    residual is positive and negative; `low`, `high` and `usual` (plain feature,): the range over which they hold, and
    the middle of film.
    """

    bias: np.ndarray
    blocked: np.ndarray
    bright: np.ndarray
    low: np.ndarray
    high: np.ndarray
    usual: np.ndarray


def fit_noise(samples: Sequence[tuple[np.ndarray, np.ndarray]], crosstalk: Crosstalk) -> Noise:
    """Fit the residual's bias, and its sigma on either side of zero, on features of the picture.

    The model is log-linear: ln of the absolute residual is regressed on the density and on logs of gradients and
    texture of the visible bands and of the ghost's gradient; first without, then with the bias subtracted. The samples
    are pairs of residual (y, x) and visible density (3, y, x) from `level_crosstalk`.
    """
    inside = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    step = even_step([residual[inside].shape for residual, _ in samples], SAMPLED_PIXELS)

    def picked(sample: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        residual, density = sample
        blurs = blurs_of(density, crosstalk)
        loss = measure_loss(residual, blurs, crosstalk)
        planes = (loss.candidate, loss.lost, *all_features(blurs))
        return np.stack([plane[inside].ravel()[::step] for plane in planes])

    joined = np.concatenate(compute_each(picked, samples), axis=1)
    sampled = _film_alone(joined[1:], joined[0] > 0).astype(np.float64)
    check_enough(sampled.shape[1], "measure the noise on")
    values, plain = sampled[0], sampled[1:]
    low, usual, high = np.quantile(plain, [0.003, 0.5, 0.997], axis=1)
    low[0], high[0] = 1, 1
    terms = _with_squares(np.clip(plain, low[:, None], high[:, None]))
    step = max(1, len(values) // MIXED_PIXELS)
    coefficients = _fit_dusty(terms[:, ::step], values[::step]) or _fit_trimmed(terms, values)
    return Noise(*coefficients, low, high, usual)


def _film_alone(sampled: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Samples (plane, sample) that are no `candidate`; all that are known where hardly any other is left."""
    film = sampled[:, ~candidate]
    return film if film.shape[1] >= FEWEST_PIXELS else sampled[:, np.isfinite(sampled).all(axis=0)]


def usual_noise(noise: Noise) -> tuple[float, ...]:
    """Bias, ln sigma of the residual where it is positive and negative, and texture of usual film."""
    terms = _with_squares(noise.usual[:, None])[:, 0]
    values = (float(coefficients @ terms) for coefficients in (noise.bias, noise.blocked, noise.bright))
    return (*values, float(noise.usual[PLAIN.index("texture")]))


def _with_squares(features: np.ndarray) -> np.ndarray:
    """Features (plain, ...) and the squares of those in `SQUARED`."""
    return np.concatenate([features, features[[PLAIN.index(name) for name in SQUARED]] ** 2])


def _fit_dusty(terms: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Bias, blocked and bright by the chance that each value is film's; None where dust does not prevail.

    Dust only blocks light; what it blocks is spread exponentially, film's noise on either side of its centre.
    """
    bias, log_sigma = np.zeros((2, len(terms)))
    bias[0], sigma = film_level(values)
    log_sigma[0] = np.log(max(sigma, LEAST_SIGMA))
    dust = Dust(FIRST_SHARE, max(2 * float(np.maximum(values - bias[0], 0).mean()), LEAST_SIGMA))
    for _ in range(MIXTURE_ROUNDS):
        centred, sigma = values - combine(bias, terms), np.exp(combine(log_sigma, terms))
        chance = chance_of_film(centred, sigma, dust)
        dust = measure_dust(centred, float(sigma.mean()), chance)
        if dust.share < PREVAILS / 2:
            return None
        bias = least_squares(terms, values, RIDGE, chance / sigma**2)
        log_sigma = _log_sigma(terms, values - combine(bias, terms), chance)
    if dust.share < PREVAILS:
        return None
    centred = values - combine(bias, terms)
    blocked, bright = (_log_sigma(terms[:, side], centred[side], chance[side]) for side in (centred > 0, centred <= 0))
    return bias, blocked, bright


def _fit_trimmed(terms: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bias, blocked and bright of film with little dust, which is among the largest values."""
    bias = _trimmed_bias(terms, values)
    centred = values - combine(bias, terms)
    bright = _sigma_below(terms, centred)
    clean = _without_dust(terms, centred, bright)
    dark = clean & (centred > 0)
    side = dark if dark.sum() >= FEWEST_PIXELS else clean
    return bias, _log_sigma(terms[:, side], centred[side]), bright


def _log_sigma(terms: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Coefficients of ln sigma, of weighted values; the mean of ln abs(normal) is -0.635."""
    logs = np.log(np.abs(values) + LEAST_SIGMA)
    logs = np.minimum(logs, np.median(logs) + 3)
    coefficient = least_squares(terms, logs, RIDGE, weights)
    for _ in range(2):
        logs = np.minimum(logs, combine(coefficient, terms) + 1.8)
        coefficient = least_squares(terms, logs, RIDGE, weights)
    coefficient[0] += LOG_BIAS
    return coefficient


def _sigma_below(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of ln sigma of the negative values, which no dust has; of all where few are negative."""
    below = values < 0
    if below.sum() < FEWEST_PIXELS:
        below[:] = True
    return _log_sigma(terms[:, below], values[below])


def _without_dust(terms: np.ndarray, values: np.ndarray, log_sigma: np.ndarray) -> np.ndarray:
    """Values (sample,) bool without the largest, so that hardly more of them are positive than negative.

    Film leaves as many on either side of zero; dust is the rest. Values are compared in the spread of the negative
    ones.
    """
    below = values < 0
    if below.sum() < FEWEST_PIXELS:
        return np.ones(len(values), bool)
    standard = values / np.exp(combine(log_sigma, terms))
    film = min(int(SKEW * below.sum()), int((~below).sum()))
    highest = np.sort(standard[~below])[film - 1] if film else np.inf
    return np.asarray(standard <= highest)


def _trimmed_bias(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of the centre, of the values within 2 sigma of it; sigma is that of the values below it."""
    bias = np.zeros(len(terms))
    for _ in range(BIAS_ROUNDS):
        centred = values - combine(bias, terms)
        sigma = np.exp(combine(_sigma_below(terms, centred), terms))
        keep = np.abs(centred) < NEAR * sigma
        bias = least_squares(terms[:, keep], values[keep], 1e-3, 1 / sigma[keep] ** 2)
    return bias
