"""Learns how regions are ranked: the weights of `irtoolkit.detection.ranking`, and its pooled null.

python -m benchmarks.ranking [--photos DIR] [--seeds 2] [--first-seed 40] [--megapixels 0.5] [--workers 2]

Weights are those of a logistic regression of true regions against false ones and decoys, on damaged scans. The null is
the rank, with the weights in use, of every visible region of either sign on scans without damage.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import irtoolkit as irt
from benchmarks.cases import Case, as_slide, make_parser, make_scan, run_cases
from benchmarks.detection import FILMS, SCANNERS
from benchmarks.scoring import MARK_REACH, grow_mask
from irtoolkit.detection.cutting import cut_score
from irtoolkit.detection.marking import measure_candidates, visible_regions
from irtoolkit.detection.ranking import WEIGHTS, rank_features, standardise
from irtoolkit.pipeline import score_slide

SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
DECAY = 1e-3


def run_case(case: Case, folder: Path | None, shape: tuple[int, int]) -> tuple[str, np.ndarray, np.ndarray, int]:
    """Kind of a scan, the features (feature, region) of its regions, whether each is true, and its pixels."""
    scan, _ = make_scan(case, folder, shape)
    try:
        scored = score_slide(as_slide(scan))
    except irt.NotUsableError:
        return case.kind, np.zeros((len(WEIGHTS), 0)), np.zeros(0, bool), 0
    cut = cut_score(scored.evidence, scored.samples, "mirror")
    pair = visible_regions(measure_candidates(scored.evidence, cut, **scored.optics), irt.Settings(), cut.level)
    zone = grow_mask(scan.allowed, MARK_REACH).ravel()
    true = []
    for regions, sign in zip(pair, (True, False), strict=True):
        hits = np.bincount(regions.pixel_region.values, zone[regions.pixel_index.values], regions.sizes["region"])
        true.append((hits > 0) & sign)
    return (
        case.kind,
        np.concatenate([rank_features(one) for one in pair], axis=1),
        np.concatenate(true),
        scan.truth.size,
    )


def learn_weights(features: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Weights of standard features (feature, region) in a logistic regression on `true` (region,)."""
    design, sign = np.vstack([features, np.ones(true.size)]), np.where(true, 1.0, -1.0)

    def loss(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (weights @ design)).mean() + DECAY * (weights[:-1] ** 2).sum())

    return np.asarray(minimize(loss, np.zeros(len(design))).x[:-1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print weights and null, beside those in use."""
    options = make_parser(__doc__, seeds=2, first_seed=40).parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    wanted = product(seeds, FILMS, SCANNERS, ("linear", "clean"))
    cases = [Case(seed, number, *names) for number, (seed, *names) in enumerate(wanted)]
    found = list(run_cases(run_case, cases, options))
    kinds = ("linear", "clean")
    features = [np.concatenate([one[1] for one in found if one[0] == kind], axis=1) for kind in kinds]
    standard = dict(zip(kinds, map(standardise, features), strict=True))
    true = np.concatenate([one[2] for one in found if one[0] == "linear"])
    print(f"{true.sum()} true regions of {true.size}; weights {learn_weights(standard['linear'], true).round(2)}")
    rank, pixels = WEIGHTS @ standard["clean"], sum(one[3] for one in found if one[0] == "clean")
    print(f"in use {WEIGHTS}; {rank.size / 2 / max(pixels, 1):.1e} regions of the null per pixel and sign")
    print("ranks", dict(zip(SHARES, np.quantile(rank, 1 - np.array(SHARES)).round(2), strict=True)))


if __name__ == "__main__":
    main()
