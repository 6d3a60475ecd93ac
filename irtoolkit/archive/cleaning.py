"""One slide of an archive: cleaned, written, and entered in its record; whatever happens, there is a row."""

import errno
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import dask
import xarray as xr
from dask.system import CPU_COUNT

from irtoolkit.archive.capacity import keep_freed_memory
from irtoolkit.archive.previews import preview_folder, write_previews
from irtoolkit.archive.records import Record, identify, of_sources, recipe, record_file, write_record
from irtoolkit.archive.results import Row, describe_row, measure_row
from irtoolkit.archive.tasks import CLEAN, MASK, PROGRAM, Task, describe_layout
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.files import (
    Layout,
    find_layout,
    lost_tags,
    open_model,
    open_picture,
    open_slide,
    replacing_together,
    write_healed,
    write_mask,
)
from irtoolkit.pipeline import find_with_model, heal_slide
from irtoolkit.schema import VERSION, ModelError, NotUsableError, SlideError
from irtoolkit.settings import Settings

TRANSIENT = {
    getattr(errno, name)
    for name in ("EIO", "EAGAIN", "EBUSY", "EINTR", "ETIMEDOUT", "ESTALE", "ENFILE", "EMFILE", "ENETDOWN", "EREMOTEIO")
    if hasattr(errno, name)
}
"""Errors of input and output that may be gone at the next attempt."""

WAITS = (0.5, 3.0)
"""Seconds before the second and the third attempt."""

NOTE = "its roll's model does not fit it, so it was fitted by itself: other film, or another scanner?"

