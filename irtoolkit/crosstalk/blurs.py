"""What the terms of the crosstalk and the noise are made of: the visible bands and their ghost in several blurs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import blur, blur_shrunk, gradient, shrink, to_transmittance, wide_blur

FINE, SOFT = 0.8, 1.4
"""Sigma, px, of the blurs at full resolution; the ghost itself is shown by the second."""

COARSE, COARSEST = 2.0, 3.5
"""Sigma, px, of the blurs at half the resolution."""

LARGEST_MIXED, LARGEST_FLARE = np.float32(0.12), np.float32(20.0)


class Blurs(NamedTuple):
    """The densities of a piece of a slide as optics show them; float32.

    `density` (3, y, x), and blurred by .8 px `fine`, three planes (y, x); by 2 px and at half the resolution `coarse`,
    three planes. `sharp` (y, x): the density of the ghost before any blur, `light` its transmittance, `ghost` its
    density where the light is blurred by 1.4 px, and `steps` its change per px along y and along x.
    """

    density: np.ndarray
    sharp: np.ndarray
    light: np.ndarray
    ghost: np.ndarray
    steps: tuple[np.ndarray, np.ndarray]
    fine: list[np.ndarray]
    coarse: list[np.ndarray]


def blur_picture(density: np.ndarray, sharp: np.ndarray) -> Blurs:
    """Blur the visible densities (3, y, x) of a piece of a slide, and their ghost (y, x), from `ghost_density`.

    A scanner's blur averages light and not density: the ghost is blurred as light.
    """
    light = to_transmittance(sharp)
    fine, coarse = [blur(band, FINE) for band in density], [blur_shrunk(shrink(band), COARSE) for band in density]
    ghost = _density_of(blur(light, SOFT))
    return Blurs(density, sharp, light, ghost, gradient(ghost), fine, coarse)


def measure_flare(blurs: Blurs, sigma: float) -> np.ndarray:
    """The ghost's light (y, x) in the surroundings, blurred by `sigma` px, over that of the place."""
    flare = wide_blur(blurs.light, sigma) / to_transmittance(blurs.ghost)
    return np.minimum(flare, LARGEST_FLARE, out=flare)


def full_details(blurs: Blurs) -> Iterator[np.ndarray]:
    """Planes (y, x) of fine detail: the ghost unblurred and blurred by .8 px; the bands so; and of each band its blur
    by 1.4 px, and what its blurs by .8 and 1.4 px have more than its blurred light.

    These last are clipped at .12, as hard edges would be extrapolated beyond.
    """
    yield blurs.sharp
    yield _density_of(blur(blurs.light, FINE))
    yield from blurs.fine
    for band, fine in zip(blurs.density, blurs.fine, strict=True):
        soft, light = blur(band, SOFT), to_transmittance(band)
        yield soft
        yield _mixed(light, fine, FINE)
        yield _mixed(light, soft, SOFT)


def _mixed(light: np.ndarray, smooth: np.ndarray, sigma: float) -> np.ndarray:
    """Blurred density less that of light blurred alike."""
    excess = blur(light, sigma)
    np.log10(excess, out=excess)
    excess += smooth
    return np.minimum(excess, LARGEST_MIXED, out=excess)


def half_details(blurs: Blurs) -> list[np.ndarray]:
    """Planes at half resolution: the bands blurred by 2 px, and the ghost by 2 and 3.5 px."""
    half = shrink(blurs.light)
    return [*blurs.coarse, *(_density_of(blur_shrunk(half, sigma)) for sigma in (COARSE, COARSEST))]


def density_of_blurred(density: np.ndarray, sigma: float) -> np.ndarray:
    """Density (y, x) as optics of a blur of `sigma` px show it: light is averaged, not density."""
    return _density_of(blur(to_transmittance(density), sigma))


def _density_of(light: np.ndarray) -> np.ndarray:
    """Density of a transmittance, float32, which it overwrites."""
    np.log10(light, out=light)
    return np.negative(light, out=light)
