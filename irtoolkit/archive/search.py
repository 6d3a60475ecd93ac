"""Find the slides of a run: in files, folders and what patterns match."""

import glob
import os
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from itertools import count as count_from
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from irtoolkit.archive.names import name_slides, natural_key
from irtoolkit.archive.tasks import CLEAN, HEALED, MASK, PROGRAM, CallError, Task, attempt
from irtoolkit.files import (
    MASK_ENDINGS,
    SLIDE_SUFFIXES,
    choose_infrared,
    count_frames,
    describe,
    is_png_mask,
    is_sidecar,
    read_pages,
)

FRAME = ("_", "_frame_", "_picture_")
"""What joins the name of a file and the number of one of its slides: the first that makes no name of another file, else
``_frame_2_`` and so on."""

OF_RUNS = (HEALED, Path(MASK).stem)


def find_slides(
    paths: Sequence[str], out: Path | None = None, taken: Mapping[str, str] = MappingProxyType({}), infrared: str = ""
) -> list[Task]:
    """Expand files, folders (searched below) and globs to the slides in them, in natural order of their paths.

    In folders and globs, separate infrared files, hidden files and folders, files in `out`, and masks and healed slides
    of any run (recognised by name and Software tag) are skipped. Links to folders are followed; a file is read once,
    however many links lead to it. Each slide of a file that holds several is a slide of its own. Outputs are named by
    `name_slides`; `taken` has the names of earlier runs. `infrared` is that of `Settings`.

    Raises
    ------
    CallError
        A path does not exist, or nothing is found.
    """
    found: dict[Path, Path] = {}
    folders = []
    for path in paths:
        files, folder = _expand(path, out)
        folders.append(folder)
        for file in (file for file in files if not (infrared and _is_sidecar(file, infrared))):
            real = file.resolve()
            found[real] = min(found.get(real, file), file, key=lambda each: (each != real, each.is_symlink()))
    if not found:
        raise CallError(
            f"no slides found in {', '.join(paths)}; give the files or folders of your scans"
            f" ({', '.join(SLIDE_SUFFIXES)}; masks and healed slides are no scans)"
        )
    root = Path(os.path.commonpath(folders))
    known = {path.relative_to(root).as_posix(): path for path in sorted(sorted(found.values()), key=natural_key)}
    slides = {name: place for file, path in known.items() for name, place in _frames(file, path, known, infrared)}
    names = name_slides(list(slides), taken)
    return [Task(path, slide, names[slide], frame, infrared) for slide, (path, frame) in slides.items()]


def scans_in(out: Path) -> list[Path]:
    """Files in an output folder that open as slides with infrared, and are no masks or healed slides by their names."""
    files = (file for folder in folders_below(out, out / "report") for file in list_folder(folder))
    unknown = (file for file in files if not file.stem.endswith(OF_RUNS) and _is_slide(file))
    return [file for file in unknown if attempt(_has_infrared, file) is True]


def _has_infrared(file: Path) -> bool:
    return Task(file, file.name).layout().infrared is not None


def _frames(file: str, path: Path, files: Container[str], infrared: str) -> list[tuple[str, tuple[Path, int]]]:
    """The slides in a file, each with the number of its frame: ``a_1.tif``, ``a_2.tif``; 0 for the only one."""
    count = attempt(_count, path, infrared)
    if isinstance(count, Exception) or count == 1:
        return [(file, (path, 0))]
    known = PurePosixPath(file)
    joins = chain(FRAME, (f"_frame_{number}_" for number in count_from(2)))
    join = next(join for join in joins if f"{known.with_suffix('')}{join}1{known.suffix}" not in files)
    return [(f"{known.with_suffix('')}{join}{number}{known.suffix}", (path, number)) for number in range(1, count + 1)]


def _count(path: Path, infrared: str) -> int:
    return count_frames(path, choose_infrared(path, infrared))


def _expand(path: str, out: Path | None) -> tuple[list[Path], Path]:
    """Absolute paths of the slides that a PATH names, and the folder that holds them."""
    here = Path(path)
    if here.is_dir():
        below = folders_below(here.absolute(), out)
        return [file for folder in below for file in list_folder(folder) if _is_slide(file)], here.absolute()
    if here.exists():
        return [here.absolute()], here.absolute().parent
    inside = out.resolve() if out is not None else None
    found = (name.absolute() for name in _match(path, out))
    slides = [file for file in found if _is_slide(file) and inside not in file.resolve().parents]
    if not slides:
        problem = "no slide matches this pattern" if glob.has_magic(path) else "no such file or folder"
        raise CallError(f"{path}: {problem}")
    return slides, Path(os.path.commonpath([file.parent for file in slides]))


def _match(pattern: str, out: Path | None) -> Iterator[Path]:
    """What matches a glob pattern; ``**`` stands for each of `folders_below`."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from map(Path, glob.glob(pattern))
        return
    place = parts.index("**")
    for start in map(Path, glob.glob(str(Path(*parts[:place])))):
        for folder in folders_below(start, out):
            yield from _match(str(Path(glob.escape(str(folder)), *(parts[place + 1 :] or ["*"]))), out)


def folders_below(folder: Path, out: Path | None = None) -> Iterator[Path]:
    """A folder and those below it, each once, without hidden ones and a folder `out` below.

    Links to folders are followed after the folders themselves, but none that leads back to `folder` or above it.
    """
    seen = {*folder.resolve().parents, *([out.resolve()] if out else [])} - {folder.resolve()}
    waiting = deque([folder])
    while waiting:
        place = waiting.popleft()
        if place.resolve() not in seen:
            seen.add(place.resolve())
            inner = [
                each for each in list_folder(place) if not each.name.startswith(".") and attempt(each.is_dir) is True
            ]
            waiting.extendleft(each for each in inner if not each.is_symlink())
            waiting.extend(each for each in inner if each.is_symlink())
            yield place


def list_folder(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it cannot be read."""
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _is_slide(file: Path) -> bool:
    """Whether a file is a slide by its name, and nothing else as far as it can be read."""
    named = not file.name.startswith(".") and file.suffix.lower() in SLIDE_SUFFIXES
    return named and attempt(file.is_file) is not False and not _is_sidecar(file) and not _is_output(file)


def _is_sidecar(file: Path, ending: str = "") -> bool:
    return attempt(is_sidecar, file, ending) is True


def _is_output(file: Path) -> bool:
    name = file.name.casefold()
    if file.stem.endswith(HEALED):
        beside = (file.with_name(file.stem.removesuffix(HEALED) + ending) for ending in MASK_ENDINGS.values())
        if any((mask.name.endswith(MASK_ENDINGS["pfm"]) and mask.is_file()) or _is_output(mask) for mask in beside):
            return True
    with suppress(Exception):
        if name.endswith(MASK_ENDINGS["png"]):
            return is_png_mask(file)
        if name.endswith((MASK, CLEAN)):
            return PROGRAM in str(describe([page.tags for page in read_pages(file)])["software"])
    return False
