"""Many slides: plan, workers, records, short list, report."""

from typing import TYPE_CHECKING

from irtoolkit.schema import names_of_door

if TYPE_CHECKING:
    from irtoolkit.archive.capacity import check_space
    from irtoolkit.archive.cleaning import outputs_of
    from irtoolkit.archive.counts import summarise
    from irtoolkit.archive.decisions import ACCEPTED, REJECTED, Decision, read_decisions, write_decisions
    from irtoolkit.archive.forecast import estimate
    from irtoolkit.archive.inspection import (
        Inspected,
        describe_problems,
        describe_slide,
        inspect,
        slide_as_json,
        summarise_files,
    )
    from irtoolkit.archive.names import output_name
    from irtoolkit.archive.options import read_infrared, read_settings
    from irtoolkit.archive.other_files import describe_other_files
    from irtoolkit.archive.outlook import describe_needs, describe_plan, find_refused, plan_as_json
    from irtoolkit.archive.places import note_place
    from irtoolkit.archive.plan import Choices, Run, plan_run, slides_to_clean
    from irtoolkit.archive.previews import preview_folder
    from irtoolkit.archive.progress import Progress, print_message, print_refused
    from irtoolkit.archive.results import Row, open_results
    from irtoolkit.archive.roll_models import try_sample
    from irtoolkit.archive.run import carry_out, clean_archive
    from irtoolkit.archive.search import find_slides
    from irtoolkit.archive.stopping import stopped_by_signals
    from irtoolkit.archive.tasks import CLEAN, MASK, CallError, Task, attempt, check_unhealed, describe_error
    from irtoolkit.archive.watch import watch_slides
    from irtoolkit.archive.workers import cluster_at
else:
    __getattr__, __dir__ = names_of_door(__name__)
