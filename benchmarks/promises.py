"""What irtoolkit promises, on scans unlike those it was built on: rare colours, hard edges, few defects, much dirt.

python -m benchmarks.promises [--photos DIR] [--out DIR] [--seeds 1] [--first-seed 1] [--megapixels 0.5] [--workers 2]
    [--only NAME] [--pictures] [--kodachromes]

Writes `promises.csv` and prints it, worst first: the stated and the realised share of false regions, F1 at the slide's
own threshold and with everything marked that is seen at 3.2 sigma, how many regions are marked, and the damaged share.
With `--kodachromes` the scans are 48 of photographs on Kodachrome, on three scanners, a few and many defects.
With `--pictures` also a picture of each scan: found damage green, missed damage blue, false marks red.
"""

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

import irtoolkit as irt
from benchmarks.cases import Row, as_slide, make_parser, open_folder, run_cases
from benchmarks.scenes import draw_scene
from benchmarks.scoring import MARK_REACH, TRUTH_REACH, grow_mask, judge_mask
from benchmarks.simulation import MARGIN, SCANNERS, Scan, Wear, simulate_scan
from irtoolkit.detection import mark_defects
from irtoolkit.pipeline import score_slide

USUAL, PLAIN = irt.Settings(), irt.Settings(threshold=3.2)
BLUE, GREEN, RED = (255, 96, 0), (0, 255, 0), (0, 0, 255)
"""Colours in B, G, R."""

COLUMNS = ["seed", "name", "f1", "plain", "precision", "recall", "stated", "realised", "regions", "threshold", "true"]


class Trial(NamedTuple):
    """A scan to make: a name, a scene or the place of a photograph, film, scanner, and options of `simulate_scan`."""

    seed: int
    name: str
    picture: str | int
    film: str
    scanner: str
    options: dict[str, Any]


TRIALS: tuple[tuple[str, str | int, str, str, dict[str, Any]], ...] = (
    ("kite", "kite", "kodachrome", "coolscan", {}),
    ("kite, few", "kite", "kodachrome", "plustek", {"defects": 15.0}),
    ("kite, flatbed", "kite", "kodachrome", "flatbed", {"gamma": 2.2, "bits": 8}),
    ("branches", "branches", "kodachrome", "coolscan", {"defects": 40.0}),
    ("branches, E-6", "branches", "e6", "plustek", {}),
    ("boards", "boards", "kodachrome", "coolscan", {"defects": 40.0}),
    ("boards, plustek", "boards", "kodachrome", "plustek", {}),
    ("neon", "neon", "kodachrome", "coolscan", {}),
    ("neon, E-6", "neon", "e6", "flatbed", {"defects": 30.0}),
    ("cups", "cups", "kodachrome", "coolscan", {"defects": 30.0}),
    ("cups, flatbed", "cups", "kodachrome", "flatbed", {}),
    ("garden", "garden", "kodachrome", "coolscan", {}),
    ("garden, C-41", "garden", "c41", "plustek", {"gamma": 2.2, "bits": 8}),
    ("few", 2, "e6", "coolscan", {"defects": 4.0}),
    ("none", 5, "kodachrome", "coolscan", {"defects": 0.0}),
    ("none, boards", "boards", "kodachrome", "flatbed", {"defects": 0.0}),
    ("dirt .15", 0, "e6", "coolscan", {"wear": Wear(dirt=0.15)}),
    ("dirt .25", 4, "c41", "flatbed", {"wear": Wear(dirt=0.25)}),
    ("dirt .4", 1, "e6", "plustek", {"wear": Wear(dirt=0.4)}),
    ("dirt .2, Kodachrome", 3, "kodachrome", "coolscan", {"wear": Wear(dirt=0.2)}),
    ("scratched", 6, "e6", "coolscan", {"wear": Wear(scratches=20)}),
    ("scratched, Kodachrome", "garden", "kodachrome", "plustek", {"wear": Wear(scratches=20), "defects": 30.0}),
    ("nearly black", 0, "kodachrome", "coolscan", {"exposure": -4.0}),
    ("faded", 7, "faded-e6", "flatbed", {}),
)
"""What sets each scan apart; a photograph's place is taken modulo their number."""

KODACHROMES: tuple[tuple[str, str | int, str, str, dict[str, Any]], ...] = tuple(
    (f"{scanner}, photograph {place}, {defects}", place, "kodachrome", scanner, {"defects": float(defects)})
    for scanner, place, defects in product(SCANNERS, range(8), (20, 80))
)


