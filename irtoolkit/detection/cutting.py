"""The score that each kind of threshold cuts, and the level from which its pixels form regions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.arrays import Kernel, map_blocks, robust_centre_and_scale, to_density
from irtoolkit.detection.exceedances import REGION_LEVEL
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
from irtoolkit.settings import raw_counts

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


class Cut(NamedTuple):
    """A score and the level, in sigma, from which its pixels form regions.

    `residual` (density) and `score` (sigma) are (y, x) float32, lazy, positive where light is blocked; where the
    infrared is not known the score is 0, and the residual 0 or NaN.
    """

    residual: xr.DataArray
    score: xr.DataArray
    level: float


def ranks_regions(threshold: str | float) -> bool:
    """Whether a threshold applies to the score of whole regions, not to that of pixels."""
    return threshold == "mirror" or not isinstance(threshold, str)


def uses_score(threshold: str | float) -> bool:
    """Whether a threshold applies to the score of `score_residual` itself, not to a score of its own."""
    return threshold in ("mirror", *HISTOGRAM_THRESHOLDS) or not isinstance(threshold, str)


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
    return Cut(residual, score, REGION_LEVEL)


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
