"""The fit of the picture's ghost on the visible bands, robust against defects."""

from collections.abc import Collection, Iterator, Sequence
from functools import cache, partial
from operator import attrgetter

import numpy as np

from irtoolkit.alignment import Sample, measure_blur
from irtoolkit.arrays import (
    Fit,
    compute_each,
    dust_prevails,
    film_centre,
    film_level,
    fit_trimmed,
    level_offset,
    to_density,
)
from irtoolkit.crosstalk.black import find_black
from irtoolkit.crosstalk.blurs import density_of_blurred
from irtoolkit.crosstalk.candidates import find_candidates, ghost_contrast
from irtoolkit.crosstalk.curve import FilmCurve, infrared_density, visible_density
from irtoolkit.crosstalk.ghost import TERMS, Crosstalk, crosstalk_terms, subtract_ghost
from irtoolkit.crosstalk.levels import find_picture, with_level, without_level, without_spots
from irtoolkit.crosstalk.pixels import join_pixels, smooth_terms
from irtoolkit.crosstalk.pointwise import POINTWISE, ghost_density, lamp_density
from irtoolkit.crosstalk.slopes import looks_like_silver, measure_slopes
from irtoolkit.crosstalk.trials import halve, trial_pixels, try_curve

COMPARED_BLUR = 2.0
MANY_TILES, TRIED_TILES = 9, 3
SAMPLED_PIXELS = 60_000
STEP = 3
USUAL_SLOPES, UNLIKE = 0.5, 0.0
"""Slope of the infrared above which dust may have been taken for the picture, where one colour explains no more than
this share of another (docs/method.md)."""

DENSEST = 5.0
"""Density that no film exceeds, before the black level is known."""


def fit_crosstalk(samples: Sequence[Sequence[Sample]], terms: Collection[str] = TERMS) -> Crosstalk:
    """Fit infrared density on the visible densities, their blurred copies and derivatives, over one slide or a roll.

    Defects are outliers, so pixels are dropped by their residual (never by their infrared value) in rounds at 6, 5, 4,
    3 robust sigmas of their level of density, and candidates for defects teach nothing of the picture's
    detail. Blurred copies and derivatives among the terms find the blur and a leftover displacement together with the
    crosstalk (Alard & Lupton 1998, doi:10.1086/305984). Every slide has a level of its own; the other coefficients are
    common.

    Where the infrared follows the picture more steeply than usual, and the bands have little in common or the film
    looks like silver, it is fitted again without spots that are as dark in the infrared as in the visible, and the less
    steep fit is used: dust is gray, and may have set the slope.

    Parameters
    ----------
    samples
        For each slide its tiles from `align_samples`.
    terms
        Those to fit on, by name; the level always is. The others have the coefficient 0.
    """
    blurred = measure_blur([to_density(tile.planes) for slide in samples for tile in slide])
    levelled = [[with_level(tile, blurred) for tile in slide] for slide in samples]
    crosstalk = _fit_levelled(levelled, blurred, terms)
    slopes, neutral = crosstalk.slopes, crosstalk.neutral
    if slopes <= USUAL_SLOPES or (neutral > UNLIKE and not looks_like_silver(slopes, neutral)):
        return crosstalk
    spotless = [[without_spots(tile, blurred) for tile in slide] for slide in levelled]
    return min(crosstalk, _fit_levelled(spotless, blurred, terms), key=attrgetter("slopes"))


def _fit_levelled(samples: Sequence[Sequence[Sample]], blurred: float, terms: Collection[str]) -> Crosstalk:
    """The fit on tiles of counts and level, of each slide, whose infrared is `blurred` by so many px more."""
    planes = [tile.planes for slide in samples for tile in slide]
    samples = [_fit_levels(slide, blurred) for slide in samples]
    curve = _find_curve(samples, planes, blurred)
    densities = [[_within_range(tile, curve.densest) for tile in slide] for slide in _densities(samples, curve)]
    plain = _fit_smooth(densities, curve.densest, blurred)
    prediction, lamp = np.split(plain.coefficient, [len(POINTWISE)])
    clean = [_without_defects(slide, lamp, prediction, curve.densest, plain.sigma, blurred) for slide in densities]
    whole = fit_terms(sample_terms(clean, prediction, curve), terms)
    tiles = [tile for slide in densities for tile in slide]
    slopes, neutral = measure_slopes(tiles, whole.coefficient, prediction, curve.densest)
    measured = (slopes, neutral, blurred, whole.sigma, whole.r2)
    return Crosstalk(curve, prediction, whole.coefficient, whole.error, *measured)


