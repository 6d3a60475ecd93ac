"""Rounds of a soak: each is one run of the command line with one kind of fault at random moments."""

import csv
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.soak import runs
from tests.soak.comparison import counted
from tests.soak.faults import Faults, environment
from tests.soak.sources import Template, digests, disturb

INSIDE = {
    "errors on reading": {"read": 0.02},
    "errors on writing": {"write": 0.02},
    "files too large": {"largest": 25_000},
    "clock set back": {"clock": 0.0005},
}
"""Faults inside the processes of a run."""

KINDS = ("run killed", "worker killed", "disk full", "scans changed", *INSIDE)
BALLAST, LONGEST_PAUSE, SOON = "ballast", 8.0, 6
STUCK = 300.0
"""Seconds without a line in the log after which a run is taken to hang."""


class Result(NamedTuple):
    """What one round did, the exit status, the message of a run that ended early, rows not done, and what is wrong."""

    kind: str
    injected: int
    status: int
    message: str
    undone: int
    wrong: list[str]


@dataclass
class Soak:
    """An archive, the folder that its outputs go to, and what its scans should hold."""

    folder: Path
    templates: dict[int, list[Template]]
    rng: random.Random
    space: bool
    expected: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> Path:
        """The scans."""
        return self.folder / "slides"

    @property
    def out(self) -> Path:
        """Masks, healed slides, table and report, on a file system of their own if `space`."""
        return self.folder / "disk" / "out"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of so many bytes in a folder, if the user may mount one; whether it is there."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def arrive(soak: Soak, count: int) -> None:
    """Move scans from the folder `waiting` to the sources until so many have been there."""
    waiting = soak.folder / "waiting"
    for file in sorted(waiting.rglob("*.tif"))[: count - len(soak.expected)]:
        target = soak.sources / file.relative_to(waiting)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    soak.expected = digests(soak.sources) | soak.expected


def play(soak: Soak, kind: str, number: int) -> Result:
    """One run over the slides that are there, with faults of one kind."""
    scratch = soak.folder / f"round {number}"
    scratch.mkdir()
    wanted = [file.relative_to(soak.sources).as_posix() for file in sorted(soak.sources.rglob("*.tif"))]
    chances, counts = INSIDE.get(kind, {}), scratch / "counts.txt"
    faults = Faults(str(counts), str(soak.sources), str(soak.out), soak.rng.getrandbits(32), **chances)
    call, started = runs.clean(soak.sources, soak.out), time.time()
    run = runs.start(call, scratch, environment(faults, scratch))
    injected = _disturb_until_it_ends(soak, run, kind)
    wrong = ["it hangs"] * (run.parent.poll() is None)
    run.parent.kill()
    status = run.parent.wait()
    wrong += [f"{count} orphans" for count in [runs.orphans(run)] if count]
    (soak.out.parent / BALLAST).unlink(missing_ok=True)
    injected += len(counts.read_text().splitlines()) if counts.is_file() else 0
    end = _judge(soak, run, started, wanted)
    return end._replace(kind=kind, injected=injected, status=status, wrong=wrong + end.wrong)


def _judge(soak: Soak, run: runs.Started, started: float, wanted: list[str]) -> Result:
    """The rows of a run, or the message of one that ended before all slides had one, and what is wrong."""
    status, last = run.parent.returncode, ["", *run.errors.read_text(errors="replace").splitlines()][-1]
    table = soak.out / "slides.csv"
    wrong = [f"a traceback: {line}" for line in runs.tracebacks(run)]
    wrong += counted("source changed", _changed(soak))
    if table.is_file() and table.stat().st_mtime > started:
        ended = status == 1 and last.endswith("run again to go on")
        undone, faulty = _look_at_rows(soak, [] if ended else wanted)
        return Result("", 0, status, last if ended else "", undone, wrong + faulty)
    if status >= 0 and (status not in (1, 2) or not last.startswith("irtoolkit: ")):
        wrong.append(f"no table, exit status {status}: {last}")
    return Result("", 0, status, last if status >= 0 else "", 0, wrong)


def _disturb_until_it_ends(soak: Soak, run: runs.Started, kind: str) -> int:
    """Disturb a run until it ends or hangs, at first after a random number of lines of its log, and then at random
    moments; how often.
    """
    done, started, log = 0, time.time(), soak.out / "irtoolkit.log"
    lines, moment = _lines(log) + soak.rng.randint(1, SOON), 0.0
    while run.parent.poll() is None and time.time() - max(started, _last_line(log)) < STUCK:
        if time.monotonic() >= moment and _lines(log) >= lines:
            done += _disturb(soak, run, kind)
            moment = time.monotonic() + soak.rng.uniform(1, LONGEST_PAUSE)
        time.sleep(0.02)
    return done


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.is_file() else 0


def _last_line(log: Path) -> float:
    """The time at which the log got its last line."""
    return log.stat().st_mtime if log.is_file() else 0.0


def _disturb(soak: Soak, run: runs.Started, kind: str) -> bool:
    if kind == "run killed":
        run.parent.kill()
        return True
    if kind == "worker killed":
        at_work = runs.workers(run)
        return at_work != [] and runs.kill(soak.rng.choice(at_work))
    if kind == "disk full":
        return soak.space and _fill(soak.out.parent, soak.rng)
    if kind == "scans changed":
        file = disturb(soak.sources, soak.templates, soak.rng)
        soak.expected = {**soak.expected, **_digest_of(file, soak.sources)}
        return True
    return False


def _digest_of(file: Path, folder: Path) -> dict[str, str]:
    """The digest of one source, empty if it is gone."""
    return {file.relative_to(folder).as_posix(): digests(file.parent).get(file.name, "")}


def _fill(disk: Path, rng: random.Random) -> bool:
    """Leave few free bytes on a disk, or, if it is full, free it again; whether it was filled."""
    ballast = disk / BALLAST
    if ballast.exists():
        ballast.unlink()
        return False
    free = shutil.disk_usage(disk).free - rng.randrange(200_000)
    with suppress(OSError), ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free, 1))
    return True


def _look_at_rows(soak: Soak, wanted: list[str]) -> tuple[int, list[str]]:
    """The number of rows that are not done, and scans without a row and rows without a reason."""
    with (soak.out / "slides.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["slide"]: row for row in csv.DictReader(file)}
    lost = [name for name in wanted if name not in rows and (soak.sources / name).exists()]
    undone = [row for row in rows.values() if row["status"] != "done"]
    silent = [row["slide"] for row in undone if not row["reason"]]
    return len(undone), counted("no row", lost) + counted("no reason", silent)


def _changed(soak: Soak) -> list[str]:
    now = digests(soak.sources)
    return [name for name in {*now, *soak.expected} if now.get(name, "") != soak.expected.get(name, "")]
