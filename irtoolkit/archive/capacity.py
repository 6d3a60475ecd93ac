"""What cleaning many slides needs: space, time, processes and threads."""

import ctypes
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil
from dask.system import CPU_COUNT

from irtoolkit.archive.progress import format_time
from irtoolkit.archive.tasks import CallError
from irtoolkit.schema import SlideError

SECONDS_PER_PIXEL, SECONDS_PER_SLIDE = 4.5e-7, 0.9
"""On one core, measured by `python -m benchmarks.archive`."""

MEMORY = 1.5e9
"""Bytes for one process: enough for a slide of 60 MP."""

LEAST_MEMORY, MEMORY_PER_PIXEL = 4e8, 5.4
"""Bytes that cleaning a slide takes at least; measured by `python -m benchmarks.speed`."""

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the bytes of memory that a container may take."""

PREVIEW_BYTES = 7e5
"""Bytes of the mask, record and pictures of one slide."""

SHORT_RUN = 30.0
"""Seconds of work below which no processes are started: starting them takes 5 to 10 s."""

About = Mapping[str, Any]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
TRIM_BYTES, MMAP_BYTES = 2**28, 2**25
"""Options of mallopt(3): up to 256 MB of freed memory is kept, except arrays of 32 MB and more."""


class Crew(NamedTuple):
    """Number of processes to start (0 if this process or a cluster works), and of threads in each (None: unchanged)."""

    processes: int
    threads: int | None


class Estimate(NamedTuple):
    """Number of slides to clean, bytes needed and free, and seconds."""

    slides: int
    bytes: float
    free: int
    seconds: float

    def __str__(self) -> str:
        """One line of text.

        >>> str(Estimate(24, 2.5e9, 30 * 10**9, 400))
        '24 slides to clean: about 2.5 GB (30.0 GB free) and 7 min'
        """
        amount = f"{self.bytes / 1e9:.1f} GB" if self.bytes >= 1e9 else f"{self.bytes / 1e6:.0f} MB"
        space = f"{amount} ({self.free / 1e9:.1f} GB free)"
        return f"{self.slides} slides to clean: about {space} and {format_time(self.seconds)}"


def memory_limit() -> int:
    """Bytes of memory of this machine, or of the container in it."""
    limits = [int(psutil.virtual_memory().total)]
    for file in CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            limits.append(int(Path(file).read_text(encoding="ascii")))
    return min(limits)


def check_memory(about: About, memory: float) -> None:
    """Refuse a slide, by its `describe_layout`, that cannot be cleaned in so many bytes of memory."""
    needed = _needed_memory(about)
    if needed > memory:
        raise SlideError(
            "the slide is too large for the memory of the process that cleans it; use fewer processes (--workers), or a"
            f" machine with more; its {about.get('pixels', 0) / 1e6:,.0f} megapixels need about {needed / 1e9:.1f} GB,"
            f" there are {memory / 1e9:.1f} GB"
        )


def check_disk(about: About, folder: Path) -> None:
    """Refuse a slide whose healed file is larger than the free space."""
    free = free_bytes(folder)
    if about.get("bytes", 0) > free:
        raise SlideError(
            "too little free space for this slide; free some, or write to another disk; needed are"
            f" {about['bytes'] / 1e9:.1f} GB, free are {free / 1e9:.1f} GB"
        )


def slides_that_fit(abouts: Iterable[About], free: float) -> list[About]:
    """Those slides that the memory of this machine allows, without any that alone needs more than the free space.

    If all need more, none is left out for it: there is no space for the run.
    """
    memory = memory_limit()
    fit = [about for about in abouts if _needed_memory(about) <= memory]
    return [about for about in fit if about.get("bytes", 0) <= free] or fit


def _needed_memory(about: About) -> float:
    return LEAST_MEMORY + MEMORY_PER_PIXEL * about.get("pixels", 0)


def expected_seconds(about: About) -> float:
    """Seconds that one core needs for a slide, by its `describe_layout`."""
    return SECONDS_PER_SLIDE + SECONDS_PER_PIXEL * about.get("pixels", 0)


def choose_crew(abouts: Iterable[About], workers: int | None) -> Crew:
    """The number of processes asked for, or as many as cores and memory allow; none if there is little to do."""
    work = list(map(expected_seconds, abouts))
    count = workers or 1
    if workers is None and sum(work) > SHORT_RUN:
        count = max(1, min(CPU_COUNT, int(memory_limit() // MEMORY), len(work)))
    return Crew(count if count > 1 else 0, max(1, CPU_COUNT // count))


def make_estimate(
    todo: Iterable[About], rates: Iterable[float], folder: Path, *, pictures: bool, cores: int = CPU_COUNT
) -> Estimate:
    """Estimate space and time for cleaning slides, with healed `pictures` or only masks.

    `todo` holds the result of `describe_layout` for each slide, `rates` the seconds per pixel of finished slides.
    """
    known = list(todo)
    pixels = sum(about.get("pixels", 0) for about in known)
    space = sum(about.get("bytes", 0) * pictures + PREVIEW_BYTES for about in known)
    measured = list(rates)
    seconds = pixels * median(measured) if measured else sum(map(expected_seconds, known)) / cores
    return Estimate(len(known), space, free_bytes(folder), seconds)


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist."""
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def check_space(expected: Estimate, folder: Path) -> None:
    """Refuse a run whose outputs will not fit."""
    if expected.bytes > expected.free:
        raise CallError(
            f"{folder}: too little free space for the outputs; free some, write to another disk, or clean fewer slides"
            f" at a time (--limit); needed are {expected.bytes / 1e9:.1f} GB, free are {expected.free / 1e9:.1f} GB"
        )


def keep_freed_memory() -> None:
    """Let the C library of this process keep some freed memory for the next array; does nothing without glibc.

    Dask workers otherwise return freed memory to the system at once and fetch every array anew, which is slow
    (`docs/method.md`).
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, TRIM_BYTES)
        mallopt(MMAP_THRESHOLD, MMAP_BYTES)
