"""Planes at a half or a quarter of the resolution, for what varies little from pixel to pixel."""

import cv2
import numpy as np

from irtoolkit.arrays.statistics import blur

HALF, QUARTER = 2, 4


def shrink(plane: np.ndarray, step: int = HALF) -> np.ndarray:
    """Means of a float32 plane over squares of `step` by `step` px; the last row and column are repeated as needed.

    >>> shrink(np.float32([[1, 3, 5], [1, 3, 5]]))
    array([[2., 5.]], dtype=float32)
    """
    height, width = plane.shape
    below, right = -height % step, -width % step
    if below or right:
        plane = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
    sides = (HALF, HALF) if step == QUARTER else (step,)
    for side in sides:
        plane = cv2.resize(plane, (plane.shape[1] // side, plane.shape[0] // side), interpolation=cv2.INTER_AREA)
    return plane


def enlarge(small: np.ndarray, shape: tuple[int, ...], step: int = HALF) -> np.ndarray:
    """A shrunk float32 plane at the full resolution, (y, x) of the given shape, by linear interpolation.

    >>> enlarge(np.float32([[1, 3]]), (2, 3))
    array([[1. , 1.5, 2.5],
           [1. , 1.5, 2.5]], dtype=float32)
    """
    return _resized(small, shape, step, cv2.INTER_LINEAR)


def enlarge_nearest(small: np.ndarray, shape: tuple[int, ...], step: int = HALF) -> np.ndarray:
    """A shrunk plane at the full resolution, (y, x) of the given shape, each value over a square."""
    return _resized(small, shape, step, cv2.INTER_NEAREST)


def _resized(small: np.ndarray, shape: tuple[int, ...], step: int, interpolation: int) -> np.ndarray:
    size = small.shape[1] * step, small.shape[0] * step
    return cv2.resize(small, size, interpolation=interpolation)[: shape[0], : shape[1]]


def blur_shrunk(small: np.ndarray, sigma: float, step: int = HALF) -> np.ndarray:
    """Blur a shrunk plane so that, enlarged, it is blurred by `sigma` px of the full resolution in all.

    Shrinking and enlarging add the variances of a square and of a triangle, (step^2 - 1) / 12 and step^2 / 6.
    """
    added = (step**2 - 1) / 12 + step**2 / 6
    return blur(small, float(np.sqrt(max(sigma**2 - added, 0.0))) / step)


def wide_blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a float32 plane by many pixels, computed at a quarter of the resolution."""
    return enlarge(blur_shrunk(shrink(plane, QUARTER), sigma, QUARTER), plane.shape, QUARTER)
