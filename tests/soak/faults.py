"""Faults of disk and clock inside the processes of a run, which get them from their environment when they start."""

import builtins
import errno
import json
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

GIVEN = "IRTOOLKIT_SOAK_FAULTS"
BACK = 20.0
"""Seconds by which the clock is set back; for as long, dask holds back messages that its processes were to send."""


@dataclass(frozen=True)
class Faults:
    """What fails in a run, and how likely at each call; every fault is a line in the file `count`.

    `read` is an error when a file below `sources` is opened or read; `write` is one when a file below `out` is opened
    to be written, brought to the disk or renamed. `clock` sets the clock back. No file may have more than
    `largest` bytes.
    """

    count: str
    sources: str
    out: str
    seed: int = 0
    read: float = 0.0
    write: float = 0.0
    clock: float = 0.0
    largest: int = 0


def environment(faults: Faults, folder: Path) -> dict[str, str]:
    """What a run must have in its environment; `folder` gets the module that Python imports at its start."""
    (folder / "sitecustomize.py").write_text("from tests.soak import faults\n\nfaults.install()\n")
    top = Path(__file__).parents[2]
    return {GIVEN: json.dumps(asdict(faults)), "PYTHONPATH": f"{folder}{os.pathsep}{top}"}


def install() -> None:
    """Let this process have the faults of its environment."""
    faults = Faults(**json.loads(os.environ[GIVEN]))
    rng = random.Random(f"{faults.seed} {os.getpid()}")
    if faults.read:
        _break_reading(faults, rng)
    if faults.write:
        _break_writing(faults, rng)
    if faults.clock:
        _break_clock(faults, rng)
    if faults.largest:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults.largest, faults.largest))


def _break_reading(faults: Faults, rng: random.Random) -> None:
    def fail(path: Any, mode: str = "r", *_: Any, **__: Any) -> None:
        if "r" in mode and _is_below(path, faults.sources) and rng.random() < faults.read:
            raise _counted(faults, "read", errno.EIO, path)

    _before_opening(fail)


def _break_writing(faults: Faults, rng: random.Random) -> None:
    def fail(path: Any) -> None:
        if rng.random() < faults.write:
            raise _counted(faults, "write", rng.choice([errno.ENOSPC, errno.EIO]), path)

    def fail_open(path: Any, mode: str = "r", *_: Any, **__: Any) -> None:
        if set(mode) & set("wxa+") and _is_below(path, faults.out):
            fail(path)

    def fail_replace(_: Any, target: Any) -> None:
        if _is_below(target, faults.out):
            fail(target)

    _before_opening(fail_open)
    os.fsync, os.replace = _after(fail, os.fsync), _after(fail_replace, os.replace)


def _break_clock(faults: Faults, rng: random.Random) -> None:
    real, back = time.time, [0.0]

    def clock() -> float:
        if rng.random() < faults.clock:
            back[0] += BACK
            _counted(faults, "clock", 0, "")
        return real() - back[0]

    time.time = clock


def _before_opening(check: Callable[..., None]) -> None:
    """Call `check` before a file is opened, with `open` or by a path."""
    wrapped = _after(check, builtins.open)
    builtins.open = wrapped
    Path.open = lambda path, *values, **named: wrapped(path, *values, **named)


def _after(check: Callable[..., None], real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called after `check` of the same arguments."""

    def call(*values: Any, **named: Any) -> Any:
        check(*values, **named)
        return real(*values, **named)

    return call


def _is_below(path: Any, folder: str) -> bool:
    return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(folder + os.sep)


def _counted(faults: Faults, kind: str, code: int, path: Any) -> OSError:
    """The error to raise; a line in the file of counts says so."""
    handle = os.open(faults.count, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{kind}\n".encode())
    os.close(handle)
    return OSError(code, os.strerror(code), str(path))
