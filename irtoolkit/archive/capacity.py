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
from irtoolkit.schema import SlideError, counted

SAMPLED = 1e6
"""Pixels of a slide beyond which a fit takes no longer: no more are sampled."""

CLEANING, FITTING = (0.5, 1.0e-6, 4.0e-7), (0.4, 9.0e-7, 5e-8)
"""Seconds on one core for each slide, each pixel that is sampled, and each pixel: of cleaning, and of fitting a roll.

Measured by `python -m benchmarks.speed`.
"""

START_SECONDS, SHARED = 6.0, 0.8
"""Seconds until processes work, and what each of several does beside the others, as a share of what it does alone."""

MEMORY = 1.5e9
"""Bytes for one process: enough for a slide of 60 MP."""

LEAST_MEMORY, MEMORY_PER_PIXEL = 4e8, 5.4
"""Bytes that cleaning a slide takes at least; measured by `python -m benchmarks.speed`."""

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the bytes of memory that a container may take."""

PREVIEW_BYTES = 7e5
"""Bytes of the mask, record and pictures of one slide."""

SHORT_RUN = 30.0
"""Seconds of work below which no processes are started."""

About = Mapping[str, Any]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
TRIM_BYTES, MMAP_BYTES = 2**28, 2**25
"""Options of mallopt(3): up to 256 MB of freed memory is kept, except arrays of 32 MB and more."""


class Crew(NamedTuple):
    """Number of processes to start (0 if this process or a cluster works), and of threads in each (None: unchanged)."""

    processes: int
    threads: int | None


class Work(NamedTuple):
    """Slides to clean and slides on which models are fitted, each by its `describe_layout`; and the number of slides
    that an earlier run has `finished`.
    """

    cleaned: tuple[About, ...]
    fitted: tuple[About, ...] = ()
    finished: int = 0

    @property
    def seconds(self) -> tuple[float, float]:
        """Seconds on one core for the cleaning, and for the fits."""
        return sum(map(expected_seconds, self.cleaned)), sum(map(fitting_seconds, self.fitted))


class Estimate(NamedTuple):
    """Number of slides to clean, bytes needed and free, and seconds: of all, and of the cleaning alone; and the number
    of slides that an earlier run has `finished`.
    """

    slides: int
    bytes: float
    free: int
    seconds: float
    cleaning: float
    finished: int = 0

    def __str__(self) -> str:
        """One line of text.

        >>> str(Estimate(24, 2.5e9, 30 * 10**9, 400, 300))
        '24 slides to clean: about 7 minutes; 2.5 GB (30 GB free)'
        >>> str(Estimate(0, 0, 0, 0, 0, finished=12))
        '0 slides to clean, 12 finished already'
        """
        slides = f"{counted(self.slides, 'slide')} to clean"
        slides += f", {self.finished:,} finished already" if self.finished else ""
        if not self.slides:
            return slides
        space = f"{format_bytes(self.bytes)} ({format_bytes(self.free)} free)"
        return f"{slides}: {format_time(self.seconds)}; {space}"


def format_bytes(count: float) -> str:
    """Format an amount of data as a person would say it.

    >>> format_bytes(3.14e7), format_bytes(2.5e9), format_bytes(8.2e10)
    ('31 MB', '2.5 GB', '82 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.{int(count < 1e10)}f} GB".replace(".0 ", " ")


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
    """Seconds on one core for cleaning a slide by a model, by its `describe_layout`; 0 for one that cannot be used."""
    return _seconds(about["pixels"], *CLEANING) if about else 0.0


def fitting_seconds(about: About) -> float:
    """Seconds on one core for sampling a slide for a fit, and its part in that fit."""
    return _seconds(about["pixels"], *FITTING)


def _seconds(pixels: float, each: float, per_sampled: float, per_pixel: float) -> float:
    return each + per_sampled * min(pixels, SAMPLED) + per_pixel * pixels


def crowding(processes: int) -> float:
    """How many times as long these processes take because of what else runs on this machine."""
    return max(1.0, (psutil.getloadavg()[0] + processes) / CPU_COUNT)


def pace_of(about: About, seconds: float) -> float:
    """How many times as long as expected a slide took."""
    return seconds / expected_seconds(about)


def choose_crew(work: Work, workers: int | None) -> Crew:
    """The number of processes asked for, or as many as cores and memory allow; none if there is little to do."""
    count = workers or 1
    if workers is None and sum(work.seconds) > SHORT_RUN:
        count = max(1, min(CPU_COUNT, int(memory_limit() // MEMORY), len(work.cleaned)))
    return Crew(count if count > 1 else 0, max(1, CPU_COUNT // count))


def make_estimate(work: Work, paces: Iterable[float], crew: Crew, folder: Path) -> Estimate:
    """Estimate space and time for a run by a crew; `paces` are those of finished slides, by `pace_of`."""
    known, here = list(paces), crew.threads is not None
    alone = crowding(max(crew.processes, 1)) if here else 1.0
    pace = median(known) if known else alone / (SHARED if crew.processes > 1 else 1.0)
    cleaning, fitting = (pace * seconds / max(crew.processes, 1) for seconds in work.seconds)
    started = START_SECONDS * alone if here and crew.processes else 0.0
    space = sum(about["bytes"] + PREVIEW_BYTES for about in work.cleaned)
    return Estimate(len(work.cleaned), space, free_bytes(folder), started + fitting + cleaning, cleaning, work.finished)


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
