"""Clean the slides of a folder as they are scanned."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from irtoolkit.archive.cleaning import open_to_clean
from irtoolkit.archive.counts import summarise
from irtoolkit.archive.plan import Choices, Run, plan_run
from irtoolkit.archive.progress import Progress
from irtoolkit.archive.roll_models import RollModel, find_model
from irtoolkit.archive.run import carry_out
from irtoolkit.archive.search import find_slides
from irtoolkit.archive.tasks import CallError, Task, attempt
from irtoolkit.schema import NoInfraredError

POLL, REST, PATIENCE = 3.0, 6.0, 60.0
"""Seconds between two looks; without a change before a file is opened; and before one that is not whole is refused."""

GROWTH = 2
"""A roll is fitted anew when it has so many times the slides of its last fit."""

State = tuple[tuple[str, int, int], ...]


class Fitted(NamedTuple):
    """Number of slides that a roll had when it was fitted, and its model."""

    slides: int
    model: RollModel


class Waiting:
    """Which slides are complete: those whose files have been at rest for a while and can be read to the end."""

    def __init__(self) -> None:
        self.since: dict[tuple[Path, State], float] = {}
        self.whole: dict[Path, State] = {}

    def complete(self, tasks: Sequence[Task]) -> dict[str, State]:
        """The state of the files of each complete slide; called again and again."""
        now, states, slides = time.monotonic(), _states(tasks), defaultdict[Path, list[Task]](list)
        for task in tasks:
            slides[task.path].append(task)
        self.since = {item: self.since.get(item, now) for item in states.items()}
        for path, state in states.items():
            rest = now - self.since[path, state]
            looked = rest >= REST and self.whole.get(path) != state
            if rest >= PATIENCE or (looked and all(map(is_whole, slides[path]))):
                self.whole[path] = state
        return {task.slide: states[task.path] for task in tasks if self.whole.get(task.path) == states[task.path]}


def _states(tasks: Sequence[Task]) -> dict[Path, State]:
    """Name, size and time of each file whose name begins as a slide's: of the slide and its infrared."""
    folders: dict[Path, list[tuple[str, int, int]]] = {}
    for folder in {task.path.parent for task in tasks}:
        with suppress(OSError), os.scandir(folder) as entries:
            there = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
            folders[folder] = sorted((name, status.st_size, status.st_mtime_ns) for name, status in there)
    return {
        task.path: tuple(file for file in folders.get(task.path.parent, ()) if _belongs(file[0], task.path.stem))
        for task in tasks
    }


def _belongs(name: str, stem: str) -> bool:
    return name.startswith(stem) and not name[len(stem) :][:1].isalnum()


def is_whole(task: Task) -> bool:
    """Whether the last row of every plane of a slide can be read; of one without infrared, whether it has a header."""
    error = attempt(_read_last_row, task)
    return error is None or isinstance(error, NoInfraredError)


def _read_last_row(task: Task) -> None:
    open_to_clean(task)[0].counts[:, -1].compute()


def watch_slides(paths: Sequence[str], out: Path, choices: Choices, *, quiet: bool = False, **how: Any) -> None:
    """Clean slides as they appear in folders, until `KeyboardInterrupt`; table and report are written after each round.

    A roll is fitted anew when it has twice the slides of its last fit, and its slides are then done again.

    Parameters
    ----------
    paths, out, choices
        As in `plan_run`; every path is a folder.
    quiet, how
        As in `carry_out`.

    Raises
    ------
    CallError
        A path is no folder, or as in `plan_run` and `carry_out`.
    """
    for path in paths:
        if not Path(path).is_dir():
            raise CallError(f"--watch {path}: no such folder; name a folder in which scans appear")
    waiting, done, fitted = Waiting(), dict[str, State](), dict[Path, Fitted]()
    messages = Progress(0, "watching", quiet=True)
    if not quiet:
        messages.write(f"waiting for slides in {', '.join(paths)}; stop with Ctrl-C")
    while True:
        ready = waiting.complete(_found(paths, out, choices.settings.infrared))
        if ready and ready != done:
            rows = _clean_round(plan_run(paths, out, choices, quiet=True, only=set(ready)), fitted, quiet=quiet, **how)
            if not quiet:
                messages.write(f"{summarise(rows)}: {out / 'report.html'}; waiting for more, stop with Ctrl-C")
            done = ready
        time.sleep(POLL)


def _found(paths: Sequence[str], out: Path, infrared: str) -> list[Task]:
    with suppress(CallError):
        return find_slides(paths, out, infrared=infrared)
    return []


def _clean_round(run: Run, fitted: dict[Path, Fitted], **how: Any) -> list[dict[str, Any]]:
    """Clean what is there, each roll with its last model until it has grown enough; `fitted` is brought up to date."""
    rolls = []
    for roll, model in run.rolls:
        last = fitted.get(roll.file)
        kept = last.model if last and len(roll.tasks) < GROWTH * last.slides else None
        rolls.append((roll, model or kept))
    rows = carry_out(run._replace(rolls=tuple(rolls)), **how)
    for roll, model in rolls:
        new = find_model(roll) if model is None or roll.file not in fitted else None
        if new:
            fitted[roll.file] = Fitted(len(roll.tasks), new)
    return rows
