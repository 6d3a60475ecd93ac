"""Tiles spread over a lazy array, in memory."""

from functools import partial
from itertools import product
from typing import Any, NamedTuple

import dask.array as da
import numpy as np

from irtoolkit.arrays.tiles import Reduction, measure_together

Piece = tuple[int, tuple[slice, slice], np.ndarray]


class Tile(NamedTuple):
    """A piece (planes, y, x) of a larger array, and its first row and column there."""

    row: int
    column: int
    planes: np.ndarray


def sample_tiles(array: da.Array, size: int = 128, across: int = 9) -> list[Tile]:
    """Compute tiles of `size` by `size` on a regular grid over a (planes, y, x) array, in order from the top left.

    A small array, which the grid would cover, is returned as one tile.
    """
    return list(measure_together(tile_reduction(array, size, across))[0])


def tile_reduction(array: da.Array, size: int = 128, across: int = 9) -> Reduction:
    """The reduction behind `sample_tiles`, for `measure_together`."""
    height, width = array.shape[1:]
    if height * width <= (size * across) ** 2:
        boxes = [(slice(0, height), slice(0, width))]
    else:
        starts = product(_spread(height, size, across), _spread(width, size, across))
        boxes = [(slice(y, min(y + size, height)), slice(x, min(x + size, width))) for y, x in starts]
    gather = partial(_join_pieces, boxes, array.shape[0], array.dtype)
    return Reduction(partial(_cut_pieces, boxes=boxes), (array,), gather)


def _spread(length: int, size: int, number: int) -> list[int]:
    free = max(length - size, 0)
    return sorted({round(free * (i + 0.5) / number) for i in range(number)})


def _cut_pieces(block: np.ndarray, boxes: list[tuple[slice, slice]], start: tuple[int, int]) -> list[Piece]:
    """The parts of boxes that a block holds: the number of the box, the place within it, and the pixels."""
    pieces = []
    for number, box in enumerate(boxes):
        spans = [
            range(max(side.start, first), min(side.stop, first + length))
            for side, first, length in zip(box, start, block.shape[1:], strict=True)
        ]
        if all(spans):
            cut = tuple(slice(span.start - first, span.stop - first) for span, first in zip(spans, start, strict=True))
            rows, columns = (slice(s.start - b.start, s.stop - b.start) for s, b in zip(spans, box, strict=True))
            pieces.append((number, (rows, columns), block[:, *cut].copy()))
    return pieces


def _join_pieces(boxes: list[tuple[slice, slice]], planes: int, dtype: Any, parts: list[list[Piece]]) -> list[Tile]:
    shapes = [(planes, *(side.stop - side.start for side in box)) for box in boxes]
    tiles = [Tile(box[0].start, box[1].start, np.empty(shape, dtype)) for box, shape in zip(boxes, shapes, strict=True)]
    for part in parts:
        for number, place, pixels in part:
            tiles[number].planes[:, *place] = pixels
    return tiles
