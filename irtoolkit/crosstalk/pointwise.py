"""Terms that depend on a pixel alone: its visible densities, their products, and its place under the lamp."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from irtoolkit.arrays import add_scaled
from irtoolkit.schema import VISIBLE

PAIRS = tuple(combinations_with_replacement(range(len(VISIBLE)), 2))
POINTWISE = ("1", *VISIBLE, *("*".join(VISIBLE[band] for band in pair) for pair in PAIRS))
LAMP = ("lamp y", "lamp x", "lamp y*y", "lamp y*x", "lamp x*x")


def pointwise_terms(density: np.ndarray, densest: np.ndarray) -> Iterator[np.ndarray]:
    """Planes (y, x) of 1, the visible densities (3, y, x), and squares and products of what they lack of the densest.

    Beyond the densest film of the slide, where a defect is and no film to fit, the sum of the terms goes on straight.
    """
    yield np.ones(density.shape[1:], np.float32)
    yield from density
    lacking = _lacking(density, densest)
    for first, second in PAIRS:
        yield lacking[first] * lacking[second]


def _lacking(density: np.ndarray, densest: np.ndarray) -> np.ndarray:
    lacking = densest.astype(np.float32)[:, None, None] - density
    return np.maximum(lacking, 0, out=lacking)


def lamp_terms(place: tuple[np.ndarray, np.ndarray]) -> Iterator[np.ndarray]:
    """Planes (y, x) of the place in the frame and its products: infrared and visible lamps fall off differently."""
    y, x = (np.ascontiguousarray(side) for side in np.broadcast_arrays(*place))
    yield from (y, x, y * y, y * x, x * x)


def lamp_density(place: tuple[np.ndarray, np.ndarray], coefficient: np.ndarray) -> np.ndarray:
    """Density (y, x), float32, of the terms of the lamp times their coefficients (term,)."""
    y, x = place
    of_y, of_x, of_yy, of_yx, of_xx = coefficient.astype(np.float32)
    return np.asarray((of_y + of_yy * y) * y + (of_x + of_xx * x) * x + (of_yx * y) * x)


def pointwise_sums(density: np.ndarray, densest: np.ndarray, coefficients: np.ndarray) -> list[np.ndarray]:
    """Sums (y, x) of the pointwise terms of densities (3, y, x) times coefficients (sum, term), float32."""
    sums = [np.zeros(density.shape[1:], np.float32) for _ in coefficients]
    for place, plane in enumerate(pointwise_terms(density, densest)):
        for total, value in zip(sums, coefficients[:, place], strict=True):
            add_scaled(total, value, plane)
    return sums


def ghost_density(density: np.ndarray, prediction: np.ndarray, densest: np.ndarray) -> np.ndarray:
    """Infrared density (y, x) that the visible densities (3, y, x) predict pixel by pixel, before any blur."""
    return pointwise_sums(density, densest, prediction[None])[0]


def pointwise_slopes(density: np.ndarray, weights: np.ndarray, densest: np.ndarray) -> np.ndarray:
    """Change (3, y, x) of the sum of pointwise terms, weighted (term,), with each visible density (3, y, x)."""
    linear, products = weights[1 : 1 + len(VISIBLE)], weights[1 + len(VISIBLE) :]
    lacking = _lacking(density, densest)
    slopes = np.empty_like(density)
    slopes[:] = linear[:, None, None]
    for (first, second), value in zip(PAIRS, products, strict=True):
        weight = np.float32(value)
        slopes[first] -= weight * lacking[second]
        slopes[second] -= weight * lacking[first]
    return np.where(lacking > 0, slopes, linear[:, None, None].astype(np.float32))
