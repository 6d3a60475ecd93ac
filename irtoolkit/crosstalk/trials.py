"""Curves, black levels and flare are tried on tiles of light at half the resolution."""

from collections.abc import Iterator, Sequence
from functools import partial

import cv2
import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import HALF, Fit, blur, blur_known, fit_trimmed, light_to_density, shrink, to_light, wide_blur
from irtoolkit.crosstalk.candidates import box_mean
from irtoolkit.crosstalk.curve import FilmCurve, film_density, without_flare
from irtoolkit.crosstalk.pixels import blur_alike, join_slides, sample_pixels
from irtoolkit.crosstalk.pointwise import lamp_terms, pointwise_terms

TRIED_PIXELS, BORDER = 15_000, 24
"""Pixels of a trial, and those of full resolution along the sides of a tile that none uses: flare comes from beyond."""

BANDS = 4
OF_SQUARE = ((HALF**2 - 1) / 12) ** 0.5
"""Sigma, px, of the blur of a mean over a square."""

SIDE, SOFTENED = 5, 0.7
"""Pixels of half the resolution along a square of even film, and of the blur before its range is measured."""

BRIGHTNESSES, EVENEST, FEWEST_EVEN = 8, 0.25, 1000
"""Number of brightnesses, share of each that is even, and pixels from which on even film is enough (docs/method.md)."""


def halve(tile: Sample, exponent: float, flare_blur: float | None = None) -> Sample:
    """A tile of counts and level at half the resolution: 16-bit counts of light of R, G, B and infrared, the level, and
    the light around of the four bands, blurred by `flare_blur` px, or None without flare.
    """
    height, width = (HALF * (length // HALF) for length in tile.planes.shape[1:])
    light = [shrink(to_light(band[:height, :width], exponent)) for band in tile.planes[:BANDS]]
    around = [blur_known(band, flare_blur / HALF, wide_blur) for band in light if flare_blur]
    (y, x), level = tile.place, tile.planes[BANDS, :height:HALF, :width:HALF]
    return Sample(np.stack([*light, level, *around]), (y[:height:HALF], x[:, :width:HALF]))


def keep_even(tile: Sample) -> Sample:
    """A tile from `halve` as means over squares, its level NaN where the film is uneven and edges mix their light.

    Even are the squares of each brightness whose density ranges least: a quarter of them, but of a common brightness
    only as many as if all were equally common.
    """
    gray = blur(light_to_density(tile.planes[: BANDS - 1].mean(axis=0)), SOFTENED)
    square = np.ones((SIDE, SIDE), np.uint8)
    uneven = cv2.dilate(gray, square) - cv2.erode(gray, square)
    brightness = np.searchsorted(np.linspace(gray.min(), gray.max(), BRIGHTNESSES + 1)[1:-1], gray)
    limits = np.full(BRIGHTNESSES, -np.inf)
    for number, count in enumerate(np.bincount(brightness.ravel())):
        if count:
            share = EVENEST * min(1, gray.size / BRIGHTNESSES / count)
            limits[number] = np.quantile(uneven[brightness == number], share)
    level = np.where(uneven <= limits[brightness], tile.planes[BANDS], np.float32(np.nan))
    light = [blur_known(band, SIDE, lambda plane, _: box_mean(plane, SIDE)) for band in tile.planes[:BANDS]]
    return tile._replace(planes=np.stack([*light, level, *tile.planes[BANDS + 1 :]]))


def keep_even_film(slides: Sequence[Sequence[Sample]]) -> Sequence[Sequence[Sample]]:
    """Tiles from `halve` through `keep_even`; as they are where hardly any even film is left inside their borders."""
    even = [[keep_even(tile) for tile in slide] for slide in slides]
    inside = slice(BORDER // HALF, -BORDER // HALF)
    left = sum(np.isfinite(tile.planes[BANDS][inside, inside]).sum() for slide in even for tile in slide)
    return even if left >= FEWEST_EVEN else slides


def try_curve(slides: Sequence[Sequence[Sample]], curve: FilmCurve, blurred: float) -> Fit:
    """Trimmed fit of the infrared, `blurred` by so many px more, on the pointwise terms and those of the lamp.

    `slides` are their tiles from `halve`, with the curve's exponent and, if it has flare, its blur.
    """
    joined = trial_pixels(slides, curve, blurred)
    return fit_trimmed(joined[1:], joined[0])


def trial_pixels(slides: Sequence[Sequence[Sample]], curve: FilmCurve, blurred: float) -> np.ndarray:
    """Level, terms and infrared density (plane, pixel) of some 15,000 pixels under a curve."""
    known = np.mean([np.isfinite(tile.planes[BANDS]).mean() for slide in slides for tile in slide])
    planes, number = partial(_densities, curve=curve, blurred=blurred), TRIED_PIXELS / max(known, 0.01) / len(slides)
    samples = (sample_pixels(tiles, planes, round(number), BORDER // HALF) for tiles in slides)
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
