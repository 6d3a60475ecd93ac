"""Clean one slide of an archive, write its files and its record; every slide gets a row, whatever happens."""

import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import dask
import xarray as xr
from dask import local, threaded
from dask.system import CPU_COUNT

from irtoolkit.archive.capacity import check_disk, check_memory, keep_freed_memory, memory_limit
from irtoolkit.archive.deadline import within_time
from irtoolkit.archive.kept import describe_kept
from irtoolkit.archive.own_masks import find_own_mask, identify_mask, read_own_mask
from irtoolkit.archive.previews import draw_previews, preview_folder, replacing_previews
from irtoolkit.archive.records import Record, identify, is_same, recipe, record_file, sizes_of, write_record
from irtoolkit.archive.results import Row, describe_row, measure_row
from irtoolkit.archive.short_list import INVERTED, NOT_OF_ITS_ROLL, OWN_FIT
from irtoolkit.archive.tasks import (
    CLEAN,
    HEALED,
    PROGRAM,
    Task,
    check_unhealed,
    describe_error,
    describe_layout,
    persist,
)
from irtoolkit.files import (
    MASK_ENDINGS,
    AnyPath,
    Layout,
    open_picture,
    remove_for_sure,
    replacing_together,
    write_healed,
    write_mask_as,
    write_same,
)
from irtoolkit.model import open_model
from irtoolkit.pipeline import Scored, heal_slide, mark_slide, score_slide
from irtoolkit.schema import VERSION, ModelError, NotUsableError, SlideError, in_words
from irtoolkit.settings import Settings

_SLIDE_AT_WORK = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A slide to clean, and how; small, and the same in every process.

    `settings` are the slide's own, changed by the `decision` about it, which the row states in words. `roll` is the
    name of its roll; `model` and `digest` are the file of the roll's model and its digest, None and "" to fit the slide
    on its own; `threads` is the number of threads, None for as many as the process has, and `memory` the bytes that the
    process may take, None for all of its machine. `masks` is the folder of masks of one's own, and `mask_format` that
    of the mask to write.
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
    memory: int | None = None
    masks: AnyPath | None = None
    mask_format: str = "tiff"


class Outcome(NamedTuple):
    """The row of a slide, and the traceback of an error, if there was one."""

    row: Row
    trace: str = ""


def clean_job(job: Job) -> Outcome:
    """Clean one slide and write its files; an error becomes a row with the reason, and leaves earlier files unchanged.

    A process works on one slide at a time, with the job's threads. Input and output is tried three times.
    """
    row: Row = {"slide": job.task.slide, "roll": job.roll, "status": "done", "reason": "", "decision": job.decision}
    with _SLIDE_AT_WORK, working_threads(job.threads):
        started, trace = time.monotonic(), ""
        try:
            row |= persist(_clean, job, row, started)
        except Exception as error:
            status = "refused" if isinstance(error, SlideError) else "failed"
            row |= {"status": status, "reason": describe_error(error, job.task.path)}
            trace = traceback.format_exc()
        return Outcome({"seconds": _since(started), **row}, trace)


@contextmanager
def working_threads(threads: int | None) -> Iterator[None]:
    """Compute lazy arrays with this many threads; None for as many as the dask worker has.

    From then on, the process keeps freed memory for the next array.
    """
    keep_freed_memory()
    count = threads or _threads_of_worker()
    with dask.config.set(scheduler=threaded.get if count > 1 else local.get_sync, num_workers=count):
        yield


def _threads_of_worker() -> int:
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except ValueError:
        return int(CPU_COUNT)


def _clean(job: Job, row: Row, started: float) -> Row:
    """Clean a slide, write its outputs, and then its record; a slide that cannot be used has a record too."""
    slide, layout = open_to_clean(job.task, job.memory)
    about, mask = describe_layout(layout), find_own_mask(job.masks, job.task.name)
    check_disk(with_output_size(about, job.settings), job.folder)
    record: Record = recipe(job.settings, job.compression, job.digest, job.decision, identify_mask(mask))
    record |= {"about": about, "source": str(job.task.path)}
    record |= {"sources": [identify(file) for file in layout.files]}
    row = row | describe_row(slide.attrs)
    try:
        with within_time(about):
            row, outputs, pictures = _write_outputs(job, slide, layout, row, record, mask)
    except NotUsableError as error:
        refused = {"status": "refused", "reason": describe_error(error, job.task.path)}
        row, outputs, pictures = row | refused, [], []
    row["seconds"] = _since(started)
    sizes = {"outputs": sizes_of(outputs), "pictures": sizes_of(pictures)}
    write_record(record | sizes | {"row": row}, record_file(job.folder, job.task.name))
    return row


