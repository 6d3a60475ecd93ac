"""Levels: the density of the film around each place, without its dust; the fit looks for outliers in each level."""

import cv2
import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import blur, high_pass, robust_centre_and_scale, to_density
from irtoolkit.crosstalk.candidates import DETAIL, is_picture, opened

SMOOTHED = 1.5
"""Sigma, px, of the blur under which levels and picture are compared."""

STANDS_OUT = 4.0
"""Least height of a spot above its surroundings in the infrared, sigmas of their noise (docs/method.md)."""

LEAST_RATIO, LARGEST_RATIO = 0.5, 1.6
"""Least and largest density in the visible, over that in the infrared, of a spot that may be dust (docs/method.md)."""

GROWN, LARGEST_SHARE = 7, 0.5
"""Width of the square by which such spots are grown, px, and the share of a tile above which they are picture."""


def with_level(tile: Sample, blurred: float) -> Sample:
    """The tile with one plane more, the level: visible density of the surroundings, which no dust under 15 px changes.

    It is the pixel's own at what is certainly picture.
    """
    density = np.stack([to_density(band) for band in tile.planes[:4]])
    smooth = blur(density[:3].mean(axis=0), SMOOTHED)
    level = np.where(find_picture(density, blurred), smooth, opened(smooth))
    return tile._replace(planes=np.concatenate([tile.planes[:4], level[None]]))


def without_spots(tile: Sample, blurred: float) -> Sample:
    """The tile of `with_level` with NaN for the level where dust may be: at spots (`find_spots`)."""
    density = np.stack([to_density(band) for band in tile.planes[:4]])
    spots = find_spots(*_equally_sharp(density, blurred))
    if spots.mean() > LARGEST_SHARE:
        return tile
    return without_level(tile, spots)


def without_level(tile: Sample, left_out: np.ndarray) -> Sample:
    """The tile with NaN for the level where it is to be left out of fits; blurs still see its infrared."""
    level = np.where(left_out, np.float32(np.nan), tile.planes[4])
    return tile._replace(planes=np.concatenate([tile.planes[:4], level[None]]))


def find_spots(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
    """Where (y, x) spots of under 15 px are about as dark in the visible as in the infrared, both density (y, x).

    Each spot is judged as a whole, as single pixels would be chosen by their noise.
    """
    lost, blocked = (plane - opened(plane) for plane in (visible, infrared))
    noise = robust_centre_and_scale(high_pass(infrared, DETAIL).ravel())[1]
    stands_out = blocked > np.median(blocked) + STANDS_OUT * noise
    number, labels = cv2.connectedComponents(stands_out.astype(np.uint8), connectivity=8)
    of_visible, of_infrared = (
        np.bincount(labels.ravel(), (plane - np.median(plane)).ravel(), number) for plane in (lost, blocked)
    )
    alike = (of_visible > LEAST_RATIO * of_infrared) & (of_visible < LARGEST_RATIO * of_infrared)
    alike[0] = False
    return np.asarray(cv2.dilate(alike[labels].astype(np.uint8), np.ones((GROWN, GROWN), np.uint8)), bool)


def find_picture(density: np.ndarray, blurred: float) -> np.ndarray:
    """`is_picture` of densities (4, y, x), of which the infrared is `blurred` by so many px more."""
    return is_picture(*_equally_sharp(density, blurred))


def _equally_sharp(density: np.ndarray, blurred: float) -> tuple[np.ndarray, np.ndarray]:
    """Visible mean and infrared (y, x) of densities (4, y, x), both blurred."""
    visible = blur(density[:3].mean(axis=0), float(np.hypot(SMOOTHED, blurred)))
    return visible, blur(np.nan_to_num(density[3]), SMOOTHED)
