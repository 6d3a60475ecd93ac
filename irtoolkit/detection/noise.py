"""Local noise of the residual, and the score: the residual in units of that noise."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.arrays import add_scaled, combine, compute_each, even_step, least_squares, map_blocks
from irtoolkit.crosstalk import FEWEST_PIXELS, Crosstalk, box_mean, check_enough, visible_density
from irtoolkit.detection.faint import exclude_blobs, raise_faint
from irtoolkit.detection.noise_features import PLAIN, STEEP, noise_features

SQUARED = ("density", "red", "fine gradient", "texture", "ghost gradient")
MARGIN = 12
SAMPLED_PIXELS = 100_000
DEPTH = 64
LOCAL_WINDOWS = (49, 161)
LOCAL_DEPTH = 81
SOME, SKEW = 0.1, 1.1
NEAR, CENTRAL, BIAS_ROUNDS = 2.0, 2.5, 4
BACKGROUND_WINDOW = 129
NORMAL_MEAN = 0.798
LOG_BIAS = 0.635
LOW_CONTRAST = 3.0


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
        smooth, candidate, _, features = noise_features(*sample, crosstalk)
        clean = ~candidate[inside].ravel()[::step]
        return np.stack([plane[inside].ravel()[::step][clean] for plane in (smooth, *features)])

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


def score_residual(residual: xr.DataArray, visible: xr.DataArray, crosstalk: Crosstalk, noise: Noise) -> xr.Dataset:
    """Residual in units of the local noise, and the grain; lazy.

    Parameters
    ----------
    residual
        (y, x) float32, from `subtract_crosstalk`; NaN where unknown.
    visible
        Counts (band, y, x) of R, G, B.
    crosstalk, noise
        Those of the slide.

    Returns
    -------
    xarray.Dataset
        On (y, x), float32: `score`, sigma, positive where light is blocked, nearly standard normal on film without
        defects, 0 where the residual is unknown; and `grain`, density: noise and texture of the visible bands in a
        pixel.
    """
    arrays = residual.data[None], visible.data
    kernel = partial(_plain_score, crosstalk=crosstalk, noise=noise)
    plain = map_blocks(kernel, *arrays, depth=DEPTH, dtype=np.float32, planes=3)
    kernel = partial(_locally_scaled, steep=crosstalk.slopes > STEEP)
    scaled = map_blocks(kernel, plain, depth=LOCAL_DEPTH, dtype=np.float32, planes=2)
    return xr.Dataset({name: (("y", "x"), scaled[plane]) for plane, name in enumerate(("score", "grain"))})


def _plain_score(residual: np.ndarray, visible: np.ndarray, *, crosstalk: Crosstalk, noise: Noise) -> np.ndarray:
    """Score from the noise model alone, grain, and ghost contrast with its sign bit set at candidates, as planes."""
    density = visible_density(visible, crosstalk.curve)
    smooth, candidate, contrast, features = noise_features(residual[0], density, crosstalk)
    bias, blocked, bright = combined = [np.zeros_like(smooth) for _ in range(3)]
    for name, feature in zip(PLAIN, features, strict=True):
        _add_feature(combined, noise, name, feature)
        if name == "texture":
            grain = np.sqrt(np.exp(feature) / 3)
    centred = smooth - bias
    sharpness = np.exp((centred > 0) * (bright - blocked) - bright)
    marked = np.copysign(contrast * sharpness, np.float32(0.5) - candidate)
    return np.stack([centred * sharpness, grain, marked])


def _add_feature(combined: Sequence[np.ndarray], noise: Noise, name: str, feature: np.ndarray) -> None:
    """Add a feature, and its square, to the planes of bias, blocked and bright."""
    index = PLAIN.index(name)
    term = np.clip(feature, np.float32(noise.low[index]), np.float32(noise.high[index]))
    _add_term(combined, noise, index, term)
    if name in SQUARED:
        _add_term(combined, noise, len(PLAIN) + SQUARED.index(name), np.square(term, out=term))


def _add_term(combined: Sequence[np.ndarray], noise: Noise, index: int, term: np.ndarray) -> None:
    for plane, coefficients in zip(combined, (noise.bias, noise.blocked, noise.bright), strict=True):
        add_scaled(plane, coefficients[index], term)


def _locally_scaled(plain: np.ndarray, *, steep: bool) -> np.ndarray:
    """Score without its background level over its local noise, and the unchanged grain, as planes."""
    known, outside, contrast = np.isfinite(plain[0]), (~np.signbit(plain[2])).astype(np.float32), np.abs(plain[2])
    score = np.where(known, plain[0], np.float32(0))
    score -= _background_level(score, outside)
    if steep:
        outside = exclude_blobs(score, outside, contrast)
        score -= _background_level(score, outside)
    score /= np.maximum(_local_noise(score, outside), np.float32(0.05))
    score = raise_faint(score, outside, contrast < LOW_CONTRAST)
    return np.stack([np.where(known, score, np.float32(0)), plain[1]])


def _background_level(score: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Mean score around each pixel without candidates, of scores of at most 2.5 sigma."""
    counted = outside * (np.abs(score) < CENTRAL)
    weight = box_mean(counted, BACKGROUND_WINDOW) + np.float32(1e-6)
    return box_mean(score * counted, BACKGROUND_WINDOW) / weight


def _local_noise(score: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Sigma of the score around each pixel without candidates; 1 for standard normal noise.

    It is at most twice that of the negative scores, where there are some, and the less above it the more positive
    scores there are for each negative one: film has as many of either, dust has no negative ones.
    """
    size, below = np.abs(np.clip(score, -5, 5)) * outside, outside * (score < 0)
    factor = np.ones_like(score)
    for window in LOCAL_WINDOWS:
        both, bright = (_mean_size(size, counted, window) for counted in (outside, below))
        share, of_bright = box_mean(outside, window), box_mean(below, window)
        balance = np.minimum(of_bright / np.maximum(share - of_bright, np.float32(1e-6)), np.float32(1))
        mean: np.ndarray = np.where(of_bright > SOME, np.minimum(both, (1 + balance) * bright), both)
        factor *= np.sqrt(mean / np.float32(NORMAL_MEAN))
    return factor


def _mean_size(size: np.ndarray, counted: np.ndarray, window: int) -> np.ndarray:
    """Mean of the size around each pixel where it is counted, drawn a little to that of normal noise."""
    share = box_mean(counted, window)
    return (box_mean(size * counted, window) + np.float32(0.02 * NORMAL_MEAN)) / (share + np.float32(0.02))
