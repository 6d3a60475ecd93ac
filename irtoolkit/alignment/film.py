"""Where the film is: the holder or mount around it blocks all light, and is neither film nor defect."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.alignment.holder import find_holder
from irtoolkit.alignment.no_data import NoData, Runs, find_no_data, join_runs, measure_runs
from irtoolkit.arrays import (
    Reduction,
    Tile,
    blocks,
    measure_together,
    robust_centre_and_scale,
    to_density,
    to_sixteen_bits,
)

CELL = 8
INFRARED_SHARE, OPAQUE_SHARE = 0.2, 0.03
VISIBLE_SHARE = 0.05
AS_DARK = 2.0
BEYOND = 2
MARGIN = 2
EDGE_LIGHT, EDGE_SPECK, EDGE_MARGIN = 0.8, 17, 5
EDGE_REACH = EDGE_SPECK + EDGE_MARGIN
CLIPPED = 0.02
SMALL = 4
OUTERMOST = 0.005


class Film(NamedTuple):
    """Where a scan shows film, and where its infrared holds data.

    `cells` (cell_y, cell_x) bool: False where the holder is and up to 16 px aside; a cell is 8 by 8 pixels. `bright`:
    the infrared of film, 16-bit counts; 0 where it is not known, and nothing nearer to the holder is film either.
    `no_data`: what the infrared lacks, None of a complete one.
    """

    cells: np.ndarray
    bright: float = 0.0
    no_data: NoData | None = None

    @property
    def holder(self) -> float:
        """Share of the scan that is holder, with the 16 px beside it."""
        return 1 - float(self.cells.mean())

    @property
    def lacking(self) -> float:
        """Share of the scan that is film of which the infrared holds no data."""
        if self.no_data is None:
            return 0.0
        height, width = len(self.no_data.left), len(self.no_data.columns)
        number = 0
        for rows in np.array_split(np.arange(height), -(-height // 256)):
            shown = film_at(self, (int(rows[0]), 0), (len(rows), width))
            number += int((shown & self.no_data.at(rows[:, None], np.arange(width))).sum())
        return number / (height * width)


class _Overview(NamedTuple):
    """Of a scan one pixel of each cell, (4, cell_y, cell_x), and the runs of all rows and columns of the infrared."""

    planes: np.ndarray
    rows: Runs
    columns: Runs


def measure_film(counts: xr.DataArray) -> Film:
    """Find the film within the frame of the scan, without the holder or mount around it and between frames.

    A holder blocks the infrared to under a fifth of the level of film, and the colours to under a twentieth of their
    brightest or to near their darkest, in straight strips along six tenths of a side of the scan, over at most .3 of
    its width, or in straight bars across it that let hardly any infrared through (docs/method.md). Shadows of
    Kodachrome can be as dark, but are seldom as straight.

    Parameters
    ----------
    counts
        (band, y, x) uint8 or uint16, bands R, G, B, IR; read once.

    Returns
    -------
    Film
        Its cells, and what the infrared lacks.
    """
    return measure_together(film_reduction(counts))[0]


def film_reduction(counts: xr.DataArray) -> Reduction:
    """The reduction behind `measure_film`, for `measure_together`."""
    return Reduction(_look_over, (counts.data,), partial(_find_film, shape=(counts.sizes["y"], counts.sizes["x"])))


def _find_film(parts: list[_Overview], shape: tuple[int, int]) -> Film:
    overview = _join_overview(parts, shape)
    planes = to_sixteen_bits(overview.planes)
    infrared = planes[3]
    no_data = find_no_data(overview.rows, overview.columns, np.array([]))
    lacking = _of_cells(no_data, infrared.shape)
    if lacking.all():
        return Film(np.ones(infrared.shape, bool))
    cells = _find_cells(planes, lacking)
    shown = overview.planes[3][cells & ~lacking]
    if no_data is not None:
        values, number = np.unique(shown, return_counts=True)
        no_data = find_no_data(overview.rows, overview.columns, values[number > CLIPPED * shown.size])
    bright = float(np.median(infrared[cells & ~lacking])) if shown.size else 0.0
    return Film(cells, bright, no_data)


def _of_cells(no_data: NoData | None, shape: tuple[int, ...]) -> np.ndarray:
    """Whether the pixel of each cell has no data, (cell_y, cell_x) bool."""
    if no_data is None:
        return np.zeros(shape, bool)
    rows, columns = (np.arange(length) * CELL + CELL // 2 for length in shape)
    return no_data.at(rows[:, None], columns)


def _find_cells(planes: np.ndarray, lacking: np.ndarray) -> np.ndarray:
    """Cells of film, given a pixel (4, cell_y, cell_x) of each, 16-bit counts, and where the infrared is `lacking`."""
    visible, infrared = cv2.erode(planes[:3].mean(axis=0), np.ones((3, 3), np.uint8)), planes[3]
    bright = np.quantile(infrared[~lacking], 0.95)
    blocked = infrared <= INFRARED_SHARE * bright
    if blocked.all():
        return np.ones(blocked.shape, bool)
    darkest, brightest = np.quantile(visible, 0.01), np.quantile(visible[~blocked], 0.95)
    unlit = visible <= max(VISIBLE_SHARE * brightest, AS_DARK * darkest)
    beyond = np.pad((unlit & (blocked | lacking)).astype(np.uint8), BEYOND, mode="edge")
    opened = cv2.morphologyEx(beyond, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))[BEYOND:-BEYOND, BEYOND:-BEYOND]
    even = cv2.medianBlur(np.where(lacking, np.float32(0), infrared), 3)
    opaque = (opened > 0) & (even <= OPAQUE_SHARE * bright)
    holder = find_holder(opened > 0, opaque).astype(np.uint8)
    return np.asarray(cv2.dilate(holder, _square(2 * MARGIN + 1)) == 0)


def _square(side: int) -> np.ndarray:
    return np.ones((side, side), np.uint8)


def _join_overview(parts: list[_Overview], shape: tuple[int, int]) -> _Overview:
    layout = blocks(*shape)
    heights = [row[0][0].stop - row[0][0].start for row in layout]
    widths = [columns.stop - columns.start for _, columns in layout[0]]
    table = [parts[first : first + len(widths)] for first in range(0, len(parts), len(widths))]
    planes = np.concatenate([np.concatenate([part.planes for part in row], axis=2) for row in table], axis=1)
    rows = [join_runs([part.rows for part in row], widths) for row in table]
    columns = [join_runs([part.columns for part in column], heights) for column in zip(*table, strict=True)]
    return _Overview(planes, *(Runs(*map(np.concatenate, zip(*runs, strict=True))) for runs in (rows, columns)))


def _look_over(planes: np.ndarray, start: tuple[int, int]) -> _Overview:
    rows, columns = ((CELL // 2 - first) % CELL for first in start)
    thin = planes[:, rows::CELL, columns::CELL].copy()
    return _Overview(thin, measure_runs(planes[3]), measure_runs(planes[3].T))


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


def measure_appearance(tiles: Sequence[Tile], film: Film) -> Appearance:
    """Measure the appearance of a slide on its tiles (4, y, x) of counts and its film, from `measure_film`."""
    density = np.concatenate([to_density(_cells(tile, film)) for tile in tiles], axis=1)
    low, high = np.quantile(density, [OUTERMOST, 1 - OUTERMOST], axis=1)
    tint = low[2] - low[1] - (high[1] - (high[0] + high[2]) / 2)
    chroma = max(robust_centre_and_scale(density[band] - density[0])[1] for band in (1, 2))
    infrared = np.concatenate([tile.planes[3][~lacks_data(film, tile)] for tile in tiles])
    clipped = (infrared >= np.iinfo(infrared.dtype).max).mean()
    return Appearance(*map(float, (low[2], high.mean(), tint, chroma, clipped)))


def _cells(tile: Tile, film: Film) -> np.ndarray:
    """Means of 4 by 4 px of the film in a tile, (3, cell) 16-bit counts."""
    inside = film_at(film, (tile.row, tile.column), tile.planes.shape[1:])[::SMALL, ::SMALL]
    bands = [cv2.blur(to_sixteen_bits(band), (SMALL, SMALL))[::SMALL, ::SMALL] for band in tile.planes[:3]]
    return np.stack([band[inside] for band in bands])


def film_at(film: Film, start: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """Film (y, x) bool, pixel by pixel, of the piece of a slide that begins at `start` and has this shape."""
    return _piece(film.cells, start, shape)


def _piece(cells: np.ndarray, start: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    if cells.all():
        return np.ones(shape, bool)
    rows, columns = (
        np.minimum(np.arange(first, first + length) // CELL, count - 1)
        for first, length, count in zip(start, shape, cells.shape, strict=True)
    )
    return np.asarray(cells[np.ix_(rows, columns)])


def film_to_the_edge(film: Film, infrared: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Film (y, x) bool of a piece (y, x) of infrared, 16-bit counts, up to 5 px from where the holder dims it.

    Of the pixels beside the holder that `film_at` leaves out, these are as bright as film, apart from specks. The
    answer at a pixel depends on those within 22 px.
    """
    cells = film_at(film, start, infrared.shape)
    if cells.all() or not film.bright:
        return cells
    inner = cv2.erode((~film.cells).astype(np.uint8), _square(2 * MARGIN + 1)) > 0
    inside = ~_piece(~inner, start, infrared.shape)
    dim = (inside | (~cells & (infrared < EDGE_LIGHT * film.bright))).astype(np.uint8)
    holder = cv2.morphologyEx(dim, cv2.MORPH_OPEN, _square(EDGE_SPECK)) | inside
    return np.asarray(cells | (cv2.dilate(holder, _square(2 * EDGE_MARGIN + 1)) == 0))


def lacks_data(film: Film, tile: Tile) -> np.ndarray:
    """Whether the infrared of a tile holds no data, (y, x) bool."""
    height, width = tile.planes.shape[1:]
    if film.no_data is None:
        return np.zeros((height, width), bool)
    return film.no_data.at(np.arange(tile.row, tile.row + height)[:, None], np.arange(tile.column, tile.column + width))
