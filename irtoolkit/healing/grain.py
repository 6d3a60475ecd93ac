"""Grain for filled pixels: noise from a hash of coordinates, with the grain of the slide's film."""

import cv2
import numpy as np

from irtoolkit.arrays import blur
from irtoolkit.healing.film_grain import CELL, COARSE, DEVIATION, NORMAL_FACTOR, REACH, SOFTNESS, Grain, cell_means

FAR_WEIGHT = np.float32(0.02)


def add_grain(planes: np.ndarray, mask: np.ndarray, start: tuple[int, int], grain: Grain) -> np.ndarray:
    """Add grain to masked pixels until they have that of the film.

    Its variance is what the fill lacks of the detail within some 10 px, and at most of the film's grain at this light:
    more is detail of the picture.

    Parameters
    ----------
    planes
        (band, y, x) float32, gamma-coded as in `film_grain`.
    mask
        (y, x) bool, True = filled.
    start
        Row and column of the first pixel on the slide; the noise depends on coordinates only.
    grain
        That of the slide's film.

    Returns
    -------
    numpy.ndarray
        Planes, equal to the given ones where the mask is False.
    """
    noise = hash_noise(mask.shape, start, len(planes) + 1)
    noise = np.float32(np.sqrt(grain.shared)) * noise[-1] + np.float32(np.sqrt(1 - grain.shared)) * noise[:-1]
    missing = np.float32(grain.strength) * _missing_grain(planes, mask, grain)
    for band, softness in enumerate(grain.softness):
        missing[band] *= blur(noise[band], softness) / np.float32(np.interp(softness, SOFTNESS, DEVIATION))
    return np.where(mask, planes + missing, planes)


def _missing_grain(planes: np.ndarray, mask: np.ndarray, grain: Grain) -> np.ndarray:
    """Smooth deviation (band, y, x) of the grain that masked pixels lack."""
    sharp = np.ascontiguousarray(planes.transpose(1, 2, 0))
    measured = np.ones((*mask.shape, len(planes) + 1), np.float32)
    measured[..., :-1] = np.sqrt(np.abs(sharp - blur(sharp, COARSE).reshape(sharp.shape)))
    everywhere, clean = cell_means(measured), cell_means(measured * ~mask[..., None])
    around, own = _local_deviation(clean), _local_deviation(everywhere - clean)
    film = np.minimum(around, grain.at(cell_means(sharp).mean(axis=2)))
    lacking = np.sqrt(np.maximum(film**2 - own**2, 0))
    large = cv2.resize(lacking, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(large.reshape(*mask.shape, -1).transpose(2, 0, 1))


def _local_deviation(means: np.ndarray) -> np.ndarray:
    """Deviation (y, x, band) of nearby pixels from `means` of their roots and, last, of their number; else of all."""
    near = blur(means, REACH / CELL) + FAR_WEIGHT * means.mean(axis=(0, 1))
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
