"""Grain for filled pixels: noise from a hash of coordinates, matched to the grain of the film around them."""

from collections.abc import Iterator

import cv2
import numpy as np

from irtoolkit.arrays import blur, blur_bands

FINE, MIDDLE, COARSE = 0.7, 1.4, 2.8
"""Gaussian blurs, px; detail removed by the coarsest is grain."""

SOFTNESS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
FINE_TO_MIDDLE = (2.576, 2.316, 1.452, 0.972, 0.758, 0.597, 0.512, 0.449)
DEVIATION = (0.984, 0.830, 0.467, 0.316, 0.237, 0.165, 0.119, 0.081)
"""White noise of variance 1 after Gaussian blurs of `SOFTNESS` px: deviation removed by the fine blur over that between
the fine and the middle one, and deviation removed by the coarse one (docs/method.md)."""

REACH = 5.0
FAR_WEIGHT = np.float32(0.02)
NORMAL_FACTOR = np.float32(0.676)
"""Squared mean of the square root of absolute normal noise, a measure that a few edges hardly change."""


def add_grain(planes: np.ndarray, mask: np.ndarray, start: tuple[int, int], strength: float) -> np.ndarray:
    """Add grain to masked pixels until they have that of the clean film around them.

    The noise is blurred to the softness of the clean film's grain, the ratio of its two finest scales. Its variance is
    what the fill lacks of the clean film's within some 10 px, which is limited to the median of the window because
    larger values are detail of the picture. Its correlation between bands is that of the clean film.

    Parameters
    ----------
    planes
        (band, y, x) float32 on a scale with even grain, such as that of gamma-coded counts.
    mask
        (y, x) bool, True = filled.
    start
        Row and column of the first pixel on the slide; the noise depends on coordinates only.
    strength
        Share of the missing grain that is added.

    Returns
    -------
    numpy.ndarray
        Planes, equal to the given ones where the mask is False.
    """
    if mask.all():
        return planes.copy()
    detail = planes - blur_bands(planes, COARSE)
    shared = np.float32(_shared_variance(detail[:, ~mask]))
    noise = hash_noise(mask.shape, start, len(planes) + 1)
    noise = np.sqrt(shared) * noise[-1] + np.sqrt(1 - shared) * noise[:-1]
    missing = np.float32(strength) * _missing_grain(detail, mask)
    for band, (softness, deviation) in enumerate(_grain_softness(planes, mask)):
        missing[band] *= blur(noise[band], softness) / np.float32(deviation)
    return np.where(mask, planes + missing, planes)


def _shared_variance(details: np.ndarray) -> float:
    """Mean correlation, 0 to 1, of the bands' detail (band, pixels), whose dye clouds partly coincide."""
    roots = np.copysign(np.sqrt(np.abs(details)), details)
    roots -= roots.mean(axis=1, keepdims=True)
    products = np.einsum("is,js->ij", roots, roots)
    deviations = np.sqrt(np.diag(products))
    if len(details) < 2 or not deviations.all():
        return 0.0
    correlation = products / np.outer(deviations, deviations)
    return float(np.clip(correlation[np.triu_indices(len(details), 1)].mean(), 0, 1))


def _missing_grain(detail: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smooth deviation (band, y, x) of the grain that masked pixels lack."""
    around, own = _local_deviation(detail, ~mask), _local_deviation(detail, mask)
    around = np.minimum(around, np.median(around, axis=(0, 1)))
    lacking = np.sqrt(np.maximum(around**2 - own**2, 0))
    large = cv2.resize(lacking, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return large.reshape(*mask.shape, -1).transpose(2, 0, 1)


def _grain_softness(planes: np.ndarray, mask: np.ndarray) -> Iterator[tuple[float, float]]:
    """For each band the blur, px, that gives white noise the softness of the clean film's grain, and its deviation."""
    fine, middle = (blur_bands(planes, sigma) for sigma in (FINE, MIDDLE))
    fine, middle = (_deviation(detail[:, ~mask]) for detail in (planes - fine, fine - middle))
    for ratio in fine / np.maximum(middle, 1e-12):
        softness = float(np.interp(-ratio, [-value for value in FINE_TO_MIDDLE], SOFTNESS))
        yield softness, float(np.interp(softness, SOFTNESS, DEVIATION))


def _deviation(detail: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.abs(detail)).mean(axis=-1) ** 2)


def _local_deviation(detail: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Deviation (y, x, band), on every fourth row and column, of nearby pixels where `where` is True, else of all."""
    roots = np.stack([*np.sqrt(np.abs(detail)), np.ones(where.shape, np.float32)], axis=-1) * where[..., None]
    height, width = (max(1, length // 4) for length in where.shape)
    means = cv2.resize(roots, (width, height), interpolation=cv2.INTER_AREA)
    near = blur(means, REACH / 4) + FAR_WEIGHT * means.mean(axis=(0, 1))
    return np.asarray((near[..., :-1] / (near[..., -1:] + np.float32(1e-9))) ** 2 / NORMAL_FACTOR)


def hash_noise(shape: tuple[int, int], start: tuple[int, int], bands: int) -> np.ndarray:
    """Normal noise (bands, y, x) of variance 1, float32, that depends only on each pixel's coordinates and band.

    It sums four bytes of a hash (the finaliser of MurmurHash3, Appleby) and is normal within 1 % up to 2 sigma.

    >>> hash_noise((3, 4), (10, 20), 1)[0, 1, 2] == hash_noise((1, 1), (11, 22), 1)[0, 0, 0]
    np.True_
    """
    y = np.arange(start[0], start[0] + shape[0], dtype=np.uint32)[:, None]
    x = np.arange(start[1], start[1] + shape[1], dtype=np.uint32)
    band = np.arange(1, bands + 1, dtype=np.uint32)[:, None, None]
    mixed = y * np.uint32(0x9E3779B1) ^ x * np.uint32(0x85EBCA77) ^ band * np.uint32(0x27D4EB2F)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        mixed ^= mixed >> np.uint32(shift)
        mixed *= np.uint32(factor)
    pairs = (mixed & np.uint32(0xFF00FF)) + (mixed >> np.uint32(8) & np.uint32(0xFF00FF))
    total = ((pairs >> np.uint32(16)) + (pairs & np.uint32(0xFFFF))).astype(np.float32)
    return np.asarray((total - np.float32(510)) / np.float32(np.sqrt((256**2 - 1) / 3)))
