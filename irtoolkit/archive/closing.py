"""The end of a run: table and report of the slides that it or an earlier call has tried."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from irtoolkit.archive.names import natural_key
from irtoolkit.archive.own_masks import note_mask
from irtoolkit.archive.plan import Run
from irtoolkit.archive.records import read_record, record_file
from irtoolkit.archive.report import write_report
from irtoolkit.archive.results import Row, write_parquet, write_table
from irtoolkit.archive.tasks import REPORT, TABLE, Task, attempt, describe_error

LOST = "its files are gone: the output folder was removed during the run; run again"


def collect_rows(run: Run, outcomes: Mapping[str, Row | None]) -> list[Row]:
    """The rows of a run's slides and of those of earlier calls, in natural order.

    `outcomes` has the row of each slide that the run tried and is not done, and None for one that is done.
    """
    tasks = (slide.task for slide in run.slides)
    rows = [row | {"name": task.name} for task in tasks if (row := _row_of(task, run.folder, outcomes))]
    return sorted([*rows, *run.earlier], key=lambda row: natural_key(PurePosixPath(row["slide"])))


def write_results(run: Run, judged: Sequence[Row]) -> list[Row]:
    """Write table and report, and return the rows of the run's own slides."""
    slides = {slide.task.slide for slide in run.slides}
    rows = [_add_note(row, run, slides) for row in judged]
    write_table(rows, run.folder / f"{TABLE}.csv")
    write_parquet(rows, run.folder / f"{TABLE}.parquet")
    write_report(rows, run.folder / REPORT)
    return [row for row in rows if row["slide"] in slides]


def _add_note(row: Row, run: Run, slides: Collection[str]) -> Row:
    """A row whose note names the mask of one's own that heals the slide, and an entry that is no decision about it."""
    if row["slide"] not in slides:
        return row
    mask = _note_mask(run, row) if row["status"] == "done" else ""
    return row | {"note": "; ".join(filter(None, (row.get("note", ""), mask, run.problem(row["slide"]))))}


def _note_mask(run: Run, row: Row) -> str:
    noted = attempt(note_mask, run.choices.masks, row["name"])
    return f"its mask cannot be looked at: {describe_error(noted)}" if isinstance(noted, Exception) else noted


def _row_of(task: Task, folder: Path, outcomes: Mapping[str, Row | None]) -> Row | None:
    """The row of a slide from this run, if it is not done, or from its record; None if it was never tried."""
    record = read_record(record_file(folder, task.name), task.slide)
    if task.slide in outcomes and outcomes[task.slide] is None and record is None:
        return {"slide": task.slide, "status": "failed", "reason": LOST}
    return outcomes.get(task.slide) or (record["row"] if record else None)
