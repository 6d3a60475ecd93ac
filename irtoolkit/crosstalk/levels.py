"""Levels: the density of the film around each place, without its dust; the fit looks for outliers in each level."""

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import blur, to_density
from irtoolkit.crosstalk.candidates import is_picture, opened

SMOOTHED = 1.5
"""Sigma, px, of the blur under which levels and picture are compared."""


def with_level(tile: Sample, blurred: float) -> Sample:
    """The tile with one plane more, the level: visible density of the surroundings, which no dust under 15 px changes.

    It is the pixel's own at what is certainly picture.
    """
    density = np.stack([to_density(band) for band in tile.planes[:4]])
    smooth = blur(density[:3].mean(axis=0), SMOOTHED)
    level = np.where(find_picture(density, blurred), smooth, opened(smooth))
    return tile._replace(planes=np.concatenate([tile.planes[:4], level[None]]))


def find_picture(density: np.ndarray, blurred: float) -> np.ndarray:
    """`is_picture` of densities (4, y, x), of which the infrared is `blurred` by so many px more."""
    visible = blur(density[:3].mean(axis=0), float(np.hypot(SMOOTHED, blurred)))
    return is_picture(visible, blur(np.nan_to_num(density[3]), SMOOTHED))
