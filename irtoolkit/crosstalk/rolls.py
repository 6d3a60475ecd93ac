"""The crosstalk of a roll: its slides share film and scanner; level, lamp and shift are each slide's own."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import LIBRARIES, combine, level_scales
from irtoolkit.crosstalk.black import limit_to_film
from irtoolkit.crosstalk.curve import FilmCurve
from irtoolkit.crosstalk.ghost import TERMS, Crosstalk
from irtoolkit.crosstalk.levels import with_level
from irtoolkit.crosstalk.pointwise import LAMP
from irtoolkit.crosstalk.regression import SAMPLED_PIXELS, clean_densities, fit_terms, sample_terms
from irtoolkit.crosstalk.slopes import measure_slopes
from irtoolkit.crosstalk.trials import TRIED_PIXELS
from irtoolkit.schema import VISIBLE

OF_A_SLIDE = ("1", *LAMP, "ghost dy", "ghost dx")
"""Terms whose coefficients slides do not share."""

SHARED = tuple(term for term in TERMS if term not in OF_A_SLIDE)
SCATTERS = (0.03, 0.3, 3.0, 30.0)
"""Variances of the coefficients between slides, in units of a typical slide's, that are tried for each slide; the last
is the default (docs/method.md)."""

SCATTER = SCATTERS[-1]
WORTHWHILE = 0.02
"""Share of the noise that a slide's own coefficients must save to replace its roll's (docs/method.md)."""

ODD = 6.0
"""Misfit above which a slide is left out of its roll."""

ROUNDS = 4
HELD = 1e-5
"""Share of a typical slide's information that pulls the roll's coefficients to zero."""

RIDGE = 1e-7
SMALLEST = 1e-7


class SlideFit(NamedTuple):
    """The coefficients of all terms but the first of one slide, under the constants of its roll.

    `information` (term, term): inverse of their covariance; `pull` (term,): that times the coefficients; `mean` (terms
    and infrared,): that of the slide's pixels; `r2`, `slopes`, `sigma`: of the slide's own fit; `pixels` (level, terms
    and infrared, pixel): some of the fitted pixels.
    """

    information: np.ndarray
    pull: np.ndarray
    mean: np.ndarray
    r2: float
    slopes: float
    sigma: float
    pixels: np.ndarray


class Pooled(NamedTuple):
    """What the slides of a roll have in common, and each of them beside it.

    `information` (shared, shared): inverse covariance of a typical slide's shared coefficients; `usual_misfit`: that of
    most slides, by which the others are divided. For each slide (slide,): `r2`, `slopes` and `sigma` of its own fit,
    its `misfit` (1 is usual), and its `weight`, the share that it has in the roll, 0 for one left out.
    """

    information: np.ndarray
    usual_misfit: float
    r2: np.ndarray
    slopes: np.ndarray
    sigma: np.ndarray
    misfit: np.ndarray
    weight: np.ndarray


class Directions(NamedTuple):
    """The shared coefficients of a slide along the axes of its own information.

    Coefficients are taken in units in which the typical slide's information is 1 along every axis. `axes`
    (coefficient, axis); `size` (axis,): the slide's information; `pull` (axis,): that times the slide's coefficients.
    """

    axes: np.ndarray
    size: np.ndarray
    pull: np.ndarray


class Average(NamedTuple):
    """The roll's coefficients, in units of `Directions`, and what they are made of.

    `root` is the Cholesky factor of the typical slide's information, `pooled` the inverse covariance of `roll`, `held`
    what each slide adds to it that holds coefficients to zero.
    """

    root: np.ndarray
    slides: list[Directions]
    held: np.ndarray
    pooled: np.ndarray
    roll: np.ndarray


def fit_slide(tiles: Sequence[Sample], crosstalk: Crosstalk) -> SlideFit:
    """Fit one slide by itself under the constants of its roll; `tiles` are from `align_samples`.

    Errors of neighbouring pixels are correlated: the information is that of the pixels over the number that err as one.
    """
    prediction, densest = crosstalk.prediction, crosstalk.curve.densest
    densities = clean_densities(tiles, crosstalk)
    pixels = sample_terms([densities], prediction, crosstalk.curve)
    fit = fit_terms(pixels)
    mean = fit.sums[0] / fit.sums[0, 0]
    centred = (fit.sums - np.outer(fit.sums[0], mean))[1:, 1:] / max(fit.alike * fit.variance, 1e-20)
    slopes, _ = measure_slopes(densities, fit.coefficient, prediction, densest)
    some = pixels[:, :: SAMPLED_PIXELS // TRIED_PIXELS]
    return SlideFit(centred[:-1, :-1], centred[:-1, -1], mean, fit.r2, slopes, fit.sigma, some)


def pool_slides(crosstalk: Crosstalk, fits: Sequence[SlideFit]) -> tuple[Crosstalk, Pooled]:
    """Average the coefficients that the slides of a roll share, each weighted by the inverse of its covariance.

    The covariance is that of the slide's own fit and the scatter between slides (random effects, DerSimonian & Laird
    1986, doi:10.1016/0197-2456(86)90046-2), so that no slide counts for more than the scatter allows. In rounds, slides
    whose misfit is over 6 are left out. The crosstalk returned has the roll's coefficients and their standard errors
    where they are shared.
    """
    sums = [_shared_sums(fit) for fit in fits]
    used = _start(_average(sums, np.ones(len(fits), bool)))
    for _ in range(ROUNDS):
        average = _average(sums, used)
        distances = np.array([_distance(slide, average.roll) for slide in average.slides])
        usual = max(float(np.median(distances)), 1.0)
        used = distances <= max(ODD * usual, distances.min())
    back = np.linalg.inv(average.root).T
    shared = [TERMS.index(term) for term in SHARED]
    coefficient, error = crosstalk.coefficient.copy(), crosstalk.standard_error.copy()
    coefficient[shared] = back @ average.roll
    error[shared] = np.sqrt(np.diag(back @ np.linalg.pinv(average.pooled, hermitian=True) @ back.T))
    shares = np.where(used, [np.trace(_weighted(slide)[0]) for slide in average.slides], 0.0)
    r2, slopes, sigma = (np.array([getattr(fit, name) for fit in fits]) for name in ("r2", "slopes", "sigma"))
    information = average.root @ average.root.T
    pooled = Pooled(information, usual, r2, slopes, sigma, distances / usual, shares / shares.sum())
    return crosstalk._replace(coefficient=coefficient, standard_error=error), pooled


def measure_misfit(coefficient: np.ndarray, pooled: Pooled, fit: SlideFit) -> float:
    """Distance of a slide's own coefficients from others (term,), in units of what is usual on its roll."""
    root = np.linalg.cholesky(pooled.information)
    shared = coefficient[[TERMS.index(term) for term in SHARED]]
    return _distance(_directions(*_shared_sums(fit), root), root.T @ shared) / pooled.usual_misfit


