"""What is told while a long run goes on: a bar on a terminal, a line a minute elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

EVERY = 60.0
"""Seconds between two lines."""


class Progress:
    """Slides done of all, rate, time left and failures so far, on standard error.

    `quiet` says nothing but what `tell` is given.
    """

    def __init__(self, total: int, what: str, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic):
        self.total, self.what, self.clock = total, what, clock
        self.done = self.failed = 0
        self.started = self.told = clock()
        self.lines = not quiet and not sys.stderr.isatty()
        self.bar = tqdm(total=total, desc=what, unit="slide", disable=quiet or self.lines)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def step(self, *, slides: int = 1, failed: bool = False) -> None:
        """Count slides that are finished."""
        self.done += slides
        self.failed += failed
        if self.failed:
            self.bar.set_postfix_str(f"{self.failed} failed", refresh=False)
        self.bar.update(slides)
        if self.lines and self.clock() - self.told >= EVERY:
            self.told = self.clock()
            self.tell(self.line())

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Count items as they come."""
        for item in items:
            self.step()
            yield item

    def line(self) -> str:
        """How far it is."""
        seconds = max(self.clock() - self.started, 1e-6)
        rate = self.done / seconds
        left = (self.total - self.done) / rate if rate else float("inf")
        failures = f", {self.failed} failed" if self.failed else ""
        return f"{self.what}: {self.done} of {self.total}, {rate * 60:.1f} a minute, {spell(left)} left{failures}"

    def tell(self, message: str) -> None:
        """One line on standard error, above the bar if there is one."""
        tqdm.write(f"irtoolkit: {' '.join(message.split())}", file=sys.stderr)

    def trace(self, text: str) -> None:
        """Where an error arose, on standard error, line by line as it is; nothing if there is nothing."""
        if text:
            tqdm.write(text, file=sys.stderr)


def spell(seconds: float) -> str:
    """A time as a person says it.

    >>> spell(50), spell(600), spell(20000)
    ('50 s', '10 min', '5.6 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
