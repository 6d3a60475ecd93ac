"""The score: the residual of the infrared in units of its local noise, block by block."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from irtoolkit.alignment import frame_place
from irtoolkit.arrays import QUARTER, add_scaled, enlarge, map_blocks, shrink
from irtoolkit.crosstalk import Blurs, Crosstalk, box_mean, separate_ghost, visible_density
from irtoolkit.detection.faint import exclude_blobs, raise_faint
from irtoolkit.detection.noise import SQUARED, Noise, usual_noise
from irtoolkit.detection.noise_features import PLAIN, STEEP, full_features, halved_features, measure_loss
from irtoolkit.detection.uncertainty import ghost_uncertainty

EDGE_BLURS = 0.5
DEPTH = 40
"""Pixels around a block from which its residual and noise are made: 3.3 sigma of the flare, the widest blur."""

LOCAL_DEPTH = 64
CARRY_WINDOWS = 17, 41
OF_USUAL = np.float32(1e-7)
"""Weight of the usual noise, beside one of film at the narrower window and a thousandth at the wider."""

LOCAL_WINDOWS = 49, 161
BACKGROUND_WINDOW = 129
SOME, CENTRAL, LARGEST, LEAST_NOISE = 0.1, 2.5, 5.0, 0.05
NORMAL_MEAN = 0.798
LIGHT_OF_DENSITY, LEAST_LIGHT = np.float32(np.log(10)), np.float32(0.01)
"""Relative change of light with density; the least light that damage leaves."""


def score_infrared(visible: xr.DataArray, infrared: xr.DataArray, crosstalk: Crosstalk, noise: Noise) -> xr.Dataset:
    """Subtract the picture's ghost from the infrared and divide what is left by its local noise; lazy.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B.
    infrared
        Counts (y, x) of infrared on the colour grid (`shift_infrared`).
    crosstalk, noise
        Those of the slide.

    Returns
    -------
    xarray.Dataset
        On (y, x), float32: `residual`, density, positive where light is blocked, NaN where the infrared is and along
        the slide's edge, where its blur shows what the visible bands do not (1 px and half the blur); `score`, sigma,
        nearly standard normal on film without defects, 0 where the residual is unknown; and `grain`, density: noise and
        texture of the visible bands in a pixel.
    """
    shape = infrared.sizes["y"], infrared.sizes["x"]
    kernel = partial(_plain_score, crosstalk=crosstalk, noise=noise, shape=shape)
    arrays = visible.data, infrared.data[None]
    plain = map_blocks(kernel, *arrays, depth=DEPTH, dtype=np.float32, planes=5, located=True)
    scaled = partial(_locally_scaled, steep=crosstalk.slopes > STEEP)
    score = map_blocks(scaled, plain, depth=LOCAL_DEPTH, dtype=np.float32, located=True)
    planes = {"residual": plain[0], "score": score[0], "grain": plain[1]}
    return xr.Dataset({name: (("y", "x"), plane) for name, plane in planes.items()})


def _plain_score(
    visible: np.ndarray,
    infrared: np.ndarray,
    *,
    crosstalk: Crosstalk,
    noise: Noise,
    shape: tuple[int, int],
    start: tuple[int, int],
) -> list[np.ndarray]:
    """Residual, grain, score from the noise model alone, and in units of the noise the ghost's contrast, its sign bit
    set at candidates, and its detail.
    """
    density, place = visible_density(visible, crosstalk.curve), frame_place(start, infrared.shape[1:], shape)
    residual, blurs = separate_ghost(density, infrared[0], place, crosstalk)
    _forget_edge(residual, start, shape, 1 + round(EDGE_BLURS * crosstalk.blur))
    loss = measure_loss(residual, blurs, crosstalk)
    bias, blocked, bright, texture = planes = _combine_features(noise, blurs)
    _fill_candidates(planes, loss.candidate, usual_noise(noise))
    score = np.subtract(loss.lost, bias, out=bias)
    np.copyto(bright, blocked, where=score > 0)
    sharpness = np.exp(np.negative(bright, out=bright), out=bright)
    if crosstalk.slopes > STEEP:
        unknown = ghost_uncertainty(blurs, loss.contrast, crosstalk, start, shape)
        sharpness /= _growth_of_noise(unknown, loss.lost, sharpness)
    score *= sharpness
    detail = enlarge(loss.detail, residual.shape)
    detail *= sharpness
    marked = np.multiply(loss.contrast, sharpness, out=sharpness)
    np.negative(marked, out=marked, where=loss.candidate)
    return [residual, _grain(texture), score, marked, detail]


def _growth_of_noise(unknown: np.ndarray, lost: np.ndarray, sharpness: np.ndarray) -> np.ndarray:
    """Factor (y, x) by which a density that is `unknown` adds to the noise, 1 / `sharpness`, of the share of light that
    is `lost`: the less light is left, the less a density changes it.
    """
    left = np.clip(1 - np.nan_to_num(lost), LEAST_LIGHT, 1)
    return np.hypot(np.float32(1), LIGHT_OF_DENSITY * left * unknown * sharpness)


def _grain(texture: np.ndarray) -> np.ndarray:
    """Noise of the visible bands in a pixel, density, from the log of their summed detail, which it overwrites."""
    np.exp(texture, out=texture)
    texture *= np.float32(1 / 3)
    return np.sqrt(texture, out=texture)


def _forget_edge(residual: np.ndarray, start: tuple[int, int], shape: tuple[int, int], width: int) -> None:
    """NaN along the edge of the slide, of this shape, in a piece (y, x) of it that begins at `start`."""
    for side, (first, length, whole) in enumerate(zip(start, residual.shape, shape, strict=True)):
        index = np.arange(first, first + length)
        outer = (index < width) | (index >= whole - width)
        residual[(outer, slice(None)) if side == 0 else (slice(None), outer)] = np.nan


def _combine_features(noise: Noise, blurs: Blurs) -> list[np.ndarray]:
    """Planes (y, x) of the bias, of ln sigma on either side of zero, and of the texture."""
    halved = halved_features(blurs)
    half, shape = [np.full_like(halved["density"], of[0]) for of in _coefficients(noise)], blurs.ghost.shape
    for name, feature in halved.items():
        _add_feature(half, noise, name, feature)
    combined = [enlarge(plane, shape) for plane in half]
    for name, feature in full_features(blurs).items():
        _add_feature(combined, noise, name, feature)
    return [*combined, enlarge(halved["texture"], shape)]


def _coefficients(noise: Noise) -> tuple[np.ndarray, ...]:
    return noise.bias, noise.blocked, noise.bright


def _add_feature(combined: Sequence[np.ndarray], noise: Noise, name: str, feature: np.ndarray) -> None:
    """Add a feature, and its square, to the planes of bias, blocked and bright."""
    index = PLAIN.index(name)
    term = np.clip(feature, np.float32(noise.low[index]), np.float32(noise.high[index]))
    _add_term(combined, noise, index, term)
    if name in SQUARED:
        _add_term(combined, noise, len(PLAIN) + SQUARED.index(name), np.square(term, out=term))


def _add_term(combined: Sequence[np.ndarray], noise: Noise, index: int, term: np.ndarray) -> None:
    for plane, coefficients in zip(combined, _coefficients(noise), strict=True):
        add_scaled(plane, coefficients[index], term)


def _fill_candidates(planes: Sequence[np.ndarray], candidate: np.ndarray, usual: Sequence[float]) -> None:
    """Fill planes (y, x) at candidates, whose own visible trace would raise their noise, from the film around them.

    It is the normalised average at a quarter of the resolution (Knutsson & Westin 1993, doi:10.1109/CVPR.1993.341081).
    Farther from film than the windows reach, inside large dirt, each plane has its `usual` value.
    """
    if not candidate.any():
        return
    outside = (~candidate).astype(np.float32)
    share = _mean_around(outside) + OF_USUAL
    for plane, value in zip(planes, usual, strict=True):
        average = (_mean_around(plane * outside) + OF_USUAL * np.float32(value)) / share
        np.copyto(plane, enlarge(average, plane.shape, QUARTER), where=candidate)


def _mean_around(plane: np.ndarray) -> np.ndarray:
    """Mean in the narrower of `CARRY_WINDOWS`, plus a thousandth of that in the wider, used where it is 0."""
    near, far = (_box_mean(plane, window) for window in CARRY_WINDOWS)
    return near + np.float32(1e-3) * far


def _box_mean(plane: np.ndarray, window: int) -> np.ndarray:
    """Mean in a square of `window` px, at a quarter of the resolution."""
    return box_mean(shrink(plane, QUARTER), window // QUARTER | 1)


def _locally_scaled(plain: np.ndarray, *, steep: bool, start: tuple[int, int]) -> np.ndarray:
    """Score (1, y, x) without its background level over its local noise."""
    known, outside, contrast = np.isfinite(plain[2]), (~np.signbit(plain[3])).astype(np.float32), np.abs(plain[3])
    score = plain[2].copy()
    score[~known] = 0
    score -= _background_level(score, outside)
    if steep:
        outside = exclude_blobs(score, outside, contrast)
        score -= _background_level(score, outside)
    score /= np.maximum(_local_noise(score, outside), np.float32(LEAST_NOISE))
    raise_faint(score, outside, contrast, plain[4], start)
    score *= known
    return score[None]


def _background_level(score: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Mean score around each pixel without candidates, of scores of at most 2.5 sigma."""
    counted = outside * (np.abs(score) < CENTRAL)
    weight = _box_mean(counted, BACKGROUND_WINDOW) + np.float32(1e-6)
    return enlarge(_box_mean(score * counted, BACKGROUND_WINDOW) / weight, score.shape, QUARTER)


