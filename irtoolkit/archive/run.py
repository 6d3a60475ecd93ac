"""Clean an archive of rolls, and continue where an earlier run stopped."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from irtoolkit.archive.capacity import Crew, check_space, choose_crew, expected_seconds, memory_limit
from irtoolkit.archive.cleaning import Job, Outcome, clean_job
from irtoolkit.archive.closing import collect_rows, write_results
from irtoolkit.archive.counts import summarise
from irtoolkit.archive.decisions import REJECTED
from irtoolkit.archive.forecast import estimate, unfitted_rolls, work_of
from irtoolkit.archive.locks import LOG, sole_user, write_log
from irtoolkit.archive.plan import Choices, Known, Run, given_model, plan_run, slides_to_clean, wanted_slides
from irtoolkit.archive.progress import Progress, print_refused
from irtoolkit.archive.records import keep_failure, record_file
from irtoolkit.archive.results import Row, open_results
from irtoolkit.archive.roll_models import ALONE, RollModel, fit_models
from irtoolkit.archive.rolls import Roll, folder_name
from irtoolkit.archive.short_list import judge_rows
from irtoolkit.archive.tasks import attempt, describe_error
from irtoolkit.archive.workers import local_workers, run_jobs
from irtoolkit.files import AnyPath, write_model
from irtoolkit.pipeline import spread
from irtoolkit.schema import counted, in_words

if TYPE_CHECKING:
    from distributed import Client

LONGEST_NAME = 24
"""Characters of a roll's name beside a bar."""


def clean_archive(
    paths: AnyPath | Sequence[AnyPath],
    out: AnyPath,
    *,
    workers: int | None = None,
    client: "Client | None" = None,
    quiet: bool = False,
    **choices: Any,
) -> xr.Dataset:
    """Clean every slide of a tree, roll by roll, and write masks, healed slides, table and report to a folder.

    Slides that an earlier run has done are kept if source, settings, model and version are the same. Decisions
    (`write_decisions`) are applied; only slides whose decision changed are redone. A slide that cannot be cleaned is
    listed with the reason.

    Parameters
    ----------
    paths, out
        Files, folders (searched recursively) and glob patterns, only read; and the folder to write to.
    workers
        Number of processes; None for as many as cores and memory allow.
    client
        Of a dask.distributed cluster that sees the same files and does the work, one slide per process at a time.
    quiet
        Whether to print no progress.
    settings
        `Settings`; the defaults if None. This and the following are the fields of `Choices`.
    model
        From `fit_roll` or `open_model`, for all slides; if None, each roll is fitted.
    alone
        Whether every slide is fitted on its own instead.
    rolls
        Whether a roll is one ``"folder"`` or ``"all"`` folders; its slides share scanner, film, resolution and depth.
    force
        Whether slides that are done are redone.
    limit
        Clean only so many slides, spread evenly over the rolls and within each; always the same ones.
    compression
        Compression of the healed slides: ``"none"`` or ``"deflate"``.
    masks
        Folder with masks of one's own, TIFF or PNG, called as the outputs are: a slide is healed by its mask, pixel for
        pixel; a slide without one is marked automatically.
    mask_format
        Of the masks that are written: ``"tiff"``, ``"png"`` or ``"pfm"``.

    Returns
    -------
    xarray.Dataset
        The result of `open_results`: the columns of ``slides.csv`` on dimension `slide`.

    Raises
    ------
    CallError
        Nothing is found, outputs would collide or not fit, or another run writes to the folder.
    """
    some = [paths] if isinstance(paths, str | os.PathLike) else paths
    given = {name: value for name, value in choices.items() if value is not None}
    run = plan_run([os.fspath(path) for path in some], Path(out), Choices(**given), quiet=quiet)
    carry_out(run, workers=workers, client=client, quiet=quiet)
    return open_results(run.folder)


def carry_out(
    run: Run, *, workers: int | None = None, client: "Client | None" = None, quiet: bool = False, traces: bool = False
) -> list[Row]:
    """Carry out a run and return the rows of its slides, in natural order; `traces` prints tracebacks of errors."""
    work = work_of(run)
    expected = estimate(run, workers, client, work)
    check_space(expected, run.folder)
    crew = Crew(0, None) if client else choose_crew(work, workers)
    with sole_user(run.folder):
        outcomes: dict[str, Row | None] = {}
        try:
            with _client_of(client, crew) as at_hand:
                fitted = _fit_rolls(run, at_hand, crew, quiet)
                _clean(fitted, at_hand, crew, outcomes, expected.cleaning, quiet=quiet, traces=traces)
        finally:
            rows = write_results(run, _judge(run, collect_rows(run, outcomes)))
            write_log(run.folder / LOG, summarise(rows))
    return rows


def _client_of(client: "Client | None", crew: Crew) -> "AbstractContextManager[Client | None]":
    return local_workers(crew.processes, memory_limit()) if crew.processes else nullcontext(client)


