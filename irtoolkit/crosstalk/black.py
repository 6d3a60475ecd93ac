"""The search for a scan's curve, its black levels and its flare."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import blur, to_density, to_light, wide_blur
from irtoolkit.crosstalk.candidates import LARGER
from irtoolkit.crosstalk.curve import FLARE_BLURS, USUAL_FLARE_BLUR, FilmCurve, film_density, visible_density

SHARES = (0.0, 0.3, 0.6, 0.8, 0.9)
WITH_FLARE = (*SHARES, 0.95)
FIRST_SHARE = 0.6
FLARES = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04)
FIRST_FLARES = (0.01, 0.02, 0.03, 0.04)

WORTH_A_FLARE, ROUNDING = 0.96, 1e-9
"""Loss with flare over that without from which on flare is used, and a loss, a density, that is rounding alone."""

LINEAR, CODED = 1.0, 2.2
"""Exponents of light over counts, in linear files and in those with the usual gamma curve."""

LEAST_LIGHT = 10.0
"""16-bit counts of light below which the darkest place of a coded file is not credible (docs/method.md)."""

ALLOWANCE = 1.03
"""Loss of a coded curve over that of a linear one up to which a file with bright blacks counts as coded."""

MARGIN = 0.1
DARKEST, COMMON = 0.0005, 0.01
FINE, RAISED = 1.0, 0.1
AS_DENSE, BLACK = 0.25, 2.5
"""Density; the densest film is the film's maximum if the share `COMMON` of it is within .25 of that and over 2.5
(docs/method.md)."""

STEEP = 0.1
"""Slope of the infrared over the visible density from which a maximum density is set (docs/method.md)."""

NO_LIMIT = 9.0


class Shadows(NamedTuple):
    """Counts (band, place) of film without anything under 15 px, and by a blur, px, those around each place."""

    film: np.ndarray
    around: Callable[[float], np.ndarray]


def find_black(
    tiles: Sequence[np.ndarray], loss: Callable[[FilmCurve], float], slope: Callable[[FilmCurve], float]
) -> FilmCurve:
    """Find the curve, the black levels and the flare with which the infrared is predicted best.

    A file counts as coded by a gamma curve if its darkest places are too bright for a linear one and the fit is no
    worse. Black levels are a share of the darkest light, flare is a share of the light around. Black levels are found
    without flare first, then, where the infrared follows the picture, together with flare and its blur. Flare must save
    4 % of the loss, because small dark places need a little on any film.

    Parameters
    ----------
    tiles
        (4 or more, y, x) 16-bit counts, R, G, B first, and the level, a density, last.
    loss
        Density that a fit with such a curve leaves.
    slope
        Of the infrared over the visible density, by a fit with such a curve.
    """
    places = [_places(tile) for tile in tiles]
    darkest = _quantile(places), _darkest_film(tiles, places)
    steep = slope(_begin(*darkest, None, LINEAR, FIRST_SHARE, 0.0)) > STEEP
    begin = partial(_begin, *darkest, _find_shadows(tiles) if steep else None)

    def compare(exponent: float) -> tuple[float, float]:
        share, least = _find_least(SHARES, FIRST_SHARE, lambda share: loss(begin(exponent, share, 0.0)))
        return share, least / exponent

    exponent, (share, plain) = LINEAR, compare(LINEAR)
    if to_light(darkest[0], CODED).min() >= LEAST_LIGHT:
        coded = compare(CODED)
        if coded[1] <= ALLOWANCE * plain:
            exponent, (share, plain) = CODED, coded

    @cache
    def flared(*choice: float) -> float:
        return loss(begin(exponent, *choice)) / exponent

    coarse = (share,), FIRST_FLARES, FLARE_BLURS if steep else (USUAL_FLARE_BLUR,)
    found: tuple[float, ...] = min(product(*coarse), key=lambda choice: flared(*choice))
    if steep:
        found = _descend(flared, (WITH_FLARE, FLARES, FLARE_BLURS), found)
    worth_it = ROUNDING < flared(*found) < WORTH_A_FLARE * plain
    return begin(exponent, *found) if worth_it else begin(exponent, share, 0.0)


def _descend(
    loss: Callable[..., float], choices: Sequence[Sequence[float]], first: tuple[float, ...]
) -> tuple[float, ...]:
    """One of the `choices` of each number with less loss than where one or two of them are the next larger or smaller.

    It is sought from the `first` on.

    >>> _descend(lambda x, y: (x - 3) ** 2 + 9 * (x - y) ** 2, ((1, 2, 3), (1, 2, 3)), (1, 1))
    (3, 3)
    """
    places = tuple(values.index(value) for values, value in zip(choices, first, strict=True))
    steps = [step for step in product((-1, 0, 1), repeat=len(choices)) if 0 < np.count_nonzero(step) <= 2]

    def chosen(places: tuple[int, ...]) -> tuple[float, ...]:
        return tuple(values[place] for values, place in zip(choices, places, strict=True))

    def improved(places: tuple[int, ...]) -> tuple[int, ...]:
        for step in sorted(steps, key=np.count_nonzero):
            moved = tuple(place + by for place, by in zip(places, step, strict=True))
            within = all(0 <= place < len(values) for place, values in zip(moved, choices, strict=True))
            if within and loss(*chosen(moved)) < loss(*chosen(places)):
                return moved
        return places

    while (better := improved(places)) != places:
        places = better
    return chosen(places)


def _find_least(choices: Sequence[float], first: float, loss: Callable[[float], float]) -> tuple[float, float]:
    """The choice of the least loss, and that: from the `first` on as long as the loss does not rise, up or else down.

    >>> _find_least((1.0, 2.0, 3.0, 4.0), 3.0, lambda choice: (choice - 1.75) ** 2)
    (2.0, 0.0625)
    """
    start = best = choices.index(first)
    least = loss(first)
    for onwards in (range(start + 1, len(choices)), range(start - 1, -1, -1)):
        if best != start:
            break
        for place in onwards:
            found = loss(choices[place])
            if found > least:
                break
            best, least = place, found
    return choices[best], least


def limit_to_film(tiles: Sequence[np.ndarray], curve: FilmCurve) -> FilmCurve:
    """A roll's `curve` with the `densest` film of a slide, at most the roll's."""
    densest = _densest(_darkest_film(tiles, [_places(tile) for tile in tiles]), curve)
    return curve._replace(densest=np.minimum(densest, curve.densest))


def _begin(
    darkest: np.ndarray,
    darkest_film: np.ndarray,
    shadows: Shadows | None,
    exponent: float,
    share: float,
    flare: float,
    flare_blur: float = USUAL_FLARE_BLUR,
) -> FilmCurve:
    black = to_light(darkest, exponent)
    curve = FilmCurve(exponent, black, share * black, 0.03 * black + 4, flare, np.full(len(black), NO_LIMIT))
    curve = curve._replace(flare_blur=flare_blur, densest=_densest(darkest_film, curve))
    return curve if shadows is None else curve._replace(maximum=_maximum(shadows, curve))


def _densest(darkest_film: np.ndarray, curve: FilmCurve) -> np.ndarray:
    plain = curve._replace(maximum=None, flare=0.0)
    return visible_density(darkest_film[:, None, None], plain)[:, 0, 0] + np.float32(MARGIN)


def _maximum(shadows: Shadows, curve: FilmCurve) -> np.ndarray:
    """Maximum density (band): the densest film's, if the share `COMMON` of the film is nearly as dense; otherwise 9."""
    film, around = (to_light(counts, curve.exponent) for counts in (shadows.film, shadows.around(curve.flare_blur)))
    density = film_density(zip(film, around, strict=True), curve._replace(maximum=None))
    densest, common = np.quantile(density, [1 - DARKEST, 1 - COMMON], axis=1)
    return np.where(common > np.maximum(densest - AS_DENSE, BLACK), densest + MARGIN, NO_LIMIT)


