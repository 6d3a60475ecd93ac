"""From the score to marked defects: candidates, the choice among them, and the mask."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.crosstalk import Crosstalk
from irtoolkit.detection.cutting import LEAST_LEVEL, Cut, cut_score, ranks_regions, uses_score
from irtoolkit.detection.exceedances import REGION_LEVEL, measure_exceedances
from irtoolkit.detection.ranking import explained_by_picture, score_regions
from irtoolkit.detection.segmentation import connect_pixels, fill_pinholes, join_regions, keep_regions, mask_regions
from irtoolkit.detection.threshold import known_rate, rate_above, rate_from, threshold_mirror
from irtoolkit.detection.visibility import above_dots, measure_visibility_factors, rank_above_dots, scale_visibility
from irtoolkit.settings import Box, Settings

NO_REGIONS = xr.Dataset(
    {
        "pixel_region": ("pixel", np.zeros(0, np.int64)),
        "pixel_index": ("pixel", np.zeros(0, np.int64)),
        "score": ("region", np.zeros(0)),
    }
)

HARDLY_ANY = 0.1
"""Share of the possible defects below which hardly any is marked, and the doubtful place is an unmarked one."""

SMALLEST_MARK = 3
"""Pixels of a ranked region: the score is smoothed, and shows even the smallest speck on more (docs/method.md)."""

UNCERTAIN = 0.25
"""Share of the marked regions, the least scores first, of which the largest is the doubtful place."""

LARGE = 0.05
"""Share of the picture above which a single mark may be picture, and is the doubtful place (docs/method.md)."""


class Candidates(NamedTuple):
    """Candidates for every threshold of at least `level` sigma, in memory: the `exceedances` of a score, from
    `measure_exceedances`, and the `factors` of their visibility, from `measure_visibility_factors`.
    """

    exceedances: xr.Dataset
    factors: xr.DataArray
    level: float


class Choice(NamedTuple):
    """The `defects` to mark (regions), their `threshold` (sigma) and their estimated false discovery `rate`; and the
    `possible` defects among which they were chosen, and the `decoys`, all that can be seen.
    """

    defects: xr.Dataset
    threshold: float
    rate: float
    possible: xr.Dataset = NO_REGIONS
    decoys: xr.Dataset = NO_REGIONS


def mark_defects(
    evidence: xr.Dataset,
    samples: Sequence[np.ndarray],
    settings: Settings,
    *,
    infrared_blur: float,
    crosstalk: Crosstalk | None = None,
) -> xr.Dataset:
    """Mark the defects of one slide by the settings' threshold and visibility.

    Parameters
    ----------
    evidence
        Lazy: `visible` (band, y, x), counts of R, G, B; `infrared` (y, x), 16-bit counts on the colour grid, NaN where
        not known; `residual` (density) and `score` (sigma), both (y, x), the score 0 where not known; and `grain`
        (y, x), density.
    samples
        Of tiles (4, y, x) of 16-bit counts from `align_samples` every third row and column, or more.
    infrared_blur
        Sigma in pixels by which the infrared is blurrier than the visible bands.
    crosstalk
        That of the slide, by which regions are ranked; None for a score from elsewhere, whose regions rank by it alone.

    Returns
    -------
    xarray.Dataset
        The thresholded `residual` and `score`; `mask` (y, x) bool, True = defect; the lazy scalars `coverage` and
        `defects`; and the numbers `threshold` and `fdr`, which do not depend on excluded regions. `fdr` is NaN where it
        cannot be known (`threshold.known_rate`). The threshold, sigma, is the least score of a marked region with
        ``"mirror"`` or a number, and given back as a number marks the same; with other methods it is the level of the
        score. At an infinite threshold nothing is marked. Further `candidates` and `decoys`, the numbers of visible
        regions before the choice and of their mirror image; `worst_y` and `worst_x`, the pixel of
        `find_doubtful_place`; `largest`, `mark_y` and `mark_x` (mark), of `describe_marks`; and, where regions are
        ranked, their scores, `candidate_score` (candidate) and `decoy_score` (decoy).
    """
    cut = cut_score(evidence, samples, settings.threshold)
    choice = Choice(NO_REGIONS, cut.level, 0.0)
    if np.isfinite(cut.level):
        lowest = cut._replace(level=candidate_level(settings.threshold, cut.level))
        candidates = measure_candidates(evidence, lowest, infrared_blur=infrared_blur, crosstalk=crosstalk)
        choice = choose_regions(candidates, settings, cut.level)
    shape = cut.score.sizes["y"], cut.score.sizes["x"]
    mask, number = mask_regions(choice.defects, shape)
    measured = {"coverage": mask.mean(), "defects": number, "threshold": choice.threshold, "fdr": choice.rate}
    measured |= _describe(choice, shape, ranked=ranks_regions(settings.threshold))
    measured |= describe_marks(choice.defects, shape)
    return xr.Dataset({"residual": cut.residual.fillna(0), "score": cut.score, "mask": mask, **measured})


def mark_given(evidence: xr.Dataset, marked: np.ndarray) -> xr.Dataset:
    """Marks (y, x) bool that are given for a slide, as `mark_defects` returns its own; what was not found is NaN."""
    index = np.flatnonzero(marked)
    mask, number = mask_regions(xr.Dataset({"pixel_index": ("pixel", index)}), marked.shape)
    unknown = dict.fromkeys(("threshold", "fdr", "candidates", "decoys", "worst_y", "worst_x"), float("nan"))
    region, count = connect_pixels(index, marked.shape[1])
    alike = {"pixel_index": ("pixel", index), "pixel_region": ("pixel", region), "score": ("region", np.zeros(count))}
    seen = {"residual": evidence.residual.fillna(0), "score": evidence.score}
    found = {"mask": mask, "coverage": mask.mean(), "defects": number}
    return xr.Dataset({**seen, **found, **unknown, **describe_marks(xr.Dataset(alike), marked.shape)})


def _describe(choice: Choice, shape: tuple[int, int], *, ranked: bool) -> dict[str, Any]:
    """Among how many regions was chosen, with which scores, and the doubtful place."""
    y, x = find_doubtful_place(choice, shape)
    scores = {"candidate_score": ("candidate", choice.possible.score.values)}
    scores |= {"decoy_score": ("decoy", choice.decoys.score.values)}
    numbers = {"candidates": choice.possible.sizes["region"], "decoys": choice.decoys.sizes["region"]}
    return {**numbers, "worst_y": y, "worst_x": x, **(scores if ranked else {})}


def find_doubtful_place(choice: Choice, shape: tuple[int, int]) -> tuple[float, float]:
    """Row and column of a pixel of the region that a person should see, on a slide of this shape.

    It is the largest mark if that covers more than 5 % of the slide. Else, of the quarter of the marked regions with
    the least scores it is the largest; where hardly any of the possible defects is marked, the unmarked one with the
    largest score. NaN without regions.
    """
    pixels, owner = choice.possible.pixel_index.values, choice.possible.pixel_region.values
    score = choice.possible.score.values
    area = np.bincount(owner, minlength=len(score))
    marked = np.bincount(owner, np.isin(pixels, choice.defects.pixel_index.values), len(score)) > 0
    there = area > 0
    if not there.any():
        return float("nan"), float("nan")
    largest = np.argmax(area * marked)
    if marked[largest] and area[largest] > LARGE * prod(shape):
        worst = largest
    elif marked.sum() < HARDLY_ANY * there.sum():
        worst = np.argmax(np.where(there & ~marked, score, -np.inf))
    else:
        low = marked & (score <= np.quantile(score[marked], UNCERTAIN))
        worst = np.argmax(np.where(low, area, 0))
    shown = pixels[owner == worst]
    y, x = divmod(int(shown[len(shown) // 2]), shape[1])
    return float(y), float(x)


def describe_marks(regions: xr.Dataset, shape: tuple[int, int]) -> dict[str, Any]:
    """`mark_y` and `mark_x` (mark): a pixel in the middle of each region, the least certain first; and `largest`.

    Certain is a region with a large score; of equal scores, the larger region comes first. `largest` is the share of a
    slide of this shape that the largest region covers.

    >>> pixels = {"pixel_index": ("pixel", [3, 4, 5, 28]), "pixel_region": ("pixel", [0, 0, 0, 1])}
    >>> marks = describe_marks(xr.Dataset({**pixels, "score": ("region", [9.0, 5.0])}), (6, 10))
    >>> marks["mark_y"][1].tolist(), marks["mark_x"][1].tolist(), marks["largest"]
    ([2, 0], [8, 4], 0.05)
    """
    owner, score = regions.pixel_region.values, regions.score.values
    area = np.bincount(owner, minlength=len(score))
    middle = (np.cumsum(area) - area + area // 2)[area > 0]
    pixels = regions.pixel_index.values[np.argsort(owner, kind="stable")][middle]
    y, x = np.divmod(pixels[np.lexsort((-area[area > 0], score[area > 0]))], shape[1])
    largest = float(area.max(initial=0) / prod(shape))
    return {"mark_y": ("mark", y), "mark_x": ("mark", x), "largest": largest}


def measure_candidates(
    evidence: xr.Dataset, cut: Cut, *, infrared_blur: float, crosstalk: Crosstalk | None = None
) -> Candidates:
    """Compute the candidates for all thresholds of at least the cut's level, in one pass over the slide."""
    scored = evidence.assign(score=cut.score, residual=cut.residual)
    exceedances = measure_exceedances(scored, infrared_blur=infrared_blur, crosstalk=crosstalk, level=cut.level)
    return make_candidates(exceedances, cut.level)


