"""Many tiny slides and every kind of fault: `python -m tests.soak.soak --slides 4000 --seed 1`."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.soak import runs
from tests.soak.comparison import contents, counted, differences, leftovers, table
from tests.soak.flatness import Sample, growth, leaks, watch
from tests.soak.rounds import KINDS, Result, Soak, arrive, play, small_disk
from tests.soak.sources import make_slides

DISK = 500_000
"""Bytes of the file system of the outputs for each slide."""

OF_THE_RUN = {"report.html", "report/slides.js"}
"""Files that also show the scans that are gone."""


class End(NamedTuple):
    """Slides done as without faults, with the same reason as without, or neither, and what is wrong."""

    done: int
    reasons: int
    others: int
    wrong: list[str]


def soak(folder: Path, slides: int, seed: int, kinds: Sequence[str]) -> tuple[list[Result], End, list[Sample]]:
    """One round for each of `kinds` over ever more slides, a last run without faults, and one from the start."""
    rng = random.Random(seed)
    with small_disk(folder / "disk", slides * DISK + 50_000_000) as space:
        at_work = Soak(folder, make_slides(folder / "waiting", slides, seed), rng, space)
        results = []
        for number, kind in enumerate(kinds, 1):
            arrive(at_work, slides * number // len(kinds))
            results.append(play(at_work, kind, number))
            print(f"{time.strftime('%H:%M:%S')} round {number}: {results[-1]}", file=sys.stderr, flush=True)
        _forget_the_gone(at_work)
        status, _ = _run(at_work.sources, at_work.out, folder / "last")
        code, samples = _run(at_work.sources, folder / "reference", folder / "undisturbed")
        wrong = [f"exit status {status} and {code}"] if {status, code} - {0, 1} else []
        wrong += [f"left over: {name}" for name in leftovers(at_work.out, folder / "last" / "tmp")]
        end = _compare(at_work.out, folder / "reference")
        return results, end._replace(wrong=wrong + end.wrong), samples


def _run(sources: Path, out: Path, scratch: Path) -> tuple[int, list[Sample]]:
    run = runs.start(runs.clean(sources, out), scratch)
    samples = watch(run)
    return run.parent.wait(), samples


def _forget_the_gone(at_work: Soak) -> None:
    """Remove the outputs of scans that were deleted, as a user does who no longer wants them."""
    for name in (name for name, digest in at_work.expected.items() if not digest):
        outputs = at_work.out / name.removesuffix(".tif")
        for file in outputs.parent.glob(f"{outputs.name}_*.tif"):
            file.unlink()
        shutil.rmtree(at_work.out / "report" / "slides" / name.removesuffix(".tif"), ignore_errors=True)


def _compare(out: Path, reference: Path) -> End:
    """Compare what came of a soak with a run without faults over the same scans."""
    rows, expected = table(out), table(reference)
    undone = {name for name, row in expected.items() if row["status"] != "done"}
    records = {f"report/slides/{name.removesuffix('.tif')}/record.json" for name in undone}
    now, files = contents(out), contents(reference)
    compared = {name: digest for name, digest in files.items() if name not in OF_THE_RUN | records}
    wrong = counted("other row", differences(rows, expected))
    wrong += counted("other file", [name for name, digest in compared.items() if now.get(name) != digest])
    same = {name for name, row in expected.items() if rows.get(name) == row}
    return End(len(same - undone), len(same & undone), len({*rows, *expected} - same), wrong)


def report(results: Sequence[Result], end: End, samples: Sequence[Sample], slides: int) -> str:
    """A Markdown table of what was tried how often, and what came of it."""
    lines = ["| fault | runs | faults | exit status of the runs | rows with a reason at their end | wrong |"]
    lines += ["|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(result.kind for result in results):
        of_kind = [result for result in results if result.kind == kind]
        statuses = Counter("killed" if result.status < 0 else str(result.status) for result in of_kind)
        codes = ", ".join(f"{status}: {times}" for status, times in statuses.items())
        injected, undone = (sum(getattr(result, name) for result in of_kind) for name in ("injected", "undone"))
        lines.append(f"| {kind} | {len(of_kind)} | {injected} | {codes} | {undone} | {sum(map(_wrong, of_kind))} |")
    grown, most = growth(samples, slides), max(sample.memory for sample in samples)
    lines += ["", f"In the end {end.done} slides are done and {end.reasons} have a reason as in a run without faults;"]
    lines += [
        f"{end.others} differ. The parent of the run without faults: {samples[-1].second:.0f} s, {most:.0f} MB at"
    ]
    lines += [f"most, growth {grown['MB']:+.1f} MB per 1,000 slides, {grown['files']:+.1f} open files,"]
    return "\n".join([*lines, f"{grown['threads']:+.1f} threads."])


def _wrong(result: Result) -> int:
    return len(result.wrong)


def main() -> None:
    """Print the table, and all that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=24, help="runs with faults; their kinds take turns")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unmounts the file system of the outputs
    kinds = [given.kinds[number % len(given.kinds)] for number in range(given.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        results, end, samples = soak(Path(folder), given.slides, given.seed, kinds)
    wrong = [f"{result.kind}: {text}" for result in results for text in result.wrong]
    wrong += end.wrong + leaks(growth(samples, given.slides))
    print(report(results, end, samples, given.slides), "", *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
