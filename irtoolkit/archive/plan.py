"""What a run over an archive has to do after earlier runs; only headers and records are read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import xarray as xr

from irtoolkit.archive.cleaning import outputs_of
from irtoolkit.archive.decisions import Decision, Entries, decision_of, read_entries
from irtoolkit.archive.limit import pick_of_each, pick_spread
from irtoolkit.archive.names import name_in_table
from irtoolkit.archive.own_masks import find_own_mask, identify_mask
from irtoolkit.archive.places import check_folder, misplaced_slides
from irtoolkit.archive.progress import Progress
from irtoolkit.archive.records import Record, is_done, is_of, of_sources, pictures_of, read_records, recipe, record_file
from irtoolkit.archive.results import Row
from irtoolkit.archive.roll_models import ALONE, RollModel, describe_model, find_model
from irtoolkit.archive.rolls import Roll, group_rolls
from irtoolkit.archive.search import find_slides, scans_in
from irtoolkit.archive.tasks import CallError, Task, attempt, check_unhealed, describe_layout
from irtoolkit.files import MASK_ENDINGS, AnyPath, Sources, find_sources
from irtoolkit.healing import check_method
from irtoolkit.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The choices of a run; see `clean_archive`."""

    settings: Settings = field(default_factory=Settings)
    model: xr.Dataset | None = None
    alone: bool = False
    rolls: Literal["folder", "all"] = "folder"
    force: bool = False
    limit: int | None = None
    compression: str = "none"
    masks: AnyPath | None = None
    mask_format: Literal["tiff", "png", "pfm"] = "tiff"


class Known(NamedTuple):
    """A slide, its `describe_layout` (empty if it cannot be used), and the record of its last cleaning."""

    task: Task
    about: Mapping[str, Any]
    record: Record | None


class Run(NamedTuple):
    """All slides, all rolls with their models (None if still to be fitted), and what was decided.

    `earlier` are the rows of the slides of other calls into the same folder, and `misplaced` says of slides why their
    files cannot be written.
    """

    folder: Path
    choices: Choices
    slides: tuple[Known, ...]
    rolls: tuple[tuple[Roll, RollModel | None], ...]
    entries: Entries
    earlier: tuple[Row, ...] = ()
    misplaced: Mapping[str, str] = MappingProxyType({})

    def decision(self, slide: str) -> Decision:
        """The decision about a slide before the run."""
        return decision_of(self.entries.decisions, slide)

    def problem(self, slide: str) -> str:
        """Why the entry about a slide is no decision; "" without one."""
        return self.entries.problems.get(name_in_table(slide), "")

    def own_mask(self, task: Task) -> Path | None:
        """The mask of its own by which a slide is healed."""
        return find_own_mask(self.choices.masks, task.name)


def plan_run(
    paths: Sequence[str], out: Path, choices: Choices, *, quiet: bool = False, only: Collection[str] | None = None
) -> Run:
    """Find out what a run has to do; with `only`, for the slides named there.

    Raises
    ------
    CallError
        Nothing is found, outputs would be written beside sources, or over those of another folder's slides;
        `SlideError` if a program is missing, or the decisions in the output folder cannot be read.
    """
    check_method(choices.settings.heal)
    _check_masks(choices, out)
    records = read_records(out)
    names = {slide: record["name"] for slide, record in records.items()}
    found = find_slides(paths, out, names, choices.settings.infrared)
    tasks = [task for task in found if only is None or task.slide in only]
    sources = _sources_of(found, choices, out)
    check_folder(out, sources)
    outputs = {task: outputs_of(task, out, choices.settings, choices.mask_format) for task in tasks}
    misplaced = misplaced_slides(outputs, out, sources)
    _check_sources(tasks, records, out)
    entries = read_entries(out)
    with Progress(len(tasks), "reading headers", unit="files", quiet=quiet) as progress:
        slides = tuple(progress.each(survey(task, records.get(task.slide)) for task in tasks))
    groups = group_rolls([(known.task, known.about) for known in slides], out, whole=choices.rolls == "all")
    check_folder(out, sources, [given_model(out), *(roll.file for roll in groups)])
    rolls = tuple((roll, _model_of(roll, out, choices)) for roll in groups)
    called = {task.slide for task in tasks}
    earlier = (record["row"] | {"name": record["name"]} for slide, record in records.items() if slide not in called)
    return Run(out, choices, slides, rolls, entries, tuple(earlier), misplaced)


