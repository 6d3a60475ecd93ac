"""What stands between counts and the film's density: the file's curve, the black levels, the flare."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import xarray as xr

from irtoolkit.density import to_light
from irtoolkit.ghost import visible_density
from irtoolkit.schema import VISIBLE
from irtoolkit.statistics import blur

SHARES = (0.0, 0.3, 0.6, 0.8, 0.9)
FLARES = (0.01, 0.02, 0.03, 0.04)
WORTH_A_FLARE = 0.96
LINEAR, CODED = 1.0, 2.2
"""Exponents of light over counts, in linear files and in those with the usual gamma curve."""

LEAST_LIGHT = 10.0
"""16-bit counts of light that the darkest place of a coded file stands for at least; taken for coded, the darkest of 24
simulated linear scans would have been 6, and of 15 coded ones it was 24 and more."""

ALLOWANCE = 1.03
"""What may be lost by taking a file for coded whose codes say so; without shadows both fit alike."""

MARGIN = 0.1
DARKEST = 0.0005
LARGER = 15


def find_black(tiles: Sequence[np.ndarray], loss: Callable[[xr.Dataset], float]) -> xr.Dataset:
    """Find the curve, the black levels and the flare with which the infrared is predicted best.

    A file is taken for coded by a gamma curve where its darkest places would be too bright for a linear one and the fit
    is no worse. Black levels are a share of the darkest light, flare a share of the light around. Black levels are
    sought without flare; flare must save 4 % of the loss, because small dark places ask for a little on any film; then
    the black levels are sought again.

    Parameters
    ----------
    tiles
        (3 or more, y, x) 16-bit counts, R, G, B first.
    loss
        Density that a fit with such a model leaves.

    Returns
    -------
    xarray.Dataset
        `exponent` of light over counts; `darkest`, `offset` and `softness` (band), 16-bit counts of light; `flare`,
        share of the light around; `densest` (band), density of the densest film.
    """
    darkest = _darkest_light(tiles)

    def compare(exponent: float, flare: float) -> tuple[float, float]:
        losses = {share: loss(_begin(*darkest, exponent, share, flare)) for share in SHARES}
        share = min(SHARES, key=lambda share: losses[share])
        return share, losses[share] / exponent

    exponent, (share, plain) = LINEAR, compare(LINEAR, 0.0)
    if to_light(darkest[0], CODED).min() >= LEAST_LIGHT:
        coded = compare(CODED, 0.0)
        if coded[1] <= ALLOWANCE * plain:
            exponent, (share, plain) = CODED, coded
    flared = {flare: loss(_begin(*darkest, exponent, share, flare)) / exponent for flare in FLARES}
    flare = min(FLARES, key=lambda flare: flared[flare])
    if flared[flare] > WORTH_A_FLARE * plain:
        return _begin(*darkest, exponent, share, 0.0)
    return _begin(*darkest, exponent, compare(exponent, flare)[0], flare)


def densest_film(tiles: Sequence[np.ndarray], model: xr.Dataset) -> np.ndarray:
    """Density (band) of the densest film of a slide's tiles, like that of `find_black`; at most the `model`'s."""
    density = visible_density(_darkest_light(tiles)[1][:, None, None], model.assign(flare=0.0))[:, 0, 0] + MARGIN
    return np.minimum(density, model.densest.values)


def _begin(darkest: np.ndarray, densest: np.ndarray, exponent: float, share: float, flare: float) -> xr.Dataset:
    black = to_light(darkest, exponent)
    offset = {"offset": ("band", share * black), "softness": ("band", 0.03 * black + 4)}
    model = xr.Dataset({"exponent": exponent, "darkest": ("band", black), **offset, "flare": 0.0})
    density = visible_density(densest[:, None, None], model)[:, 0, 0] + MARGIN
    return model.assign(densest=("band", density), flare=flare).assign_coords(band=list(VISIBLE))


def _darkest_light(tiles: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Counts (band) of the darkest places, and of the darkest film, where nothing smaller than 15 px counts."""
    smooth = [[blur(band, 3.0)[::3, ::3] for band in tile[:3]] for tile in tiles]
    square = np.ones((LARGER // 3, LARGER // 3), np.uint8)
    closed = [[cv2.morphologyEx(band, cv2.MORPH_CLOSE, square).ravel() for band in tile] for tile in smooth]
    black = np.quantile(np.concatenate([np.reshape(tile, (3, -1)) for tile in smooth], axis=1), DARKEST, axis=1)
    return black, np.quantile(np.concatenate(closed, axis=1), DARKEST, axis=1)