_SLIDE_AT_WORK = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A slide to clean, and how; small, and the same in every process.

    `settings` are the slide's own, with the effect of the `decision` about it, which the row tells in words. `roll` is
    what its roll is called, `model` the file of the roll's model with its digest, None and "" to fit the
    slide by itself; `threads` work on it, None for as many as the process was given.
    """

    task: Task
    folder: Path
    settings: Settings
    compression: str = "none"
    decision: str = ""
    roll: str = ""
    model: Path | None = None
    digest: str = ""
    threads: int | None = None


class Outcome(NamedTuple):
    """The row of a slide, and where an error came from, if there was one."""

    row: Row
    trace: str = ""


def clean_job(job: Job) -> Outcome:
    """Clean one slide and write its files; an error becomes a row that says why, and leaves earlier files as they were.

    In one process one slide is worked on at a time, by the job's threads. Errors of input and output that may pass are
    met by two more attempts.
    """
    row: Row = {"slide": job.task.slide, "roll": job.roll, "status": "done", "reason": "", "decision": job.decision}
    with _SLIDE_AT_WORK, working_threads(job.threads):
        started, trace = time.monotonic(), ""
        try:
            row |= _attempt(job, row, started)
        except SlideError as error:
            row |= {"status": "refused", "reason": one_line(error)}
            trace = traceback.format_exc()
        except Exception as error:
            row |= {"status": "failed", "reason": f"{type(error).__name__}: {one_line(error)}"}
            trace = traceback.format_exc()
        return Outcome({"seconds": _since(started), **row}, trace)


@contextmanager
def working_threads(threads: int | None) -> Iterator[None]:
    """Compute what is lazy in this process, by so many threads; None for as many as a worker of dask was given.

    Freed memory is kept for the next array from then on.
    """
    keep_freed_memory()
    count = threads or _threads_of_worker()
    chosen = {"scheduler": "threads", "num_workers": count} if count > 1 else {"scheduler": "synchronous"}
    with dask.config.set(chosen):
        yield


def _threads_of_worker() -> int:
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except ValueError:
        return int(CPU_COUNT)


def _attempt(job: Job, row: Row, started: float) -> Row:
    for wait in WAITS:
        try:
            return _clean(job, row, started)
        except OSError as error:
            if error.errno not in TRANSIENT:
                raise
            time.sleep(wait)
    return _clean(job, row, started)


def _clean(job: Job, row: Row, started: float) -> Row:
    """Clean a slide, write what comes of it, and then its record; a slide that can never be used has one too."""
    slide, layout = open_slide(job.task.path), find_layout(job.task.path)
    record: Record = recipe(job.settings, job.compression, job.digest, job.decision)
    record |= {"about": describe_layout(layout)}
    record |= {"sources": [identify(file) for file in layout.files]}
    row = row | describe_row(slide.attrs)
    try:
        row, outputs = _write_outputs(job, slide, layout, row, record)
    except NotUsableError as error:
        row, outputs = row | {"status": "refused", "reason": one_line(error)}, []
    row["seconds"] = _since(started)
    sizes = {file.name: file.stat().st_size for file in outputs}
    write_record(record | {"outputs": sizes, "row": row}, record_file(job.folder, job.task.name))
    return row


def _write_outputs(job: Job, slide: xr.Dataset, layout: Layout, row: Row, record: Record) -> tuple[Row, list[Path]]:
    """Write mask, healed slide and pictures, the first two under their names only when all is there."""
    found, crosstalk, note = _find(slide, job)
    outputs = outputs_of(job.task, job.folder, job.settings)
    with replacing_together(outputs) as parts:
        page = layout.visible[0].page
        write_mask(found.mask, parts[0], source=job.task.path, page=page)
        for part in parts[1:]:
            _write_healed(heal_slide(found, crosstalk, settings=job.settings), part, job, layout)
        kept = _kept(parts[1], job, layout) if parts[1:] else ""
        picture = open_picture(parts[1]) if parts[1:] else None
        write_previews(found, picture, preview_folder(job.folder, job.task.name))
        row = row | measure_row(found)
        if not of_sources(record, job.task.path.parent):
            raise OSError(f"{job.task.path} was changed while it was read; run again when it is complete")
        record_file(job.folder, job.task.name).unlink(missing_ok=True)
    return row | {"note": note, "kept": kept}, outputs


def outputs_of(task: Task, folder: Path, settings: Settings) -> list[Path]:
    """Paths of what comes of a slide: its mask and, unless only masks are wanted, the healed slide."""
    return [task.output(folder, ending) for ending in ((MASK,) if settings.heal == "none" else (MASK, CLEAN))]


def _write_healed(healed: xr.DataArray, path: Path, job: Job, layout: Layout) -> None:
    depth = healed if layout.colour_bits == layout.bits else (healed // 257).astype("uint8")
    settings = job.settings
    software = f"{PROGRAM}{VERSION} (healed: {settings.heal}, fdr {settings.false_discovery_rate:g})"
    chosen = ", ".join(f"{name}={value}" for name, value in asdict(settings).items())
    told = {"software": software, "description": f"Healed by {PROGRAM}{VERSION}: {chosen}"}
    page = layout.visible[0].page
    write_healed(depth, path, source=job.task.path, page=page, compression=job.compression, **told)


def _kept(healed: Path, job: Job, layout: Layout) -> str:
    """What of the source the healed file has otherwise, or not at all: a DNG becomes a TIFF, tags are lost."""
    lost = lost_tags(job.task.path, layout.visible[0].page, healed)
    told = ["written as TIFF with the linear values of the DNG"] if "DNGVersion" in lost else []
    return "; ".join([*told, f"tags not kept: {', '.join(lost)}"]) if lost else ""


def _find(slide: xr.Dataset, job: Job) -> tuple[xr.Dataset, Crosstalk, str]:
    model = _open_model(job.model, job.digest) if job.model else None
    try:
        return *find_with_model(slide, settings=job.settings, model=model), ""
    except ModelError:
        return *find_with_model(slide, settings=job.settings), NOTE


@lru_cache(maxsize=1)
def _open_model(path: Path, digest: str) -> xr.Dataset:  # noqa: ARG001 - a file of other content is another model
    return open_model(path)


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)
