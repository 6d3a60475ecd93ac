"""Progress of a long run: a bar on a terminal, a line per minute elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from tqdm import tqdm

from irtoolkit.schema import printable

Item = TypeVar("Item")

EVERY = 60.0
"""Seconds between two lines."""


class Progress:
    """Slides done, rate, time left and failures so far, on standard error; if `quiet`, only what `write` is given."""

    def __init__(self, total: int, what: str, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic):
        self.total, self.what, self.clock = total, what, clock
        self.done = self.failed = 0
        self.started = self.last_line = clock()
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
        if self.lines and self.clock() - self.last_line >= EVERY:
            self.last_line = self.clock()
            self.write(self.line())

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Count items as they come."""
        for item in items:
            self.step()
            yield item

    def line(self) -> str:
        """Progress as one line of text."""
        seconds = max(self.clock() - self.started, 1e-6)
        rate = self.done / seconds
        left = (self.total - self.done) / rate if rate else float("inf")
        failures = f", {self.failed} failed" if self.failed else ""
        return (
            f"{self.what}: {self.done} of {self.total}, {rate * 60:.1f} per minute, {format_time(left)} left{failures}"
        )

    def write(self, message: str) -> None:
        """Write one line to standard error, above the bar if there is one."""
        print_message(message)

    def trace(self, text: str) -> None:
        """Write a traceback to standard error, unless it is empty."""
        if text:
            _print("\n".join(map(printable, text.splitlines())))


def print_message(message: str) -> None:
    """Print one printable line to standard error, above a bar; one that cannot be written is left out."""
    _print(f"irtoolkit: {printable(' '.join(message.split()))}")


def _print(text: str) -> None:
    with suppress(OSError):
        tqdm.write(text, file=sys.stderr)


def format_time(seconds: float) -> str:
    """Format a time for a person.

    >>> format_time(50), format_time(600), format_time(20000)
    ('50 s', '10 min', '5.6 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
