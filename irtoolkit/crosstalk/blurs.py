"""What the terms of the crosstalk and the noise are made of: the visible bands and their ghost in several blurs."""

from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import blur, blur_shrunk, shrink, to_transmittance, wide_blur
from irtoolkit.crosstalk.curve import FLARE_BLUR

FINE, SOFT = 0.8, 1.4
"""Sigma, px, of the blurs at full resolution; the ghost itself is shown by the second."""

COARSE, COARSEST = 2.0, 3.5
"""Sigma, px, of the blurs at half the resolution."""

LARGEST_MIXED, LARGEST_FLARE = 0.12, 20.0


class Blurs(NamedTuple):
    """The densities of a piece of a slide as optics of several blurs show them; float32.

    (y, x): `sharp`, the ghost before any blur; `ghost` and `fine_ghost`, that of light blurred by 1.4 and .8 px;
    `flare`, the light of the wide surroundings over that of the place. (3, y, x): `density`; `fine` and `soft`, blurred
    by .8 and 1.4 px. `mixed` (6, y, x): what each of these has more than blurred light. At half the resolution:
    `coarse` (3, y, x), blurred by 2 px, and `coarse_ghosts` (2, y, x), of light blurred by 2 and 3.5 px.
    """

    density: np.ndarray
    sharp: np.ndarray
    ghost: np.ndarray
    fine_ghost: np.ndarray
    flare: np.ndarray
    fine: list[np.ndarray]
    soft: list[np.ndarray]
    mixed: list[np.ndarray]
    coarse: list[np.ndarray]
    coarse_ghosts: list[np.ndarray]


def blur_picture(density: np.ndarray, sharp: np.ndarray) -> Blurs:
    """Blur the visible densities (3, y, x) of a piece of a slide and their ghost (y, x), from `ghost_density`.

    A scanner's blur averages light and not density: the ghost is blurred as light, and what the bands' densities have
    more than their blurred light is clipped at .12, as hard edges would be extrapolated beyond.
    """
    light = to_transmittance(sharp)
    ghost, half = density_of(blur(light, SOFT)), shrink(light)
    flare = np.minimum(wide_blur(light, FLARE_BLUR) / to_transmittance(ghost), np.float32(LARGEST_FLARE))
    fine, soft = ([blur(band, sigma) for band in density] for sigma in (FINE, SOFT))
    return Blurs(
        density,
        sharp,
        ghost,
        density_of(blur(light, FINE)),
        flare,
        fine,
        soft,
        _mixed(density, fine, soft),
        [blur_shrunk(shrink(band), COARSE) for band in density],
        [density_of(blur_shrunk(half, sigma)) for sigma in (COARSE, COARSEST)],
    )


def _mixed(density: np.ndarray, fine: list[np.ndarray], soft: list[np.ndarray]) -> list[np.ndarray]:
    lights = [to_transmittance(band) for band in density]
    smooth = [*zip(fine, lights, strict=True)], [*zip(soft, lights, strict=True)]
    return [
        np.minimum(plane + np.log10(blur(light, sigma)), np.float32(LARGEST_MIXED))
        for sigma, pairs in zip((FINE, SOFT), smooth, strict=True)
        for plane, light in pairs
    ]


def density_of(light: np.ndarray) -> np.ndarray:
    """Density of a transmittance, float32."""
    density = np.log10(light)
    return np.negative(density, out=density)


def density_of_blurred(density: np.ndarray, sigma: float) -> np.ndarray:
    """Density (y, x) as optics of a blur of `sigma` px show it: light is averaged, not density."""
    return density_of(blur(to_transmittance(density), sigma))
