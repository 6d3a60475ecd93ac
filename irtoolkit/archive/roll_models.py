"""The rolls of an archive, and the model of each, kept in the output folder."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import xarray as xr

from irtoolkit.alignment import SlideSample, sample_slide, thin_sample
from irtoolkit.archive.cleaning import open_to_clean, working_threads
from irtoolkit.archive.records import digest_of
from irtoolkit.archive.tasks import Task, attempt, describe_error, persist
from irtoolkit.archive.workers import run_jobs
from irtoolkit.files import write_model
from irtoolkit.fitting import fit_samples
from irtoolkit.model import open_model, to_dataset
from irtoolkit.pipeline import spread
from irtoolkit.schema import VERSION, SlideError, in_words

if TYPE_CHECKING:
    from distributed import Client

Refusal = Callable[[Task, Exception], None]

KIND = ("scanner", "film", "dpi", "bits")
"""What the slides of one roll have in common."""


@dataclass(frozen=True)
class Roll:
    """Slides that share film and scanner: the name of the roll, the file of its model, and the slides."""

    name: str
    file: Path
    tasks: tuple[Task, ...]


class RollModel(NamedTuple):
    """The file of a roll's model and its digest, or the reason why it has none."""

    file: Path | None
    digest: str
    reason: str


ALONE = RollModel(None, "", "")
"""For slides that are fitted on their own."""


def group_rolls(slides: Sequence[tuple[Task, Mapping[str, Any]]], folder: Path, *, whole: bool) -> list[Roll]:
    """Group slides of one folder (or all slides, if `whole`) and one kind; each comes with its `describe_layout`.

    A slide with an empty description cannot be used, and belongs to no roll.
    """
    groups: dict[PurePosixPath, dict[tuple[Any, ...], list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task, about in slides:
        if about:
            place = PurePosixPath() if whole else PurePosixPath(task.slide).parent
            groups[place][tuple(about[name] for name in KIND)].append(task)
    rolls = []
    for place, kinds in groups.items():
        for kind, tasks in kinds.items():
            features = ", ".join(
                filter(None, (kind[1] or "unnamed film", kind[0], f"{kind[2]:g} dpi", f"{kind[3]} bit"))
            )
            label = "all slides" if whole else folder_name(tasks[0])
            name = label if len(kinds) == 1 else f"{label} ({features})"
            file = folder / "report" / "rolls" / place / f"{_file_name(features)}.json"
            rolls.append(Roll(in_words(name), file, tuple(tasks)))
    return rolls


def folder_name(task: Task) -> str:
    """Name of the folder of a slide: its path below the folder of the run, or the name of that folder.

    >>> folder_name(Task(Path("/scans/roll7/a.tif"), "roll7/a.tif")), folder_name(Task(Path("/scans/b.tif"), "b.tif"))
    ('roll7', 'scans')
    """
    place = PurePosixPath(task.slide).parent
    return str(place) if place.name else task.path.parent.name


def _file_name(text: str) -> str:
    """A readable and unique file name for a text."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', text)[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def find_model(roll: Roll) -> RollModel | None:
    """The model of a roll from an earlier run, or None if there is none or its slides have changed."""
    model = attempt(open_model, roll.file)
    if isinstance(model, Exception) or model.attrs.get("slides") != _token(roll):
        return None
    return describe_model(model, roll.file)


def describe_model(model: xr.Dataset, file: Path) -> RollModel:
    """File and digest of a model, or the reason why the fit failed."""
    if "coefficient" not in model:
        return RollModel(None, "", str(model.attrs["reason"]))
    return RollModel(file, digest_of(model.drop_attrs().to_dict()), "")


def fit_models(
    rolls: Sequence[Roll], client: "Client | None", threads: int
) -> Iterator[tuple[Roll, RollModel | BaseException]]:
    """Fit the models of rolls in parallel; if there are fewer rolls than workers, sample their slides in parallel.

    A roll whose fit ends its worker is sampled slide by slide, without those that end theirs.
    """
    whole = rolls if client is None or len(rolls) >= len(client.nthreads()) else ()
    for roll, model in run_jobs(partial(fit_model, threads=threads), whole, client):
        lost = client is not None and isinstance(model, BaseException)
        yield roll, _fit_by_slides(roll, client) if lost else model
    for roll in rolls if not whole else ():
        yield roll, _fit_by_slides(roll, client)


def _fit_by_slides(roll: Roll, client: "Client | None") -> RollModel | Exception:
    token, sampled = _token(roll), dict(run_jobs(_sample_alone, spread(roll.tasks), client))
    samples = (sampled[task] for task in spread(roll.tasks))
    return attempt(_fit_to, roll, token, [sample for sample in samples if isinstance(sample, SlideSample)])


def fit_model(roll: Roll, threads: int | None = None) -> RollModel:
    """Fit the model of a roll and write it to its file; if it cannot be fitted, the reason is written instead.

    Slides that cannot be used are left out. The threads sample slides in parallel.
    """
    token = _token(roll)
    with working_threads(1), ThreadPoolExecutor(threads or 1) as pool:
        tried = list(pool.map(try_sample, spread(roll.tasks)))
    return _fit_to(roll, token, [sample for sample in tried if sample is not None])


def _sample_alone(task: Task) -> SlideSample | None:
    with working_threads(None):
        return try_sample(task)


def _fit_to(roll: Roll, token: str, samples: Sequence[SlideSample]) -> RollModel:
    """The model of a roll, written with the token of its slides before they were sampled."""
    try:
        if len(samples) < 2:
            raise SlideError(f"a roll needs at least two usable slides, not {len(samples)}")
        with working_threads(1):
            model = to_dataset(fit_samples(samples))
    except SlideError as error:
        model = xr.Dataset(attrs={"reason": describe_error(error)})
    write_model(model.assign_attrs(slides=token), roll.file)
    return describe_model(model, roll.file)


def try_sample(task: Task, on_refused: Refusal | None = None) -> SlideSample | None:
    """The sample of a slide; if it cannot be used, call `on_refused` and return None."""
    sample = attempt(persist, _sample, task)
    if isinstance(sample, Exception):
        if on_refused:
            on_refused(task, sample)
        return None
    return sample


def _sample(task: Task) -> SlideSample:
    return thin_sample(sample_slide(open_to_clean(task)[0]))


def _token(roll: Roll) -> str:
    """Digest of what the roll's model depends on: the version, and the sizes and times of its slides."""
    states = {task.slide: attempt(task.path.stat) for task in roll.tasks}
    slides = {
        slide: [] if isinstance(state, Exception) else [state.st_size, state.st_mtime_ns]
        for slide, state in states.items()
    }
    return digest_of({"version": VERSION, "slides": slides})