def adapt_crosstalk(
    crosstalk: Crosstalk, pooled: Pooled, fit: SlideFit, tiles: Sequence[Sample]
) -> tuple[Crosstalk, float]:
    """The crosstalk of one slide, and its misfit: its own coefficients and its roll's, by their inverse covariances.

    Coefficients that the slide determines well are its own; the others, as those of a nearly black or white slide, come
    from its roll, as far as this leaves at most 2 % more noise in the mean of all levels of density. Beyond the slide's
    own densest film the terms are linear.
    """
    level, terms, values = fit.pixels[0], fit.pixels[1:-1], fit.pixels[-1]
    tried = [_averaged(crosstalk.coefficient, pooled.information, fit, scatter) for scatter in SCATTERS]
    noise = np.log([level_scales(values - combine(each, terms), level) + 1e-9 for each in tried]).mean(axis=1)
    coefficient = tried[int(np.argmax(noise <= noise[-1] + WORTHWHILE))]
    adapted = crosstalk._replace(coefficient=coefficient, r2=fit.r2, slopes=fit.slopes, sigma=fit.sigma)
    curve = limit_to_film([with_level(tile, crosstalk.blur).planes for tile in tiles], crosstalk.curve)
    return within_film(adapted, curve), measure_misfit(crosstalk.coefficient, pooled, fit)


def _averaged(coefficient: np.ndarray, information_of_roll: np.ndarray, fit: SlideFit, scatter: float) -> np.ndarray:
    """Coefficients (term,) of a slide of a roll whose slides differ by so much."""
    shared = [TERMS.index(term) - 1 for term in SHARED]
    information, pull = fit.information.copy(), fit.pull.copy()
    of_roll = information_of_roll / scatter
    information[np.ix_(shared, shared)] += of_roll
    pull[shared] += of_roll @ coefficient[1:][shared]
    slopes = _solve(information, pull)
    return np.r_[fit.mean[-1] - fit.mean[1:-1] @ slopes, slopes]


