"""From the score to marked defects: thresholds, regions, and their visibility."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.arrays import Kernel, map_blocks, robust_centre_and_scale, to_density
from irtoolkit.detection.histogram import (
    measure_histogram,
    measure_local_histograms,
    spread_threshold,
    threshold_local,
    threshold_otsu,
    threshold_slope,
    threshold_triangle,
    threshold_yen,
)
from irtoolkit.detection.segmentation import REGION_LEVEL, join_regions, keep_regions, mask_regions, measure_exceedances
from irtoolkit.detection.threshold import choose_by_mirror, rate_above
from irtoolkit.detection.visibility import above_dots, measure_visibility_factors, rank_above_dots, scale_visibility
from irtoolkit.settings import Box, Settings, raw_counts

HISTOGRAM_THRESHOLDS = {
    "otsu": threshold_otsu,
    "yen": threshold_yen,
    "triangle": threshold_triangle,
    "slope": threshold_slope,
}
LEAST_SCALE = 1e-6
"""Density; smallest robust sigma, for planes of which more than half is one count."""

LEAST_LEVEL = float(np.finfo(np.float32).tiny)
"""Sigma; smallest level, above the score 0 of unknown pixels."""

NO_REGIONS = xr.Dataset({"pixel_index": ("pixel", np.zeros(0, np.int64))})


class Cut(NamedTuple):
    """A score and the level, in sigma, from which its pixels form regions.

    `residual` (density) and `score` (sigma) are (y, x) float32, lazy, positive where light is blocked; where the
    infrared is not known the score is 0, and the residual 0 or NaN.
    """

    residual: xr.DataArray
    score: xr.DataArray
    level: float


class Candidates(NamedTuple):
    """Candidates for every threshold of at least `level` sigma, in memory: the `exceedances` of a score, from
    `measure_exceedances`, and the `factors` of their visibility, from `measure_visibility_factors`.
    """

    exceedances: xr.Dataset
    factors: xr.DataArray
    level: float


class Choice(NamedTuple):
    """The `defects` to mark (regions), their `threshold` (sigma) and their estimated false discovery `rate`."""

    defects: xr.Dataset
    threshold: float
    rate: float


def mark_defects(
    evidence: xr.Dataset,
    samples: Sequence[np.ndarray],
    settings: Settings,
    *,
    infrared_blur: float,
    exponent: float = 1.0,
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
    exponent
        Of light over counts, from `find_black`.

    Returns
    -------
    xarray.Dataset
        The thresholded `residual` and `score`; `mask` (y, x) bool, True = defect; the lazy scalars `coverage` and
        `defects`; and the numbers `threshold` (sigma) and `fdr`, which do not depend on excluded regions. At an
        infinite threshold nothing is marked.
    """
    cut = cut_score(evidence, samples, settings.threshold)
    choice = Choice(NO_REGIONS, cut.level, 0.0)
    if np.isfinite(cut.level):
        lowest = cut._replace(level=candidate_level(settings.threshold, cut.level))
        candidates = measure_candidates(evidence, lowest, infrared_blur=infrared_blur, exponent=exponent)
        choice = choose_regions(candidates, settings, cut.level)
    mask, number = mask_regions(choice.defects, (cut.score.sizes["y"], cut.score.sizes["x"]))
    measured = {"coverage": mask.mean(), "defects": number, "threshold": choice.threshold, "fdr": choice.rate}
    return xr.Dataset({"residual": cut.residual.fillna(0), "score": cut.score, "mask": mask, **measured})


def measure_candidates(evidence: xr.Dataset, cut: Cut, *, infrared_blur: float, exponent: float) -> Candidates:
    """Compute the candidates for all thresholds of at least the cut's level, in one pass over the slide."""
    scored = evidence.assign(score=cut.score, residual=cut.residual)
    exceedances = measure_exceedances(scored, infrared_blur=infrared_blur, level=cut.level)
    return make_candidates(exceedances, evidence.visible, cut.level, exponent=exponent)


def make_candidates(exceedances: xr.Dataset, visible: xr.DataArray, level: float, *, exponent: float) -> Candidates:
    """Candidates from the exceedances that `measure_exceedances` found at a level."""
    factors = measure_visibility_factors(visible, join_regions(exceedances, sign=1, level=level), exponent=exponent)
    return Candidates(exceedances, factors, level)


def choose_regions(candidates: Candidates, settings: Settings, level: float) -> Choice:
    """Choose the regions to mark among the pixels of at least `level` sigma, without their excluded pixels."""
    exceedances, rate = candidates.exceedances, settings.false_discovery_rate
    joined = [join_regions(exceedances, sign=sign, level=level) for sign in (1, -1)]
    defects, decoys = (scale_visibility(regions, candidates.factors) for regions in joined)
    lowest_rank = rank_above_dots(defects, decoys, rate) if settings.visibility else 0.0
    defects, decoys = (
        keep_regions(regions, (regions.visibility >= settings.visibility) & above_dots(regions, lowest_rank))
        for regions in (defects, decoys)
    )
    if settings.threshold == "mirror":
        kept, threshold, rate = choose_by_mirror(defects, decoys, rate)
        defects = keep_regions(defects, kept)
    else:
        threshold, rate = level, rate_above(defects, decoys)
        if isinstance(settings.threshold, str) and defects.sizes["region"]:
            rate = max(rate, _pixel_rate(exceedances.score.values, level))
    return Choice(_without(defects, settings.excluded, int(exceedances.width)), threshold, rate)


