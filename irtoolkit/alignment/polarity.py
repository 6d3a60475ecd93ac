"""Whether a picture is a positive made from a negative: its dust is bright, its infrared brighter where it is dark."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.alignment.resampling import Sample
from irtoolkit.arrays import compute_each, robust_centre_and_scale, to_density, wide_blur

SURE, LEAST = 6.0, 0.05
"""Robust sigmas, and density, above the infrared around from which on a place is taken for a defect here."""

AROUND = 6.0
"""Sigma, px, of the surroundings with which a place is compared."""

FEWEST, MAJORITY, OF_INFRARED = 4, 1.5, 8.0
"""Fewest places of a positive that are bright in all bands, and their number over that of the places dark in all, and
over that of the places as bright in the infrared (docs/method.md)."""

LARGEST_CORRELATION = -0.06
"""Largest correlation of the infrared with the picture of a positive (docs/method.md)."""

RIM = np.ones((5, 5), np.uint8)


class Signs(NamedTuple):
    """Numbers of places dark in the infrared, `brighter` and `darker` than around in all visible bands, and of places
    as bright in the infrared (`mirrored`); and of the other pixels the sums of `squares` of the picture, of those of
    the infrared, and of their `product`, all densities from those around.
    """

    brighter: int
    darker: int
    mirrored: int
    product: float
    squares: tuple[float, float]


def measure_inversion(samples: Sequence[Sample]) -> bool:
    """Whether a slide is a positive made from a negative, by two signs that no other slide has together.

    Most of its defects, which are dark in the infrared, are brighter than around in all visible bands. Where the
    picture is darker, the infrared is brighter, if only a little: in scans of film it is darker by its crosstalk. With
    fewer than 4 bright defects nothing is known, and the slide is taken for a usual one. Where many places are as
    bright in the infrared as defects are dark, the infrared is inverted, not the picture.

    Parameters
    ----------
    samples
        Tiles of the slide from `align_samples`, as scanned.
    """
    brighter, darker, mirrored, product, squares = zip(*compute_each(_signs, samples), strict=True)
    most = sum(brighter) >= max(FEWEST, MAJORITY * sum(darker), OF_INFRARED * sum(mirrored))
    return bool(most and sum(product) < LARGEST_CORRELATION * np.sqrt(np.prod(np.sum(squares, axis=0))))


def _signs(tile: Sample) -> Signs:
    known = np.isfinite(tile.planes[3])
    density = to_density(np.where(known, tile.planes, np.float32(1)))
    excess = np.where(known, _above_around(density[3], known), np.float32(0))
    centre, scale = robust_centre_and_scale(excess[known]) if known.any() else (0.0, 1.0)
    least = max(SURE * scale, LEAST)
    count, place = _places(excess - centre > least)
    outside = (place == 0) & known
    steps = np.stack([_above_around(band, outside) for band in density])
    lost = np.stack([np.bincount(place.ravel(), band.ravel(), count)[1:] for band in steps[:3]])
    picture, infrared = steps[:3, outside].mean(axis=0), steps[3, outside]
    return Signs(
        int((lost < 0).all(axis=0).sum()),
        int((lost > 0).all(axis=0).sum()),
        _places(outside & (steps[3] < -least))[0] - 1,
        _product(picture, infrared),
        (_product(picture, picture), _product(infrared, infrared)),
    )


def _product(one: np.ndarray, other: np.ndarray) -> float:
    """Sum of products, the same bit for bit on any number of BLAS threads."""
    return float(np.einsum("s,s", one, other, dtype=np.float64))


def _places(beyond: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of the connected places, with 2 px around them, and of the rest; and the number of each pixel's (y, x)."""
    count, label = cv2.connectedComponents(cv2.dilate(beyond.astype(np.uint8), RIM), connectivity=8)
    return count, label


def _above_around(density: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Density (y, x) above the mean of the pixels `counted` (y, x) around."""
    weight = counted.astype(np.float32)
    return density - wide_blur(density * weight, AROUND) / np.maximum(wide_blur(weight, AROUND), np.float32(1e-3))
