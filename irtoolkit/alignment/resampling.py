"""The infrared brought onto the colour grid along a displacement, of tiles and of the whole slide."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.alignment.displacement import WORTHWHILE, Displacement, displacement_at, largest_displacement
from irtoolkit.alignment.film import EDGE_REACH, Film, film_at, film_to_the_edge
from irtoolkit.alignment.interpolation import REACH, resample
from irtoolkit.alignment.no_data import NoData
from irtoolkit.arrays import Tile, map_blocks, to_sixteen_bits

BESIDE = 1
LEAST_KNOWN = 0.999


class Sample(NamedTuple):
    """A tile of a slide with its infrared on the colour grid.

    `planes` (4, y, x): float32 16-bit counts of R, G, B, IR, infrared NaN where it saw no film; `place`: rows (y, 1)
    and columns (1, x), from -1 to 1 over the slide.
    """

    planes: np.ndarray
    place: tuple[np.ndarray, np.ndarray]


def align_samples(samples: Sequence[Tile], displacement: Displacement, film: Film) -> list[Sample]:
    """Bring the infrared of tiles (4, y, x) of counts onto the colour grid, as `shift_infrared` does."""
    aligned = []
    for tile in samples:
        start, size = (tile.row, tile.column), tile.planes.shape[1:]
        infrared = _resample(tile.planes[3:], displacement=displacement, film=film, start=start)
        planes = np.concatenate([to_sixteen_bits(tile.planes[:3]), infrared])
        aligned.append(Sample(planes, frame_place(start, size, displacement.shape)))
    return aligned


def frame_place(start: tuple[int, int], size: tuple[int, ...], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (y, 1) and columns (1, x) of a piece of a slide of this shape, from -1 to 1 over the slide, float32."""
    y, x = (
        ((np.arange(length) + first) * (2 / (whole - 1)) - 1).astype(np.float32)
        for first, length, whole in zip(start, size, shape, strict=True)
    )
    return y[:, None], x[None, :]


def shift_infrared(counts: xr.DataArray, displacement: Displacement, film: Film) -> xr.DataArray:
    """Resample the infrared onto the colour grid by Lanczos' kernel of eight taps, which keeps thin minima; lazy.

    Parameters
    ----------
    counts
        (band, y, x) with the infrared last.
    displacement
        From `fit_displacement`; under .1 px everywhere it is left alone, because every resampling softens thin defects.
    film
        From `measure_film`.

    Returns
    -------
    xarray.DataArray
        (y, x) float32 16-bit counts; NaN where the infrared's frame ends or it holds no data, or either saw no film.
    """
    depth = int(np.ceil(largest_displacement(displacement))) + REACH + 1 + (0 if film.cells.all() else EDGE_REACH)
    kernel = partial(_resample, displacement=displacement, film=film)
    data = map_blocks(kernel, counts.data[3:], depth=depth, dtype=np.float32, located=True)
    return xr.DataArray(data[0], dims=("y", "x"), name="infrared")


def _resample(infrared: np.ndarray, *, displacement: Displacement, film: Film, start: tuple[int, int]) -> np.ndarray:
    plane = to_sixteen_bits(infrared[0])
    known = film_to_the_edge(film, plane, start)
    rows, columns = (first + np.arange(length) for first, length in zip(start, plane.shape, strict=True))
    if largest_displacement(displacement) >= WORTHWHILE:
        moves = displacement_at(displacement, rows, columns)
        if not known.all():
            known &= _seen_through(known, moves)
        plane = resample(plane, displacement, start)
        known &= _inside(np.arange(len(rows))[:, None] + moves[0], np.arange(len(columns)) + moves[1], plane.shape)
    if film.no_data is not None:
        known &= ~_reads_no_data(displacement, film.no_data, rows, columns)
    return np.where(known, plane, np.float32(np.nan))[None]


def _seen_through(known: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Where (y, x) the nearest pixels at a displacement are all known."""
    y, x = (np.arange(length, dtype=np.float32) for length in known.shape)
    return cv2.remap(known.astype(np.float32), x + moves[1], y[:, None] + moves[0], cv2.INTER_LINEAR) > LEAST_KNOWN


def unseen_share(displacement: Displacement, film: Film | None = None) -> float:
    """Share of the slide that the frame of the infrared does not cover, or of whose `film` it holds no data."""
    shifted = largest_displacement(displacement) >= WORTHWHILE
    no_data = None if film is None else film.no_data
    if not shifted and no_data is None:
        return 0.0
    height, width = displacement.shape
    columns, seen = np.arange(width), 0
    for rows in np.array_split(np.arange(height), -(-height // 256)):
        covered = np.ones((len(rows), width), bool)
        if shifted:
            move_y, move_x = displacement_at(displacement, rows, columns)
            covered &= _inside(rows[:, None] + move_y, columns + move_x, (height, width))
        if film is not None and no_data is not None:
            lacking = _reads_no_data(displacement, no_data, rows, columns)
            covered &= ~(lacking & film_at(film, (int(rows[0]), 0), covered.shape))
        seen += int(covered.sum())
    return 1 - seen / (height * width)


def _reads_no_data(displacement: Displacement, no_data: NoData, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether the infrared at these rows and columns would come from pixels without data, or from their neighbours."""
    if largest_displacement(displacement) < WORTHWHILE:
        return no_data.grown(BESIDE).at(rows[:, None], columns)
    move_y, move_x = displacement_at(displacement, rows, columns)
    from_y, from_x = (np.floor(place).astype(int) for place in (rows[:, None] + move_y, columns + move_x))
    return no_data.grown(REACH).at(from_y, from_x)


def _inside(y: np.ndarray, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (y >= 0) & (y <= shape[0] - 1) & (x >= 0) & (x <= shape[1] - 1)
