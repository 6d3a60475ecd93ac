"""What stands between counts and the film's density: the file's curve, the black levels, the flare."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.density import to_light
from irtoolkit.ghost import visible_density
from irtoolkit.schema import VISIBLE
from irtoolkit.statistics import blur

SHARES = (0.0, 0.3, 0.6, 0.8, 0.9)
FIRST_SHARE = 0.6
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
DARKEST, COMMON = 0.0005, 0.01
LARGER = 15
AS_DENSE, BLACK = 0.25, 2.0
"""Density; where a hundredth of the film is within .25 of the densest and over 2, none is denser. Pupils are fewer."""

STEEP = 0.1
"""Slope of the infrared over the visible density beyond which the limit is worth it: it saves this share of a defect.
On simulated Kodachrome it took the recall of dust on nearly black slides from .09-.49 to .70-.94."""

NO_LIMIT = 9.0


class Darkness(NamedTuple):
    """Counts (band) of the darkest places; of the darkest film, where nothing under 15 px counts; of its 1 %."""

    place: np.ndarray
    film: np.ndarray
    common: np.ndarray


def find_black(
    tiles: Sequence[np.ndarray], loss: Callable[[xr.Dataset], float], slope: Callable[[xr.Dataset], float]
) -> xr.Dataset:
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
    slope
        Of the infrared over the visible density, by a fit with such a model.

    Returns
    -------
    xarray.Dataset
        `exponent` of light over counts; `darkest`, `offset` and `softness` (band), 16-bit counts of light; `flare`,
        share of the light around; `densest` (band), density of the densest film; where the infrared follows the picture
        steeply, `most` (band), the density that no film exceeds.
    """
    darkness = _measure_darkness(tiles)
    steep = slope(_begin(darkness, False, LINEAR, FIRST_SHARE, 0.0)) > STEEP
    begin = partial(_begin, darkness, steep)

    def compare(exponent: float, flare: float) -> tuple[float, float]:
        losses = {share: loss(begin(exponent, share, flare)) for share in SHARES}
        share = min(SHARES, key=lambda share: losses[share])
        return share, losses[share] / exponent

    exponent, (share, plain) = LINEAR, compare(LINEAR, 0.0)
    if to_light(darkness.place, CODED).min() >= LEAST_LIGHT:
        coded = compare(CODED, 0.0)
        if coded[1] <= ALLOWANCE * plain:
            exponent, (share, plain) = CODED, coded
    flared = {flare: loss(begin(exponent, share, flare)) / exponent for flare in FLARES}
    flare = min(FLARES, key=lambda flare: flared[flare])
    if flared[flare] > WORTH_A_FLARE * plain:
        return begin(exponent, share, 0.0)
    return begin(exponent, compare(exponent, flare)[0], flare)


def densest_film(tiles: Sequence[np.ndarray], model: xr.Dataset) -> xr.Dataset:
    """The `densest` film of a slide's tiles, like that of `find_black`, at most the `model`'s; `most` if it has one."""
    limits = _measure_limits(_measure_darkness(tiles), model)
    limits["densest"] = np.minimum(limits["densest"], model.densest)
    return limits if "most" in model else limits[["densest"]]


def _begin(darkness: Darkness, steep: bool, exponent: float, share: float, flare: float) -> xr.Dataset:
    black = to_light(darkness.place, exponent)
    offset = {"offset": ("band", share * black), "softness": ("band", 0.03 * black + 4)}
    model = xr.Dataset({"exponent": exponent, "darkest": ("band", black), **offset, "flare": 0.0})
    limits = _measure_limits(darkness, model)
    model = model.assign(limits if steep else limits[["densest"]]).assign(flare=flare)
    return model.assign_coords(band=list(VISIBLE))


def _measure_limits(darkness: Darkness, model: xr.Dataset) -> xr.Dataset:
    """Density (band): `densest`, of the densest film, and `most`, the same where film as black is common, else 9."""
    plain = model.drop_vars("most", errors="ignore").assign(flare=0.0)
    film, common = (visible_density(counts[:, None, None], plain)[:, 0, 0] for counts in darkness[1:])
    densest = film + np.float32(MARGIN)
    most = np.where(common > np.maximum(film - AS_DENSE, BLACK), densest, np.float32(NO_LIMIT))
    return xr.Dataset({"densest": ("band", densest), "most": ("band", most)})


def _measure_darkness(tiles: Sequence[np.ndarray]) -> Darkness:
    smooth = [[blur(band, 3.0)[::3, ::3] for band in tile[:3]] for tile in tiles]
    square = np.ones((LARGER // 3, LARGER // 3), np.uint8)
    closed = [[cv2.morphologyEx(band, cv2.MORPH_CLOSE, square).ravel() for band in tile] for tile in smooth]
    place = np.quantile(np.concatenate([np.reshape(tile, (3, -1)) for tile in smooth], axis=1), DARKEST, axis=1)
    return Darkness(place, *np.quantile(np.concatenate(closed, axis=1), [DARKEST, COMMON], axis=1))