def make_candidates(exceedances: xr.Dataset, level: float) -> Candidates:
    """Candidates from the exceedances that `measure_exceedances` found at a level."""
    factors = measure_visibility_factors(join_regions(exceedances, sign=1, level=level))
    return Candidates(exceedances, factors, level)


def choose_regions(candidates: Candidates, settings: Settings, level: float) -> Choice:
    """Choose the regions to mark among the pixels of at least `level` sigma, without their excluded pixels."""
    exceedances = candidates.exceedances
    possible, decoys = visible_regions(candidates, settings, level)
    defects = possible
    if ranks_regions(settings.threshold):
        defects, threshold, rate = _choose_by_score(possible, decoys, settings)
        defects = fill_pinholes(defects, int(exceedances.width))
    else:
        threshold, rate = level, rate_above(defects, decoys)
        if isinstance(settings.threshold, str) and defects.sizes["region"]:
            rate = max(rate, _pixel_rate(exceedances.score.values, level))
    defects, possible = (_without(each, settings.excluded, int(exceedances.width)) for each in (defects, possible))
    return Choice(defects, threshold, rate, possible, decoys)


def visible_regions(candidates: Candidates, settings: Settings, level: float) -> tuple[xr.Dataset, xr.Dataset]:
    """The defects and the decoys of at least `level` sigma that can be seen, and are not the picture's, with scores.

    At a visibility of 0 they are all.
    """
    joined = [join_regions(candidates.exceedances, sign=sign, level=level) for sign in (1, -1)]
    defects, decoys = (score_regions(scale_visibility(regions, candidates.factors)) for regions in joined)
    if not settings.visibility:
        return defects, decoys
    lowest_rank = rank_above_dots(defects, decoys, settings.false_discovery_rate)
    smallest = SMALLEST_MARK if ranks_regions(settings.threshold) else 1

    def possible(regions: xr.Dataset) -> xr.Dataset:
        seen = (regions.visibility >= settings.visibility) & above_dots(regions, lowest_rank)
        return keep_regions(regions, seen & (regions.area >= smallest) & ~explained_by_picture(regions))

    return possible(defects), possible(decoys)


