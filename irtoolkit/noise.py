"""How large the residual's noise is at each place, and the residual in units of it."""

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.crosstalk import ghost_density, visible_density
from irtoolkit.statistics import blur, gradient, high_pass, least_squares, robust_centre_and_scale

SMOOTHING = 0.7
PLAIN = ("1", "fine gradient", "coarse gradient", "texture", "ghost gradient", "density", "red")
SQUARED = ("density", "red", "fine gradient", "texture", "ghost gradient")
MARGIN = 24
DEPTH = 48
LOCAL_WINDOWS = (49, 161)
LOCAL_DEPTH = 81
FLAT_WINDOW = 129
NORMAL_MEAN = 0.798
LOG_BIAS = 0.635


def fit_noise(samples: Sequence[tuple[np.ndarray, np.ndarray]], model: xr.Dataset) -> xr.Dataset:
    """Fit the residual's centre and spread on features of the picture, on each side of zero by itself.

    A log-linear model: ln of the absolute residual regressed on logs of gradients and texture of the visible bands, of
    the ghost's gradient, and on the density; first without, then after subtracting the bias found on the same features.

    Parameters
    ----------
    samples
        Pairs of residual (y, x) and visible density (3, y, x), float32.
    model
        From `fit_crosstalk`.

    Returns
    -------
    xarray.Dataset
        `model` with `bias`, `blocked` and `bright` (feature): coefficients of the centre, and of ln sigma where the
        residual is positive and negative; `feature_low`, `feature_high`: the range over which they hold.
    """
    parts = [noise_features(residual, density, model) for residual, density in samples]
    inside = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    clean = [~candidate[inside].ravel() for _, _, candidate in parts]
    step = max(1, sum(int(part.sum()) for part in clean) // 150_000)
    values = _gather([smooth[inside].ravel()[keep] for (smooth, _, _), keep in zip(parts, clean, strict=True)], step)
    features = np.stack(
        [
            _gather([planes[i][inside].ravel()[keep] for (_, planes, _), keep in zip(parts, clean, strict=True)], step)
            for i in range(len(PLAIN))
        ]
    )
    low, high = np.quantile(features, [0.003, 0.997], axis=1)
    low[0], high[0] = 1, 1
    terms = _with_squares(np.clip(features, low[:, None], high[:, None]))
    bias = _trimmed_bias(terms, values, _log_sigma(terms, values))
    centred = values - bias @ terms
    sides = {
        "blocked": ("feature", _log_sigma(terms[:, centred > 0], centred[centred > 0])),
        "bright": ("feature", _log_sigma(terms[:, centred < 0], centred[centred < 0])),
    }
    return model.assign(bias=("feature", bias), **sides, feature_low=("plain", low), feature_high=("plain", high))


def _gather(parts: list[np.ndarray], step: int) -> np.ndarray:
    return np.concatenate(parts)[::step].astype(np.float64)


def _with_squares(features: np.ndarray) -> np.ndarray:
    """Features (plain, ...) and the squares of some."""
    return np.concatenate([features, features[[PLAIN.index(name) for name in SQUARED]] ** 2])


def _log_sigma(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of ln sigma: mean of ln abs(normal) is -0.635."""
    logs = np.log(np.abs(values) + 1e-7)
    logs = np.minimum(logs, np.median(logs) + 3)
    coefficient = least_squares(terms, logs, 1e-3)
    for _ in range(2):
        logs = np.minimum(logs, coefficient @ terms + 1.8)
        coefficient = least_squares(terms, logs, 1e-3)
    coefficient[0] += LOG_BIAS
    return coefficient


def _trimmed_bias(terms: np.ndarray, values: np.ndarray, log_sigma: np.ndarray) -> np.ndarray:
    sigma = np.exp(log_sigma @ terms)
    bias = np.zeros(len(terms))
    for _ in range(4):
        keep = np.abs(values - bias @ terms) < 2.5 * sigma
        bias = least_squares(terms[:, keep], values[keep], 1e-3, 1 / sigma[keep] ** 2)
    return bias


def noise_features(
    residual: np.ndarray, density: np.ndarray, model: xr.Dataset
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Smoothed residual (y, x), plain features (y, x) each, and candidates (y, x) bool, of one block.

    Candidates are places that stand out of the residual's neighbourhood and of the ghost's own contrast; features are
    carried over them from their surroundings, because a defect's visible trace would raise its own noise.
    """
    smooth = blur(residual, SMOOTHING)
    ghost = blur(ghost_density(density, model), 1.4)
    candidate = _candidates(smooth, ghost, float(model.sigma))
    level = [blur(plane, 2.0) for plane in (density.mean(axis=0), density[0])]
    detail = sum(high_pass(band, 2.0) ** 2 for band in density)
    features = [
        _log_gradient([blur(band, 0.8) for band in density], 2e-6),
        _log_gradient([blur(band, 2.0) for band in density], 2e-6),
        np.log(blur(np.float32(detail), 3.0) + np.float32(2e-6)),
        _log_gradient([ghost], 2e-8),
        *level,
    ]
    outside = (~candidate).astype(np.float32)
    filled = [_carried_over(feature, outside, candidate) for feature in features]
    return smooth, [np.ones_like(smooth), *filled], candidate


def _log_gradient(planes: Sequence[np.ndarray], floor: float) -> np.ndarray:
    energy = np.full(planes[0].shape, floor, np.float32)
    for plane in planes:
        for slope in gradient(plane):
            energy += slope * slope
    return np.log(energy)


def _carried_over(feature: np.ndarray, outside: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Inside candidates the normalised average of what is outside (Knutsson & Westin 1993), near ones counting most."""
    if not candidate.any():
        return feature
    weight = blur(outside, 4.0) + np.float32(1e-3) * blur(outside, 10.0) + np.float32(1e-9)
    values = feature * outside
    average = (blur(values, 4.0) + np.float32(1e-3) * blur(values, 10.0)) / weight
    return np.where(candidate, average, feature)


def _candidates(smooth: np.ndarray, ghost: np.ndarray, sigma: float) -> np.ndarray:
    size = np.abs(smooth)
    usual = np.full_like(size, sigma)
    for _ in range(3):
        usual = 1.2533 * cv2.blur(np.minimum(size, 2.5 * usual), (65, 65), borderType=cv2.BORDER_REFLECT_101)
    contrast = cv2.dilate(np.abs(high_pass(ghost, 6.0)), np.ones((9, 9), np.uint8))
    stands_out = ((size > 6 * usual) & (size > 0.5 * contrast)).astype(np.uint8)
    opened = cv2.morphologyEx(stands_out, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return cv2.dilate(opened, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))).astype(bool)


def score_residual(
    residual: xr.DataArray, visible: xr.DataArray, model: xr.Dataset
) -> tuple[xr.DataArray, xr.DataArray]:
    """Residual in units of its noise at each place, and the visible noise there; lazy.

    Parameters
    ----------
    residual
        (y, x) float32, from `subtract_crosstalk`.
    visible
        Counts (band, y, x) of R, G, B.
    model
        From `fit_noise`.

    Returns
    -------
    score
        (y, x) float32, positive where light is blocked; on film without defects near a standard normal.
    grain
        (y, x) float32, density: the visible bands' own noise and texture in a pixel.
    """
    arrays = residual.data[None], visible.data
    plain = tiles.map_rows(partial(_plain_score, model=model), *arrays, depth=DEPTH, dtype=np.float32, planes=3)
    data = tiles.map_rows(_locally_scaled, plain, depth=LOCAL_DEPTH, dtype=np.float32)
    score = xr.DataArray(data[0], dims=("y", "x"), name="score")
    return score, xr.DataArray(plain[2], dims=("y", "x"), name="grain")


def _plain_score(residual: np.ndarray, visible: np.ndarray, model: xr.Dataset) -> np.ndarray:
    """Score by the model alone, 1 where candidates are, and the visible grain, as three planes."""
    smooth, features, candidate = noise_features(residual[0], visible_density(visible, model), model)
    low, high = model.feature_low.values, model.feature_high.values
    terms = [np.clip(plane, low[i], high[i]).astype(np.float32) for i, plane in enumerate(features)]
    terms += [terms[PLAIN.index(name)] ** 2 for name in SQUARED]
    combined = {name: np.zeros_like(smooth) for name in ("bias", "blocked", "bright")}
    for i, term in enumerate(terms):
        for name, plane in combined.items():
            plane += np.float32(model[name].values[i]) * term
    centred = smooth - combined["bias"]
    score = centred * np.exp(-np.where(centred > 0, combined["blocked"], combined["bright"]))
    grain = np.sqrt(np.exp(features[PLAIN.index("texture")]) / 3)
    return np.stack([score, candidate.astype(np.float32), grain])


def _locally_scaled(plain: np.ndarray) -> np.ndarray:
    score, outside = plain[0], 1 - plain[1]
    weight = _box(outside, FLAT_WINDOW) + np.float32(1e-6)
    score = score - _box(np.clip(score, -2.5, 2.5) * outside, FLAT_WINDOW) / weight
    size = np.minimum(np.abs(score), 5) * outside
    factor = np.ones_like(score)
    for window in LOCAL_WINDOWS:
        share = _box(outside, window)
        mean = (_box(size, window) + np.float32(0.02 * NORMAL_MEAN)) / (share + np.float32(0.02))
        factor *= np.sqrt(mean / np.float32(NORMAL_MEAN))
    return (score / np.maximum(factor, np.float32(0.05)))[None]


def _box(plane: np.ndarray, window: int) -> np.ndarray:
    return cv2.blur(plane, (window, window), borderType=cv2.BORDER_REFLECT_101)

