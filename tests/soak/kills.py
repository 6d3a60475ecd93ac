"""Kill runs and their workers at random moments: `python -m tests.soak.kills --number 100 --seed 1`."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from irtoolkit.synthetic import make_roll
from tests.soak import runs
from tests.soak.comparison import Contents, contents, differences, leftovers, table, torn
from tests.soak.sources import digests

SHAPE = (300, 350)
VICTIMS = ("the run", "a worker")
MOST_RUNS = 4


class Reference(NamedTuple):
    """An archive, what a run that is not interrupted makes of it, and the seconds that it takes."""

    sources: Path
    out: Path
    files: Contents
    rows: dict[str, dict[str, str]]
    seconds: float


def make_reference(folder: Path, slides: int = 12, shape: tuple[int, int] = SHAPE) -> Reference:
    """Make two rolls and clean them without a fault."""
    sources, out = folder / "slides", folder / "reference"
    for roll in (1, 2):
        make_roll(sources / f"roll{roll}", seed=roll, count=slides // 2, shape=shape)
    started = time.monotonic()
    assert runs.start(runs.clean(sources, out), folder).parent.wait() == 0
    return Reference(sources, out, contents(out), table(out), time.monotonic() - started)


def kill_once(reference: Reference, folder: Path, victim: str, moment: float = 0.0, masks: int = 0) -> Iterator[str]:
    """Kill the run or a worker at a moment, finish the work, and yield all that is wrong.

    The moment is that number of seconds after the start, or later, when there are so many masks and a worker lives.
    """
    out = folder / "out"
    run = runs.start(runs.clean(reference.sources, out), folder)
    time.sleep(moment)
    while run.parent.poll() is None and not (len(list(out.rglob("*_mask.tif"))) >= masks and _victims(run, victim)):
        time.sleep(0.01)
    for pid in _victims(run, victim):
        runs.kill(pid)
    run.parent.wait()
    yield from (f"a traceback: {line}" for line in runs.tracebacks(run))
    yield from (f"{count} orphans" for count in [runs.orphans(run)] if count)
    yield from (f"torn: {name}" for name in torn(out, reference.files))
    yield from finish(reference, folder)


def _victims(run: runs.Started, victim: str) -> list[int]:
    """The living process to kill, if there is one."""
    parent = [run.parent.pid] if run.parent.poll() is None else []
    return parent if victim == "the run" else runs.workers(run)[:1]


def finish(reference: Reference, folder: Path) -> Iterator[str]:
    """Run until all is done, and yield what is wrong then."""
    status, count = -1, 0
    while status not in (0, 1) and count < MOST_RUNS:
        status, count = runs.start(runs.clean(reference.sources, folder / "out"), folder).parent.wait(), count + 1
    yield from (f"status {status}" for _ in [0] if status)
    yield from compare(reference, folder / "out")
    yield from (f"left over: {name}" for name in leftovers(folder / "out", folder / "tmp"))


def compare(reference: Reference, out: Path) -> Iterator[str]:
    """What differs from the run without interruption."""
    yield from (f"differs: {name}" for name in differences(contents(out), reference.files))
    yield from (f"other row: {name}" for name in differences(table(out), reference.rows))


def kill_many(number: int, seed: int, folder: Path, **archive) -> tuple[Counter[str], list[str]]:
    """How often each victim was killed, and every fault that was found, with the number of its kill."""
    reference, rng = make_reference(folder, **archive), random.Random(seed)
    before, tried, wrong = digests(reference.sources), Counter(), []
    for kill in range(number):
        victim, moment = VICTIMS[kill % 2], rng.uniform(0.1, reference.seconds)
        tried[victim] += 1
        with tempfile.TemporaryDirectory(dir=folder) as place:
            found = list(kill_once(reference, Path(place), victim, moment))
        wrong += [f"kill {kill} ({victim} after {moment:.2f} s): {text}" for text in found]
        print(f"kill {kill}: {victim} after {moment:.2f} s: {len(found)} faults", file=sys.stderr, flush=True)
    wrong += [f"source changed: {name}" for name in differences(digests(reference.sources), before)]
    return tried, wrong


def main() -> None:
    """Print a table of what was killed how often, and what was wrong afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tried, wrong = kill_many(given.number, given.seed, Path(folder))
    print("| killed | times | faults afterwards |\n|---|---|---|")
    for victim, times in tried.items():
        print(f"| {victim} | {times} | {sum(f'({victim} ' in text for text in wrong)} |")
    print("", *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
