"""Curves, black levels and flare are tried on tiles of light at half the resolution."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import HALF, Fit, blur_known, fit_trimmed, light_to_density, shrink, to_light, wide_blur
from irtoolkit.crosstalk.curve import FilmCurve, film_density, without_flare
from irtoolkit.crosstalk.pixels import BORDER, blur_alike, join_slides, sample_pixels
from irtoolkit.crosstalk.pointwise import lamp_terms, pointwise_terms

TRIED_PIXELS = 15_000
BANDS = 4
OF_SQUARE = ((HALF**2 - 1) / 12) ** 0.5
"""Sigma, px, of the blur of a mean over a square."""


def halve(tile: Sample, exponent: float, flare_blur: float | None = None) -> Sample:
    """A tile of counts and level at half the resolution: 16-bit counts of light of R, G, B and infrared, the level, and
    the light around of the four bands, blurred by `flare_blur` px, or None without flare.
    """
    height, width = (HALF * (length // HALF) for length in tile.planes.shape[1:])
    light = [shrink(to_light(band[:height, :width], exponent)) for band in tile.planes[:BANDS]]
    around = [blur_known(band, flare_blur / HALF, wide_blur) for band in light if flare_blur]
    (y, x), level = tile.place, tile.planes[BANDS, :height:HALF, :width:HALF]
    return Sample(np.stack([*light, level, *around]), (y[:height:HALF], x[:, :width:HALF]))


def try_curve(slides: Sequence[Sequence[Sample]], curve: FilmCurve, blurred: float) -> Fit:
    """Trimmed fit of the infrared, `blurred` by so many px more, on the pointwise terms and those of the lamp.

    `slides` are their tiles from `halve`, with the curve's exponent and, if it has flare, its blur.
    """
    joined = trial_pixels(slides, curve, blurred)
    return fit_trimmed(joined[1:], joined[0])


def trial_pixels(slides: Sequence[Sequence[Sample]], curve: FilmCurve, blurred: float) -> np.ndarray:
    """Level, terms and infrared density (plane, pixel) of some 15,000 pixels under a curve."""
    planes, number = partial(_densities, curve=curve, blurred=blurred), TRIED_PIXELS // len(slides)
    samples = (sample_pixels(tiles, planes, number, BORDER // HALF) for tiles in slides)
    return join_slides([_terms(pixels, curve.densest) for pixels in samples])


def _densities(tile: Sample, curve: FilmCurve, blurred: float) -> Iterator[np.ndarray]:
    """Level, place, densities of R, G, B and infrared, which has the visible light's flare: one optics."""
    light = tile.planes[:BANDS]
    around = tile.planes[BANDS + 1 :] if curve.flare else light
    visible = film_density(zip(light[:3], around[:3], strict=True), curve)
    infrared = light_to_density(without_flare(light[3], around[3], curve.flare))
    yield tile.planes[BANDS]
    yield from np.broadcast_arrays(*tile.place)
    yield from blur_alike([*visible, infrared], blurred, OF_SQUARE, HALF)


def _terms(pixels: np.ndarray, densest: np.ndarray) -> np.ndarray:
    level, y, x, *density = pixels
    visible = np.stack(density[:3])[:, None]
    terms = (plane.ravel() for plane in (*pointwise_terms(visible, densest), *lamp_terms((y, x))))
    return np.stack([level, *terms, density[3]])