def _fit_levels(slide: Sequence[Sample], blurred: float) -> list[Sample]:
    """A slide's tiles, of counts and level, with one level for all where dust prevails."""
    plain = FilmCurve(1.0, np.zeros(3), np.zeros(3), np.ones(3), 0.0, np.full(3, DENSEST))
    joined = trial_pixels([[halve(tile, plain.exponent) for tile in slide]], plain, blurred)
    if not dust_prevails(joined[1:], joined[0]):
        return list(slide)
    return [tile._replace(planes=np.concatenate([tile.planes[:4], 0 * tile.planes[4:]])) for tile in slide]


def _find_curve(samples: Sequence[Sequence[Sample]], planes: Sequence[np.ndarray], blurred: float) -> FilmCurve:
    few = [slide[::TRIED_TILES] if len(slide) > MANY_TILES else slide for slide in samples]

    @cache
    def halves(exponent: float, flare_blur: float | None) -> list[list[Sample]]:
        return [[halve(tile, exponent, flare_blur) for tile in slide] for slide in few]

    def tried(curve: FilmCurve) -> Fit:
        return try_curve(halves(curve.exponent, curve.flare_blur if curve.flare else None), curve, blurred)

    return find_black(planes, lambda curve: tried(curve).loss, lambda curve: _pointwise_slope(few, tried(curve), curve))


def clean_densities(samples: Sequence[Sample], crosstalk: Crosstalk) -> list[Sample]:
    """Densities of a slide's tiles under the constants of its roll; the level, last, is NaN at candidates."""
    curve, prediction = crosstalk.curve, crosstalk.prediction
    levelled = _fit_levels([with_level(tile, crosstalk.blur) for tile in samples], crosstalk.blur)
    (densities,) = _densities([levelled], curve)
    densities = [_within_range(tile, curve.densest) for tile in densities]
    plain = _fit_smooth([densities], curve.densest, crosstalk.blur)
    return _without_defects(
        densities, plain.coefficient[len(POINTWISE) :], prediction, curve.densest, plain.sigma, crosstalk.blur
    )


def sample_terms(densities: Sequence[Sequence[Sample]], prediction: np.ndarray, curve: FilmCurve) -> np.ndarray:
    """Level, terms in the order of `TERMS`, and infrared density (planes, pixel) of some 60,000 pixels of film.

    `densities` are those of each slide from `clean_densities`; every slide's means are made those of all.
    """
    return join_pixels(densities, partial(_all_terms, prediction=prediction, curve=curve), SAMPLED_PIXELS)


def fit_terms(pixels: np.ndarray, terms: Collection[str] = TERMS) -> Fit:
    """Trimmed fit of infrared density on the level and the terms named; `pixels` are from `sample_terms`.

    Whether there is much dust is seen in a fit that starts from the ghost as predicted, as the many terms could follow
    the dust. Coefficients and errors are those of all terms, 0 for those left out; `sums` has those fitted alone.
    """
    chosen = np.array([term in terms or term == "1" for term in TERMS])
    start = (np.array(TERMS) == "ghost")[chosen].astype(float)
    fit = fit_trimmed(pixels[1:][np.r_[chosen, True]], pixels[0], errors=True, start=start)
    coefficient, error = np.zeros((2, len(TERMS)))
    coefficient[chosen], error[chosen] = fit.coefficient, fit.error
    return fit._replace(coefficient=coefficient, error=error)


def level_crosstalk(
    crosstalk: Crosstalk, samples: Sequence[Sample]
) -> tuple[Crosstalk, list[tuple[np.ndarray, np.ndarray]]]:
    """Give a roll's crosstalk the infrared level of one slide, so that the median of the residual of film is zero.

    `samples` are the slide's tiles from `align_samples`. Returned beside it are each tile's residual (y, x) and
    visible density (3, y, x).
    """
    pairs = compute_each(partial(_residual_and_density, crosstalk=crosstalk), samples)
    values = _known([residual for residual, _ in pairs])
    level, _ = film_centre(values)
    coefficient = crosstalk.coefficient.copy()
    coefficient[0] += level
    return crosstalk._replace(coefficient=coefficient), [
        (residual - np.float32(level), density) for residual, density in pairs
    ]


