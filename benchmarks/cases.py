"""What the benchmarks of detection and of healing share: which scans to make, and running them."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xarray as xr

from benchmarks.photographs import Photograph, open_photographs
from benchmarks.scenes import draw_scene
from benchmarks.simulation import MARGIN, Scan, simulate_scan

Row = dict[str, Any]
Outcome = TypeVar("Outcome")
Described = TypeVar("Described")

DAMAGED: dict[str, dict[str, Any]] = {
    "linear": {},
    "gamma 2.2": {"gamma": 2.2},
    "nearly black": {"exposure": -5.0},
    "infrared dots": {"dots": True},
    "mount": {"mount": True},
}
"""Kinds of scans with damage, and what sets each apart for `simulate_scan`."""

PICTURES = ("sky", "black frame", "test chart")
"""Scenes that are scanned without damage."""


class Case(NamedTuple):
    """One scan to make; `seed` and `number`, its place among the seed's cases, decide everything random."""

    seed: int
    number: int
    film: str
    scanner: str
    kind: str


def scene_photograph(name: str, shape: tuple[int, int]) -> Photograph:
    """A drawn scene, always the same, as a photograph large enough for a frame of `shape` (y, x)."""
    return draw_scene(name, 2 * (max(shape) + 2 * MARGIN), np.random.default_rng(1))


@cache
def open_folder(folder: Path | None) -> list[Photograph]:
    """The photographs of a folder, or those that scikit-image ships; read once."""
    return open_photographs(folder)


def make_scan(case: Case, folder: Path | None, shape: tuple[int, int]) -> tuple[Scan, str]:
    """The scan of a case at `shape` (y, x), and the name of the photograph on it."""
    rng = np.random.default_rng([case.seed, case.number])
    photographs = [scene_photograph(case.kind, shape)] if case.kind in PICTURES else open_folder(folder)
    photograph = photographs[rng.integers(len(photographs))]
    special = DAMAGED.get(case.kind, {} if case.kind == "silver" else {"defects": 0.0})
    return simulate_scan(rng, photograph, shape, film=case.film, scanner=case.scanner, **special), photograph.name


def as_slide(scan: Scan) -> xr.Dataset:
    """A scan as `irtoolkit.open_slide` would return it."""
    return xr.Dataset({"counts": (("band", "y", "x"), scan.counts)}, {"band": ["R", "G", "B", "IR"]}, {"dpi": scan.dpi})


def run_cases(
    run: Callable[..., Outcome], cases: Sequence[Described], options: argparse.Namespace, **details: object
) -> Iterator[Outcome]:
    """Outcomes of run(case, folder=, shape=, and `details`) of every case in order, by as many processes as wished."""
    height = round((options.megapixels * 2e6 / 3) ** 0.5)
    run_one = partial(run, folder=options.photos, shape=(height, height * 3 // 2), **details)
    if options.workers == 1:
        yield from map(run_one, cases)
    else:
        with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
            yield from pool.map(run_one, cases)


def make_parser(text: str | None, *, seeds: int, first_seed: int) -> argparse.ArgumentParser:
    """The options of every benchmark; a benchmark adds its own."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of photographs; those of scikit-image if left out")
    parser.add_argument("--out", type=Path, default=Path("benchmark-results"))
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--first-seed", type=int, default=first_seed)
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    return parser
