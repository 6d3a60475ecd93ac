"""Where a run may write: nothing over, beside or among the scans and masks that it reads."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from irtoolkit.archive.decisions import FILE
from irtoolkit.archive.locks import DECISIONS_LOCK, LOCK, LOG
from irtoolkit.archive.records import record_file
from irtoolkit.archive.tasks import REPORT, TABLE, CallError, Task
from irtoolkit.files import Sources
from irtoolkit.schema import SlideError

OF_THE_RUN = (LOCK, LOG, DECISIONS_LOCK, FILE, f"{TABLE}.csv", f"{TABLE}.parquet", REPORT, "report/slides.js")
"""Files that a run writes beside those of its slides."""

OF_THE_SCANS = "--out {} is the folder of the scans; choose another folder"


def check_folder(folder: Path, sources: Sources, models: Iterable[Path] = ()) -> None:
    """Refuse an output folder that is a file, or in which table, report, log or `models` would be at a source."""
    if folder.exists() and not folder.is_dir():
        raise CallError(f"--out {folder} is a file, not a folder; choose another folder")
    if sources.hold(folder):
        raise CallError(OF_THE_SCANS.format(folder))
    try:
        for file in (*(folder / name for name in OF_THE_RUN), *models):
            sources.check(file, folder)
    except SlideError as error:
        raise CallError(f"--out {folder} cannot be used: {error}") from error


def note_place(folder: Path, paths: Sequence[str]) -> list[str]:
    """A line that says that an output folder is inside a folder of scans; none if it is not."""
    around = [path for path in paths if Path(path).is_dir() and Path(path).resolve() in folder.resolve().parents]
    return [f"note: --out {folder} is inside {around[0]}; no scans are looked for in it"] if around else []


def misplaced_slides(outputs: Mapping[Task, Sequence[Path]], folder: Path, sources: Sources) -> dict[str, str]:
    """Why slides cannot be written, by their names: a file of theirs would be over, beside or among the sources.

    Raises
    ------
    CallError
        None of the slides can be written.
    """
    reasons: dict[str, str] = {}
    for task, files in outputs.items():
        try:
            for file in (*files, record_file(folder, task.name)):
                sources.check(file, folder)
        except SlideError as error:
            reasons[task.slide] = str(error)
    if outputs and len(reasons) == len(outputs):
        raise CallError(OF_THE_SCANS.format(folder))
    return reasons
