"""Chunked machinery: lazy arrays from readers, NumPy kernels with a halo, samples, streaming into a file.

Every lazy step works on the same blocks, which depend only on the size of the slide. So the same numbers are added in
the same order for all chunks, threads and workers.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice, pairwise
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask import config
from dask.base import compute
from dask.delayed import delayed

BLOCK_ROWS, BLOCK_COLUMNS = 640, 1536
_NO_OBJECTS = np.empty((0, 0, 0), object)

Kernel = Callable[..., np.ndarray]


def from_reader(reader: Any, chunks: tuple[tuple[int, ...], ...], name: str) -> da.Array:
    """Make a lazy array whose blocks are slices of an object with shape and dtype; each block is read once per graph.

    Slicing the array does not slice the reader, so steps that need overlapping rows share one decoded block. `name`
    names the tasks and must be unique for each content.
    """
    read = partial(_read_block, reader)
    return da.map_blocks(read, chunks=chunks, dtype=reader.dtype, name=name, meta=np.empty((0, 0, 0), reader.dtype))


def _read_block(reader: Any, block_info: Any = None) -> np.ndarray:
    location = block_info[None]["array-location"]
    return np.ascontiguousarray(reader[tuple(slice(start, stop) for start, stop in location)])


def store(array: da.Array, target: Any) -> None:
    """Compute every block of `array` once and assign it to its position in `target`."""
    da.store(array, target, lock=False, compute=True)


def blocks(height: int, width: int) -> list[list[tuple[slice, slice]]]:
    """Rows and columns of the blocks in which a slide of this size is processed, as rows of blocks from the top.

    >>> [[(rows.start, columns.stop) for rows, columns in row] for row in blocks(800, 900)]
    [[(0, 900)], [(400, 900)]]
    """
    rows, columns = _edges(height, BLOCK_ROWS), _edges(width, BLOCK_COLUMNS)
    return [[(slice(*y), slice(*x)) for x in pairwise(columns)] for y in pairwise(rows)]


def _edges(length: int, largest: int) -> list[int]:
    number = -(-length // largest)
    return [round(i * length / number) for i in range(number + 1)]


def map_blocks(
    kernel: Kernel,
    *arrays: da.Array,
    depth: int,
    dtype: Any,
    planes: int = 1,
    located: bool = False,
    pointwise: int = 0,
) -> da.Array:
    """Lazy (planes, y, x) array of `dtype`: a NumPy kernel over blocks, each with `depth` more pixels on every side.

    Parameters
    ----------
    kernel
        Takes one (planes, rows, columns) block of each array, and returns such a block for the same pixels. It gets
        fewer than `depth` more pixels only at the edges of the slide.
    arrays
        (planes, y, x) arrays over the same y and x.
    pointwise
        Number of last arrays that are needed within the block only: the kernel gets 0 around it, and neighbouring
        blocks are not kept in memory.
    located
        Whether the kernel takes the keyword `start`, its first row and column.
    """
    height, width = arrays[0].shape[1:]
    wide, narrow = arrays[: len(arrays) - pointwise], arrays[len(arrays) - pointwise :]

    def mapped(rows: slice, columns: slice) -> da.Array:
        (top, bottom), (left, right) = _with_halo(rows, height, depth), _with_halo(columns, width, depth)
        pieces = [array[:, top:bottom, left:right].rechunk(-1) for array in wide]
        pieces += [array[:, rows, columns].rechunk(-1) for array in narrow]
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        shape = (planes,), (rows.stop - rows.start,), (columns.stop - columns.start,)
        run = partial(kernel, start=(top, left)) if located else kernel
        trimmed = partial(_run_and_trim, run, inside, len(wide))
        return da.map_blocks(trimmed, *pieces, chunks=shape, dtype=dtype, meta=np.empty((0, 0, 0), dtype))

    return _assemble([[mapped(*block) for block in row] for row in blocks(height, width)])


def _with_halo(span: slice, length: int, depth: int) -> tuple[int, int]:
    return max(0, span.start - depth), min(length, span.stop + depth)


def _assemble(rows: list[list[da.Array]]) -> da.Array:
    return da.concatenate([da.concatenate(row, axis=2) for row in rows], axis=1)


def _run_and_trim(kernel: Kernel, inside: tuple[slice, slice], number: int, *pieces: np.ndarray) -> np.ndarray:
    sides = zip(inside, pieces[0].shape[1:], strict=True)
    around = ((0, 0), *((side.start, length - side.stop) for side, length in sides))
    framed = [np.pad(piece, around) for piece in pieces[number:]]
    return np.ascontiguousarray(kernel(*pieces[:number], *framed)[:, *inside])


class Reduction(NamedTuple):
    """A small result per block, and their combination: `kernel` takes one (planes, rows, columns) block of each array
    and the keyword `start`, its first row and column; `gather` takes the results in order from the top left.
    """

    kernel: Callable[..., Any]
    arrays: tuple[da.Array, ...]
    gather: Callable[[list[Any]], Any]


def measure_together(*reductions: Reduction) -> list[Any]:
    """Compute several reductions over arrays of one size in one pass."""
    kernels = [(one.kernel, len(one.arrays)) for one in reductions]
    parts = reduce_blocks(partial(_run_each, kernels), *(array for one in reductions for array in one.arrays))
    return [one.gather(list(part)) for one, part in zip(reductions, zip(*parts, strict=True), strict=True)]


def _run_each(
    kernels: Sequence[tuple[Callable[..., Any], int]], *blocks: np.ndarray, start: tuple[int, int]
) -> list[Any]:
    each = iter(blocks)
    return [kernel(*islice(each, number), start=start) for kernel, number in kernels]


def reduce_blocks(kernel: Callable[..., Any], *arrays: da.Array) -> list[Any]:
    """Compute one small result for every block, in order from the top left, by the kernel of a `Reduction`.

    The results are chained, so that dask does not start rows of blocks far ahead, which would double its memory.
    """
    height, width = arrays[0].shape[1:]

    def reduced(rows: slice, columns: slice) -> da.Array:
        pieces = [array[:, rows, columns].rechunk(-1) for array in arrays]
        inner = partial(_as_object, kernel, (rows.start, columns.start))
        return da.map_blocks(inner, *pieces, chunks=((1,), (1,), (1,)), dtype=object, meta=_NO_OBJECTS)

    results = _assemble([[reduced(*block) for block in row] for row in blocks(height, width)])
    chained: Any = []
    for result in results.to_delayed().ravel():
        chained = delayed(_append)(chained, result, pure=False)
    return list(chained.compute(scheduler=config.get("scheduler", None) or "threads"))


def _append(before: list[Any], result: np.ndarray) -> list[Any]:
    return [*before, result.item()]


def _as_object(kernel: Callable[..., Any], start: tuple[int, int], *pieces: np.ndarray) -> np.ndarray:
    out = np.empty((1, 1, 1), dtype=object)
    out[0, 0, 0] = kernel(*pieces, start=start)
    return out


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
        return [Tile(0, 0, array.compute())]
    rows, columns = _spread(height, size, across), _spread(width, size, across)
    cut = partial(_cut_tiles, columns=columns, size=size)
    bands = [array[:, y : y + size].rechunk(-1) for y in rows]
    lazy = [da.map_blocks(cut, band, chunks=(1, 1, 1), dtype=object, meta=_NO_OBJECTS) for band in bands]
    cuts = da.concatenate(lazy, axis=1).compute()[0, :, 0]
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


def from_indices(indices: np.ndarray, shape: tuple[int, int]) -> da.Array:
    """Lazy (1, y, x) bool array that is True at sorted flat indices of a slide of this height and width."""
    index_y, index_x = np.divmod(indices, shape[1])

    def drawn(rows: slice, columns: slice) -> da.Array:
        first, last = np.searchsorted(index_y, [rows.start, rows.stop])
        y, x = index_y[first:last] - rows.start, index_x[first:last] - columns.start
        size = rows.stop - rows.start, columns.stop - columns.start
        inside = (x >= 0) & (x < size[1])
        draw = partial(_draw, y[inside], x[inside], size)
        return da.map_blocks(draw, chunks=((1,), *((n,) for n in size)), dtype=bool, meta=np.empty((0, 0, 0), bool))

    return _assemble([[drawn(*block) for block in row] for row in blocks(*shape)])


def _draw(y: np.ndarray, x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    block = np.zeros((1, *size), bool)
    block[0, y, x] = True
    return block


def lazy_number(count: Callable[..., int], *arguments: Any) -> da.Array:
    """Lazy int64 scalar array, the result of `count` for its arguments."""
    return da.from_delayed(delayed(count, pure=True)(*arguments), shape=(), dtype=np.int64)


def from_kernel(kernel: Callable[[np.ndarray, np.ndarray], np.ndarray], shape: tuple[int, int], dtype: Any) -> da.Array:
    """Lazy (1, y, x) array of `dtype`: `kernel` takes the rows and the columns of a block and returns the block."""

    def made(rows: slice, columns: slice) -> da.Array:
        places = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        sizes = (1,), (len(places[0]),), (len(places[1]),)
        return da.map_blocks(partial(kernel, *places), chunks=sizes, dtype=dtype, meta=np.empty((0, 0, 0), dtype))

    return _assemble([[made(*block) for block in row] for row in blocks(*shape)])


def cut_windows(places: Iterable[tuple[slice, slice]], *arrays: da.Array) -> list[list[np.ndarray]]:
    """Compute the same rows and columns of (planes, y, x) arrays: for each place a window of every array."""
    lazy = [[array[:, rows, columns] for array in arrays] for rows, columns in places]
    return list(compute(lazy, scheduler=config.get("scheduler", None) or "threads")[0])
