"""Whether the parent process of a long run keeps its size: memory, open files, threads."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.soak.runs import Started

SETTLED = 0.25
"""Share of a run after which it is expected to be flat: processes have started, rolls are fitted."""

MOST_GROWTH = {"MB": 20.0, "files": 4.0, "threads": 4.0}
"""Growth over the fitted part of a run that is taken for a leak, per 1,000 slides for the memory."""


class Sample(NamedTuple):
    """Seconds since the start, resident memory in MB, open files, threads."""

    second: float
    memory: float
    files: int
    threads: int


def watch(run: Started, every: float = 1.0) -> list[Sample]:
    """Sample the parent of a run until it ends."""
    samples, started, process = [], time.monotonic(), Path(f"/proc/{run.parent.pid}")
    while run.parent.poll() is None:
        with suppress(OSError, KeyError):
            status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
            memory, threads = int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"])
            files = len(os.listdir(process / "fd"))
            samples.append(Sample(time.monotonic() - started, memory, files, threads))
        time.sleep(every)
    return samples


def growth(samples: list[Sample], slides: int) -> dict[str, float]:
    """Growth by the slope of a line through the settled samples: MB per 1,000 slides, files and threads in all."""
    values = np.array(samples)
    settled = values[values[:, 0] > SETTLED * values[-1, 0]]
    slopes = np.polyfit(settled[:, 0] - settled[0, 0], settled[:, 1:], 1)[0]
    memory, files, threads = slopes * (settled[-1, 0] - settled[0, 0])
    return {"MB": memory / (1 - SETTLED) / slides * 1000, "files": files, "threads": threads}


def leaks(grown: dict[str, float]) -> list[str]:
    """What grows by more than `MOST_GROWTH`."""
    return [f"{name} grow by {grown[name]:.1f}" for name, most in MOST_GROWTH.items() if grown[name] > most]
