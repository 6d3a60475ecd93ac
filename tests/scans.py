"""Tiles of made film, as a scanner sees them, whose infrared follows the colours by known slopes."""

import cv2
import numpy as np

from irtoolkit.alignment.resampling import Sample, frame_place
from irtoolkit.arrays import FULL_SCALE
from irtoolkit.crosstalk.curve import visible_density
from irtoolkit.crosstalk.ghost import subtract_ghost

SHAPE = (233, 301)
SLOPES = (0.05, 0.02, -0.01)
STEEP = (0.15, 0.1, 0.05)
NOISE = 0.002


def to_counts(density, offset=0.0):
    """16-bit counts, float32, of an ideal scanner for a density."""
    return np.float32(FULL_SCALE) * np.power(np.float32(10), -density.astype(np.float32)) + np.float32(offset)


def film(textured, seed=1, shape=SHAPE, gray=False, contrast=0.25):
    """Densities (3, y, x) of colour bands with detail at two scales."""
    planes = [textured(seed + band, shape, 9) + 0.6 * textured(seed + band + 50, shape, 1.5) for band in range(3)]
    return np.stack([0.9 + contrast * planes[0 if gray else band] for band in range(3)])


def sky(textured, seed=1, shape=SHAPE):
    """Densities (3, y, x) of clouds without detail, and a grain of .004."""
    clouds = [0.5 + 0.15 * textured(seed + band + 20, shape, 25) for band in range(3)]
    return np.stack([plane + 0.004 * textured(seed + band + 70, shape, 0.7) for band, plane in enumerate(clouds)])


def scan(density, slopes=SLOPES, level=0.25, blur=0.0, noise=NOISE, dust=None, seed=1):
    """A tile, float32, of a film whose infrared density is `level` plus `slopes` times the bands'."""
    ghost = level + np.tensordot(np.float32(slopes), density, axes=1)
    ghost = ghost if dust is None else ghost + dust
    light = np.power(np.float32(10), -ghost)
    light = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    rng = np.random.default_rng(seed)
    infrared = -np.log10(light) + rng.normal(0, noise, light.shape).astype(np.float32)
    bands = density if dust is None else density + dust
    return whole(to_counts(np.concatenate([bands, infrared[None]])))


def whole(planes):
    """Counts (4, y, x) as the tile that is all of its slide."""
    shape = planes.shape[1:]
    return Sample(planes.astype(np.float32), frame_place((0, 0), shape, shape))


def specks(seed, shape=SHAPE, share=0.03):
    """Neutral dust of density .4 over about `share` of the picture."""
    points = np.random.default_rng(seed).random(shape) < share / 25
    return cv2.dilate(points.astype(np.float32), np.ones((5, 5))) * np.float32(0.4)


def residual_of(tile, crosstalk):
    """Residual density (y, x) that a fit leaves of a tile."""
    return subtract_ghost(visible_density(tile.planes[:3], crosstalk.curve), tile.planes[3], tile.place, crosstalk)
