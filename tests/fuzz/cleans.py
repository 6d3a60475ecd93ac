"""Damaged slides read and cleaned, each in a process of its own that may die."""

import multiprocessing
import resource
import signal
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import dask
import numpy as np

from irtoolkit import clean_slide, open_slide
from irtoolkit.files import count_frames, open_picture
from irtoolkit.synthetic.slides import make_slide
from tests.fuzz.limits import HANG, OTHER, outcome

SECONDS, PATIENCE, BYTES = 60.0, 900.0, 3 << 30
"""Bounds of work on one slide, at most three frames of its file: on the processor, until it is killed, of memory."""


def small_slide() -> np.ndarray:
    """Counts (band, y, x) of a dusty slide of .05 megapixels."""
    return make_slide(5, (208, 244), scanner="plustek").counts.values


def clean(path: Path) -> None:
    """Compute all that comes of a slide, frame by frame."""
    with dask.config.set(scheduler="synchronous"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for frame in range(1, min(count_frames(path), 3) + 1):
            clean_slide(open_slide(path, frame=frame)).compute()


def read(path: Path) -> None:
    """Read all pixels of a slide, frame by frame, and some of those of its colours."""
    for frame in range(1, min(count_frames(path), 3) + 1):
        open_picture(path, frame=frame)[:, ::7, ::7].compute(scheduler="synchronous")
        open_slide(path, frame=frame).counts.compute(scheduler="synchronous")


def apart(work: Callable[[Path], None], paths: list[Path]) -> tuple[str, str]:
    """What becomes of work on a slide: its kind, and the message; a process that dies is `OTHER`."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(work, paths[0], theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        found = ours.recv() if ours.poll(PATIENCE) else (HANG, "killed")
    except EOFError:
        child.join()
        code = -(child.exitcode or 0)
        found = OTHER, f"the process died ({signal.Signals(code).name if code > 0 else child.exitcode})"
    child.kill()
    child.join()
    ours.close()
    return found


def _work(work: Callable[[Path], None], path: Path, result: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    kind, message = outcome(lambda: work(path), SECONDS)
    result.send((kind, message))
