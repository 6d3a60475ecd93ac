"""What cleaning many slides takes: space, time, and how many processes and threads there are for it."""

import ctypes
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from dask.system import CPU_COUNT

from irtoolkit.archive.progress import spell
from irtoolkit.archive.tasks import CallError

SECONDS, EACH = 1.2e-6, 0.25
"""Of one core, a pixel and a slide, measured on slides of 13.5 and .02 MP (`python -m benchmarks.archive`)."""

MEMORY = 1.5e9
"""Bytes that a process may take; a slide of 60 MP takes 1.3e9 (measured)."""

PICTURES = 4e5
"""Bytes of a slide's mask, record and pictures."""

SHORT = 30.0
"""Seconds of work for which no processes are started: starting them takes 5 to 10."""

About = Mapping[str, Any]


TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT, LARGE = 2**28, 2**25
"""Options of mallopt(3), and bytes: what is freed is kept up to 256 MB, arrays of 32 MB and more are not."""


class Crew(NamedTuple):
    """Processes to start, none if this one or a cluster does the work, and threads in each, None for the cluster's."""

    processes: int
    threads: int | None


class Estimate(NamedTuple):
    """Slides to clean, the bytes that they will take and that are free, and seconds."""

    slides: int
    bytes: float
    free: int
    seconds: float

    def __str__(self) -> str:
        """One line for a person.

        >>> str(Estimate(24, 2.5e9, 30 * 10**9, 400))
        '24 slides to clean: about 2.5 GB (30.0 GB are free) and 7 min'
        """
        space = f"{self.bytes / 1e9:.1f} GB ({self.free / 1e9:.1f} GB are free)"
        return f"{self.slides} slides to clean: about {space} and {spell(self.seconds)}"


def memory_limit() -> int:
    """Bytes of memory that this process and those it starts may take."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def choose_crew(abouts: Iterable[About], workers: int | None) -> Crew:
    """As many processes as asked for, else as cores and memory allow; none where there is little to do."""
    work = [EACH + SECONDS * about.get("pixels", 0) for about in abouts]
    allowed = max(1, min(CPU_COUNT, int(memory_limit() // MEMORY), len(work)))
    count = workers or (allowed if sum(work) > SHORT else 1)
    return Crew(count if count > 1 else 0, max(1, CPU_COUNT // count))


def make_estimate(
    todo: Iterable[About], rates: Iterable[float], folder: Path, *, pictures: bool, cores: int = CPU_COUNT
) -> Estimate:
    """What cleaning slides will take, with healed `pictures` or masks alone.

    `todo` are what `describe_layout` says of the slides, `rates` the seconds a pixel that others took.
    """
    known = list(todo)
    pixels = sum(about.get("pixels", 0) for about in known)
    space = sum(about.get("bytes", 0) * pictures + PICTURES for about in known)
    measured = list(rates)
    seconds = pixels * median(measured) if measured else (pixels * SECONDS + len(known) * EACH) / cores
    return Estimate(len(known), space, free_bytes(folder), seconds)


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or would be."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def check_space(expected: Estimate, folder: Path) -> None:
    """Refuse a run whose outputs will not fit."""
    if expected.bytes > expected.free:
        raise CallError(
            f"{folder}: expected room for {expected.bytes / 1e9:.1f} GB of outputs, found {expected.free / 1e9:.1f} GB;"
            " free some, write to another disk, or clean fewer slides at a time (--limit)"
        )


def keep_freed_memory() -> None:
    """Let the C library of this process keep some freed memory for the next array; only glibc is told.

    Dask starts its workers so that freed memory goes back to the system at once, and every array is fetched from it
    anew, page by page: a slide of 13.5 MP then took 47 s of one core rather than 18 s.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_THRESHOLD, LARGE)