def _sources_of(tasks: Sequence[Task], choices: Choices, out: Path) -> Sources:
    """The scans of a call, the masks of their own, and scans that are in the output folder."""
    masks = (attempt(find_own_mask, choices.masks, task.name) for task in tasks)
    return find_sources(
        [*(task.path for task in tasks), *(mask for mask in masks if isinstance(mask, Path)), *scans_in(out)]
    )


def _check_masks(choices: Choices, out: Path) -> None:
    """Refuse a folder of masks that does not exist or to which the run would write, and an unknown format."""
    if choices.mask_format not in MASK_ENDINGS:
        raise CallError(f"mask_format must be one of {', '.join(MASK_ENDINGS)}, not {choices.mask_format!r}")
    masks = None if choices.masks is None else Path(choices.masks)
    if masks is not None and not masks.is_dir():
        raise CallError(f"--masks {masks}: no such folder; give the folder with your masks")
    if masks is not None and out.resolve() in (masks.resolve(), *masks.resolve().parents):
        raise CallError(f"--masks {masks} is where masks are written; copy your masks to a folder of their own")


def _check_sources(tasks: Sequence[Task], records: Mapping[str, Record], folder: Path) -> None:
    """Refuse slides whose names are those of other slides that an earlier call has cleaned into the same folder."""
    known = [task for task in tasks if task.slide in records]
    others = [task for task in known if attempt(is_of, records[task.slide], task.path) is False]
    if others:
        first = others[0]
        raise CallError(
            f"{folder} holds slides of the same names from {Path(records[first.slide]['source']).parent}, and those"
            f" from {first.path.parent} would replace them; clean the folder that holds both in one call, or choose"
            f" another output folder (--out); names in both: {len(others)}, the first is {first.slide}"
        )


def given_model(folder: Path) -> Path:
    """Path in the output folder of a model given for all slides of a run."""
    return folder / "report" / "rolls" / "given.json"


def survey(task: Task, record: Record | None) -> Known:
    """Describe a slide: from its record if its source is unchanged, else from its header; empty if it has none."""
    known = attempt(_survey, task, record)
    return Known(task, {}, None) if isinstance(known, Exception) else known


def _survey(task: Task, record: Record | None) -> Known:
    if record is not None and "about" in record and of_sources(record, task.path.parent):
        return Known(task, record["about"], record)
    check_unhealed(task.path)
    return Known(task, describe_layout(task.layout()), None)


def _model_of(roll: Roll, folder: Path, choices: Choices) -> RollModel | None:
    if choices.model is not None:
        return describe_model(choices.model, given_model(folder))
    if choices.alone or len(roll.tasks) == 1:
        return ALONE
    return None if choices.force else find_model(roll)


def wanted_slides(run: Run) -> list[Known]:
    """The slides of a run, in natural order; with a limit, so many, spread over the rolls and within each.

    Slides that cannot be used are among them only if the others are fewer than the limit.
    """
    if run.choices.limit is None or run.choices.limit >= len(run.slides):
        return list(run.slides)
    rolls = [[task.slide for task in roll.tasks] for roll, _ in run.rolls]
    usable = sum(map(len, rolls))
    others = [slide.task.slide for slide in run.slides if not slide.about]
    chosen = {*pick_of_each(rolls, run.choices.limit), *pick_spread(others, max(run.choices.limit - usable, 0))}
    return [slide for slide in run.slides if slide.task.slide in chosen]


def slides_to_clean(run: Run) -> list[Known]:
    """The slides that a run wants and that are not yet done with its choices."""
    models = {task.slide: model for roll, model in run.rolls for task in roll.tasks}
    placed = (slide for slide in wanted_slides(run) if slide.task.slide not in run.misplaced)
    return [slide for slide in placed if run.choices.force or attempt(_is_done, run, slide, models) is not True]


def _is_done(run: Run, slide: Known, models: Mapping[str, RollModel | None]) -> bool:
    model = models.get(slide.task.slide, ALONE)
    if slide.record is None or model is None:
        return False
    done = slide.record["row"]["status"] == "done"
    decision, choices = run.decision(slide.task.slide), run.choices
    outputs = outputs_of(slide.task, run.folder, choices.settings, choices.mask_format) if done else []
    outputs += pictures_of(slide.record, record_file(run.folder, slide.task.name).parent)
    settings, mask = decision.settings(choices.settings), identify_mask(run.own_mask(slide.task))
    return is_done(slide.record, recipe(settings, choices.compression, model.digest, decision.effect, mask), outputs)
