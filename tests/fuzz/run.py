"""Damaged files for hours: ``python -m tests.fuzz.run headers --number 100000``, ``... pixels`` and ``... cleans``.

Each file that fails is written to a folder (``--keep``), with as few kinds of damage as fail in the same way. Headers
are looked at in this process, within 5 s and 500 MB each. Slides are read (pixels) or cleaned in processes of their
own, within 60 s and 3 GB. The exit status is 1 if any failed.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from pathlib import Path

from tests.fuzz.cleans import apart, clean, read, small_slide
from tests.fuzz.headers import FAILURES, MEGABYTES, Judge, look_at, minimise, noise, results, wholes, write_mutant
from tests.fuzz.limits import most_memory

JUDGES: dict[str, Judge] = {"headers": look_at, "pixels": partial(apart, read), "cleans": partial(apart, clean)}


def run(what: str, numbers: Iterable[int], seed: int, keep: Path | None) -> Counter[str]:
    """Count what becomes of the damaged files of some numbers."""
    judge = JUDGES[what]
    slides = wholes(small_slide() if what == "cleans" else noise())
    others = [data for whole in slides for data in whole.files.values()]
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, most_memory(MEGABYTES if what == "headers" else 1 << 20):
        for mutated, kind, message in results(slides, seed, numbers, judge, Path(folder)):
            found[kind] += 1
            if kind in FAILURES:
                shortest = minimise(mutated, others, kind, judge, Path(folder))
                print(f"{mutated.number} {kind} {mutated.whole.kind} {shortest.steps} {message}", flush=True)
                if keep:
                    write_mutant(shortest, others, _folder(keep / f"{what}-{seed}-{mutated.number}"))
    return found


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def main() -> int:
    """Run one of the three and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=JUDGES)
    parser.add_argument("--number", type=int, default=2000, help="files")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--keep", type=Path, help="folder for files that fail")
    args = parser.parse_args()
    logging.getLogger("irtoolkit").setLevel(logging.CRITICAL)
    end = time.monotonic() + 60 * args.minutes
    numbers = takewhile(lambda _: time.monotonic() < end, range(args.first, args.first + args.number))
    found = run(args.what, numbers, args.seed, args.keep)
    print(json.dumps(dict(sorted(found.items()))))
    return int(any(found[kind] for kind in FAILURES))


if __name__ == "__main__":
    sys.exit(main())
