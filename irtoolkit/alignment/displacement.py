"""A field of displacements over a slide: fitted to measured places, and the infrared resampled along it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DIRECTIONS = ("y", "x")
TERMS = ("1", "y", "x", "y2", "y3")
STAGES = ((1, 1), (3, 3), (5, 3))
NEEDED = 25.0, 60.0
"""Chi-squared that scale and rotation must save, and that a drift must save (docs/method.md)."""

OUTLIER = 3.0
WORTHWHILE = 0.1
FEWEST, LEAST_SCATTER, UNCERTAIN = 3, 0.15, 1.5


class Pieces(NamedTuple):
    """Displacements measured at pieces of a slide.

    `place` (piece, 2): row and column of the middle of each; `move` (piece, 2): its displacement in y and x, px;
    `error` (piece,): standard error of that along the worse direction, px.
    """

    place: np.ndarray
    move: np.ndarray
    error: np.ndarray


class Displacement(NamedTuple):
    """Where the infrared shows what the colour shows, over a slide.

    `coefficient` (direction, term): polynomials of the place from the centre, in thousands of pixels, for y and x;
    `shape`: height and width of the slide; `uncertainty`: standard error of the shift at the centre, px, the larger of
    both directions; `evidence`: robust sigmas of the shift above all others; `trusted`: whether the slide
    gives evidence of it; `pieces`: what it is fitted to, None where nothing was found.
    """

    coefficient: np.ndarray
    shape: tuple[int, int]
    uncertainty: float = float("inf")
    evidence: float = 0.0
    trusted: bool = False
    pieces: Pieces | None = None

    @property
    def shift(self) -> tuple[float, float]:
        """Shift in y and x at the centre, px: infrared at (y + shift, x + shift) shows what colour shows at (y, x)."""
        down, right = self.coefficient[:, 0]
        return float(down), float(right)


class UsualDisplacement(NamedTuple):
    """The displacement of a roll's slides: its `coefficient` (direction, term) as of `Displacement`.

    `scatter` (direction,): robust sigma of the shift between slides, px, at least .15, and `uncertainty`: the usual
    standard error of one, px; both None of fewer than three slides.
    """

    coefficient: np.ndarray
    scatter: np.ndarray | None = None
    uncertainty: float | None = None


def constant_displacement(down: float, right: float, shape: tuple[int, int]) -> Displacement:
    """The same shift, px, all over a slide of this height and width."""
    coefficient = np.zeros((len(DIRECTIONS), len(TERMS)))
    coefficient[:, 0] = down, right
    return Displacement(coefficient, shape)


def fit_displacement(
    places: np.ndarray, moves: np.ndarray, information: np.ndarray, shape: tuple[int, int]
) -> Displacement:
    """Fit a field to displacements measured at places, robustly; the result has an `uncertainty`.

    A shift first; then scale and rotation (the six affine terms), then a drift along the rows to the third power: each
    where it lowers chi-squared by 25, the drift by 60, and moves some corner by a tenth of a pixel. Displacements
    beyond 3 sigma are weighted down (Huber 1964, doi:10.1214/aoms/1177703732), and the errors are scaled so that half
    of them are as large as they should be.

    `places` (place, 2) are rows and columns, `moves` (place, 2) displacements in y and x, px, `information` (place, 2,
    2) the inverse covariance of each; `shape` is the height and width of the slide.
    """
    terms = _terms(places, shape)
    best, error, chi2, scale = _fit_terms(terms, moves, information, STAGES[0])
    for stage, needed in zip(STAGES[1:], NEEDED, strict=True):
        if len(places) < 2 * sum(stage):
            break
        fitted, _, new_chi2, _ = _fit_terms(terms, moves, information, stage, scale)
        moved = largest_displacement(Displacement(fitted - best, shape))
        if chi2 - new_chi2 > needed and moved > WORTHWHILE:
            best, error, chi2, scale = _fit_terms(terms, moves, information, stage)
    return Displacement(best, shape, error)


def _fit_terms(
    terms: np.ndarray, moves: np.ndarray, information: np.ndarray, stage: tuple[int, int], scale: float | None = None
) -> tuple[np.ndarray, float, float, float]:
    """Coefficients (direction, term), standard error of the shift, chi-squared, and the scale of the errors.

    The scale is that of the median distance (a chi-squared of two degrees of freedom has its median at 1.386), 1 at
    least, unless it is given.
    """
    number_y, number_x = stage
    design = np.zeros((len(terms), 2, number_y + number_x))
    design[:, 0, :number_y], design[:, 1, number_y:] = terms[:, :number_y], terms[:, :number_x]
    weights, used = np.ones(len(terms)), scale or 1.0
    for _ in range(10):
        weighted = information * (weights / used**2)[:, None, None]
        normal = np.einsum("pia,pij,pjb->ab", design, weighted, design)
        covariance = np.linalg.pinv(normal, hermitian=True)
        solution = covariance @ np.einsum("pia,pij,pj->a", design, weighted, moves)
        missed = moves - design @ solution
        distance2 = np.einsum("pi,pij,pj->p", missed, information, missed)
        used = scale or max(1.0, float(np.sqrt(np.median(distance2) / 1.386)))
        weights = np.minimum(1.0, OUTLIER * used / np.sqrt(np.maximum(distance2, 1e-12)))
    coefficient = np.zeros((2, len(TERMS)))
    coefficient[0, :number_y], coefficient[1, :number_x] = solution[:number_y], solution[number_y:]
    variance = max(covariance[0, 0], covariance[number_y, number_y]) if normal.any() else np.inf
    return coefficient, float(np.sqrt(variance)), float((weights * distance2).sum() / used**2), used


def _terms(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Terms (place, displacement_term) of the field at places (place, 2)."""
    y, x = _from_centre(places[:, 0], shape[0]), _from_centre(places[:, 1], shape[1])
    return np.stack([np.ones_like(y), y, x, y**2, y**3], axis=1)