def _choose_by_score(defects: xr.Dataset, decoys: xr.Dataset, settings: Settings) -> tuple[xr.Dataset, float, float]:
    """The regions of at least the threshold, which is a number or the mirror's, and the rate estimated there."""
    wanted = settings.threshold
    if wanted == "mirror":
        wanted = threshold_mirror(defects, decoys, settings.false_discovery_rate)
    kept = keep_regions(defects, defects.score >= wanted)
    least = kept.score.values.min(initial=np.inf)
    rate = float(rate_from(defects, decoys, np.array([least]))[0])
    return kept, float(wanted), known_rate(rate, kept)


def candidate_level(threshold: str | float, level: float) -> float:
    """Level from which candidates are measured: the same for all thresholds of at least 3.2 on the same score."""
    return min(level, REGION_LEVEL) if uses_score(threshold) else level


def _without(defects: xr.Dataset, excluded: Sequence[Box], width: int) -> xr.Dataset:
    """Regions without their pixels in the excluded boxes of a slide with `width` columns."""
    index = defects.pixel_index.values
    y, x = np.divmod(index, width)
    kept = np.ones(index.shape, bool)
    for top, left, bottom, right in excluded:
        kept &= (y < top) | (y >= bottom) | (x < left) | (x >= right)
    return defects.isel(pixel=kept)


def _pixel_rate(exceedances: np.ndarray, level: float) -> float:
    """Estimated false share of pixels, visible or not, of at least the level, without bins; 1 at the smallest level."""
    found = int((exceedances >= level).sum())
    decoys = found if level <= LEAST_LEVEL else 1 + int((exceedances <= -level).sum())
    return min(1.0, decoys / max(found, 1))
