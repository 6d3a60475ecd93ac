"""Where the film is: the holder or mount around it blocks all light, and is neither film nor defect."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.arrays import Tile, robust_centre_and_scale, to_density, to_sixteen_bits

CELL = 8
INFRARED_SHARE = 0.2
VISIBLE_SHARE = 0.05
AS_DARK = 2.0
ALONG_A_SIDE = 0.6
BEYOND = 2
LARGEST_SHARE = 0.6
LARGEST_ROUNDED = 1.2
WIDEST = 0.3
STRAIGHT = 0.5
OBLIQUE = (0.0, 0.01, -0.01, 0.02, -0.02, 0.03, -0.03, 0.04, -0.04, 0.05, -0.05)
MARGIN = 2
SMALL = 4
OUTERMOST = 0.005


def measure_film(counts: xr.DataArray) -> np.ndarray:
    """Find the film within the frame of the scan, without the holder or mount around it.

    A holder blocks the infrared to under a fifth of the level of film, and the colours to under a twentieth of their
    brightest or to near their darkest, in a straight strip along six tenths of a side of the frame, over at most .3 of
    its width (docs/method.md). Shadows of Kodachrome can be as dark, but are seldom as straight.

    Parameters
    ----------
    counts
        (band, y, x) uint8 or uint16, bands R, G, B, IR; one pixel in 64 is read.

    Returns
    -------
    numpy.ndarray
        (cell_y, cell_x) bool, False where the holder is and up to 16 px aside; a cell is 8 by 8 pixels.
    """
    decimated = to_sixteen_bits(counts.data[:, CELL // 2 :: CELL, CELL // 2 :: CELL].compute())
    if not decimated.size:
        return np.ones(decimated.shape[1:], bool)
    visible, infrared = cv2.erode(decimated[:3].mean(axis=0), np.ones((3, 3), np.uint8)), decimated[3]
    darkest, brightest = np.quantile(visible, [0.01, 0.95])
    unlit = visible <= max(VISIBLE_SHARE * brightest, AS_DARK * darkest)
    dark = (unlit & (infrared <= INFRARED_SHARE * np.quantile(infrared, 0.95))).astype(np.uint8)
    beyond = np.pad(dark, BEYOND, mode="edge")
    opened = cv2.morphologyEx(beyond, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))[BEYOND:-BEYOND, BEYOND:-BEYOND]
    _, labels = cv2.connectedComponents(np.ascontiguousarray(opened), connectivity=4)
    holder = _holder(labels)
    if holder.mean() > LARGEST_SHARE:
        holder[:] = False
    grown = cv2.dilate(holder.astype(np.uint8), np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    return np.asarray(grown == 0)


def _holder(labels: np.ndarray) -> np.ndarray:
    """Which cells (y, x) of dark areas, numbered from 1, are a holder's: strips along sides, and what rounds corners.

    An area that reaches much farther in than its strips is a picture's shadow there.
    """
    holder = np.zeros(labels.shape, bool)
    for turns in range(4):
        turned, strips = np.rot90(labels, turns), np.rot90(holder, turns)
        side = np.bincount(turned[:, 0])
        for label in np.flatnonzero(side >= ALONG_A_SIDE * len(turned)):
            if label:
                strips |= _strip(turned == label)
    for label in np.unique(labels[holder]):
        area = labels == label
        if area.sum() <= LARGEST_ROUNDED * (area & holder).sum():
            holder |= area
    return holder


def _strip(area: np.ndarray) -> np.ndarray:
    """The cells of an area (y, x) within a strip along its left side, straight and up to 3 degrees oblique.

    Its width is that of at least half of the rows, within a cell, and at most .3 of the frame; other rows, as beside
    dust or a shadow, may differ. Otherwise there is no strip.
    """
    height, width = area.shape
    reach = np.where(area.all(axis=1), width, np.argmin(area, axis=1))
    strip, largest = np.zeros_like(area), STRAIGHT * height
    for slope in OBLIQUE:
        oblique = slope * (np.arange(height) - (height - 1) / 2)
        widths = np.rint(reach - oblique).astype(int)
        counts = np.bincount(widths[(reach > 0) & (widths > 0) & (widths <= WIDEST * width)], minlength=3)
        rows = np.convolve(counts, np.ones(3), "same")
        if rows.max() > largest:
            largest = rows.max()
            strip = area & (np.arange(width) < (rows.argmax() + 1 + oblique)[:, None])
    return strip


class Appearance(NamedTuple):
    """What a slide looks like on the whole, in density as if its counts were light.

    `clearest`: density of the clearest film in blue; `densest`: mean density of the densest film, both of cells of 4 by
    4 px, without the outermost 1/200 of them. `tint`: density of the clearest film in blue less that in green, large
    under the orange mask of a negative, minus the density of the densest film in green less that in red and blue, large
    where dyes have faded. `chroma`: robust sigma of the density in green or in blue less that in red, the larger; tiny
    on silver. `clipped`: share of the infrared's pixels that are saturated. Usual values are in docs/method.md.
    """

    clearest: float
    densest: float
    tint: float
    chroma: float
    clipped: float


def measure_appearance(tiles: Sequence[Tile], film: np.ndarray) -> Appearance:
    """Measure the appearance of a slide on its tiles (4, y, x) of counts and its film, from `measure_film`."""
    density = np.concatenate([to_density(_cells(tile, film)) for tile in tiles], axis=1)
    low, high = np.quantile(density, [OUTERMOST, 1 - OUTERMOST], axis=1)
    tint = low[2] - low[1] - (high[1] - (high[0] + high[2]) / 2)
    chroma = max(robust_centre_and_scale(density[band] - density[0])[1] for band in (1, 2))
    infrared = np.concatenate([tile.planes[3].ravel() for tile in tiles])
    clipped = (infrared >= np.iinfo(infrared.dtype).max).mean()
    return Appearance(*map(float, (low[2], high.mean(), tint, chroma, clipped)))


def _cells(tile: Tile, film: np.ndarray) -> np.ndarray:
    """Means of 4 by 4 px of the film in a tile, (3, cell) 16-bit counts."""
    inside = film_at(film, (tile.row, tile.column), tile.planes.shape[1:])[::SMALL, ::SMALL]
    bands = [cv2.blur(to_sixteen_bits(band), (SMALL, SMALL))[::SMALL, ::SMALL] for band in tile.planes[:3]]
    return np.stack([band[inside] for band in bands])


def film_at(film: np.ndarray, start: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """Film (y, x) bool, pixel by pixel, of the piece of a slide that begins at `start` and has this shape."""
    if film.all():
        return np.ones(shape, bool)
    rows, columns = (
        np.minimum(np.arange(first, first + length) // CELL, cells - 1)
        for first, length, cells in zip(start, shape, film.shape, strict=True)
    )
    return np.asarray(film[np.ix_(rows, columns)])
