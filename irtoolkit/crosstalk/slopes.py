"""How steeply the infrared follows the picture, and how similar its bands are: silver is steep and gray."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import combine, least_squares, robust_centre_and_scale
from irtoolkit.crosstalk.ghost import ghost_slopes
from irtoolkit.schema import VISIBLE

SILVER, BLOCKED_SLOPES, ALIKE = 0.62, 0.75, 0.05
"""Limits of film with dyes: of the slope of the infrared times the share that one colour explains of another, and of
that slope alone where this share is over the third (docs/method.md)."""


def measure_slopes(
    densities: Sequence[Sample], coefficient: np.ndarray, prediction: np.ndarray, densest: np.ndarray
) -> tuple[float, float]:
    """Mean slope of the predicted infrared over all bands, and how much of one band another explains."""
    pixels = np.concatenate([tile.planes[:3].reshape(3, -1)[:, ::101] for tile in densities], axis=1)
    slopes = ghost_slopes(pixels[:, None], coefficient, prediction, densest)
    return float(slopes.sum(axis=0).mean()), _neutrality(pixels)


def looks_like_silver(slopes: float, neutral: float) -> bool:
    """Whether the infrared follows the picture, and the bands are similar; those of Kodachrome are less similar."""
    return slopes * neutral > SILVER or (slopes > BLOCKED_SLOPES and neutral > ALIKE)


def _neutrality(density: np.ndarray) -> float:
    """Least share of a visible band's variation that another band explains, by robust sigmas, from below 0 to 1."""
    bands = density.astype(np.float64)
    shares = []
    for one, other in combinations(range(len(VISIBLE)), 2):
        terms = np.stack([np.ones_like(bands[one]), bands[one], bands[one] ** 2])
        explained = combine(least_squares(terms, bands[other], 1e-6), terms)
        left, whole = (robust_centre_and_scale(values)[1] for values in (bands[other] - explained, bands[other]))
        shares.append(1 - (left / max(whole, 1e-9)) ** 2)
    return float(min(shares))
