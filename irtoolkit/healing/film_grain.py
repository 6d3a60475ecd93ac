"""The grain of a slide's film, measured where its picture is calm."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import FULL_SCALE, blur

CODED = 2.2
"""Exponent of the scale on which grain is measured and added: there it is about equally strong in shadows and lights.
"""

FINE, MIDDLE, COARSE = 0.7, 1.4, 2.8
"""Gaussian blurs, px; detail removed by the coarsest is grain."""

SOFTNESS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
FINE_TO_MIDDLE = (2.576, 2.316, 1.452, 0.972, 0.758, 0.597, 0.512, 0.449)
DEVIATION = (0.984, 0.830, 0.467, 0.316, 0.237, 0.165, 0.119, 0.081)
"""White noise of variance 1 after Gaussian blurs of `SOFTNESS` px: deviation removed by the fine blur over that between
the fine and the middle one, and deviation removed by the coarse one (docs/method.md)."""

NEGATIVE_RATIO = np.negative(FINE_TO_MIDDLE)
"""Rising, as `numpy.interp` wants it."""

CELL, REACH = 4, 5.0
"""Side of the cells, px, in which detail is averaged, and the blur, px, of what is around a cell."""

NORMAL_FACTOR = np.float32(0.676)
"""Squared mean of the square root of absolute normal noise, a measure that a few edges hardly change."""

LEVELS, CALM_LEVELS, LARGEST = 8, 0.25, 2.5
"""Levels of light, the share of them that surely has more than edges, and how much more grain than these any other may
have (docs/method.md)."""

CALMEST, ABOVE_CALMEST = 0.1, 1.15
"""Share of the cells of a level of light whose detail is grain alone, and how much more grain there is in all of them,
as the calmest have little by chance, too; among edges and twigs most detail is the picture's (docs/method.md)."""


class Grain(NamedTuple):
    """Grain of a film: its `deviation` (level, band) at each `light` (level,), the mean of the bands, both gamma-coded,
    0 to 1; its `softness` (band,), the blur in px of white noise that looks alike; the `shared` part of its variance
    that all bands have in common; and the `strength`, the share of the grain that is added to what lacks it.
    """

    light: np.ndarray
    deviation: np.ndarray
    softness: np.ndarray
    shared: float
    strength: float = 1.0

    def at(self, light: np.ndarray) -> np.ndarray:
        """Deviation (..., band) at gamma-coded light (...)."""
        bands = [np.interp(light, self.light, deviation) for deviation in self.deviation.T]
        return np.stack(bands, axis=-1).astype(np.float32)


def gamma_coded(counts: np.ndarray) -> np.ndarray:
    """16-bit counts, or numbers between them, on the scale of `CODED`, 0 to 1."""
    return (np.maximum(counts, 0) / np.float32(FULL_SCALE)) ** np.float32(1 / CODED)


def measure_grain(tiles: Sequence[np.ndarray]) -> Grain:
    """Measure the grain of a film on tiles (band, y, x) of 16-bit counts.

    At each of eight levels of light the tenth of the cells with the least detail around them shows grain alone, unless
    only edges have that light: there the deviation is at most 2.5 times that of calm levels.
    """
    cells = np.concatenate([_measure_cells(gamma_coded(tile).transpose(1, 2, 0)) for tile in tiles], axis=1)
    light, around = cells[:2]
    order = np.argsort(light.mean(axis=1), kind="stable")
    levels = [level[_calmest(around[level])] for level in np.array_split(order, LEVELS) if level.size]
    light, _, roots, fine, middle, squares, products = (
        np.stack([measure[level].mean(axis=0) for level in levels]) for measure in cells
    )
    deviation = ABOVE_CALMEST * roots**2 / NORMAL_FACTOR
    largest = LARGEST * np.quantile(deviation, CALM_LEVELS, axis=0)
    calmest = deviation.mean(axis=1)
    of_grain = np.all(deviation <= largest, axis=1) | (calmest == calmest.min())
    ratio = np.median((fine / np.maximum(middle, np.float32(1e-6)))[of_grain] ** 2, axis=0)
    return Grain(
        light.mean(axis=1),
        np.minimum(deviation, largest),
        np.interp(-ratio, NEGATIVE_RATIO, SOFTNESS),
        float(np.median(_shared_variance(products, squares)[of_grain])),
    )


def _measure_cells(sharp: np.ndarray) -> np.ndarray:
    """Of each cell of gamma-coded light (y, x, band), (measure, cell, band): its light; the roots of the detail around
    it and in it, and of its two finest scales; the square of its detail, and each band's product with the next.
    """
    height, width = (length // CELL * CELL for length in sharp.shape[:2])
    sharp = np.ascontiguousarray(sharp[:height, :width])
    fine, middle, coarse = (blur(sharp, sigma).reshape(sharp.shape) for sigma in (FINE, MIDDLE, COARSE))
    detail = sharp - coarse
    scales = [np.sqrt(np.abs(scale)) for scale in (detail, sharp - fine, fine - middle)]
    products = detail**2, detail * np.roll(detail, 1, axis=2)
    light, roots, *others = map(cell_means, (sharp, *scales, *products))
    return np.stack([plane.reshape(-1, sharp.shape[2]) for plane in (light, blur(roots, REACH / CELL), roots, *others)])


def _calmest(around: np.ndarray) -> np.ndarray:
    """Places of the cells with the least detail around them (cell, band), the mean of the bands."""
    detail = around.mean(axis=1)
    return np.flatnonzero(detail <= np.quantile(detail, CALMEST))


def _shared_variance(products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Mean correlation (level,), 0 to 1, of each band's detail with the next's, from means of their products and of the
    squares (level, band); dye clouds partly coincide. 0 for one band.
    """
    scale = np.sqrt(squares * np.roll(squares, 1, axis=1))
    correlation = products / np.maximum(scale, np.float32(1e-12))
    return np.clip(correlation.mean(axis=1), 0, 1) * (squares.shape[1] > 1)


def cell_means(planes: np.ndarray) -> np.ndarray:
    """Means over the cells of (y, x, plane)."""
    height, width = (max(1, length // CELL) for length in planes.shape[:2])
    return cv2.resize(planes, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)
