"""How long one slide may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dask.callbacks import Callback

from irtoolkit.archive.capacity import About, expected_seconds

ALWAYS, TIMES = 600.0, 50.0
"""Seconds that every slide has, and how many times longer than expected it may take beyond them."""


@contextmanager
def within_time(about: About) -> Iterator[None]:
    """Let what dask computes in this context for a slide, by its `describe_layout`, end at a generous time.

    Raises
    ------
    TimeoutError
        At the first task of dask after that time.
    """
    seconds = ALWAYS + TIMES * expected_seconds(about)
    end = time.monotonic() + seconds

    def check(*_: object) -> None:
        if time.monotonic() > end:
            raise TimeoutError(f"it takes too long and was given up; clean it by itself (over {seconds:.0f} s)")

    with Callback(pretask=check):
        yield
