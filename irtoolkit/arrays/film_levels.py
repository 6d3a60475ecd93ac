"""Levels of density, and the film in each of them: its centre and its sigma under dust, even under much of it."""

from typing import NamedTuple

import numpy as np

from irtoolkit.arrays.statistics import robust_centre_and_scale

LEVELS = (0.002, 0.01, 0.03, *np.linspace(0.1, 0.9, 9).tolist(), 0.97, 0.99, 0.998)
STEEPEST = 0.75
"""Largest rise of the infrared's density over the visible one: that of silver film."""

KEPT, CENTRE_ROUNDS, LEAST_SIGMA = 3.0, 5, 1e-9


class Levels(NamedTuple):
    """The level of each sample, by `number` (samples,), and by how much the density of film can rise to each level."""

    number: np.ndarray
    rises: np.ndarray


def film_sigma(residual: np.ndarray, level: np.ndarray) -> float:
    """Robust sigma of the residual (samples,) of film, without outliers of its `level` (samples,)."""
    film = np.abs(standardised(residual, find_levels(level))) <= KEPT
    return robust_centre_and_scale(residual[film])[1]


def level_scales(residual: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Robust sigma of the residual (samples,) in each level that has samples, by increasing `level` (samples,)."""
    number = find_levels(level).number
    return np.array([robust_centre_and_scale(residual[number == one])[1] for one in np.unique(number)])


def level_offset(residual: np.ndarray, level: np.ndarray) -> float:
    """How far the residual (samples,) of film is from zero in its `level` (samples,): mean of all samples, sigmas.

    >>> level = np.repeat([0.0, 1.0], 500)
    >>> noise = np.random.default_rng(0).normal(size=1000)
    >>> level_offset(noise, level) < 0.3, level_offset(noise + 2 * level, level) > 0.8
    (True, True)
    """
    number, total = find_levels(level).number, 0.0
    for one in np.unique(number):
        inside = residual[number == one]
        centre, sigma = film_centre(inside)
        total += len(inside) * abs(centre) / max(sigma, LEAST_SIGMA)
    return total / len(residual)


def find_levels(level: np.ndarray) -> Levels:
    """The quantile ranges of `level` (samples,), finer at both ends, as numbers; empty ones are left out."""
    number = np.searchsorted(np.quantile(level, LEVELS), level)
    middles = np.array([np.median(level[number == one]) for one in np.unique(number)])
    number = np.unique(number, return_inverse=True)[1]
    return Levels(number, STEEPEST * np.diff(middles, prepend=middles[0]))


def standardised(residual: np.ndarray, levels: Levels) -> np.ndarray:
    """Residual minus the centre of its level, in sigmas of its level, so that no whole level is an outlier.

    From a level to the next denser one the centre rises by at most so much: a level of dust alone is an outlier.
    """
    standard, centre = np.empty_like(residual), np.inf
    for level, rise in enumerate(levels.rises):
        inside = levels.number == level
        if inside.any():
            own, scale = film_level(residual[inside])
            centre = min(own, centre + rise)
            standard[inside] = (residual[inside] - centre) / max(scale, LEAST_SIGMA)
    return standard


def film_level(values: np.ndarray) -> tuple[float, float]:
    """Centre and sigma of the residual of film, on whose upper side may be dust, even more of it than of film.

    The centre is that of the shortest interval that holds a quarter of the values (half-sample mode; Rousseeuw & Leroy
    1988, doi:10.1111/j.1467-9574.1988.tb01224.x), sigma that of the values below it. Where a quarter of the values are
    one number, as of dead pixels, they are median and robust sigma.
    """
    ordered = np.sort(values)
    count = (len(ordered) + 3) // 4
    lengths = ordered[count - 1 :] - ordered[: len(ordered) - count + 1]
    if not lengths.min():
        return robust_centre_and_scale(values)
    first = int(lengths.argmin())
    centre = float(ordered[first] + ordered[first + count - 1]) / 2
    below = int(np.searchsorted(ordered, centre))
    return centre, 1.4826 * (centre - float(ordered[below // 2]))


def film_centre(values: np.ndarray) -> tuple[float, float]:
    """Centre and sigma as of `film_level`, the centre steadier: in rounds, the mean of what is within sigma of it."""
    centre, sigma = film_level(values)
    for _ in range(CENTRE_ROUNDS):
        centre = float(values[np.abs(values - centre) <= sigma].mean())
    return centre, sigma
