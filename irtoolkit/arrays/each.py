"""A function of each of many items, computed by dask in a few tasks."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import TypeVar

from dask.base import compute
from dask.delayed import delayed

from irtoolkit.arrays.schedulers import local_scheduler

GROUPS = 16
"""Tasks for all items together; each takes dask .1 to .3 ms."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def compute_each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Compute function(item) for each item, in order, with dask's scheduler of this process, in at most 16 tasks.

    >>> compute_each(abs, [-1, 2])
    [1, 2]
    """
    known = list(items)
    size = max(1, -(-len(known) // GROUPS))
    groups = (known[first : first + size] for first in range(0, len(known), size))
    tasks = [delayed(partial(_apply, function, group), pure=False)() for group in groups]
    return list(chain.from_iterable(compute(*tasks, scheduler=local_scheduler())))


def _apply(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return list(map(function, items))
