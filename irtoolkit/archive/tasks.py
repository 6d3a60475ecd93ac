"""The slides of a run: finding them, and naming their outputs."""

import glob
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irtoolkit.files import SLIDE_SUFFIXES, Layout, check_target, describe, is_sidecar, read_pages
from irtoolkit.schema import SlideError

MASK, CLEAN = "_mask.tif", "_clean.tif"
"""Endings of the outputs of a slide."""

HEALED = "_clean"
"""End of the stem of a healed slide; one in the scan's own format has the scan's ending."""

PROGRAM = "irtoolkit "
"""Name of this program in the Software tag of its outputs."""


class CallError(SlideError):
    """The call itself is wrong, and nothing was written."""


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

    In folders and globs, separate infrared files, hidden files, files in `out`, and masks and healed slides of any run
    (recognised by name and Software tag) are skipped.

    Raises
    ------
    CallError
        A path does not exist, nothing is found, or two slides would have the same output name.
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
    """Absolute paths of the slides that a PATH names, and the folder that holds them."""
    here = Path(path)
    if here.is_dir():
        below = out if out is not None and here.resolve() in out.resolve().parents else None
        return [file for file in here.absolute().rglob("*") if _is_slide(file, below)], here.absolute()
    if here.exists():
        return [here.absolute()], here.absolute().parent
    files = [Path(name).absolute() for name in glob.glob(path, recursive=True)]
    slides = [file for file in files if _is_slide(file, out)]
    if not slides:
        problem = "no slide matches this pattern" if glob.has_magic(path) else "no such file or folder"
        raise CallError(f"{path}: {problem}")
    return slides, Path(os.path.commonpath([file.parent for file in slides]))


def _is_slide(file: Path, out: Path | None) -> bool:
    skipped = file.name.startswith(".") or (out is not None and out.resolve() in file.resolve().parents)
    kept = not skipped and file.suffix.lower() in SLIDE_SUFFIXES and file.is_file()
    return kept and not is_sidecar(file) and not _is_output(file)


def check_unhealed(file: Path) -> None:
    """Raise `SlideError` if a slide with infrared is, by its name, a healed one in the scan's own format."""
    if file.stem.endswith(HEALED):
        raise SlideError(f"{file}: by its name this slide was healed already; clean the scan itself, or rename it")


def _is_output(file: Path) -> bool:
    if file.stem.endswith(HEALED) and _is_output(file.with_name(file.stem.removesuffix(HEALED) + MASK)):
        return True
    if file.name.endswith((MASK, CLEAN)):
        with suppress(SlideError, OSError):
            return PROGRAM in str(describe([page.tags for page in read_pages(file)])["software"])
    return False


def _check_names(tasks: Sequence[Task]) -> None:
    seen: dict[str, Path] = {}
    for task in tasks:
        other = seen.setdefault(task.name.casefold(), task.path)
        if other is not task.path:
            raise CallError(
                f"{other} and {task.path} would both be written as {task.name}{CLEAN}; clean them separately"
            )


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts slide 2 before slide 10.

    >>> sorted([Path("slide10.tif"), Path("slide2.tif")], key=natural_key)[0].name
    'slide2.tif'
    """
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def check_outputs(tasks: Sequence[Task], folder: Path) -> None:
    """Refuse an output folder that is a file, or in which a slide would be written over or next to a source."""
    if folder.exists() and not folder.is_dir():
        raise CallError(f"{folder} is a file, not a folder; choose another output folder (--out)")
    for task in tasks:
        try:
            check_target(task.output(folder, CLEAN), [task.path])
        except SlideError as error:
            raise CallError(f"the output folder {folder} holds the scans; choose another folder (--out)") from error


def describe_layout(layout: Layout) -> dict[str, Any]:
    """What a run needs to know of a slide before it is cleaned: its size, and film and scanner from its tags.

    `bytes` is the size of the healed slide without compression, `copied` that in the scan's own format, in which a
    compressed file may grow to twice its size. Empty for a slide without infrared.
    """
    if layout.infrared is None:
        return {}
    about = {name: layout.metadata[name] for name in ("film", "scanner", "dpi", "bits")}
    size, file = layout.height * layout.width, layout.files[0].stat().st_size
    healed = size * 3 * layout.colour_bits // 8
    return about | {"pixels": size, "bytes": healed, "copied": file if file >= healed else 2 * file}
