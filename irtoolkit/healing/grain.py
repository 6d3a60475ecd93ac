"""Grain for filled pixels: noise from a hash of coordinates, matched to the grain of the film around them."""

import cv2
import numpy as np

from irtoolkit.arrays import blur

FINE, MIDDLE, COARSE = 0.7, 1.4, 2.8
"""Gaussian blurs, px; detail removed by the coarsest is grain."""

SOFTNESS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
FINE_TO_MIDDLE = (2.576, 2.316, 1.452, 0.972, 0.758, 0.597, 0.512, 0.449)
DEVIATION = (0.984, 0.830, 0.467, 0.316, 0.237, 0.165, 0.119, 0.081)
"""White noise of variance 1 after Gaussian blurs of `SOFTNESS` px: deviation removed by the fine blur over that between
the fine and the middle one, and deviation removed by the coarse one (docs/method.md)."""

NEGATIVE_RATIO = np.negative(FINE_TO_MIDDLE)
"""Rising, as `numpy.interp` wants it."""

CALMEST, ABOVE_CALMEST = 0.1, 1.2
"""Share of a window whose detail is grain alone, and how much more grain there may be elsewhere in it (the share's is
less than the mean by chance); among edges and twigs most detail is the picture's."""

REACH = 5.0
FAR_WEIGHT = np.float32(0.02)
NORMAL_FACTOR = np.float32(0.676)
"""Squared mean of the square root of absolute normal noise, a measure that a few edges hardly change."""


def add_grain(planes: np.ndarray, mask: np.ndarray, start: tuple[int, int], strength: float) -> np.ndarray:
    """Add grain to masked pixels until they have that of the clean film around them.

    The noise is blurred to the softness of the clean film's grain, the ratio of its two finest scales. Its variance is
    what the fill lacks of the clean film's within some 10 px, which is limited to the median of the window and to
    little more than its calmest tenth, because larger values are detail of the picture. Its correlation between bands
    is that of the clean film.

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
    film, sharp = (~mask).ravel(), np.ascontiguousarray(planes.transpose(1, 2, 0))
    fine, middle, coarse = (blur(sharp, sigma).reshape(sharp.shape) for sigma in (FINE, MIDDLE, COARSE))
    detail = sharp - coarse
    roots = np.sqrt(np.abs(detail))
    shared = np.float32(_shared_variance(_pixels(np.copysign(roots, detail), film)))
    noise = hash_noise(mask.shape, start, len(planes) + 1)
    noise = np.sqrt(shared) * noise[-1] + np.sqrt(1 - shared) * noise[:-1]
    missing = np.float32(strength) * _missing_grain(roots, mask)
    finest, next_finest = (_deviation(_pixels(scale, film)) for scale in (sharp - fine, fine - middle))
    for band, softness in enumerate(np.interp(-finest / np.maximum(next_finest, 1e-12), NEGATIVE_RATIO, SOFTNESS)):
        missing[band] *= blur(noise[band], softness) / np.float32(np.interp(softness, SOFTNESS, DEVIATION))
    return np.where(mask, planes + missing, planes)


def _pixels(detail: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Detail (band, pixels) of (y, x, band) at the pixels `where` (y * x) is True."""
    return np.ascontiguousarray(detail.reshape(where.size, -1).compress(where, axis=0).T)


def _deviation(detail: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.abs(detail)).mean(axis=1) ** 2)


def _shared_variance(roots: np.ndarray) -> float:
    """Mean correlation, 0 to 1, of the bands' signed roots of detail (band, pixels); dye clouds partly coincide."""
    bands, roots = len(roots), roots - roots.mean(axis=1, keepdims=True)
    products = np.einsum("is,js->ij", roots, roots)
    deviations = np.sqrt(np.diag(products))
    if bands < 2 or not deviations.all():
        return 0.0
    correlation = products / np.outer(deviations, deviations)
    return float(np.clip((correlation.sum() - bands) / (bands * (bands - 1)), 0, 1))


def _missing_grain(roots: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smooth deviation (band, y, x) of the grain that masked pixels lack, from the roots (y, x, band) of all detail."""
    summed = np.ones((*mask.shape, roots.shape[2] + 1), np.float32)
    summed[..., :-1] = roots
    everywhere, clean = _reduced(summed), _reduced(summed * ~mask[..., None])
    around, own = _local_deviation(clean), _local_deviation(everywhere - clean)
    calmest, usual = np.quantile(around, (CALMEST, 0.5), axis=(0, 1))
    around = np.minimum(around, np.minimum(usual, ABOVE_CALMEST * calmest))
    lacking = np.sqrt(np.maximum(around**2 - own**2, 0))
    large = cv2.resize(lacking, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(large.reshape(*mask.shape, -1).transpose(2, 0, 1))


def _reduced(planes: np.ndarray) -> np.ndarray:
    """Means of 4 by 4 pixels of (y, x, plane)."""
    height, width = (max(1, length // 4) for length in planes.shape[:2])
    return cv2.resize(planes, (width, height), interpolation=cv2.INTER_AREA)


def _local_deviation(means: np.ndarray) -> np.ndarray:
    """Deviation (y, x, band) of nearby pixels from `means` of their roots and, last, of their number; else of all."""
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
