"""The picture's ghost in the infrared: what its terms are, and its subtraction."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from irtoolkit.arrays import add_scaled, enlarge, mean_of
from irtoolkit.crosstalk.blurs import (
    COARSE,
    COARSEST,
    FINE,
    SOFT,
    Blurs,
    blur_picture,
    full_details,
    half_details,
    measure_flare,
)
from irtoolkit.crosstalk.curve import FilmCurve, infrared_density
from irtoolkit.crosstalk.pointwise import (
    LAMP,
    POINTWISE,
    ghost_density,
    lamp_density,
    lamp_terms,
    pointwise_slopes,
    pointwise_sums,
    pointwise_terms,
)
from irtoolkit.schema import VISIBLE

SHADED = " in shadow"
GHOST_BLURS = tuple(f"ghost blur {sigma}" for sigma in (0, FINE, COARSE, COARSEST))
BAND_BLURS = tuple(f"{band} blur {sigma}" for sigma in (FINE, SOFT, COARSE) for band in VISIBLE)
BAND_MIXED = tuple(f"{band} mixed {sigma}" for band in VISIBLE for sigma in (FINE, SOFT))
FULL = (
    *GHOST_BLURS[:2],
    *BAND_BLURS[:3],
    *(f"{band} {what}" for band in VISIBLE for what in (f"blur {SOFT}", f"mixed {FINE}", f"mixed {SOFT}")),
)
DETAILS = (*FULL, *BAND_BLURS[6:], *GHOST_BLURS[2:])
"""Terms of fine detail: those of `full_details` and of `half_details`."""

REFERENCES = np.array([[name.startswith(f"{what} blur") for what in ("ghost", *VISIBLE)] for name in DETAILS])
"""What each term of detail is the difference to: the ghost, or a band; blurred density to that of blurred light."""

BROAD = (*POINTWISE, *LAMP, "ghost", "ghost dy", "ghost dx", "flare")
TERMS = (*BROAD, *(name + shade for name in DETAILS for shade in ("", SHADED)))
GROUPS = {
    "bands": VISIBLE,
    "squares and products": POINTWISE[1 + len(VISIBLE) :],
    "lamp": LAMP,
    "blurred ghost": ("ghost", *GHOST_BLURS),
    "displaced ghost": ("ghost dy", "ghost dx"),
    "flare": ("flare",),
    "blurred bands": BAND_BLURS,
    "mixed light": BAND_MIXED,
    "detail in shadow": tuple(term for term in TERMS if term.endswith(SHADED)),
}
"""Terms by their meaning; the level, "1", is in no group."""

SHADOW = 0.3, 2.4
"""Density of film between which fine detail turns gradually into detail in shadow (docs/method.md)."""


class Crosstalk(NamedTuple):
    """The picture's ghost in the infrared, fitted to one slide or to a roll.

    `prediction` (pointwise term,): coefficients of the ghost before its blur; `coefficient` and `standard_error`
    (term,); `slopes`: mean change of predicted infrared density for an equal change of all visible ones; `neutral`:
    least share of a visible band that another explains; `blur`: sigma of the infrared against colour, px; `sigma`:
    robust sigma of the residual, density; `r2`: share of the infrared's variance that is explained.
    """

    curve: FilmCurve
    prediction: np.ndarray
    coefficient: np.ndarray
    standard_error: np.ndarray
    slopes: float
    neutral: float
    blur: float
    sigma: float
    r2: float


def blurs_of(density: np.ndarray, crosstalk: Crosstalk) -> Blurs:
    """Blurs of visible densities (3, y, x) and of their ghost."""
    return blur_picture(density, ghost_density(density, crosstalk.prediction, crosstalk.curve.densest))


def crosstalk_terms(
    density: np.ndarray, place: tuple[np.ndarray, np.ndarray], prediction: np.ndarray, curve: FilmCurve
) -> Iterator[np.ndarray]:
    """Planes (y, x) of each regressor, in the order of `TERMS`, of visible densities (3, y, x).

    Every term of fine detail is followed by itself times the shade, the share of `SHADOW` that the surroundings exceed:
    detail in shadow is mostly noise.
    """
    blurs = blur_picture(density, ghost_density(density, prediction, curve.densest))
    yield from chain(pointwise_terms(density, curve.densest), lamp_terms(place))
    yield from (blurs.ghost, *blurs.steps, measure_flare(blurs, curve.flare_blur))
    shade, compared = _shade(blurs), (blurs.ghost, *density)
    enlarged = (enlarge(plane, density.shape[1:]) for plane in half_details(blurs))
    for plane, reference in zip(chain(full_details(blurs), enlarged), REFERENCES, strict=True):
        detail = plane - compared[reference.argmax()] if reference.any() else plane
        yield detail
        yield shade * detail


def _shade(blurs: Blurs) -> np.ndarray:
    """Share (y, x) of the range `SHADOW` that the surroundings of each pixel exceed."""
    share = (mean_of(blurs.coarse) - np.float32(SHADOW[0])) / np.float32(SHADOW[1] - SHADOW[0])
    return enlarge(np.clip(share, 0, 1), blurs.ghost.shape)


def ghost_slopes(
    density: np.ndarray, coefficient: np.ndarray, prediction: np.ndarray, densest: np.ndarray
) -> np.ndarray:
    """Change (3, y, x) of predicted infrared density with each visible density (3, y, x), blurs aside."""
    weights = coefficient[: len(POINTWISE)] + coefficient[TERMS.index("ghost")] * prediction
    return pointwise_slopes(density, weights, densest)


def subtract_ghost(
    density: np.ndarray, infrared: np.ndarray, place: tuple[np.ndarray, np.ndarray], crosstalk: Crosstalk
) -> np.ndarray:
    """Residual density (y, x) of infrared counts (y, x), given visible densities (3, y, x)."""
    return separate_ghost(density, infrared, place, crosstalk)[0]


def separate_ghost(
    density: np.ndarray, infrared: np.ndarray, place: tuple[np.ndarray, np.ndarray], crosstalk: Crosstalk
) -> tuple[np.ndarray, Blurs]:
    """The residual density of `subtract_ghost`, and the blurs of the picture that it is made with.

    The sum of `crosstalk_terms` times the coefficients, taken before planes are enlarged and references subtracted.
    """
    pointwise, lamp, ghosts, details = np.split(crosstalk.coefficient, np.cumsum([len(POINTWISE), len(LAMP), 4]))
    both = np.stack([crosstalk.prediction, pointwise])
    sharp, predicted = pointwise_sums(density, crosstalk.curve.densest, both)
    blurs = blur_picture(density, sharp)
    predicted += lamp_density(place, lamp)
    flare = measure_flare(blurs, crosstalk.curve.flare_blur)
    for value, plane in zip(ghosts, (blurs.ghost, *blurs.steps, flare), strict=True):
        add_scaled(predicted, value, plane)
    in_shadow = np.zeros_like(predicted)
    _add_details([predicted, in_shadow], blurs, details.reshape(-1, 2))
    in_shadow *= _shade(blurs)
    predicted += in_shadow
    residual = infrared_density(infrared, crosstalk.curve.exponent)
    residual -= predicted
    return residual, blurs


def _add_details(totals: list[np.ndarray], blurs: Blurs, weights: np.ndarray) -> None:
    """Add the terms of detail times weights (detail, total) to planes (y, x), those at half resolution together."""
    for values, plane in zip(weights, full_details(blurs), strict=False):
        _add_all(totals, values, plane)
    halved = half_details(blurs)
    small = [np.zeros_like(halved[0]) for _ in totals]
    for values, plane in zip(weights[len(FULL) :], halved, strict=True):
        _add_all(small, values, plane)
    for total, plane in zip(totals, small, strict=True):
        total += enlarge(plane, total.shape)
    for values, plane in zip(REFERENCES.T @ weights, (blurs.ghost, *blurs.density), strict=True):
        _add_all(totals, -values, plane)


def _add_all(totals: list[np.ndarray], values: np.ndarray, plane: np.ndarray) -> None:
    for total, value in zip(totals, values, strict=True):
        add_scaled(total, value, plane)