def _from_centre(index: np.ndarray, length: int) -> np.ndarray:
    return np.asarray((index - (length - 1) / 2) / 1000)


def displacement_at(displacement: Displacement, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Displacement (2, rows, columns) in y and x, float32 pixels, at every row and column."""
    y, x = (_from_centre(at, side) for at, side in zip((rows, columns), displacement.shape, strict=True))
    coefficient = displacement.coefficient
    along_rows = coefficient[:, [0, 1, 3, 4]] @ np.stack([np.ones_like(y), y, y**2, y**3])
    along_columns = coefficient[:, 2, None] * x
    return along_rows[:, :, None].astype(np.float32) + along_columns[:, None, :].astype(np.float32)


def largest_displacement(displacement: Displacement) -> float:
    """Largest displacement along y or x, in pixels, anywhere on the slide."""
    rows, columns = (np.linspace(0, side - 1, 33) for side in displacement.shape)
    return float(np.abs(displacement_at(displacement, rows, columns)).max())


def usual_displacement(displacements: Sequence[Displacement]) -> UsualDisplacement:
    """Median of the trusted displacements of a roll, for its slides that give no evidence of their own; 0 of none."""
    trusted = [one for one in displacements if one.trusted]
    coefficients = [one.coefficient for one in trusted] or [np.zeros((len(DIRECTIONS), len(TERMS)))]
    median = np.median(coefficients, axis=0)
    if len(trusted) < FEWEST:
        return UsualDisplacement(median)
    scatter = 1.4826 * np.median(np.abs(np.array(coefficients) - median), axis=0)[:, 0]
    uncertainty = float(np.median([one.uncertainty for one in trusted]))
    return UsualDisplacement(median, np.maximum(scatter, LEAST_SCATTER), uncertainty)


def is_doubtful(displacement: Displacement, usual: UsualDisplacement) -> bool:
    """Whether a displacement has no evidence, or is uncertain and 3 sigma away from those of its roll.

    Uncertain is a shift whose standard error is over 1.5 times the roll's usual one (docs/method.md).
    """
    if not displacement.trusted or usual.scatter is None or usual.uncertainty is None:
        return not displacement.trusted
    apart = np.abs(displacement.coefficient - usual.coefficient)[:, 0] / usual.scatter
    return displacement.uncertainty > UNCERTAIN * usual.uncertainty and bool((apart > OUTLIER).any())