def list_trials(first_seed: int, seeds: int, only: str = "", *, kodachromes: bool = False) -> list[Trial]:
    """The trials of all seeds whose names contain `only`; of `KODACHROMES` instead of `TRIALS` if asked for."""
    numbered, trials = range(first_seed, first_seed + seeds), KODACHROMES if kodachromes else TRIALS
    return [Trial(seed, *trial) for seed in numbered for trial in trials if only in trial[0]]


def make_trial(trial: Trial, folder: Path | None, shape: tuple[int, int]) -> Scan:
    """The scan of a trial at `shape` (y, x)."""
    drawn, scanned = np.random.default_rng([trial.seed, *trial.name.encode()]).spawn(2)
    if isinstance(trial.picture, str):
        photograph = draw_scene(trial.picture, 2 * (max(shape) + 2 * MARGIN), drawn)
    else:
        photographs = open_folder(folder)
        photograph = photographs[trial.picture % len(photographs)]
    return simulate_scan(scanned, photograph, shape, film=trial.film, scanner=trial.scanner, **trial.options)


def run_trial(trial: Trial, folder: Path | None, shape: tuple[int, int], pictures: Path | None = None) -> Row:
    """Judge the marks of one scan, at its own threshold and with all that is seen; a refused slide has no marks.

    Its picture is written to the folder `pictures`, if given.
    """
    scan = make_trial(trial, folder, shape)
    about: Row = {"seed": trial.seed, "name": trial.name, "true": scan.truth.mean(), "status": "done"}
    try:
        scored = score_slide(as_slide(scan))
    except irt.NotUsableError as error:
        _draw(scan, np.zeros_like(scan.truth), trial, pictures)
        return about | {"status": str(error), "f1": 0.0, "plain": 0.0}
    found, plain = (mark_defects(scored.evidence, scored.samples, each, **scored.optics) for each in (USUAL, PLAIN))
    own, all_seen = (judge_mask(each.mask.values, scan.truth, scan.allowed, scan.frame) for each in (found, plain))
    _draw(scan, found.mask.values, trial, pictures)
    return about | {
        **{name: getattr(own, name) for name in ("f1", "precision", "recall", "regions")},
        **{"plain": all_seen.f1, "stated": float(found.fdr), "threshold": float(found.threshold)},
        "realised": own.false_regions / max(own.regions, 1),
    }


def _draw(scan: Scan, mask: NDArray[np.bool_], trial: Trial, folder: Path | None) -> None:
    """Write the green band, darkened, with damage and marks over it."""
    if folder is None:
        return
    light = np.clip(scan.counts[1] / np.percentile(scan.counts[1], 99.5), 0, 1) ** (1 / 2.2)
    picture = np.dstack([(140 * light).astype(np.uint8)] * 3)
    zone = grow_mask(scan.allowed, MARK_REACH)
    for colour, place in (
        (BLUE, scan.truth & ~grow_mask(mask, TRUTH_REACH)),
        (GREEN, mask & zone),
        (RED, mask & ~zone),
    ):
        picture[place] = colour
    name = "".join(letter if letter.isalnum() else "-" for letter in trial.name)
    cv2.imwrite(str(folder / f"{name}-{trial.seed}.jpg"), picture)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials, write and print their table."""
    parser = make_parser(__doc__, seeds=1, first_seed=1)
    parser.set_defaults(megapixels=0.5)
    parser.add_argument("--only", default="", metavar="NAME", help="trials with NAME in their name")
    parser.add_argument("--pictures", action="store_true", help="write a picture of each scan, too")
    parser.add_argument("--kodachromes", action="store_true", help="photographs on Kodachrome instead")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    trials = list_trials(options.first_seed, options.seeds, options.only, kodachromes=options.kodachromes)
    found = run_cases(run_trial, trials, options, pictures=options.out if options.pictures else None)
    rows = tqdm(found, total=len(trials), unit="scan", file=sys.stderr)
    table = pd.DataFrame(list(rows)).sort_values("f1")
    table.to_csv(options.out / "promises.csv", index=False, float_format="%.4g")
    print(table[COLUMNS].to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    dirty = table[table["true"] > 0]
    print(f"mean {dirty['f1'].mean():.3f}, worst {dirty['f1'].min():.3f}, plain {dirty['plain'].mean():.3f}")


if __name__ == "__main__":
    main()
