"""The picture's ghost in the infrared: what its terms are, and its subtraction."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, combinations_with_replacement
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.alignment import frame_place
from irtoolkit.arrays import add_scaled, blur, gradient, map_blocks, to_transmittance, wide_blur
from irtoolkit.crosstalk.curve import FLARE_BLUR, FilmCurve, infrared_density, visible_density
from irtoolkit.schema import VISIBLE

BLURS = (0.8, 1.4, 2.2, 3.5)
GHOST_BLUR, SHADE_BLUR = 1.4, 2.2
MIXED = (0.8, 1.4)
LARGEST_MIXED = 0.12
POINTWISE = ("1", *VISIBLE, *("*".join(pair) for pair in combinations_with_replacement(VISIBLE, 2)))
LAMP = ("lamp y", "lamp x", "lamp y*y", "lamp y*x", "lamp x*x")
SHADED = " in shadow"
GHOST_BLURS = ("ghost blur 0", *(f"ghost blur {sigma}" for sigma in BLURS if sigma != GHOST_BLUR))
BAND_BLURS = tuple(f"{band} blur {sigma}" for band in VISIBLE for sigma in BLURS)
BAND_MIXED = tuple(f"{band} mixed {sigma}" for band in VISIBLE for sigma in MIXED)
BROAD = (*POINTWISE, *LAMP, "ghost", "ghost dy", "ghost dx", "flare")
TERMS = (*BROAD, *(name + shade for name in (*GHOST_BLURS, *BAND_BLURS, *BAND_MIXED) for shade in ("", SHADED)))
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

LARGEST_FLARE = 20.0
SHADOW = 0.3, 2.4
"""Density of film between which fine detail turns gradually into detail in shadow (docs/method.md)."""

HALO = 48
EDGE_BLURS = 0.5


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


def crosstalk_terms(
    density: np.ndarray, place: tuple[np.ndarray, np.ndarray], prediction: np.ndarray, densest: np.ndarray
) -> Iterator[np.ndarray]:
    """Planes (y, x) of each regressor, in the order of `TERMS`, of visible densities (3, y, x).

    The mixed terms are blurred density less the density of blurred light, as a scanner's blur averages light and not
    density. They are clipped at .12, as hard edges would be extrapolated beyond. Every term of fine detail is followed
    by itself times the shade, the share of `SHADOW` that the surroundings exceed: detail in shadow is mostly noise.
    """
    broad, details, shade = _prepare_terms(density, place, prediction, densest)
    yield from broad
    for detail in details:
        yield detail
        yield shade * detail


def _prepare_terms(
    density: np.ndarray, place: tuple[np.ndarray, np.ndarray], prediction: np.ndarray, densest: np.ndarray
) -> tuple[Iterator[np.ndarray], Iterator[np.ndarray], np.ndarray]:
    """Planes (y, x) of the broad terms, of the terms of fine detail, and the shade."""
    sharp = ghost_density(density, prediction, densest)
    light = to_transmittance(sharp)
    ghost = -np.log10(blur(light, GHOST_BLUR))
    pointwise = pointwise_terms(density, densest), lamp_terms(place)
    details = chain(_ghost_detail(sharp, light, ghost), _band_detail(density))
    return chain(*pointwise, _broad_ghost(light, ghost)), details, _shade(density)


def _broad_ghost(light: np.ndarray, ghost: np.ndarray) -> Iterator[np.ndarray]:
    yield ghost
    yield from gradient(ghost)
    yield np.minimum(wide_blur(light, FLARE_BLUR) / to_transmittance(ghost), np.float32(LARGEST_FLARE))


def _shade(density: np.ndarray) -> np.ndarray:
    """Share (y, x) of the range `SHADOW` that the surroundings of each pixel of densities (3, y, x) exceed."""
    level = blur(density.mean(axis=0), SHADE_BLUR)
    return np.clip((level - np.float32(SHADOW[0])) / np.float32(SHADOW[1] - SHADOW[0]), 0, 1)


def _ghost_detail(sharp: np.ndarray, light: np.ndarray, ghost: np.ndarray) -> Iterator[np.ndarray]:
    yield sharp - ghost
    for sigma in BLURS:
        if sigma != GHOST_BLUR:
            yield -np.log10(blur(light, sigma)) - ghost


def _band_detail(density: np.ndarray) -> Iterator[np.ndarray]:
    mixed = []
    for band in density:
        light = to_transmittance(band)
        for sigma in BLURS:
            smooth = blur(band, sigma)
            yield smooth - band
            if sigma in MIXED:
                mixed.append(np.minimum(smooth + np.log10(blur(light, sigma)), np.float32(LARGEST_MIXED)))
    yield from mixed


def pointwise_terms(density: np.ndarray, densest: np.ndarray) -> Iterator[np.ndarray]:
    """Planes (y, x) of 1, the visible densities (3, y, x), and squares and products of what they lack of the densest.

    Beyond the densest film of the slide, where a defect is and no film to fit, the sum of the terms goes on straight.
    """
    yield np.ones(density.shape[1:], np.float32)
    yield from density
    lacking = _lacking(density, densest)
    for first, second in combinations_with_replacement(range(len(density)), 2):
        yield lacking[first] * lacking[second]


def _lacking(density: np.ndarray, densest: np.ndarray) -> np.ndarray:
    return np.maximum(densest.astype(np.float32)[:, None, None] - density, 0)


def lamp_terms(place: tuple[np.ndarray, np.ndarray]) -> Iterator[np.ndarray]:
    """Planes (y, x) of the place in the frame and its products: infrared and visible lamps fall off differently."""
    y, x = (np.ascontiguousarray(side) for side in np.broadcast_arrays(*place))
    yield from (y, x, y * y, y * x, x * x)


def ghost_density(density: np.ndarray, prediction: np.ndarray, densest: np.ndarray) -> np.ndarray:
    """Infrared density (y, x) that the visible densities (3, y, x) predict pixel by pixel, before any blur."""
    ghost = np.zeros(density.shape[1:], np.float32)
    for value, plane in zip(prediction, pointwise_terms(density, densest), strict=True):
        add_scaled(ghost, value, plane)
    return ghost


def ghost_slopes(
    density: np.ndarray, coefficient: np.ndarray, prediction: np.ndarray, densest: np.ndarray
) -> np.ndarray:
    """Change (3, y, x) of predicted infrared density with each visible density (3, y, x), blurs aside."""
    weights = coefficient[: len(POINTWISE)] + coefficient[TERMS.index("ghost")] * prediction
    linear, products = weights[1 : 1 + len(VISIBLE)], iter(weights[1 + len(VISIBLE) :])
    lacking = _lacking(density, densest)
    slopes = np.empty_like(density)
    slopes[:] = linear[:, None, None]
    for first, second in combinations_with_replacement(range(len(VISIBLE)), 2):
        weight = np.float32(next(products))
        slopes[first] -= weight * lacking[second]
        slopes[second] -= weight * lacking[first]
    return np.where(lacking > 0, slopes, linear[:, None, None].astype(np.float32))


def density_of_blurred(density: np.ndarray, sigma: float) -> np.ndarray:
    """Density (y, x) as optics of a blur of `sigma` px show it: light is averaged, not density."""
    return -np.log10(blur(to_transmittance(density), sigma))


def subtract_crosstalk(visible: xr.DataArray, infrared: xr.DataArray, crosstalk: Crosstalk) -> xr.DataArray:
    """Infrared density less what the visible bands explain of it; lazy, positive where light is blocked.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B.
    infrared
        Counts (y, x) of infrared on the colour grid (`shift_infrared`).
    crosstalk
        From `fit_crosstalk`.

    Returns
    -------
    xarray.DataArray
        (y, x) float32 residual density; NaN where the infrared is, and along the slide's edge, where its blur shows
        what the visible bands do not: 1 px and half the blur.
    """
    shape = infrared.sizes["y"], infrared.sizes["x"]
    kernel = partial(_residual, crosstalk=crosstalk, shape=shape)
    arrays = visible.data, infrared.data[None]
    data = map_blocks(kernel, *arrays, depth=HALO, dtype=np.float32, located=True, pointwise=1)
    return xr.DataArray(data[0], dims=("y", "x"), name="residual")


def _residual(
    visible: np.ndarray, infrared: np.ndarray, *, crosstalk: Crosstalk, shape: tuple[int, int], start: tuple[int, int]
) -> np.ndarray:
    place = frame_place(start, infrared.shape[1:], shape)
    residual = subtract_ghost(visible_density(visible, crosstalk.curve), infrared[0], place, crosstalk)
    edge = 1 + round(EDGE_BLURS * crosstalk.blur)
    for side, (first, length, whole) in enumerate(zip(start, residual.shape, shape, strict=True)):
        index = np.arange(first, first + length)
        outer = (index < edge) | (index >= whole - edge)
        residual[(outer, slice(None)) if side == 0 else (slice(None), outer)] = np.nan
    return residual[None]


def subtract_ghost(
    density: np.ndarray, infrared: np.ndarray, place: tuple[np.ndarray, np.ndarray], crosstalk: Crosstalk
) -> np.ndarray:
    """Residual density (y, x) of infrared counts (y, x), given visible densities (3, y, x); the NumPy kernel."""
    residual = infrared_density(infrared, crosstalk.curve.exponent)
    broad, details, shade = _prepare_terms(density, place, crosstalk.prediction, crosstalk.curve.densest)
    coefficient = crosstalk.coefficient
    for value, plane in zip(coefficient[: len(BROAD)], broad, strict=True):
        add_scaled(residual, -value, plane)
    in_shadow = np.zeros_like(residual)
    for (value, shaded), plane in zip(coefficient[len(BROAD) :].reshape(-1, 2), details, strict=True):
        add_scaled(residual, -value, plane)
        add_scaled(in_shadow, -shaded, plane)
    return np.asarray(residual + shade * in_shadow)
