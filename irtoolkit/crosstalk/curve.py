"""From a scanner's counts to the density of the film: the file's curve, its black levels, the flare."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import light_to_density, to_light, wide_blur

FLARE_BLURS = (6.0, 9.0, 12.0, 18.0)
USUAL_FLARE_BLUR = 12.0
"""Sigmas, px, of the blurs of flare that are tried, and the one that is usual."""


class FilmCurve(NamedTuple):
    """How counts become density, and which densities the film has; arrays are (band,), R, G, B.

    `exponent`: of light over counts; `darkest`, `offset`, `softness`: 16-bit counts of light, of the darkest places, of
    the black level, and under which a logarithm turns into light itself; `flare`: share of the light around, which is
    blurred by `flare_blur` px; `densest`: density of the densest film; `maximum`: density that no film exceeds, None
    where the infrared hardly follows the picture.
    """

    exponent: float
    darkest: np.ndarray
    offset: np.ndarray
    softness: np.ndarray
    flare: float
    densest: np.ndarray
    maximum: np.ndarray | None = None
    flare_blur: float = USUAL_FLARE_BLUR


def visible_density(counts: np.ndarray, curve: FilmCurve) -> np.ndarray:
    """Density (3, y, x) of visible counts above the black levels, without the flare of their surroundings.

    A defect may seem denser than any film; it gets the film's maximum density, if that is known.
    """
    lights = (to_light(band, curve.exponent) for band in counts)
    return film_density(
        ((light, wide_blur(light, curve.flare_blur) if curve.flare else light) for light in lights), curve
    )


def film_density(bands: Iterable[tuple[np.ndarray, np.ndarray]], curve: FilmCurve) -> np.ndarray:
    """Density (3, ...) of R, G, B, as `visible_density`, from the light of each and that of its surroundings.

    Both are 16-bit counts, float32, of one shape.
    """
    density = []
    for (light, around), black, soft in zip(bands, curve.offset, curve.softness, strict=True):
        above = without_flare(light, around, curve.flare) - np.float32(black)
        density.append(light_to_density(above, soft))
    joined = np.stack(density)
    if curve.maximum is not None:
        np.minimum(joined, curve.maximum.astype(np.float32)[:, None, None], out=joined)
    return joined


def without_flare(light: np.ndarray, around: np.ndarray, flare: float) -> np.ndarray:
    """Light (...) without the share `flare` of the light `around` (...) that reached it."""
    return (light - np.float32(flare) * around) / np.float32(1 - flare) if flare else light


def infrared_density(infrared: np.ndarray, exponent: float) -> np.ndarray:
    """Density of infrared counts of any shape, float32."""
    return light_to_density(to_light(infrared, exponent))
