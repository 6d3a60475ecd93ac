"""Healing benchmark: pictures healed by irtoolkit and by other methods, against the same scans without damage.

python -m benchmarks.healing [--photos DIR] [--out DIR] [--seeds 1] [--first-seed 1001] [--megapixels 1] [--workers 2]
    [--quick] [--methods NAME ...]

Writes `healing.csv` (one row a scan and method), `healing.md` (the summary), `healing.png` (a chart) and four crops
(scan, outline of the mask, healed, truth; doubled in size, negatives inverted). irtoolkit finds the damage once a scan
and heals it by every method without grain, and by `auto` with grain too. The other programs, which do not align the
planes, heal the scan as it is and the scan with its infrared aligned by irtoolkit; the best of all those is the rival.
Telea's method is given the true mask, grown by 2 px; dividing by the true transmittance shows what division can reach.
`seconds` is healing alone, `finding` what goes before.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import xarray as xr
from tqdm import tqdm

import irtoolkit as irt
from benchmarks.cases import DAMAGED, Case, Row, as_slide, make_parser, make_scan, run_cases
from benchmarks.healers import divide_by_truth, fill_by_telea, list_healers
from benchmarks.healing_charts import Strip, cut_strip, write_chart, write_summary
from benchmarks.restoring import Counts, judge_healing
from benchmarks.scoring import MARK_REACH, Mask, grow_mask
from benchmarks.simulation import FULL_SCALE, Scan
from irtoolkit.alignment import sample_slide, shift_infrared
from irtoolkit.pipeline import heal_slide, mark_slide, score_slide
from irtoolkit.settings import HEALING_METHODS

SCANS = (
    ("e6", "coolscan", "linear"),
    ("faded-e6", "flatbed", "linear"),
    ("c41", "flatbed", "gamma 2.2"),
    ("kodachrome", "plustek", "linear"),
    ("e6", "plustek", "gamma 2.2"),
    ("kodachrome", "coolscan", "linear"),
    ("c41", "plustek", "linear"),
    ("e6", "coolscan", "nearly black"),
    ("e6", "coolscan", "infrared dots"),
    ("c41", "coolscan", "infrared dots"),
)
"""Film, scanner and kind of the scans of one seed; the first four are the quick run's, and shown in crops."""

QUICK = 4
METHODS = tuple(method for method in HEALING_METHODS if method not in ("copy", "none"))
GMIC = "gmic:"
PROGRESS = "{seed} {film} {scanner} {kind}: {status}, {psnr:.1f} dB by {method}"


class Healing(NamedTuple):
    """A healed picture, R, G, B; what was changed, if that is told; seconds of healing and of what goes before.

    `group` is "reference", "irtoolkit" or "rival".
    """

    group: str
    method: str
    visible: Counts
    mask: Mask | None
    seconds: float = 0.0
    finding: float = 0.0
    status: str = "done"


def list_cases(first_seed: int, seeds: int) -> list[Case]:
    """The ten scans of every seed."""
    return [
        Case(seed, number, *scan) for seed in range(first_seed, first_seed + seeds) for number, scan in enumerate(SCANS)
    ]


def run_case(
    case: Case, folder: Path | None, shape: tuple[int, int], methods: Sequence[str], first_seed: int
) -> tuple[list[Row], Strip | None]:
    """Make one scan, heal it by every method and judge them; rows of the table, and the crop if it is to be shown."""
    scan, name = make_scan(case, folder, shape)
    gamma = DAMAGED[case.kind].get("gamma", 1.0)
    size = {"photograph": name, "megapixels": scan.truth.size / 1e6, "truth": int(scan.truth.sum())}
    rows, shown = [], None
    for healing in heal_scan(scan, methods, gamma):
        told = {field: getattr(healing, field) for field in ("group", "method", "status", "seconds", "finding")}
        rows.append({**case._asdict(), **size, **told, **judge_healing(scan, healing.visible, healing.mask, gamma)})
        shown = healing if healing.group == "irtoolkit" and (shown is None or "grain" in healing.method) else shown
    if shown is None or shown.mask is None or case.seed != first_seed or case.number >= QUICK:
        return rows, None
    return rows, cut_strip(case, scan, shown.visible, shown.mask, gamma)