def open_to_clean(task: Task, memory: int | None = None) -> tuple[xr.Dataset, Layout]:
    """Open a slide that can be cleaned in so many bytes of memory, None for all of the machine; and its layout.

    Raises
    ------
    SlideError
        It is too large, healed already, or as in `open_slide`.
    """
    layout = task.layout()
    check_memory(describe_layout(layout), memory or memory_limit())
    slide = task.open()
    check_unhealed(task.path)
    return slide, layout


def with_output_size(about: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The description of a slide, its `bytes` those of the healed file that the settings ask for."""
    size = about.get("copied" if settings.format == "same" else "bytes", 0)
    return {**about, "bytes": 0 if settings.heal == "none" else size}


def _write_outputs(
    job: Job, slide: xr.Dataset, layout: Layout, row: Row, record: Record, mask: Path | None
) -> tuple[Row, list[Path], list[Path]]:
    """Write mask, healed slide and pictures; they get their names when all are complete and an old record is gone."""
    own = read_own_mask(mask, (layout.height, layout.width), layout.orientation) if mask else None
    scored, note = _score(slide, job)
    found = mark_slide(scored, job.settings, own)
    outputs = outputs_of(job.task, job.folder, job.settings, job.mask_format)
    with replacing_together(outputs) as parts:
        page = layout.visible[0].page
        write_mask_as(job.mask_format, found.mask, parts[0], source=job.task.path, page=page)
        for part in parts[1:]:
            _write_healed(found.assign(healed=heal_slide(found, scored, job.settings)), part, job, layout)
        kept = describe_kept(parts[1], job.task, layout, job.settings) if parts[1:] else ""
        picture = _open_healed(parts[1], job) if parts[1:] else None
        drawn, place = draw_previews(found, picture), preview_folder(job.folder, job.task.name)
        with replacing_previews(drawn, place) as pictures:
            row = row | measure_row(found)
            if not all(is_same(job.task.path.parent / source["name"], source) for source in record["sources"]):
                raise OSError(f"{job.task.path} was changed while it was read; run again once it is complete")
            remove_for_sure(record_file(job.folder, job.task.name))
    notes = (str(slide.attrs.get("note", "")), job.task.note, note, INVERTED if found.inverted else "")
    return row | {"note": in_words("; ".join(filter(None, notes))), "kept": in_words(kept)}, outputs, pictures


def outputs_of(task: Task, folder: Path, settings: Settings, mask_format: str = "tiff") -> list[Path]:
    """Paths of the outputs of a slide: its mask and, unless only masks are wanted, the healed slide."""
    clean = HEALED + task.path.suffix if settings.format == "same" else CLEAN
    mask = MASK_ENDINGS[mask_format]
    return [task.output(folder, ending) for ending in ((mask,) if settings.heal == "none" else (mask, clean))]


def _open_healed(path: Path, job: Job) -> xr.DataArray:
    """R, G, B of a healed slide; a file in the scan's own format has the scan's other slides, too."""
    same = job.settings.format == "same"
    return open_picture(path, job.task.inside, job.task.frame or None) if same else open_picture(path)


def _write_healed(cleaned: xr.Dataset, path: Path, job: Job, layout: Layout) -> None:
    healed, settings = cleaned.healed, job.settings
    depth = healed if layout.colour_bits == layout.bits else (healed // 257).astype("uint8")
    if settings.format == "same":
        write_same(depth, cleaned.mask, path, layout=layout)
        return
    software = f"{PROGRAM}{VERSION} (healed: {settings.heal}, fdr {settings.false_discovery_rate:g})"
    chosen = ", ".join(f"{name}={value}" for name, value in asdict(settings).items())
    provenance = {"software": software, "description": f"Healed by {PROGRAM}{VERSION}: {chosen}"}
    page = layout.visible[0].page
    write_healed(depth, path, source=job.task.path, page=page, compression=job.compression, **provenance)


def _score(slide: xr.Dataset, job: Job) -> tuple[Scored, str]:
    model = _open_model(job.model, job.digest) if job.model else None
    try:
        scored = score_slide(slide, model)
    except ModelError:
        return score_slide(slide), NOT_OF_ITS_ROLL
    return scored, OWN_FIT if model is not None and scored.found.own_fit else ""


@lru_cache(maxsize=1)
def _open_model(path: Path, digest: str) -> xr.Dataset:  # noqa: ARG001 - part of the cache's key
    return open_model(path)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)
