"""Rows and columns of a lazy array, put together from its chunks within one task."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, islice, pairwise, product
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph

Box = tuple[slice, slice]
Part = tuple[tuple[slice, ...], tuple[slice, ...]]


class Region(NamedTuple):
    """A box of a (planes, y, x) array: the `keys` of the chunks that it reaches, and for each where in the box its
    pixels belong and where in the chunk they are.
    """

    shape: tuple[int, ...]
    dtype: Any
    keys: list[tuple[Any, ...]]
    parts: list[Part]

    def gather(self, chunks: Sequence[np.ndarray]) -> np.ndarray:
        """The pixels of the box, from the chunks of `keys`."""
        if len(chunks) == 1:
            return np.ascontiguousarray(chunks[0][self.parts[0][1]])
        box = np.empty(self.shape, self.dtype)
        for chunk, (inside, cut) in zip(chunks, self.parts, strict=True):
            box[inside] = chunk[cut]
        return box


def find_region(array: da.Array, rows: slice, columns: slice) -> Region:
    """The chunks of a (planes, y, x) array that rows and columns reach.

    >>> region = find_region(da.zeros((1, 6, 4), chunks=(1, 3, 4)), slice(2, 4), slice(0, 2))
    >>> region.shape, len(region.keys)
    ((1, 2, 2), 2)
    """
    spans = slice(0, array.shape[0]), rows, columns
    reached = [_reached(sizes, span) for sizes, span in zip(array.chunks, spans, strict=True)]
    keys, parts = [], []
    for sides in product(*reached):
        numbers, inside, cut = zip(*sides, strict=True)
        keys.append((array.name, *numbers))
        parts.append((inside, cut))
    return Region(tuple(span.stop - span.start for span in spans), array.dtype, keys, parts)


def _reached(sizes: tuple[int, ...], span: slice) -> list[tuple[int, slice, slice]]:
    """Number of each chunk that a span reaches, its place within the span, and its place within the chunk."""
    edges = pairwise(accumulate(sizes, initial=0))
    return [
        (
            number,
            slice(max(start, span.start) - span.start, min(stop, span.stop) - span.start),
            slice(max(start, span.start) - start, min(stop, span.stop) - start),
        )
        for number, (start, stop) in enumerate(edges)
        if start < span.stop and stop > span.start
    ]


def task_of(run: Callable[..., Any], regions: Sequence[Region]) -> tuple[Any, ...]:
    """A dask task that gathers the regions from their chunks and hands them to `run`."""
    plans = [region._replace(keys=[]) for region in regions]
    numbers = [len(region.keys) for region in regions]
    return (partial(_gather_and_run, run, plans, numbers), *(key for region in regions for key in region.keys))


def _gather_and_run(
    run: Callable[..., Any], plans: Sequence[Region], numbers: Sequence[int], *chunks: np.ndarray
) -> Any:
    each = iter(chunks)
    return run(*(plan.gather(list(islice(each, number))) for plan, number in zip(plans, numbers, strict=True)))


def graph_of(name: str, layer: dict[Any, Any], arrays: Sequence[da.Array]) -> HighLevelGraph:
    """The graph of a layer of tasks, by key, over the chunks of arrays."""
    dependencies: Any = list(arrays)
    return HighLevelGraph.from_collections(name, layer, dependencies)
