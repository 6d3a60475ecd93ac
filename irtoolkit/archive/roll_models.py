"""The rolls of an archive, and the model of each, kept in the output folder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import xarray as xr

from irtoolkit.alignment import SlideSample, sample_slide, thin_sample
from irtoolkit.archive.cleaning import open_to_clean, working_threads
from irtoolkit.archive.records import digest_of
from irtoolkit.archive.rolls import Roll
from irtoolkit.archive.tasks import Task, attempt, describe_error, persist
from irtoolkit.archive.workers import run_jobs
from irtoolkit.files import write_model
from irtoolkit.fitting import fit_samples
from irtoolkit.model import open_model, to_dataset
from irtoolkit.pipeline import spread
from irtoolkit.schema import VERSION, SlideError

if TYPE_CHECKING:
    from distributed import Client

SAMPLED = "irtoolkit-sampled"
"""Topic under which workers say which slides they have sampled."""

Item = TypeVar("Item")
Refusal = Callable[[Task, Exception], None]
Sampled = Callable[[Roll, int], None]
"""Is called with a roll and the number of its slides that were sampled since the last call."""


class RollModel(NamedTuple):
    """The file of a roll's model and its digest, or the reason why it has none."""

    file: Path | None
    digest: str
    reason: str


ALONE = RollModel(None, "", "")
"""For slides that are fitted on their own."""


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
    values = {str(name): variable.values.tolist() for name, variable in model.variables.items()}
    return RollModel(file, digest_of(values), "")


def fit_models(
    rolls: Sequence[Roll], client: "Client | None", threads: int, sampled: Sampled | None = None
) -> Iterator[tuple[Roll, RollModel | BaseException]]:
    """Fit the models of rolls; `sampled` is called as a roll begins, and as its slides are sampled.

    In this process, its threads sample slides in parallel. The workers of a cluster fit a roll each, or sample the
    slides of one roll after the other if there are fewer rolls than workers. A roll whose fit ends its worker is
    sampled slide by slide, without those that end theirs.
    """
    if client is None:
        yield from ((roll, attempt(fit_model, roll, threads, sampled)) for roll in rolls)
        return
    whole = rolls if len(rolls) >= len(client.nthreads()) else ()
    with _counted_on_workers(whole, client, sampled):
        for roll, model in run_jobs(partial(_fit_on_worker, threads=threads), whole, client):
            yield roll, _fit_by_slides(roll, client) if isinstance(model, BaseException) else model
    for roll in rolls if not whole else ():
        yield roll, _fit_by_slides(roll, client, sampled)


@contextmanager
def _counted_on_workers(rolls: Sequence[Roll], client: "Client", sampled: Sampled | None) -> Iterator[None]:
    """Call `sampled` for each slide that the workers sample, but for no slide twice where a roll is fitted again."""
    left = {str(roll.file): len(spread(roll.tasks)) for roll in rolls}
    known = {str(roll.file): roll for roll in rolls}

    def count(event: tuple[float, tuple[str, int]]) -> None:
        file, slides = event[1]
        if sampled and left.get(file, 0) >= slides:
            left[file] -= slides
            sampled(known[file], slides)

    if not (rolls and sampled):
        yield
        return
    client.subscribe_topic(SAMPLED, count)
    try:
        yield
    finally:
        client.unsubscribe_topic(SAMPLED)


def _fit_on_worker(roll: Roll, threads: int) -> RollModel:
    return fit_model(roll, threads, _say_sampled)


def _say_sampled(roll: Roll, slides: int) -> None:
    from distributed import get_worker

    get_worker().log_event(SAMPLED, (str(roll.file), slides))


def _fit_by_slides(roll: Roll, client: "Client", sampled: Sampled | None = None) -> RollModel | Exception:
    chosen, token = spread(roll.tasks), _token(roll)
    found = dict(_counted(run_jobs(_sample_alone, chosen, client), roll, sampled))
    samples = (found[task] for task in chosen)
    return attempt(_fit_to, roll, token, [sample for sample in samples if isinstance(sample, SlideSample)])


def _counted(items: Iterable[Item], roll: Roll, sampled: Sampled | None) -> Iterator[Item]:
    """The items; `sampled` is called before the first, and for each as one slide of a roll."""
    if sampled:
        sampled(roll, 0)
    for item in items:
        if sampled:
            sampled(roll, 1)
        yield item


def fit_model(roll: Roll, threads: int | None = None, sampled: Sampled | None = None) -> RollModel:
    """Fit the model of a roll and write it to its file; if it cannot be fitted, the reason is written instead.

    Slides that cannot be used are left out. The threads sample slides in parallel.
    """
    token = _token(roll)
    with working_threads(1), ThreadPoolExecutor(threads or 1) as pool:
        tried = list(_counted(pool.map(try_sample, spread(roll.tasks)), roll, sampled))
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