def offset_at_levels(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """How far the residual of film is from zero at each density (`level_offset`), of a slide's tiles as levelled."""
    residual = np.concatenate([plane[::STEP, ::STEP].ravel() for plane, _ in pairs])
    density = np.concatenate([planes[:, ::STEP, ::STEP].mean(axis=0).ravel() for _, planes in pairs])
    known = np.isfinite(residual)
    return level_offset(residual[known], density[known])


def _residual_and_density(tile: Sample, crosstalk: Crosstalk) -> tuple[np.ndarray, np.ndarray]:
    density = visible_density(tile.planes[:3], crosstalk.curve)
    return subtract_ghost(density, tile.planes[3], tile.place, crosstalk), density


def _densities(samples: Sequence[Sequence[Sample]], curve: FilmCurve) -> list[list[Sample]]:
    """Densities of R, G, B and infrared, and the level."""

    def converted(tile: Sample) -> Sample:
        visible, infrared = visible_density(tile.planes[:3], curve), infrared_density(tile.planes[3], curve.exponent)
        return tile._replace(planes=np.concatenate([visible, infrared[None], tile.planes[4:]]))

    return [[converted(tile) for tile in slide] for slide in samples]


def _pointwise_slope(samples: Sequence[Sequence[Sample]], fit: Fit, curve: FilmCurve) -> float:
    """Mean slope of the infrared over all bands, by a fit without blurs."""
    pointwise = fit.coefficient[: len(POINTWISE)]
    coefficient = np.r_[pointwise, np.zeros(len(TERMS) - len(POINTWISE))]
    densities = [tile for slide in _densities(samples, curve) for tile in slide]
    return measure_slopes(densities, coefficient, pointwise, curve.densest)[0]


def _within_range(tile: Sample, densest: np.ndarray) -> Sample:
    """Left out beyond the densest film, unless a quarter of the tile is: then none is known to be the densest."""
    beyond: np.ndarray = np.any(tile.planes[:3] >= densest.astype(np.float32)[:, None, None], axis=0)
    return tile if beyond.mean() > 0.25 else without_level(tile, beyond)


def _without_defects(
    slide: Sequence[Sample], lamp: np.ndarray, prediction: np.ndarray, densest: np.ndarray, sigma: float, blurred: float
) -> list[Sample]:
    """Candidates left out, which would teach the terms of blur their own detail; the slide's level taken off.

    Ghost and infrared are compared at one blur, so that edges which one of them shows sharper are no candidates.
    """
    sharp = (ghost_density(tile.planes[:3], prediction, densest) for tile in slide)
    ghosts = [density_of_blurred(ghost, COMPARED_BLUR) for ghost in sharp]
    excesses = [
        density_of_blurred(tile.planes[3], COMPARED_BLUR) - ghost - lamp_density(tile.place, lamp)
        for tile, ghost in zip(slide, ghosts, strict=True)
    ]
    level = film_level(_known(excesses))[0]
    return [
        without_level(tile, _is_candidate(tile, excess - level, ghost, sigma, blurred))
        for tile, excess, ghost in zip(slide, excesses, ghosts, strict=True)
    ]


def _is_candidate(tile: Sample, excess: np.ndarray, ghost: np.ndarray, sigma: float, blurred: float) -> np.ndarray:
    """Candidates (y, x) bool that are not certainly picture, by what the infrared has in excess of the ghost."""
    picture = find_picture(tile.planes, blurred)
    return find_candidates(excess, ghost_contrast(ghost), sigma, picture) & ~picture


def _known(planes: Sequence[np.ndarray]) -> np.ndarray:
    """Values of every third row and column that are known."""
    values = np.concatenate([plane[::STEP, ::STEP].ravel() for plane in planes])
    return values[np.isfinite(values)]


def _all_terms(tile: Sample, prediction: np.ndarray, curve: FilmCurve) -> Iterator[np.ndarray]:
    yield tile.planes[4]
    yield from crosstalk_terms(tile.planes[:3], tile.place, prediction, curve)
    yield tile.planes[3]


def _fit_smooth(densities: Sequence[Sequence[Sample]], densest: np.ndarray, blurred: float) -> Fit:
    """Trimmed fit of the blurred infrared on the pointwise terms and those of the lamp."""
    joined = join_pixels(densities, partial(smooth_terms, densest=densest, blurred=blurred), SAMPLED_PIXELS)
    return fit_trimmed(joined[1:], joined[0])
