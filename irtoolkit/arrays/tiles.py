"""Chunked machinery: lazy arrays from readers, NumPy kernels with a halo, samples, streaming into a file.

Every lazy step works on the same blocks, which depend only on the size of the slide. So the same numbers are added in
the same order for all chunks, threads and workers.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.delayed import Delayed, delayed

from irtoolkit.arrays.regions import Box, find_region, graph_of, task_of
from irtoolkit.arrays.schedulers import TASKS, local_scheduler, usual_scheduler
from irtoolkit.arrays.shrinking import QUARTER

BLOCK_ROWS, BLOCK_COLUMNS = 320, 1536
LEAST_ROWS, ROW_PIXELS = 128, 3_000_000
"""Rows of a block on very wide slides, and pixels of a row of blocks, of which some four are in memory at a time."""


Kernel = Callable[..., Sequence[np.ndarray] | np.ndarray]


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
    """Compute every block of an array (y, x, band) once, all bands together, and assign it to its place in `target`."""
    da.store(array.rechunk({2: -1}, method=TASKS), target, lock=False, compute=True, scheduler=usual_scheduler())


def blocks(height: int, width: int, joined: int = 1) -> list[list[tuple[slice, slice]]]:
    """Rows and columns of the blocks in which a slide of this size is processed, as rows of blocks from the top.

    They have the rows of so many usual blocks that are `joined`.

    >>> [[(rows.start, columns.stop) for rows, columns in row] for row in blocks(400, 900)]
    [[(0, 900)], [(200, 900)]]
    """
    tall = min(BLOCK_ROWS, max(LEAST_ROWS, ROW_PIXELS // width))
    rows, columns = _edges(height, joined * tall), _edges(width, BLOCK_COLUMNS)
    return [[(slice(*y), slice(*x)) for x in pairwise(columns)] for y in pairwise(rows)]


def _edges(length: int, largest: int) -> list[int]:
    """Edges of nearly equal parts of at most `largest` px, which begin at multiples of `QUARTER`."""
    number = -(-length // (largest // QUARTER * QUARTER))
    step = -(-length // (number * QUARTER)) * QUARTER
    return [*range(0, length, step), length]


def map_blocks(
    kernel: Kernel, *arrays: da.Array, depth: int, dtype: Any, planes: int = 1, located: bool = False, joined: int = 1
) -> da.Array:
    """Lazy (planes, y, x) array of `dtype`: a NumPy kernel over blocks, each with `depth` more pixels on every side.

    Parameters
    ----------
    kernel
        Takes one (planes, rows, columns) block of each array, and returns planes for the same pixels. It gets
        fewer than `depth` more pixels only at the edges of the slide.
    arrays
        (planes, y, x) arrays over the same y and x.
    located
        Whether the kernel takes the keyword `start`, its first row and column.
    joined
        Of how many usual blocks a block has the rows: more take more memory and less time for what is around them.
    """
    _, height, width = arrays[0].shape
    layout, name = blocks(height, width, joined), f"map-{uuid4().hex}"
    layer: dict[Any, Any] = {}
    for i, row in enumerate(layout):
        for j, block in enumerate(row):
            (rows, columns), inside = _with_halo(block, (height, width), depth)
            run = partial(kernel, start=(rows.start, columns.start)) if located else kernel
            regions = [find_region(array, rows, columns) for array in arrays]
            layer[name, 0, i, j] = task_of(partial(_run_and_trim, run, inside), regions)
    graph = graph_of(name, layer, arrays)
    sides = tuple(row[0][0].stop - row[0][0].start for row in layout), tuple(x.stop - x.start for _, x in layout[0])
    return da.Array(graph, name, ((planes,), *sides), dtype=dtype, meta=np.empty((0, 0, 0), dtype))


def _with_halo(block: Box, shape: tuple[int, ...], depth: int) -> tuple[Box, Box]:
    """A block with `depth` more pixels on every side, as far as there are any, and where it is in that."""
    (top, bottom), (left, right) = (
        (max(0, span.start - depth), min(length, span.stop + depth)) for span, length in zip(block, shape, strict=True)
    )
    rows, columns = block
    inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return (slice(top, bottom), slice(left, right)), inside


def _assemble(rows: list[list[da.Array]]) -> da.Array:
    return da.concatenate([da.concatenate(row, axis=2) for row in rows], axis=1)


def _run_and_trim(kernel: Kernel, inside: Box, *pieces: np.ndarray) -> np.ndarray:
    return np.stack([plane[inside] for plane in kernel(*pieces)])


class Reduction(NamedTuple):
    """A small result per block, and their combination: `kernel` takes one (planes, rows, columns) block of each array
    and the keyword `start`, its first row and column; `gather` takes the results in order from the top left. With a
    `depth` the blocks have so many more pixels on every side, and the kernel gets the keyword `inside`, where in them
    the block itself is.
    """

    kernel: Callable[..., Any]
    arrays: tuple[da.Array, ...]
    gather: Callable[[list[Any]], Any]
    depth: int = 0


def measure_together(*reductions: Reduction, used: slice = slice(None)) -> list[Any]:
    """Compute several reductions over arrays of one size in one pass; of the blocks, in order, only those `used`.

    The results are chained, so that dask does not start rows of blocks far ahead, which would double its memory.
    """
    shape, name = reductions[0].arrays[0].shape[1:], f"reduce-{uuid4().hex}"
    layer: dict[Any, Any] = {(name, 0): (list, [])}
    for number, block in enumerate(list(chain.from_iterable(blocks(*shape)))[used], 1):
        steps = [_reduction_task(one, block, shape) for one in reductions]
        layer[name, number] = (_append, (name, number - 1), *steps)
    graph = graph_of(name, layer, [array for one in reductions for array in one.arrays])
    parts = Delayed((name, number), graph, layer=name).compute(scheduler=local_scheduler())
    return [one.gather(list(part)) for one, part in zip(reductions, zip(*parts, strict=True), strict=True)]


def _reduction_task(reduction: Reduction, block: Box, shape: tuple[int, ...]) -> tuple[Any, ...]:
    (rows, columns), inside = _with_halo(block, shape, reduction.depth)
    known: dict[str, Any] = {"start": (block[0].start, block[1].start)}
    run = partial(reduction.kernel, **known, **({"inside": inside} if reduction.depth else {}))
    return task_of(run, [find_region(array, rows, columns) for array in reduction.arrays])


def reduce_blocks(kernel: Callable[..., Any], *arrays: da.Array, used: slice = slice(None)) -> list[Any]:
    """Compute one small result for every block that is `used`, in order from the top left, as a `Reduction` does."""
    return list(measure_together(Reduction(kernel, arrays, list), used=used)[0])


def _append(before: list[Any], *results: Any) -> list[Any]:
    return [*before, results]


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
