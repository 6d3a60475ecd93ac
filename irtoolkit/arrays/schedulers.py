"""What computes lazy arrays. Dask would import distributed, at .3 s or more, to ask whether a cluster's client does."""

import sys
from collections.abc import Callable
from typing import Any

from dask import config
from dask.base import named_schedulers

TASKS = "tasks"
"""How to rechunk; dask would import distributed to choose."""

Scheduler = Callable[..., Any] | str


def local_scheduler() -> Scheduler:
    """The scheduler in dask's configuration, else threads, even where there is a client.

    >>> with config.set(scheduler="synchronous"):
    ...     local_scheduler().__name__
    'get_sync'
    """
    chosen: Scheduler = config.get("scheduler", None) or "threads"
    return named_schedulers.get(chosen, chosen) if isinstance(chosen, str) else chosen


def usual_scheduler() -> Scheduler | None:
    """The scheduler that dask would choose: None, dask's own choice, where there may be a client."""
    return None if "distributed" in sys.modules else local_scheduler()
