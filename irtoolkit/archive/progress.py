"""Progress of a long run: a bar on a terminal, a line per minute elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from math import inf
from typing import TypeVar

from tqdm import tqdm

from irtoolkit.archive.refusals import group_by_reason
from irtoolkit.schema import counted, printable

Item = TypeVar("Item")

EVERY = 60.0
"""Seconds between two lines."""

BAR = "{{desc}}: {{n_fmt}} of {{total_fmt}} {}{{postfix}} |{{bar}}|"

UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))
"""Seconds of each unit of time."""


class Progress:
    """Slides done, time left, and what was refused or failed so far, on standard error; the bar is gone at the end.

    Parameters
    ----------
    total, what
        Number of slides, and what is done with them.
    work
        Work of all slides, by which the time left is measured; by default each slide is one.
    unit
        What is counted, if not slides.
    expected
        Seconds that all will take, as far as is known before the first slide is done.
    quiet
        Whether to write only what `write` is given.
    """

    def __init__(
        self,
        total: int,
        what: str,
        *,
        work: float | None = None,
        unit: str = "slides",
        expected: float = inf,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.total, self.what, self.unit, self.clock, self.expected = total, what, unit, clock, expected
        self.work, self.work_done, self.done = total if work is None else work, 0.0, 0
        self.states: Counter[str] = Counter()
        self.started = self.last_line = clock()
        self.lines = not quiet and not sys.stderr.isatty()
        hidden = quiet or self.lines or not total
        bar = BAR.format(unit)
        self.bar = tqdm(total=total, desc=what, disable=hidden, bar_format=bar, leave=False, dynamic_ncols=True)
        self._show_details(at_once=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def step(self, *, slides: int = 1, state: str = "", work: float | None = None) -> None:
        """Count slides that are finished; `state` is "refused" or "failed" of one that is not done."""
        self.done += slides
        self.work_done += slides if work is None else work
        self.states.update([state] if state else [])
        self._show_details()
        self.bar.update(slides)
        if self.lines and self.clock() - self.last_line >= EVERY:
            self.last_line = self.clock()
            self.write(self.line())

    def describe(self, what: str) -> None:
        """Say what is done now."""
        self.what = what
        self.bar.set_description_str(what)

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Count items as they come."""
        for item in items:
            self.step()
            yield item

    def seconds_left(self) -> float:
        """Seconds that the other slides will take: as long for their work as those that are done, if there are any."""
        taken = self.clock() - self.started
        if not self.work_done:
            return max(self.expected - taken, 0.0)
        return taken * max(self.work - self.work_done, 0.0) / self.work_done

    def line(self) -> str:
        """Progress as one line of text."""
        return ", ".join([f"{self.what}: {self.done} of {self.total} {self.unit}", *self._details()])

    def write(self, message: str) -> None:
        """Write one line to standard error, above the bar if there is one."""
        print_message(message)

    def trace(self, text: str) -> None:
        """Write a traceback to standard error, unless it is empty."""
        if text:
            _print("\n".join(map(printable, text.splitlines())))

    def _show_details(self, *, at_once: bool = False) -> None:
        self.bar.set_postfix_str(", ".join(self._details()), refresh=at_once)

    def _details(self) -> list[str]:
        """The time left, if it is known, and how many are not done."""
        left = self.seconds_left()
        time_left = [f"{format_time(left)} left"] if left < inf and self.done < self.total else []
        return time_left + [f"{count} {state}" for state, count in self.states.items()]


def print_message(message: str) -> None:
    """Print one printable line to standard error, above a bar; one that cannot be written is left out."""
    _print(f"irtoolkit: {printable(' '.join(message.split()))}")


def print_refused(refused: Iterable[tuple[str, str]], lead: str = "") -> None:
    """Print each reason once, with the file before it or several below it, from pairs of file and reason."""
    for reason, files in group_by_reason(refused).items():
        some = len(files) > 1
        print_message(f"{counted(len(files), 'file') if some else files[0]}: {lead}{reason}")
        for file in files if some else ():
            _print(f"  {printable(file)}")


def _print(text: str) -> None:
    with suppress(OSError):
        tqdm.write(text, file=sys.stderr)


def format_time(seconds: float) -> str:
    """Format a time as a person would say it.

    >>> format_time(4), format_time(37), format_time(80), format_time(1600)
    ('a few seconds', 'about 40 seconds', 'about 1 minute', 'about 27 minutes')
    >>> format_time(9000), format_time(40000), format_time(200000)
    ('about 2.5 hours', 'about 11 hours', 'about 2.5 days')
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds, -1):.0f} seconds"
    unit, name = next(((unit, name) for unit, name in UNITS if seconds >= 1.5 * unit), UNITS[-1])
    count = seconds / unit
    number = round(count) if count >= 10 or name == "minute" else round(2 * count) / 2
    return f"about {number:g} {name}{'s' * (number != 1)}"
