"""Many slides: finding them, naming what comes of them, and cleaning one after another."""

import glob
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import xarray as xr

from irtoolkit.layouts import SLIDE_SUFFIXES, find_layout, is_sidecar
from irtoolkit.pipeline import find_with_model, fit_samples, heal_slide, sample_slide
from irtoolkit.reader import open_picture, open_slide
from irtoolkit.report import preview_folder, write_previews
from irtoolkit.results import Row, describe_row, measure_row
from irtoolkit.schema import VERSION, ModelError, SlideError
from irtoolkit.settings import Settings
from irtoolkit.targets import check_target
from irtoolkit.writer import write_healed, write_mask

Refusal = Callable[["Task", Exception], None]


class CallError(SlideError):
    """The call itself is wrong; nothing was written."""


@dataclass(frozen=True)
class Task:
    """One slide of a run: its file, and its path relative to the run's deepest common folder."""

    path: Path
    slide: str

    @property
    def name(self) -> str:
        """The relative path without suffix, from which its outputs are named."""
        return str(Path(self.slide).with_suffix("").as_posix())

    def output(self, folder: Path, ending: str) -> Path:
        """Path of one of its files in the output folder."""
        return folder / f"{self.name}{ending}"


def find_slides(paths: Sequence[str], out: Path | None = None) -> list[Task]:
    """Expand files, folders (searched below) and globs to the slides in them, in natural order of their paths.

    Infrared sidecars, hidden files and what lies in `out` are skipped in folders and globs.

    Raises
    ------
    CallError
        A path does not exist, nothing is found, or two slides would have one output name.
    """
    found: dict[Path, None] = {}
    folders = []
    for path in paths:
        files, folder = _expand(path, out)
        folders.append(folder)
        found |= dict.fromkeys(files)
    if not found:
        raise CallError(f"no slides ({', '.join(SLIDE_SUFFIXES[:3])}) found in {', '.join(paths)}")
    root = Path(os.path.commonpath(folders))
    tasks = [Task(path, path.relative_to(root).as_posix()) for path in found]
    _check_names(tasks)
    return sorted(tasks, key=lambda task: natural_key(task.path))


def _expand(path: str, out: Path | None) -> tuple[list[Path], Path]:
    """Absolute files that a PATH stands for, and the folder that holds them."""
    here = Path(path)
    if here.is_dir():
        below = out if out is not None and here.resolve() in out.resolve().parents else None
        return [file for file in here.absolute().rglob("*") if _is_slide(file, below)], here.absolute()
    if here.exists():
        return [here.absolute()], here.absolute().parent
    files = [Path(name).absolute() for name in glob.glob(path, recursive=True)]
    slides = [file for file in files if _is_slide(file, out)]
    if not slides:
        raise CallError(f"{path}: expected a slide, a folder or a pattern of slides, found no such file")
    return slides, Path(os.path.commonpath([file.parent for file in slides]))


def _is_slide(file: Path, out: Path | None) -> bool:
    passed_over = file.name.startswith(".") or (out is not None and out.resolve() in file.resolve().parents)
    return not passed_over and file.suffix.lower() in SLIDE_SUFFIXES and file.is_file() and not is_sidecar(file)


