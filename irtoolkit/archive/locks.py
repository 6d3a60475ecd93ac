"""One program at a time writes to an output folder, or decisions into it; and the log of what was done there."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from irtoolkit.archive.tasks import CallError
from irtoolkit.files import open_own, remove_leftovers

LOG, LOCK, DECISIONS_LOCK = "irtoolkit.log", ".irtoolkit.lock", ".irtoolkit-decisions.lock"

PATIENCE, PAUSE = 10.0, 0.05
"""Seconds to wait while another program writes decisions, and between two attempts."""


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Lock the output folder so that no other run writes to it, and clear it of leftovers; the lock ends with this
    process.

    Raises
    ------
    CallError
        Another run holds it, it cannot be written to, or one of its locks or its log is a link.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            check_plain(folder / LOG)
            held.enter_context(locked(folder / LOCK))
            with locked(folder / DECISIONS_LOCK, PATIENCE):
                remove_leftovers(folder)
        except BlockingIOError as error:
            raise CallError(f"{folder} is in use by another run; wait for it, or write to another folder") from error
        except OSError as error:
            raise CallError(f"cannot write to the folder {folder} ({error}); choose another (--out)") from error
        yield


@contextmanager
def locked(file: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock file, which is removed while it is still held; its content is never touched.

    Raises
    ------
    BlockingIOError
        Another holds it for longer than `patience`, in seconds.
    CallError
        It is a link, or no plain file.
    """
    lock = _wait(file, time.monotonic() + patience)
    with lock:
        try:
            yield
        finally:
            with suppress(OSError):
                if _is_at(lock, file):
                    file.unlink()


def _wait(file: Path, end: float) -> BinaryIO:
    while True:
        try:
            if lock := _take(file):
                return lock
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(PAUSE)


def _take(file: Path) -> BinaryIO | None:
    """The file, open and locked; None if whoever held it before has removed it meanwhile."""
    check_plain(file)
    with ExitStack() as undo:
        lock = undo.enter_context(open_own(file, "ab"))
        _lock(lock)
        if _is_at(lock, file):
            undo.pop_all()
            return lock
    return None


def _is_at(opened: BinaryIO, file: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(opened.fileno()), file.lstat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> None:
    """Lock an open file until it is closed; `BlockingIOError` if another has locked it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def check_plain(file: Path) -> None:
    """Raise `CallError` for a link, a folder, or anything else that is no plain file."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(file.lstat().st_mode):
            raise CallError(f"{file} is a link or no plain file, and is not written to; remove it")


def write_log(file: Path, text: str) -> None:
    """Append a line with the time; errors are ignored."""
    with suppress(OSError, CallError):
        check_plain(file)
        with open_own(file, "ab") as log:
            line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(text.split())}\n"
            log.write(line.encode("utf-8", "backslashreplace"))
