"""What a run needs before it begins: which slides are fitted and cleaned, and the space and time for them."""

from math import inf
from typing import TYPE_CHECKING

from irtoolkit.archive.capacity import (
    Crew,
    Estimate,
    Work,
    choose_crew,
    free_bytes,
    make_estimate,
    pace_of,
    slides_that_fit,
)
from irtoolkit.archive.cleaning import with_output_size
from irtoolkit.archive.plan import Run, slides_to_clean, wanted_slides
from irtoolkit.archive.records import Record
from irtoolkit.archive.roll_models import ALONE
from irtoolkit.archive.rolls import Roll
from irtoolkit.archive.tasks import attempt
from irtoolkit.pipeline import spread

if TYPE_CHECKING:
    from distributed import Client


def estimate(
    run: Run, workers: int | None = None, client: "Client | None" = None, work: Work | None = None
) -> Estimate:
    """Estimate how many slides are to be cleaned, and the space and time needed; without slides that are too large.

    `workers` and `client` are as in `clean_archive`; `work` is that of `work_of`, if it is known already.
    """
    work, tried = work or work_of(run), (attempt(_measured_pace, slide.record) for slide in run.slides if slide.record)
    paces = [pace for pace in tried if isinstance(pace, float)]
    crew = Crew(len(client.nthreads()), None) if client else choose_crew(work, workers)
    return make_estimate(work, paces, crew, run.folder)


def _measured_pace(record: Record) -> float | None:
    """How many times as long as expected a slide took; None for one that was not cleaned."""
    row = record["row"]
    return pace_of(record["about"], float(row["seconds"])) if row["status"] == "done" else None


def work_of(run: Run) -> Work:
    """The slides to clean that are not too large, and those on which their rolls are to be fitted."""
    todo = slides_to_clean(run)
    abouts = {slide.task.slide: slide.about for slide in run.slides}
    sized = (with_output_size(slide.about, run.choices.settings) for slide in todo if slide.about)
    fitted = {task.slide for roll, model in run.rolls if model != ALONE for task in roll.tasks}
    sampled = [slide.about for slide in todo if slide.task.slide not in fitted]
    sampled += [abouts[task.slide] for roll in unfitted_rolls(run) for task in spread(roll.tasks)]
    usable = slides_that_fit((about for about in sampled if about), inf)
    finished = sum(slide.task.slide not in run.misplaced for slide in wanted_slides(run)) - len(todo)
    return Work(tuple(slides_that_fit(sized, free_bytes(run.folder))), tuple(usable), finished)


def unfitted_rolls(run: Run) -> list[Roll]:
    """The rolls that are still to be fitted before the slides that the run wants are cleaned."""
    wanted = {slide.task.slide for slide in wanted_slides(run)}
    return [roll for roll, model in run.rolls if model is None and any(task.slide in wanted for task in roll.tasks)]