def _check_names(tasks: Sequence[Task]) -> None:
    seen: dict[str, Path] = {}
    for task in tasks:
        other = seen.setdefault(task.name.casefold(), task.path)
        if other is not task.path:
            raise CallError(f"{other} and {task.path} would both be written as {task.name}_clean.tif; clean them apart")


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which slide 2 comes before slide 10.

    >>> sorted([Path("slide10.tif"), Path("slide2.tif")], key=natural_key)[0].name
    'slide2.tif'
    """
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)


def check_outputs(tasks: Sequence[Task], folder: Path) -> None:
    """Refuse an output folder that is a file, or in which a slide would be written over or next to a source."""
    if folder.exists() and not folder.is_dir():
        raise CallError(f"{folder}: expected a folder to write to, found a file")
    for task in tasks:
        try:
            check_target(task.output(folder, "_clean.tif"), [task.path])
        except SlideError as error:
            raise CallError(str(error)) from error


def group_rolls(tasks: Sequence[Task]) -> list[list[Task]]:
    """Group slides of one folder, scanner, film, resolution and depth; those that cannot be opened are left out."""
    groups: dict[tuple[object, ...], list[Task]] = defaultdict(list)
    for task in tasks:
        with suppress(SlideError, OSError):
            attributes = open_slide(task.path).attrs
            kind = (task.path.parent, *(attributes[name] for name in ("scanner", "film", "dpi", "bits")))
            groups[kind].append(task)
    return list(groups.values())


def fit_tasks(tasks: Iterable[Task], on_refused: Refusal) -> xr.Dataset:
    """Fit one model on all slides that can be used; `on_refused` is told of each of the others."""
    samples = []
    for task in tasks:
        try:
            samples.append(sample_slide(open_slide(task.path)))
        except (SlideError, OSError) as error:
            on_refused(task, error)
    return fit_samples(samples)


def ignore(task: Task, error: Exception) -> None:
    """Pass over a slide that cannot be used."""


def fit_rolls(tasks: Sequence[Task]) -> dict[Path, xr.Dataset]:
    """Fit a model for each roll of two slides and more; by the slides' paths.

    Where no model can be fitted, its slides are left out; cleaning them one by one will say why.
    """
    models: dict[Path, xr.Dataset] = {}
    for roll in group_rolls(tasks):
        if len(roll) > 1:
            with suppress(SlideError):
                model = fit_tasks(roll, ignore)
                models |= {task.path: model for task in roll}
    return models


def clean_slides(
    tasks: Sequence[Task],
    folder: Path,
    *,
    settings: Settings,
    models: Mapping[Path, xr.Dataset],
    compression: str = "none",
    on_refused: Refusal,
) -> Iterator[Row]:
    """Clean slides one after another and yield the row of each; what cannot be cleaned is a row that says why.

    A slide is cleaned with the model of its path in `models`; one that has none, or that its model does not fit, is
    fitted by itself.
    """
    for task in tasks:
        started = time.monotonic()
        row: Row = {"slide": task.slide, "status": "done", "reason": ""}
        try:
            row |= _clean_one(task, folder, settings, models.get(task.path), compression)
        except SlideError as error:
            row |= {"status": "refused", "reason": _one_line(error)}
            on_refused(task, error)
        except Exception as error:
            row |= {"status": "failed", "reason": f"{type(error).__name__}: {_one_line(error)}"}
            on_refused(task, error)
        yield row | {"seconds": round(time.monotonic() - started, 2)}


def _clean_one(task: Task, folder: Path, settings: Settings, model: xr.Dataset | None, compression: str) -> Row:
    slide, layout = open_slide(task.path), find_layout(task.path)
    page = layout.visible[0].page
    found, fitted, note = _find(slide, settings, model)
    write_mask(found.mask, task.output(folder, "_mask.tif"), source=task.path, page=page)
    picture = None
    if settings.heal != "none":
        target = task.output(folder, "_clean.tif")
        healed = heal_slide(found, fitted, settings=settings)
        software = f"irtoolkit {VERSION} (healed: {settings.heal}, fdr {settings.false_discovery_rate:g})"
        depth = healed if layout.colour_bits == layout.bits else (healed // 257).astype("uint8")
        told = {"software": software, "description": _describe(settings)}
        write_healed(depth, target, source=task.path, page=page, compression=compression, **told)
        picture = open_picture(target)
    write_previews(found, picture, preview_folder(folder, task.name))
    row = describe_row(slide.attrs) | measure_row(found, settings.false_discovery_rate)
    return row | {"review": "; ".join(filter(None, (note, row["review"])))}


def _describe(settings: Settings) -> str:
    """The settings in a line, for those who find the file without its folder."""
    chosen = ", ".join(f"{name}={value}" for name, value in asdict(settings).items())
    return f"Healed by irtoolkit {VERSION}: {chosen}"


def _find(slide: xr.Dataset, settings: Settings, model: xr.Dataset | None) -> tuple[xr.Dataset, xr.Dataset, str]:
    try:
        return *find_with_model(slide, settings=settings, model=model), ""
    except ModelError as error:
        return *find_with_model(slide, settings=settings), f"fitted by itself: {_one_line(error)}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