def heal_scan(scan: Scan, methods: Sequence[str], gamma: float) -> Iterator[Healing]:
    """Heal a scan with counts coded by `gamma` not at all, by what knows the truth, by irtoolkit and by the others."""
    visible, nothing, truth = scan.counts[:3], np.zeros_like(scan.truth), grow_mask(scan.truth, MARK_REACH)
    yield Healing("reference", "unhealed", visible, nothing)
    started = time.perf_counter()
    filled = fill_by_telea(visible, truth)
    yield Healing("reference", "Telea, true mask", filled, truth, time.perf_counter() - started)
    yield Healing("reference", "true transmittance", divide_by_truth(scan, truth, gamma), truth)
    slide = as_slide(scan)
    yield from heal_by_irtoolkit(slide, methods)
    yield from heal_by_others("as scanned", scan.counts, scan.dpi)
    aligned = align_counts(slide)
    if aligned is not None:
        yield from heal_by_others("aligned", aligned, scan.dpi)


def heal_by_irtoolkit(slide: xr.Dataset, methods: Sequence[str]) -> Iterator[Healing]:
    """Find the defects of a slide once and heal them by every method; a refused slide is left unhealed."""
    strengths = [(method, 0.0) for method in methods] + [("auto", 1.0)] * ("auto" in methods)
    visible, settings = slide.counts.values[:3], irt.Settings()
    started = time.perf_counter()
    try:
        scored = score_slide(slide)
        found = mark_slide(scored, settings)
        found = found.persist()
    except irt.NotUsableError:
        nothing = np.zeros(visible.shape[1:], bool)
        for method, grain in strengths:
            yield Healing("irtoolkit", name_method(method, grain), visible, nothing, status="refused")
        return
    finding, mask = time.perf_counter() - started, found.mask.values
    for method, grain in strengths:
        started = time.perf_counter()
        healed = heal_slide(found, scored, replace(settings, heal=method, grain=grain)).values[:3]
        seconds = time.perf_counter() - started
        yield Healing("irtoolkit", name_method(method, grain), healed, mask, seconds, finding)


def name_method(method: str, grain: float) -> str:
    """A row's name of one of irtoolkit's methods."""
    return f"irtoolkit {method}" + (", grain" if grain else "")


def heal_by_others(state: str, counts: Counts, dpi: int) -> Iterator[Healing]:
    """Heal counts (band, y, x) by every other program; `state` tells what was done to the counts before."""
    for healer in list_healers():
        started = time.perf_counter()
        with np.errstate(divide="ignore"):
            found = healer.find(counts, dpi)
        finding = time.perf_counter() - started
        healed = healer.heal(counts, found, dpi)
        seconds = time.perf_counter() - started - finding
        mask = healer.mask(found, dpi) if healer.mask else None
        yield Healing("rival", f"{healer.name}, {state}", healed, mask, seconds, finding)


def align_counts(slide: xr.Dataset) -> Counts | None:
    """Counts with the infrared aligned by irtoolkit, its median where it saw nothing; None if the slide is refused."""
    try:
        sample = sample_slide(slide)
    except irt.NotUsableError:
        return None
    infrared = shift_infrared(slide.counts.chunk(), sample.displacement, sample.film).values
    seen = np.where(np.isfinite(infrared), infrared, np.nanmedian(infrared))
    whole = np.clip(np.rint(seen), 0, FULL_SCALE).astype(np.uint16)
    return np.concatenate([slide.counts.values[:3], whole[None]])


def leave_out(methods: Sequence[str]) -> list[str]:
    """Those of the methods that need G'MIC, where neither its program nor its Python binding is installed."""
    installed = which("gmic") is not None or find_spec("gmic") is not None
    return [method for method in methods if method.startswith(GMIC) and not installed]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and write its files."""
    parser = make_parser(__doc__, seeds=1, first_seed=1001)
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK} scans of one seed")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="of irtoolkit; all if left out")
    options = parser.parse_args(arguments)
    cases = list_cases(options.first_seed, options.seeds)[: QUICK if options.quick else None]
    left_out = [f"{method} is left out: G'MIC is not installed." for method in leave_out(options.methods)]
    for line in left_out:
        print(line, file=sys.stderr)
    methods = [method for method in options.methods if method not in leave_out(options.methods)]
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    outcomes = run_cases(run_case, cases, options, methods=methods, first_seed=options.first_seed)
    for judged, strip in tqdm(outcomes, total=len(cases), unit="scan"):
        rows += judged
        tqdm.write(PROGRESS.format(**next(row for row in judged if row["group"] == "irtoolkit")), file=sys.stderr)
        if strip:
            cv2.imwrite(str(options.out / f"{strip.name}.png"), strip.picture[..., ::-1])
    table = pd.DataFrame(rows)
    table.to_csv(options.out / "healing.csv", index=False, float_format="%.6g")
    write_summary(table, left_out, options.out / "healing.md")
    write_chart(table, options.out / "healing.png")


if __name__ == "__main__":
    main()
