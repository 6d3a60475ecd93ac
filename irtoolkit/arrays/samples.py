"""Tiles spread over a lazy array, in memory."""

from functools import partial
from typing import NamedTuple

import dask.array as da
import numpy as np

from irtoolkit.arrays.schedulers import usual_scheduler

TASKS = "tasks"  # dask would import distributed to choose how to rechunk
_NO_OBJECTS = np.empty((0, 0, 0), object)


class Tile(NamedTuple):
    """A piece (planes, y, x) of a larger array, and its first row and column there."""

    row: int
    column: int
    planes: np.ndarray


def sample_tiles(array: da.Array, size: int = 128, across: int = 9) -> list[Tile]:
    """Compute tiles of `size` by `size` on a regular grid over a (planes, y, x) array, in order from the top left.

    A small array, which the grid would cover, is returned as one tile.
    """
    height, width = array.shape[1:]
    if height * width <= (size * across) ** 2:
        return [Tile(0, 0, array.compute(scheduler=usual_scheduler()))]
    rows, columns = _spread(height, size, across), _spread(width, size, across)
    cut = partial(_cut_tiles, columns=columns, size=size)
    bands = [array[:, y : y + size].rechunk(-1, method=TASKS) for y in rows]
    lazy = [da.map_blocks(cut, band, chunks=(1, 1, 1), dtype=object, meta=_NO_OBJECTS) for band in bands]
    cuts = da.concatenate(lazy, axis=1).compute(scheduler=usual_scheduler())[0, :, 0]
    return [
        Tile(y, x, planes) for y, cut in zip(rows, cuts, strict=True) for x, planes in zip(columns, cut, strict=True)
    ]


def _spread(length: int, size: int, number: int) -> list[int]:
    free = max(length - size, 0)
    return sorted({round(free * (i + 0.5) / number) for i in range(number)})


def _cut_tiles(block: np.ndarray, columns: list[int], size: int) -> np.ndarray:
    out = np.empty((1, 1, 1), dtype=object)
    out[0, 0, 0] = [block[:, :, x : x + size].copy() for x in columns]
    return out