def _average(sums: Sequence[tuple[np.ndarray, np.ndarray]], used: np.ndarray) -> Average:
    typical = np.mean([information for (information, _), use in zip(sums, used, strict=True) if use], axis=0)
    ridge = np.diag(HELD * np.diag(typical) + 1e-12)
    root = np.linalg.cholesky(typical + ridge)
    slides = [_directions(*sums, root) for sums in sums]
    held = np.linalg.solve(root, np.linalg.solve(root, ridge).T)
    parts = [_weighted(slide) for slide, use in zip(slides, used, strict=True) if use]
    pooled = np.sum([weight + held for weight, _ in parts], axis=0)
    roll = np.linalg.solve(pooled, np.sum([pull for _, pull in parts], axis=0))
    return Average(root, slides, held, pooled, roll)


def _start(average: Average) -> np.ndarray:
    """Which slides are near the central one, whose median distance from the others is smallest."""
    alone = [(weight + average.held, pull) for weight, pull in map(_weighted, average.slides)]
    centres = [np.linalg.solve(weight, pull) for weight, pull in alone]
    distances = np.array([[_distance(slide, centre) for slide in average.slides] for centre in centres])
    medians = np.median(distances, axis=1)
    return np.asarray(distances[medians.argmin()] <= ODD * max(float(medians.min()), 1.0))


def _shared_sums(fit: SlideFit) -> tuple[np.ndarray, np.ndarray]:
    """Information and pull of the shared coefficients, whatever those of the slide alone are (Schur's complement)."""
    shared = [TERMS.index(term) - 1 for term in SHARED]
    own = [TERMS.index(term) - 1 for term in OF_A_SLIDE[1:]]
    across = fit.information[np.ix_(own, shared)]
    solved = _solve(fit.information[np.ix_(own, own)], np.c_[across, fit.pull[own]])
    information = fit.information[np.ix_(shared, shared)] - across.T @ solved[:, :-1]
    return (information + information.T) / 2, fit.pull[shared] - across.T @ solved[:, -1]


def _solve(information: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Solve for coefficients; a small ridge keeps those finite of which nothing is known."""
    size = np.sqrt(np.maximum(np.diag(information), 1e-12))
    normal = information / np.outer(size, size) + RIDGE * np.eye(len(size))
    with LIBRARIES.limit(limits=1, user_api="blas"):
        return np.asarray((np.linalg.solve(normal, (pull.T / size).T).T / size).T)


def _directions(information: np.ndarray, pull: np.ndarray, root: np.ndarray) -> Directions:
    with LIBRARIES.limit(limits=1, user_api="blas"):
        white = np.linalg.solve(root, np.linalg.solve(root, information).T)
        size, axes = np.linalg.eigh((white + white.T) / 2)
        return Directions(axes, np.maximum(size, 0.0), axes.T @ np.linalg.solve(root, pull))


def _weighted(slide: Directions) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of the sum of the slide's covariance and the scatter between slides, and that times its coefficients."""
    shrunk = slide.axes / (1 + SCATTER * slide.size)
    return (shrunk * slide.size) @ slide.axes.T, shrunk @ slide.pull


def _distance(slide: Directions, roll: np.ndarray) -> float:
    """Root mean square, over the axes, of the slide's distance from its roll in standard deviations."""
    known = slide.size > SMALLEST * slide.size.max()
    apart = (slide.pull - slide.size * (slide.axes.T @ roll))[known]
    return float(np.sqrt((apart**2 / (slide.size[known] * (1 + SCATTER * slide.size[known]))).mean()))


def within_film(crosstalk: Crosstalk, curve: FilmCurve) -> Crosstalk:
    """The same ghost up to the densest film of `curve`, from which on it goes on straight."""
    densest, beyond = curve.densest, crosstalk.curve.densest - curve.densest
    coefficient, prediction = crosstalk.coefficient.copy(), crosstalk.prediction.copy()
    for values in (coefficient, prediction):
        products = enumerate(combinations_with_replacement(range(len(VISIBLE)), 2), 1 + len(VISIBLE))
        for place, (first, second) in products:
            weight = values[place]
            values[0] += weight * (
                beyond[first] * beyond[second] + beyond[first] * densest[second] + densest[first] * beyond[second]
            )
            values[1 + first] -= weight * beyond[second]
            values[1 + second] -= weight * beyond[first]
    return crosstalk._replace(curve=curve, coefficient=coefficient, prediction=prediction)
