"""From a scanner's counts to the density of the film: the file's curve, its black levels, the flare."""

from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import light_to_density, to_light, wide_blur

FLARE_BLUR = 12.0


class FilmCurve(NamedTuple):
    """How counts become density, and which densities the film has; arrays are (band,), R, G, B.

    `exponent`: of light over counts; `darkest`, `offset`, `softness`: 16-bit counts of light, of the darkest places, of
    the black level, and under which a logarithm turns into light itself; `flare`: share of the light around; `densest`:
    density of the densest film; `maximum`: density that no film exceeds, None where the infrared hardly follows the
    picture.
    """

    exponent: float
    darkest: np.ndarray
    offset: np.ndarray
    softness: np.ndarray
    flare: float
    densest: np.ndarray
    maximum: np.ndarray | None = None


def visible_density(counts: np.ndarray, curve: FilmCurve) -> np.ndarray:
    """Density (3, y, x) of visible counts above the black levels, without the flare of their surroundings.

    A defect may seem denser than any film; it gets the film's maximum density, if that is known.
    """
    flare, density = np.float32(curve.flare), np.empty(counts.shape, np.float32)
    for place, (band, black, soft) in enumerate(zip(counts, curve.offset, curve.softness, strict=True)):
        light = to_light(band, curve.exponent)
        light -= np.float32(black)
        if flare:
            light -= flare * wide_blur(light, FLARE_BLUR)
            light /= 1 - flare
        density[place] = light_to_density(light, soft)
    if curve.maximum is not None:
        np.minimum(density, curve.maximum.astype(np.float32)[:, None, None], out=density)
    return density


def infrared_density(infrared: np.ndarray, exponent: float) -> np.ndarray:
    """Density of infrared counts of any shape, float32."""
    return light_to_density(to_light(infrared, exponent))
