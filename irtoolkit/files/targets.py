"""Paths to write to: never over or next to a source, written atomically, without leftovers."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from irtoolkit.schema import SlideError

AnyPath = str | os.PathLike[str]
LONGEST_NAME = 255
"""Bytes of the longest name of a file or folder."""

PART, BESIDE = ".part", "_ir.tiff"
"""Ending of temporary names, and the longest ending of a file that is looked for beside one."""

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_target(path: AnyPath, sources: Iterable[AnyPath]) -> None:
    """Refuse a target that is one of the sources, under any name, or in the folder of one.

    Raises
    ------
    SlideError
        The message names the target and the source.
    """
    target = Path(path)
    for source in map(Path, sources):
        if _same(target, source):
            raise SlideError(f"{target} would overwrite the source {source}; write to another folder")
        for folder in {source.parent, source.resolve().parent}:
            if _same(target.parent, folder) or _same(target.resolve().parent, folder):
                raise SlideError(f"{target} would be next to the source {source}; write to another folder")


def shorten(name: str, ending: int) -> str:
    """A name to which an ending of so many bytes can be added; a name that is too long ends with a digest of it.

    >>> shorten("a" * 300, len("_mask.tif"))[-12:], shorten("a", len("_mask.tif"))
    ('aaa-9835fa6b', 'a')
    """
    whole, room = os.fsencode(name), LONGEST_NAME - ending
    if len(whole) <= room:
        return name
    digest = f"-{hashlib.sha256(whole).hexdigest()[:8]}"
    kept = len(name)
    while len(os.fsencode(name[:kept])) > room - len(digest):
        kept -= 1
    return name[:kept] + digest


def temporary(path: AnyPath) -> Path:
    """The temporary name ``.NAME.part`` beside a path."""
    path = Path(path)
    return path.with_name(shorten(f".{path.name}", len(f"{BESIDE}{PART}")) + PART)


def remove_leftovers(folder: AnyPath) -> None:
    """Remove the temporary files ``.NAME.part`` that an interrupted run left in a folder or below it."""
    for leftover in Path(folder).rglob(".*.part"):
        if leftover.is_file() or leftover.is_symlink():
            leftover.unlink(missing_ok=True)


@contextmanager
def replacing(path: AnyPath) -> Iterator[Path]:
    """Give a temporary name ``.NAME.part`` beside `path`; on success the file of that name becomes `path`.

    The bytes are on the disk before the name changes. On any error the temporary file is removed and an earlier
    file under `path` stays unchanged.
    """
    path = Path(path)
    part = temporary(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.unlink(missing_ok=True)
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno not in FULL:
            raise
        advice = "the disk is full and nothing was written; free some space or write to another folder"
        raise OSError(error.errno, advice, str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def replacing_together(paths: Sequence[AnyPath]) -> Iterator[list[Path]]:
    """Give a temporary name for each path; on success, the files of those names become the paths, one after another.

    Each is written there by its own `replacing`. On any error none of the paths changes, and the files are removed.
    """
    parts = [temporary(path) for path in paths]
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
        for folder in {part.parent for part in parts}:
            _sync_folder(folder)
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder; if either is new, names that differ only in case count as one."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return str(one.resolve()).casefold() == str(other.resolve()).casefold()


def _sync_folder(folder: Path) -> None:
    """Write a changed name to the disk, if the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
