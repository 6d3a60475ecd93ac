"""A run of the command line in processes of its own, all of which can be found, watched and killed."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.commands import CALL

MARK = "IRTOOLKIT_SOAK_RUN"
TOP = Path(__file__).parents[2]
PATIENCE = 10.0
"""Seconds after which no process of a run is left whose parent was killed."""


class Started(NamedTuple):
    """The parent process of a run, and the token that every process of it has in its environment."""

    parent: subprocess.Popen
    token: str
    errors: Path


def start(arguments: Sequence[str], scratch: Path, environment: dict[str, str] | None = None) -> Started:
    """Start a command; its temporary files go to `scratch/tmp`, its standard error to `scratch/errors.txt`."""
    token, errors = uuid.uuid4().hex, scratch / "errors.txt"
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    given = {"PYTHONPATH": str(TOP), MARK: token, "TMPDIR": str(scratch / "tmp"), **(environment or {})}
    with errors.open("wb") as file:
        call = [sys.executable, "-c", CALL, *arguments]
        parent = subprocess.Popen(
            call, env=os.environ | given, stdout=subprocess.DEVNULL, stderr=file, start_new_session=True
        )
    return Started(parent, token, errors)


def clean(sources: Path, out: Path, *options: str) -> list[str]:
    """The arguments of a run of two processes."""
    return ["clean", str(sources), "--out", str(out), "--quiet", "--workers", "2", *options]


def processes(run: Started) -> list[int]:
    """The living processes of a run, with its parent, also those that have another parent by now."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_of(run, pid)]


def workers(run: Started) -> list[int]:
    """The processes of a run that clean slides."""
    return [pid for pid in processes(run) if b"spawn_main" in _read(pid, "cmdline")]


def kill(pid: int) -> bool:
    """Kill a process, if it still lives."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def orphans(run: Started) -> int:
    """Wait until no process of an ended run is left; the number that outlive `PATIENCE`, which are then killed."""
    end = time.monotonic() + PATIENCE
    while processes(run) and time.monotonic() < end:
        time.sleep(0.1)
    return sum(kill(pid) for pid in processes(run))


def tracebacks(run: Started) -> list[str]:
    """The last line that a run printed, if it printed a traceback."""
    lines = run.errors.read_text(errors="replace").splitlines()
    return lines[-1:] if any(line.startswith("Traceback") for line in lines) else []


def _is_of(run: Started, pid: int) -> bool:
    return f"{MARK}={run.token}".encode() in _read(pid, "environ").split(b"\0")


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""
