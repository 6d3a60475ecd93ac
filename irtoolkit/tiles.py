"""Chunked machinery: lazy arrays from readers, NumPy kernels with a halo of rows, samples, streaming into a file.

Every lazy step works on the same full-width bands of rows, which depend on nothing but the size of the slide:
so the same numbers are added in the same order whatever the chunks, threads and workers are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import dask
import dask.array as da
import numpy as np

BLOCK_ROWS = 256
BAND_PIXELS = 3_000_000

Kernel = Callable[..., np.ndarray]


def from_reader(reader: Any, chunks: tuple[tuple[int, ...], ...], name: str) -> da.Array:
    """Make a lazy array whose blocks are slices of an object with shape and dtype; each block is read once a graph.

    Slicing the array does not reach through to the reader, so that steps which need overlapping rows share
    one decoded block. `name` names the tasks and must tell different content apart.
    """
    read = partial(_read_block, reader)
    return da.map_blocks(read, chunks=chunks, dtype=reader.dtype, name=name, meta=np.empty((0, 0, 0), reader.dtype))


def _read_block(reader: Any, block_info: Any = None) -> np.ndarray:
    location = block_info[None]["array-location"]
    return np.ascontiguousarray(reader[tuple(slice(start, stop) for start, stop in location)])


def store(array: da.Array, target: Any) -> None:
    """Compute every block of `array` once and assign it to its place in `target`."""
    da.store(array, target, lock=False, compute=True)


def row_bands(height: int, width: int) -> list[tuple[int, int]]:
    """First and last-plus-one rows of the bands in which a slide of this size is worked on.

    >>> row_bands(700, 4000)
    [(0, 512), (512, 700)]
    """
    rows = max(1, BAND_PIXELS // (width * BLOCK_ROWS)) * BLOCK_ROWS
    return [(start, min(start + rows, height)) for start in range(0, height, rows)]


def map_rows(kernel: Kernel, *arrays: da.Array, depth: int, dtype: Any, planes: int = 1) -> da.Array:
    """Run a NumPy kernel over bands of rows, each with `depth` more rows above and below; lazy.

    Parameters
    ----------
    kernel
        Takes one (planes, rows, x) block of each array, and returns a (planes, rows, x) block for the same rows.
        It sees fewer than `depth` rows more only where the slide ends.
    arrays
        (planes, y, x) arrays over the same y and x.

    Returns
    -------
    dask.array.Array
        (planes, y, x) of `dtype`.
    """
    height, width = arrays[0].shape[1:]
    bands = []
    for start, stop in row_bands(height, width):
        top, bottom = max(0, start - depth), min(height, stop + depth)
        pieces = [array[:, top:bottom].rechunk(-1) for array in arrays]
        inner = partial(_run_and_trim, kernel, start - top, stop - top)
        bands.append(da.map_blocks(inner, *pieces, chunks=((planes,), (stop - start,), (width,)), dtype=dtype))
    return da.concatenate(bands, axis=1)


def _run_and_trim(kernel: Kernel, first: int, last: int, *blocks: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(kernel(*blocks)[:, first:last])


def reduce_rows(kernel: Callable[..., Any], *arrays: da.Array) -> list[Any]:
    """Compute one small result for every band of rows, in order from the top.

    `kernel` takes one (planes, rows, x) block of each array and the first row's index as the keyword `start`.
    """
    height, width = arrays[0].shape[1:]
    results = []
    for start, stop in row_bands(height, width):
        pieces = [array[:, start:stop].rechunk(-1) for array in arrays]
        inner = partial(_as_object, kernel, start)
        results.append(da.map_blocks(inner, *pieces, chunks=((1,), (1,), (1,)), dtype=object))
    return list(da.concatenate(results, axis=1).compute()[0, :, 0])


def _as_object(kernel: Callable[..., Any], start: int, *blocks: np.ndarray) -> np.ndarray:
    out = np.empty((1, 1, 1), dtype=object)
    out[0, 0, 0] = kernel(*blocks, start=start)
    return out


def sample_tiles(array: da.Array, size: int = 256, across: int = 7) -> list[np.ndarray]:
    """Compute square tiles on a regular grid over a (planes, y, x) array, or all of it when it is small.

    Returns
    -------
    list of numpy.ndarray
        (planes, size, size) tiles from the top left; one tile, the whole array, when the grid would cover it.
    """
    height, width = array.shape[1:]
    if height * width <= (size * across) ** 2:
        return [array.compute()]
    cut = partial(_cut_tiles, columns=_spread(width, size, across), size=size)
    samples: list[np.ndarray] = []
    for y in _spread(height, size, across):
        row = da.map_blocks(cut, array[:, y : y + size].rechunk(-1), chunks=(1, 1, 1), dtype=object)
        samples += row.compute()[0, 0, 0]
    return samples


def _spread(length: int, size: int, number: int) -> list[int]:
    free = max(length - size, 0)
    return sorted({round(free * (i + 0.5) / number) for i in range(number)})


def _cut_tiles(block: np.ndarray, columns: list[int], size: int) -> np.ndarray:
    out = np.empty((1, 1, 1), dtype=object)
    out[0, 0, 0] = [block[:, :, x : x + size].copy() for x in columns]
    return out


def from_indices(indices: np.ndarray, shape: tuple[int, int]) -> da.Array:
    """Lazy (1, y, x) bool array that is True at sorted flat indices of a slide of this height and width."""
    height, width = shape
    bands = []
    for start, stop in row_bands(height, width):
        first, last = np.searchsorted(indices, [start * width, stop * width])
        places = indices[first:last] - start * width
        draw = partial(_draw_indices, places, (stop - start, width))
        bands.append(da.map_blocks(draw, chunks=((1,), (stop - start,), (width,)), dtype=bool, meta=np.empty((0, 0, 0), bool)))
    return da.concatenate(bands, axis=1)


def _draw_indices(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    block = np.zeros(shape[0] * shape[1], bool)
    block[places] = True
    return block.reshape(1, *shape)


def lazy_number(count: Callable[..., int], *arguments: Any) -> da.Array:
    """Lazy int64 scalar array: what `count` returns for its arguments."""
    return da.from_delayed(dask.delayed(count, pure=True)(*arguments), shape=(), dtype=np.int64)
