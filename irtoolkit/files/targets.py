"""Files are written atomically, never through a link, without leftovers."""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

AnyPath = str | os.PathLike[str]
LONGEST_NAME = 255
"""Bytes of the longest name of a file or folder."""

PART, BESIDE = ".part", "_ir.tiff"
"""Ending of temporary names, and the longest ending of a file that is looked for beside one."""

LEFTOVER = re.compile(r"^\..*\.irt-[0-9a-f]{8}(\.raw)?\.part$", re.DOTALL)
"""Temporary names of this program, and those of the scratch files beside them."""

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


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
    """A temporary name ``.NAME.irt-XXXXXXXX.part`` beside a path, with eight random hexadecimal digits."""
    path, mark = Path(path), f".irt-{secrets.token_hex(4)}{PART}"
    return path.with_name(shorten(f".{path.name}", len(f"{BESIDE}{mark}")) + mark)


def open_own(path: AnyPath, mode: str) -> BinaryIO:
    """Open a file as `open` does, in a binary mode; a link under its name is an error (`OSError`), not followed."""
    return cast(BinaryIO, open(path, mode, opener=_open_unlinked))


def _open_unlinked(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def write_whole(path: AnyPath, content: bytes) -> Path:
    """Write a file in one piece, as `replacing` does; return its path."""
    with replacing(path) as part, open_own(part, "wb") as file:
        file.write(content)
    return Path(path)


def remove_for_sure(path: AnyPath) -> None:
    """Remove a file, if there is one; then it is gone from the disk too."""
    path = Path(path)
    with suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent)


def remove_leftovers(folder: AnyPath) -> None:
    """Remove the files with names of `temporary` that an interrupted run left in a folder or below it.

    Links, and folders that are linked, are left alone.
    """
    for place, _, names in os.walk(folder):
        for leftover in (Path(place, name) for name in names if LEFTOVER.search(name)):
            if leftover.is_file() and not leftover.is_symlink():
                leftover.unlink(missing_ok=True)


@contextmanager
def replacing(path: AnyPath) -> Iterator[Path]:
    """Give an empty file with a temporary name beside `path`; on success that file becomes `path`.

    The bytes are on the disk before the name changes. On any error the temporary file is removed and an earlier
    file under `path` stays unchanged.
    """
    path = Path(path)
    part = temporary(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        open_own(part, "xb").close()
        yield part
        with open_own(part, "r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno not in FULL:
            raise
        advice = "the disk is full and this file was not written; free some space or write to another folder"
        raise OSError(error.errno, advice, str(path)) from error
    finally:
        _remove(part)


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
            _remove(part)


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Write a changed name to the disk, if the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
