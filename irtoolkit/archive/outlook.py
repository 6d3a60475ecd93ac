"""What a run is going to do, in words and as plain values: its rolls, its slides, and what they need."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from irtoolkit.archive.cleaning import outputs_of
from irtoolkit.archive.forecast import estimate
from irtoolkit.archive.inspection import Inspected, count_refused, describe_problems, inspect
from irtoolkit.archive.plan import Known, Run, slides_to_clean, wanted_slides
from irtoolkit.archive.roll_models import ALONE, RollModel
from irtoolkit.archive.rolls import Roll
from irtoolkit.archive.tasks import attempt
from irtoolkit.schema import counted, near

if TYPE_CHECKING:
    from distributed import Client

CLEAN, DONE, REFUSED = "to clean", "done", "refused"
MISPLACED = "that cannot be written to --out"


class Planned(NamedTuple):
    """A slide that a run wants: its roll, what becomes of it, the files it will have, and why it cannot be cleaned."""

    slide: Known
    roll: Roll | None
    status: str
    outputs: tuple[Path, ...] = ()
    reason: str = ""


def find_refused(run: Run) -> list[Inspected]:
    """All files of a run that cannot be cleaned, whatever its limit."""
    reasons = run.misplaced
    others = (inspect(slide.task) for slide in run.slides if not slide.about and slide.task.slide not in reasons)
    placed = (slide.task for slide in run.slides if slide.task.slide in reasons)
    return [*others, *(Inspected(task, None, reasons[task.slide], MISPLACED) for task in placed)]


def plan_slides(run: Run, refused: Sequence[Inspected]) -> list[Planned]:
    """What is to be done with each slide that a run wants, in natural order; `refused` are from `find_refused`."""
    reasons = {each.task.slide: each.error for each in refused}
    rolls = {task.slide: roll for roll, _ in run.rolls for task in roll.tasks}
    todo = {slide.task.slide for slide in slides_to_clean(run)}
    return [_planned(run, slide, rolls.get(slide.task.slide), todo, reasons) for slide in wanted_slides(run)]


def _planned(run: Run, slide: Known, roll: Roll | None, todo: set[str], reasons: Mapping[str, str]) -> Planned:
    name = slide.task.slide
    if name in reasons:
        return Planned(slide, roll, REFUSED, reason=reasons[name])
    if name not in todo:
        return Planned(slide, roll, DONE)
    outputs = outputs_of(slide.task, run.folder, run.choices.settings, run.choices.mask_format)
    return Planned(slide, roll, CLEAN, tuple(outputs))


def describe_plan(run: Run, refused: Sequence[Inspected]) -> Iterator[str]:
    """Lines about each roll, with the slides to clean and their files; then all files that cannot be cleaned."""
    planned = plan_slides(run, refused)
    for roll, model in run.rolls:
        todo = [each for each in planned if each.roll is roll and each.status == CLEAN]
        size = counted(len(roll.tasks), "slide")
        kind = "" if roll.kind in roll.name else f", {roll.kind}"
        yield f"{roll.name}: {size}{kind}; {how_fitted(run, model)}; {len(todo):,} to clean"
        for each in todo:
            yield f"  {each.slide.task.place} -> {', '.join(map(near, each.outputs))}"
    yield from describe_problems(refused)


def how_fitted(run: Run, model: RollModel | None) -> str:
    """How the slides of a roll with a model, None if it is still to be fitted, are fitted."""
    if run.choices.model is not None:
        return "cleaned by the model given"
    if model is None:
        return "fitted together"
    if model == ALONE or model.file is None:
        return "each slide fitted on its own" + f" ({model.reason})" * bool(model.reason)
    return "fitted together in an earlier run"


def plan_as_json(run: Run, refused: Sequence[Inspected]) -> Iterator[dict[str, Any]]:
    """What `describe_plan` says as plain values, one object per slide."""
    models = {roll.name: model for roll, model in run.rolls}
    for slide, roll, status, outputs, reason in plan_slides(run, refused):
        about = {name: slide.about.get(name) for name in ("scanner", "film", "dpi", "bits")}
        place = {"slide": slide.task.slide, "file": near(slide.task.path), "roll": roll.name if roll else ""}
        fit = {"fit": how_fitted(run, models[roll.name]) if roll else ""}
        yield place | about | fit | {"status": status, "reason": reason, "outputs": list(map(near, outputs))}


def describe_needs(
    run: Run, refused: Sequence[Inspected], workers: int | None = None, client: "Client | None" = None
) -> list[str]:
    """Lines about the files that cannot be cleaned, the slides to clean, the time and space for them, and masks of
    one's own.
    """
    lines, masks = [*count_refused(refused), str(estimate(run, workers, client))], run.choices.masks
    if masks is not None:
        usable = [slide.task for slide in run.slides if slide.about]
        masked = sum(isinstance(attempt(run.own_mask, task), Path) for task in usable)
        lines += [f"{masked} of {counted(len(usable), 'slide')} have a mask of their own in {masks}"]
    return lines
