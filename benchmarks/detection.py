"""Detection benchmark: the masks of irtoolkit and of other methods on simulated scans with known damage.

python -m benchmarks.detection [--photos DIR] [--out DIR] [--seeds 3] [--first-seed 1] [--megapixels 1] [--workers 2]
    [--quick] [--rolls SEEDS [--mixed]]

Writes `detection.csv` (one row a scan and method), `detection.md` (the summary) and charts. Scans at constant
thresholds and other false discovery rates go through the whole chain, trimming and visibility included, with the model
that `fit_roll` fits on the scan itself: it gives the masks of a slide fitted by itself (checked on two scans) in a
fifth of the time. `seconds` of the method "irtoolkit" is a slide fitted by itself.

With `--rolls` only rolls of ten slides are made, four for each seed, and `rolls.csv` and `rolls.md` tell the F1 of
slides fitted alone and with their roll's model (`benchmarks.rolls`); with `--mixed` each slide is of another roll.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from tqdm import tqdm

import irtoolkit as irt
from benchmarks.baselines import BASELINES, FULL_SCALE, infrared_score
from benchmarks.cases import DAMAGED, PICTURES, Case, Row, as_slide, make_parser, make_scan, run_cases
from benchmarks.charts import write_charts, write_summary
from benchmarks.rolls import as_markdown, benchmark_rolls
from benchmarks.sane import load_detector
from benchmarks.scoring import Mask, best_cut, judge_mask
from benchmarks.simulation import Scan

FILMS = ("e6", "faded-e6", "c41", "kodachrome")
SCANNERS = ("coolscan", "plustek", "flatbed")
ODD_ONES = (
    ("e6", "coolscan", "nearly black"),
    ("e6", "coolscan", "infrared dots"),
    ("c41", "coolscan", "infrared dots"),
    ("faded-e6", "plustek", "mount"),
)
PAIRS = (("e6", "coolscan"), ("c41", "flatbed"), ("kodachrome", "plustek"))
"""Films and scanners on which drawn pictures without damage are scanned."""

THRESHOLDS = (3.2, 4.4, 4.5, 4.6, 4.8, 5.0, 5.5)
"""Least scores of a region, sigma; the first keeps all that can be seen."""

RATES = (0.01, 0.02, 0.10)
PROGRESS = "{seed} {film} {scanner} {kind}: {status}, F1 {f1:.3f}, {false_regions} of {regions} regions false"
QUICK = 5
"""The quick run takes every fifth case of one seed: four with damage, two clean, a silver film, a black frame."""


def list_cases(first_seed: int, seeds: int) -> list[Case]:
    """Cases of all seeds, 16 with damage each, a third of the first 12 at gamma 2.2; the first seed's 24 without."""
    combinations = list(product(FILMS, SCANNERS))
    once = [(*combination, "clean") for combination in combinations]
    once += [("silver", scanner, "silver") for scanner in SCANNERS]
    once += [(*pair, kind) for kind, pair in product(PICTURES, PAIRS)]
    cases = []
    for seed in range(first_seed, first_seed + seeds):
        kinds = [
            "gamma 2.2" if (place // 3 + place + seed) % 3 == 0 else "linear" for place in range(len(combinations))
        ]
        damaged = [(*combination, kind) for combination, kind in zip(combinations, kinds, strict=True)]
        wanted = [*damaged, *ODD_ONES, *(once if seed == first_seed else ())]
        cases += [Case(seed, number, *names) for number, names in enumerate(wanted)]
    return cases


def run_case(case: Case, folder: Path | None, shape: tuple[int, int]) -> list[Row]:
    """Make one scan and judge every method on it; rows of the table."""
    scan, name = make_scan(case, folder, shape)
    size = {"megapixels": scan.truth.size / 1e6, "truth": int(scan.truth.sum())}
    rows = [*run_irtoolkit(scan, swept=case.kind in DAMAGED), *run_others(scan)]
    return [{**case._asdict(), "photograph": name, **size, **row} for row in rows]


def run_irtoolkit(scan: Scan, *, swept: bool) -> Iterator[Row]:
    """Judge the automatic mask and, if `swept`, those at other false discovery rates and constant thresholds."""
    slide, usual = as_slide(scan), irt.Settings()
    automatic = judge_settings(scan, slide, usual) | {"method": "irtoolkit", "requested": usual.false_discovery_rate}
    yield automatic
    if swept and automatic["status"] == "done":
        model = irt.fit_roll([slide])
        for rate in RATES:
            row = judge_settings(scan, slide, irt.Settings(false_discovery_rate=rate), model)
            yield row | {"method": f"irtoolkit, rate {rate}", "requested": rate}
        for sigma in THRESHOLDS:
            row = judge_settings(scan, slide, irt.Settings(threshold=sigma), model)
            yield row | {"method": f"irtoolkit, {sigma} sigma", "sigma": sigma}


def judge_settings(scan: Scan, slide: xr.Dataset, settings: irt.Settings, model: xr.Dataset | None = None) -> Row:
    """Judge irtoolkit's mask; a refused slide counts as one without marks."""
    measured: Row = {"status": "refused"}
    started, mask = time.perf_counter(), np.zeros_like(scan.truth)
    try:
        found = irt.clean_slide(slide, settings=settings, model=model)
        mask = found.mask.values
        measured = {"status": "done", "threshold": float(found.threshold), "estimated": float(found.fdr)}
    except irt.NotUsableError:
        pass
    return judge(scan, mask, time.perf_counter() - started) | measured


def run_others(scan: Scan) -> Iterator[Row]:
    """Judge the other methods, SANE's own code where it is installed, and the best constant if there is a truth."""
    sane = load_detector()
    for name, detect in (*BASELINES, *([("SANE itself", sane)] if sane else [])):
        started = time.perf_counter()
        with np.errstate(divide="ignore"):
            mask = detect(scan.counts, scan.dpi)
        yield {"method": name, "status": "done"} | judge(scan, mask, time.perf_counter() - started)
    if scan.truth.any():
        score, cuts = infrared_score(scan.counts), (np.arange(FULL_SCALE + 1) - 0.5) / FULL_SCALE
        best = best_cut(score, cuts, scan.truth, scan.allowed, scan.frame)
        yield {"method": "best constant on infrared", "status": "done", "threshold": 1 - best} | judge(
            scan, score > best
        )


def judge(scan: Scan, mask: Mask, seconds: float = float("nan")) -> Row:
    """The judgement of a mask of a scan, and the seconds that it took."""
    return judge_mask(mask, scan.truth, scan.allowed, scan.frame)._asdict() | {"seconds": seconds}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and write its files."""
    parser = make_parser(__doc__, seeds=3, first_seed=1)
    parser.add_argument("--quick", action="store_true", help="eight scans of one seed")
    parser.add_argument("--rolls", type=int, default=0, metavar="SEEDS", help="rolls instead of single slides")
    parser.add_argument("--mixed", action="store_true", help="rolls whose slides differ in film batch and scanner")
    options = parser.parse_args(arguments)
    if options.rolls:
        print(as_markdown(benchmark_rolls(options)), end="")
        return
    cases = list_cases(options.first_seed, 1 if options.quick else options.seeds)[:: QUICK if options.quick else 1]
    rows = []
    for judged in tqdm(run_cases(run_case, cases, options), total=len(cases), unit="scan"):
        rows += judged
        tqdm.write(PROGRESS.format(**judged[0]), file=sys.stderr)
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "detection.csv", index=False, float_format="%.6g")
    damaged = table[table["kind"].isin(DAMAGED)]
    write_summary(table, damaged, options.out / "detection.md")
    write_charts(damaged, options.out)


if __name__ == "__main__":
    main()