def _local_noise(score: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Sigma of the score around each pixel without candidates; 1 for standard normal noise.

    It is at most twice that of the negative scores, where there are some, and the less above it the more positive
    scores there are for each negative one: film has as many of either, dust has no negative ones.
    """
    size, below = np.minimum(np.abs(score), np.float32(LARGEST)), outside * (score < 0)
    planes = [shrink(plane, QUARTER) for plane in (outside, below, size * outside, size * below)]
    factor = np.ones_like(planes[0])
    for window in LOCAL_WINDOWS:
        share, of_bright, size_of_both, size_of_bright = (box_mean(plane, window // QUARTER | 1) for plane in planes)
        both, bright = _mean_size(size_of_both, share), _mean_size(size_of_bright, of_bright)
        balance = np.minimum(of_bright / np.maximum(share - of_bright, np.float32(1e-6)), np.float32(1))
        mean: np.ndarray = np.where(of_bright > SOME, np.minimum(both, (1 + balance) * bright), both)
        factor *= np.sqrt(mean / np.float32(NORMAL_MEAN))
    return enlarge(factor, score.shape, QUARTER)


def _mean_size(size: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mean size of what is counted, drawn a little to that of normal noise."""
    return (size + np.float32(0.02 * NORMAL_MEAN)) / (share + np.float32(0.02))