def _find_shadows(tiles: Sequence[np.ndarray]) -> Shadows:
    return Shadows(_film_light(tiles), cache(partial(_light_around, tiles)))


def _quantile(places: Sequence[np.ndarray]) -> np.ndarray:
    """Counts (band) of the darkest of places (band, place)."""
    return np.asarray(np.quantile(np.concatenate(places, axis=1), DARKEST, axis=1))


def _darkest_film(tiles: Sequence[np.ndarray], places: Sequence[np.ndarray]) -> np.ndarray:
    """Counts (band) of the darkest film, of places hardly denser than their level, the last plane of a tile."""
    above = [
        to_density(place).mean(axis=0) - tile[-1][::2, ::2].ravel() for tile, place in zip(tiles, places, strict=True)
    ]
    return _quantile([place[:, over < RAISED] for place, over in zip(places, above, strict=True)])


def _places(tile: np.ndarray) -> np.ndarray:
    """Counts (band, place) of every second pixel along both axes, with little noise."""
    return np.stack([blur(band, FINE)[::2, ::2].ravel() for band in tile[:3]])


def _film_light(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Counts (band, place) of film without anything smaller than 15 px, at every third row and column."""
    square = np.ones((LARGER // 3, LARGER // 3), np.uint8)
    smooth = [[blur(band, 3.0)[::3, ::3] for band in tile[:3]] for tile in tiles]
    closed = [[cv2.morphologyEx(band, cv2.MORPH_CLOSE, square).ravel() for band in tile] for tile in smooth]
    return np.concatenate(closed, axis=1)


def _light_around(tiles: Sequence[np.ndarray], sigma: float) -> np.ndarray:
    """Counts (band, place) around each place of `_film_light`, blurred by `sigma` px."""
    around = [[wide_blur(band, sigma)[::3, ::3].ravel() for band in tile[:3]] for tile in tiles]
    return np.concatenate(around, axis=1)