def _fit_rolls(run: Run, client: "Client | None", crew: Crew, quiet: bool) -> Run:
    """The run with the models of all rolls that it cleans."""
    if run.choices.model is not None:
        write_model(run.choices.model, given_model(run.folder))
    missing = unfitted_rolls(run)
    fitted: dict[Path, RollModel] = {}
    threads = max(1, (crew.threads or 1) * max(crew.processes, 1) // max(len(missing), 1))
    with Progress(sum(len(spread(roll.tasks)) for roll in missing), "fitting rolls", quiet=quiet) as progress:

        def sampled(roll: Roll, slides: int) -> None:
            number = f"{missing.index(roll) + 1} of {len(missing)}"
            progress.describe(f"fitting roll {number} ({in_words(roll.name, LONGEST_NAME)})")
            progress.step(slides=slides)

        for roll, model in fit_models(missing, client, threads, sampled):
            if isinstance(model, BaseException):
                model = RollModel(None, "", describe_error(model))
            if model.reason:
                progress.write(f"{roll.name}: its slides are fitted on their own: {model.reason}")
            fitted[roll.file] = model
    return run._replace(rolls=tuple((roll, fitted.get(roll.file, model)) for roll, model in run.rolls))


def _clean(
    run: Run,
    client: "Client | None",
    crew: Crew,
    outcomes: dict[str, Row | None],
    expected: float,
    *,
    quiet: bool,
    traces: bool,
) -> None:
    """Clean the slides of a run; `outcomes` gets the row of each slide that is not done, and None for one that is."""
    todo = slides_to_clean(run)
    work = {slide.task.slide: expected_seconds(slide.about) for slide in todo if slide.about}
    log = partial(write_log, run.folder / LOG)
    log(f"{len(work)} of {counted(sum(bool(slide.about) for slide in run.slides), 'slide')} to clean")
    with Progress(len(work), "cleaning", work=sum(work.values()), expected=expected, quiet=quiet) as progress:
        for slide, problem in run.entries.problems.items():
            progress.write(f"{slide}: {problem}")
        for row in _misplaced_rows(run):
            outcomes[row["slide"]] = row
            log(f"{row['slide']}: {row['status']}: {row['reason']}")
        try:
            for job, outcome in run_jobs(clean_job, _jobs(run, todo, crew), client):
                row, trace = _outcome(job, outcome)
                log(f"{row['status']} {row['slide']} {row['seconds']} s {row['reason']}")
                outcomes[row["slide"]] = row if row["status"] != "done" else None
                if row["status"] != "done":
                    attempt(keep_failure, row, job.task.path, record_file(run.folder, job.task.name))
                    _write_failed(progress, row, trace if traces else "")
                _step(progress, row, work.get(job.task.slide))
        except KeyboardInterrupt:
            done = sum(outcomes.get(slide, {}) is None for slide in work)
            stopped = f"stopped. {done} of {len(work)} slides are finished and safe; run the same command to continue."
            log(stopped)
            raise KeyboardInterrupt(stopped) from None
        finally:
            _print_refused(run, outcomes)


def _write_failed(progress: Progress, row: Row, trace: str) -> None:
    """Write at once why a slide failed; those that were refused are listed at the end."""
    if row["status"] == "failed":
        progress.write(f"{row['slide']}: {row['status']}: {row['reason']}")
    progress.trace(trace)


def _step(progress: Progress, row: Row, work: float | None) -> None:
    """Count a slide that was tried; a file without `work` could not be cleaned from the first, and is no slide."""
    state = "" if row["status"] == "done" else row["status"]
    progress.step(slides=int(work is not None), state=state, work=work or 0.0)


def _print_refused(run: Run, outcomes: Mapping[str, Row | None]) -> None:
    rows = filter(None, (outcomes.get(slide.task.slide) for slide in run.slides))
    print_refused([(row["slide"], row["reason"]) for row in rows if row["status"] == "refused"], "refused: ")


def _misplaced_rows(run: Run) -> list[Row]:
    """The rows of slides whose files cannot be written."""
    wanted = [slide.task for slide in wanted_slides(run) if slide.task.slide in run.misplaced]
    refused = {"status": "refused", "seconds": 0.0}
    return [
        {"slide": task.slide, "roll": folder_name(task), "reason": run.misplaced[task.slide], **refused}
        for task in wanted
    ]


def _jobs(run: Run, todo: Sequence[Known], crew: Crew) -> Iterator[Job]:
    rolls = {task.slide: (roll.name, model or ALONE) for roll, model in run.rolls for task in roll.tasks}
    memory = memory_limit() // crew.processes if crew.processes else None
    for slide in todo:
        name, model = rolls.get(slide.task.slide, (folder_name(slide.task), ALONE))
        decision = run.decision(slide.task.slide)
        yield Job(
            slide.task,
            run.folder,
            decision.settings(run.choices.settings),
            compression=run.choices.compression,
            decision=decision.effect,
            roll=name,
            model=model.file,
            digest=model.digest,
            threads=crew.threads,
            memory=memory,
            masks=run.choices.masks,
            mask_format=run.choices.mask_format,
        )


def _outcome(job: Job, outcome: Outcome | BaseException) -> Outcome:
    """The outcome of a job, even if its worker died."""
    if not isinstance(outcome, BaseException):
        return outcome
    reason = (
        f"the process that cleaned it was lost; use fewer, with more memory each (--workers): {describe_error(outcome)}"
    )
    return Outcome({"slide": job.task.slide, "roll": job.roll, "status": "failed", "reason": reason, "seconds": 0.0})


def _judge(run: Run, rows: Sequence[Row]) -> list[Row]:
    """The rows with the decisions about their slides, and the remarks of the short list.

    A rejected slide has no marks of which some could be false.
    """
    decisions = {row["slide"]: run.decision(row["slide"]) for row in rows}
    rows = [row | {"decision": decisions[row["slide"]].summary(row.get("decision", ""))} for row in rows]
    rows = [row | {"fdr": nan} if row["decision"] == REJECTED and "fdr" in row else row for row in rows]
    settled = {slide for slide, decision in decisions.items() if decision.verdict}
    wanted = run.choices.settings
    given = {slide for slide, decision in decisions.items() if decision.settings(wanted).threshold != "mirror"}
    return judge_rows(rows, wanted.false_discovery_rate, settled, given)
