"""Benchmark of rolls: slides fitted each alone, and with the model of their roll.

`python -m benchmarks.detection --rolls SEEDS` runs it. The slides of a roll share film, batch and scanner; photograph,
dirt, level and displacement are each slide's. With `--mixed` each slide also has a batch and a scanner of its own, of
the same kind: what a folder of several rolls is.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import irtoolkit as irt
from benchmarks.cases import Case, Row, as_slide, open_folder, run_cases
from benchmarks.photographs import FILMS, draw_emulsion
from benchmarks.scoring import judge_mask
from benchmarks.simulation import SCANNERS, Constants, Scan, draw_optics, simulate_scan

EXPOSURES = (0.0, -5.0, 0.3, 3.0, -0.3, -6.0, 0.0, 4.5, -0.5, 0.5)
"""Stops above the normal exposure of a roll's slides: two nearly black, two nearly white, six ordinary."""

LEVEL, MOVED = 0.04, {"shift_y": 0.3, "shift_x": 0.1}
"""Largest change between slides: of the infrared of clear film, share, and of its place, px (assumed)."""

ROLLS = tuple(product(("kodachrome", "e6"), ("coolscan", "plustek")))


def list_rolls(first_seed: int, seeds: int, kind: str = "roll") -> list[Case]:
    """One roll of each film and scanner for every seed; of the kind "roll" or "mixed"."""
    numbered = [
        (seed, number, pair) for seed in range(first_seed, first_seed + seeds) for number, pair in enumerate(ROLLS)
    ]
    return [Case(seed, number, *pair, kind) for seed, number, pair in numbered]


def draw_roll(rng: np.random.Generator, film: str, scanner: str, number: int) -> list[Constants]:
    """Draw the constants of a roll, and of each of its slides the level and the place of the infrared."""
    batch, optics = draw_emulsion(FILMS[film], rng), draw_optics(SCANNERS[scanner], rng)
    slides = []
    for _ in range(number):
        clear = {"clear": optics["clear"] * rng.uniform(1 - LEVEL, 1 + LEVEL)}
        places = {name: optics[name] + rng.uniform(-by, by) for name, by in MOVED.items()}
        slides.append(Constants(batch, optics | clear | places))
    return slides


def make_roll(case: Case, folder: Path | None, shape: tuple[int, int]) -> list[Scan]:
    """The scans of a roll, photographs all different as far as there are enough."""
    rng = np.random.default_rng([case.seed, case.number])
    photographs = open_folder(folder)
    order = rng.permutation(len(photographs))
    number = len(EXPOSURES)
    constants = (
        [draw_roll(rng, case.film, case.scanner, 1)[0] for _ in range(number)]
        if case.kind == "mixed"
        else draw_roll(rng, case.film, case.scanner, number)
    )
    return [
        simulate_scan(
            generator,
            photographs[order[place % len(order)]],
            shape,
            film=case.film,
            scanner=case.scanner,
            exposure=stops,
            constants=known,
        )
        for place, (stops, known, generator) in enumerate(
            zip(EXPOSURES, constants, rng.spawn(len(EXPOSURES)), strict=True)
        )
    ]


def kind_of(stops: float) -> str:
    """What a slide exposed by `stops` more than normal looks like."""
    return "nearly black" if stops < -3 else "nearly white" if stops > 2 else "ordinary"


def run_roll(case: Case, folder: Path | None, shape: tuple[int, int]) -> list[Row]:
    """Judge the masks of a roll's slides, each fitted alone and with the model of the roll.

    A slide that the model does not fit is fitted alone, as by `irtoolkit clean`; a refused one has no marks.
    """
    scans = make_roll(case, folder, shape)
    model = irt.fit_roll([as_slide(scan) for scan in scans])
    rows = []
    for place, (scan, stops) in enumerate(zip(scans, EXPOSURES, strict=True)):
        alone = _f1(scan, None)
        try:
            roll = _f1(scan, model)
        except irt.ModelError:
            roll = alone
        row = {"slide": place, "stops": stops, "kind": kind_of(stops), "alone": alone, "roll": roll}
        rows.append(case._asdict() | row)
    return rows


def _f1(scan: Scan, model: xr.Dataset | None) -> float:
    try:
        mask = irt.clean_slide(as_slide(scan), settings=irt.Settings(heal="none"), model=model).mask.values
    except irt.NotUsableError:
        mask = np.zeros_like(scan.truth)
    return judge_mask(mask, scan.truth, scan.allowed, scan.frame).f1


def compare_fits(table: pd.DataFrame) -> pd.DataFrame:
    """Mean F1 alone and in the roll for each film, scanner and kind of slide, the gain, and how many slides."""
    judged = table.groupby(["film", "scanner", "kind"], sort=False)
    means = judged[["alone", "roll"]].mean()
    return means.assign(gain=means["roll"] - means["alone"], slides=judged.size()).reset_index()


def benchmark_rolls(options: argparse.Namespace) -> pd.DataFrame:
    """Run `options.rolls` seeds of rolls, write `rolls.csv` and `rolls.md`, and return the comparison."""
    cases: Sequence[Case] = list_rolls(options.first_seed, options.rolls, "mixed" if options.mixed else "roll")
    table = pd.DataFrame([row for rows in run_cases(run_roll, cases, options) for row in rows])
    compared = compare_fits(table)
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "rolls.csv", index=False, float_format="%.6g")
    (options.out / "rolls.md").write_text(as_markdown(compared), encoding="utf-8")
    return compared


def as_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, fractions to three places."""
    cells = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row] for row in table.values]
    lines = [list(table.columns), ["---"] * len(table.columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
