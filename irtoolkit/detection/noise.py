"""Noise of the residual: its centre and spread as a model of features of the picture."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import combine, compute_each, even_step, least_squares
from irtoolkit.crosstalk import FEWEST_PIXELS, Crosstalk, blurs_of, check_enough
from irtoolkit.detection.noise_features import PLAIN, all_features, measure_loss

SQUARED = ("density", "red", "fine gradient", "texture", "ghost gradient")
MARGIN = 12
SAMPLED_PIXELS = 100_000
SKEW = 1.1
NEAR, BIAS_ROUNDS = 2.0, 4
LOG_BIAS = 0.635


class Noise(NamedTuple):
    """Centre and spread of a residual as a log-linear model of features of the picture.

    `bias` (feature,): coefficients of the centre, density; `blocked` and `bright` (feature,): of ln sigma where the
    residual is positive and negative; `low` and `high` (plain feature,): the range over which they hold.
    """

    bias: np.ndarray
    blocked: np.ndarray
    bright: np.ndarray
    low: np.ndarray
    high: np.ndarray


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
        clean = ~loss.candidate[inside].ravel()[::step]
        return np.stack([plane[inside].ravel()[::step][clean] for plane in (loss.lost, *all_features(blurs))])

    sampled = np.concatenate(compute_each(picked, samples), axis=1).astype(np.float64)
    check_enough(sampled.shape[1], "measure the noise on")
    values, plain = sampled[0], sampled[1:]
    low, high = np.quantile(plain, [0.003, 0.997], axis=1)
    low[0], high[0] = 1, 1
    terms = _with_squares(np.clip(plain, low[:, None], high[:, None]))
    bias = _trimmed_bias(terms, values)
    centred = values - combine(bias, terms)
    bright = _sigma_below(terms, centred)
    clean = _without_dust(terms, centred, bright)
    dark = clean & (centred > 0)
    side = dark if dark.sum() >= FEWEST_PIXELS else clean
    blocked = _log_sigma(terms[:, side], centred[side])
    return Noise(bias, blocked, bright, low, high)


def _with_squares(features: np.ndarray) -> np.ndarray:
    """Features (plain, ...) and the squares of those in `SQUARED`."""
    return np.concatenate([features, features[[PLAIN.index(name) for name in SQUARED]] ** 2])


def _log_sigma(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of ln sigma; the mean of ln abs(normal) is -0.635."""
    logs = np.log(np.abs(values) + 1e-7)
    logs = np.minimum(logs, np.median(logs) + 3)
    coefficient = least_squares(terms, logs, 1e-3)
    for _ in range(2):
        logs = np.minimum(logs, combine(coefficient, terms) + 1.8)
        coefficient = least_squares(terms, logs, 1e-3)
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