def uses_score(threshold: str | float) -> bool:
    """Whether a threshold applies to the score of `score_residual` itself, not to a score of its own."""
    return threshold in ("mirror", *HISTOGRAM_THRESHOLDS) or not isinstance(threshold, str)


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


def cut_score(
    evidence: xr.Dataset, samples: Sequence[np.ndarray], threshold: str | float, histogram: xr.Dataset | None = None
) -> Cut:
    """The score and level for a method or number of `Settings.threshold`; `histogram` is that of the score."""
    residual, score = evidence.residual, evidence.score
    match threshold:
        case "mirror":
            return Cut(residual, score, REGION_LEVEL)
        case "local":
            return _cut_locally(residual, score)
        case "ratio":
            return _cut_ratio(evidence, samples)
        case str() if threshold in HISTOGRAM_THRESHOLDS:
            counted = measure_histogram(score) if histogram is None else histogram
            return Cut(residual, score, HISTOGRAM_THRESHOLDS[threshold](counted))
        case str():
            return _cut_raw(evidence, samples, raw_counts(threshold))
    return Cut(residual, score, threshold)


def _cut_locally(residual: xr.DataArray, score: xr.DataArray) -> Cut:
    """Cut the score, scaled by the median of the sub-regions' thresholds over the local threshold, at that median."""
    local = threshold_local(measure_local_histograms(score))
    finite = local.values[np.isfinite(local.values)]
    if not finite.size:
        return Cut(residual, score, np.inf)
    level = np.float32(np.median(finite))
    scaled = score * (level / spread_threshold(local, (score.sizes["y"], score.sizes["x"])))
    return Cut(residual, scaled.rename("score"), float(level))


def _cut_ratio(evidence: xr.Dataset, samples: Sequence[np.ndarray]) -> Cut:
    """Cut the density of infrared divided by red at Otsu's threshold of its own histogram."""
    centre, scale = _centre_and_scale([_ratio_density(tile[3:], tile[:1]) for tile in samples])
    kernel = partial(_standardise, density=_ratio_density, centre=centre, scale=scale)
    residual, score = _map(kernel, evidence.infrared, evidence.visible.isel(band=0))
    return Cut(residual, score, threshold_otsu(measure_histogram(score)))


def _cut_raw(evidence: xr.Dataset, samples: Sequence[np.ndarray], counts: float) -> Cut:
    """Cut the density of the infrared just above that of the given 16-bit counts.

    The score starts from the film's median density, or from the density of `counts` if these are brighter.
    """
    limit = np.full((1, 1, 1), counts, np.float32)
    centre, scale = _centre_and_scale([to_density(tile[3:]) for tile in samples])
    centre = min(centre, float(to_density(limit).item()))
    kernel = partial(_standardise, density=to_density, centre=centre, scale=scale)
    level = float(np.nextafter(kernel(limit)[1].item(), np.float32(np.inf), dtype=np.float32))
    residual, score = _map(kernel, evidence.infrared)
    return Cut(residual, score, max(level, LEAST_LEVEL))


def _ratio_density(infrared: np.ndarray, red: np.ndarray) -> np.ndarray:
    return to_density(infrared) - to_density(red)


def _centre_and_scale(densities: Sequence[np.ndarray]) -> tuple[float, float]:
    """Median and robust sigma of densities (1, y, x) without NaN."""
    sampled = np.concatenate([density.ravel() for density in densities])
    centre, scale = robust_centre_and_scale(sampled[np.isfinite(sampled)])
    return centre, max(scale, LEAST_SCALE)


def _standardise(*counts: np.ndarray, density: Callable[..., np.ndarray], centre: float, scale: float) -> np.ndarray:
    """Density minus its centre, and the same divided by its scale, as planes (2, y, x); 0 where it is NaN."""
    excess = density(*counts) - np.float32(centre)
    residual = np.where(np.isnan(excess), np.float32(0), excess)
    return np.concatenate([residual, residual / np.float32(scale)])


def _map(kernel: Kernel, *planes: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Lazy residual and score (y, x), computed by a kernel from planes (y, x) of counts."""
    arrays = (plane.data[None] for plane in planes)
    data = map_blocks(kernel, *arrays, depth=0, dtype=np.float32, planes=2)
    residual, score = (xr.DataArray(plane, dims=("y", "x")) for plane in (data[0], data[1]))
    return residual.rename("residual"), score.rename("score")
