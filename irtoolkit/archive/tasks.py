"""The slides of a run: finding them, and naming their outputs."""

import glob
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from irtoolkit.archive.names import name_slides, natural_key, plain_name
from irtoolkit.files import SLIDE_SUFFIXES, Layout, check_target, describe, is_sidecar, read_pages
from irtoolkit.schema import SlideError

MASK, CLEAN = "_mask.tif", "_clean.tif"
"""Endings of the outputs of a slide."""

PROGRAM = "irtoolkit "
"""Name of this program in the Software tag of its outputs."""


class CallError(SlideError):
    """The call itself is wrong, and nothing was written."""


@dataclass(frozen=True)
class Task:
    """One slide of a run: its file, its path relative to the run's deepest common folder, and the name of its outputs.

    The name is that path without its ending, unless `name_slides` chooses another.
    """

    path: Path
    slide: str
    name: str = ""

    def __post_init__(self) -> None:
        """Name the outputs."""
        object.__setattr__(self, "name", self.name or plain_name(self.slide))

    def output(self, folder: Path, ending: str) -> Path:
        """Path of one of its files in the output folder."""
        return folder / f"{self.name}{ending}"


def find_slides(
    paths: Sequence[str], out: Path | None = None, taken: Mapping[str, str] = MappingProxyType({})
) -> list[Task]:
    """Expand files, folders (searched below) and globs to the slides in them, in natural order of their paths.

    In folders and globs, separate infrared files, hidden files, files in `out`, and masks and healed slides of any run
    (recognised by name and Software tag) are skipped. Outputs are named by `name_slides`; `taken` has the names of
    earlier runs.

    Raises
    ------
    CallError
        A path does not exist, or nothing is found.
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
    slides = {path.relative_to(root).as_posix(): path for path in sorted(sorted(found), key=natural_key)}
    names = name_slides(list(slides), taken)
    return [Task(path, slide, names[slide]) for slide, path in slides.items()]


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


def _is_output(file: Path) -> bool:
    if file.name.endswith((MASK, CLEAN)):
        with suppress(SlideError, OSError):
            return PROGRAM in str(describe([page.tags for page in read_pages(file)])["software"])
    return False


def check_outputs(tasks: Sequence[Task], folder: Path) -> None:
    """Refuse an output folder that is a file, or in which a slide would be written over or next to a source."""
    if folder.exists() and not folder.is_dir():
        raise CallError(f"{folder} is a file, not a folder; choose another output folder (--out)")
    of_folders = {(task.output(folder, CLEAN).parent, task.path.parent): task for task in tasks}
    for task in of_folders.values():
        try:
            check_target(task.output(folder, CLEAN), [task.path])
        except SlideError as error:
            raise CallError(f"the output folder {folder} holds the scans; choose another folder (--out)") from error


def describe_layout(layout: Layout) -> dict[str, Any]:
    """What a run needs to know of a slide before it is cleaned: its size, and film and scanner from its tags.

    `bytes` is the size of the healed slide without compression. Empty for a slide without infrared.
    """
    if layout.infrared is None:
        return {}
    about = {name: layout.metadata[name] for name in ("film", "scanner", "dpi", "bits")}
    size = layout.height * layout.width
    return about | {"pixels": size, "bytes": size * 3 * layout.colour_bits // 8}
