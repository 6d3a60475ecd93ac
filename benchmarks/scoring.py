"""Judging masks against known damage, and what the judgements of many scans amount to.

A mark is true within 2 px of a place that loses 1.5 % of the visible light or more; a pixel of a defect is found within
1 px of a mark; only film counts, not the mount. A region of marks is 8-connected, and false when it has no true pixel.
"""

from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Plane = NDArray[np.floating]

MARK_REACH, TRUTH_REACH = 2, 1
"""Distance, px, at which a mark near damage is true, and at which damage near a mark is found (the project's contract).
"""


class Judgement(NamedTuple):
    """Shares between 0 and 1, and how many pixels and regions were marked and how many of these are false."""

    f1: float
    precision: float
    recall: float
    marked: int
    false_marked: int
    regions: int
    false_regions: int


def judge_mask(mask: Mask, truth: Mask, allowed: Mask, frame: Mask) -> Judgement:
    """Judge a mask, all bool (y, x): `truth` must be marked, marks near `allowed` are true, `frame` is film.

    Precision is 1 where nothing is marked, recall where there is nothing to mark.
    """
    marked, zone = mask & frame, grow_mask(allowed, MARK_REACH)
    false_marked, missed = marked & ~zone, truth & ~grow_mask(marked, TRUTH_REACH)
    precision, recall = 1 - _share(false_marked, marked), 1 - _share(missed, truth)
    regions, false_regions = count_regions(marked, zone)
    f1 = float(f1_score(np.float64(precision), np.float64(recall)))
    return Judgement(f1, precision, recall, int(marked.sum()), int(false_marked.sum()), regions, false_regions)


def f1_score(precision: Plane | np.float64, recall: Plane | np.float64) -> Plane | np.float64:
    """Harmonic mean of precision and recall, 0 where both are 0."""
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def count_regions(marked: Mask, zone: Mask) -> tuple[int, int]:
    """Number of 8-connected regions of `marked`, and of those without a pixel in `zone`."""
    number, labels = cv2.connectedComponents(marked.astype(np.uint8), connectivity=8)
    return number - 1, number - 1 - np.unique(labels[marked & zone]).size


def grow_mask(mask: Mask, radius: int) -> Mask:
    """A mask grown by a disc of `radius` px."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(radius)), bool)


def best_cut(score: Plane, cuts: Plane, truth: Mask, allowed: Mask, frame: Mask) -> float:
    """The one of the ascending `cuts` at which the mask `score` > cut has the highest F1; masks as in `judge_mask`."""
    film, zone = np.where(frame, score, -np.inf), frame & grow_mask(allowed, MARK_REACH)
    marked, true = (_number_above(film[where], cuts) for where in (frame, zone))
    found = _number_above(np.asarray(cv2.dilate(film, _disc(TRUTH_REACH)), np.float64)[truth], cuts)
    f1 = f1_score(1 - (marked - true) / np.maximum(marked, 1), found / max(truth.sum(), 1))
    return float(cuts[np.argmax(f1)])


def _share(part: Mask, whole: Mask) -> float:
    return float(part.sum()) / max(float(whole.sum()), 1.0)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _number_above(values: Plane, cuts: Plane) -> NDArray[np.int64]:
    return values.size - np.searchsorted(np.sort(values), cuts, side="right")


def compare_methods(damaged: pd.DataFrame) -> pd.DataFrame:
    """Mean and worst F1, mean precision and recall, share of false regions and seconds per megapixel of the methods.

    The share of false regions is that of all scans' regions together. Of irtoolkit only the automatic threshold counts.
    """
    groups = damaged[~damaged["method"].str.startswith("irtoolkit,")].groupby("method", sort=False)
    table = groups[["f1", "precision", "recall"]].mean().rename(columns={"f1": "mean F1"})
    table.insert(1, "worst F1", groups["f1"].min())
    sums = groups[["regions", "false_regions", "seconds", "megapixels"]].sum(min_count=1)
    table["false regions"] = sums["false_regions"] / sums["regions"].clip(lower=1)
    table["seconds per MP"] = sums["seconds"] / sums["megapixels"]
    return table


def choose_best(damaged: pd.DataFrame) -> pd.DataFrame:
    """Automatic F1 of each scan beside that of the best constant threshold in sigma, on (film, scanner, kind, seed).

    `one` is the F1 at the one constant that has the highest mean over all scans; `best_sigma` and `one_sigma` say
    which constants those are.
    """
    scan = ["film", "scanner", "kind", "seed"]
    constant = damaged[damaged["sigma"].notna()].pivot_table("f1", scan, "sigma", sort=False)
    automatic = damaged[damaged["method"] == "irtoolkit"].set_index(scan)["f1"].reindex(constant.index)
    one = constant.mean().idxmax()
    return pd.DataFrame(
        {
            **{"automatic": automatic, "best": constant.max(axis=1), "best_sigma": constant.idxmax(axis=1)},
            **{"one": constant[one], "one_sigma": one},
        }
    )


def pool_rates(damaged: pd.DataFrame) -> pd.DataFrame:
    """Realised false discovery rate of pixels and of regions at each requested one, all scans together.

    `estimated` is the mean of what the slides reported; `worst regions` the highest share of false regions among films.
    """
    asked = damaged[damaged["requested"].notna()]
    groups = asked.groupby("requested")
    sums = groups[["marked", "false_marked", "regions", "false_regions"]].sum()
    of_films = asked.groupby(["requested", "film"])[["regions", "false_regions"]].sum()
    shares = of_films["false_regions"] / of_films["regions"].clip(lower=1)
    return pd.DataFrame(
        {
            "pixels": sums["false_marked"] / sums["marked"].clip(lower=1),
            "regions": sums["false_regions"] / sums["regions"].clip(lower=1),
            "worst regions": shares.groupby("requested").max(),
            "estimated": groups["estimated"].mean(),
        }
    )


def count_false(spotless: pd.DataFrame) -> pd.DataFrame:
    """Marked regions per megapixel of slides without damage, all false: every method's mean by kind, and its most."""
    marked = spotless.assign(regions=spotless["regions"] / spotless["megapixels"])
    table = marked.pivot_table("regions", "method", "kind", "mean", sort=False)
    return table.assign(most=marked.groupby("method")["regions"].max())
