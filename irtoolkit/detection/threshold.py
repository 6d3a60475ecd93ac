"""Threshold of a slide at a given false discovery rate, estimated from the mirrored score of its own noise."""

import numpy as np
import xarray as xr

from irtoolkit.detection.segmentation import REGION_LEVEL

CONTRAST_QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95)
SPLIT_GAIN = 1.02
FEWEST_SPLIT = 4
"""A split must keep more regions than this, because a few may be separated from all decoys by chance."""


def choose_by_mirror(
    defects: xr.Dataset, decoys: xr.Dataset, false_discovery_rate: float
) -> tuple[xr.DataArray, float, float]:
    """Choose the regions to keep at a false discovery rate, with thresholds for places of low and high ghost contrast.

    Where the picture's ghost has much contrast it may leave residuals of both signs; their decoys must not raise the
    threshold elsewhere. So the regions are split at a level of their relative contrast, and each side gets its own
    `threshold_mirror`. The level, or none, with the most kept regions is used. Such groups preserve the rate, because
    the contrast does not depend on the sign of the score (Ignatiadis et al. 2016, doi:10.1038/nmeth.3885).

    Returns
    -------
    kept
        bool (region,) of `defects`.
    threshold
        In sigma, for places of low contrast.
    rate
        The larger rate of both sides.
    """
    relative_contrast = np.concatenate([defects.relative_contrast.values, decoys.relative_contrast.values])
    levels = np.quantile(relative_contrast, CONTRAST_QUANTILES) if relative_contrast.size else []
    best = _choose_on_each_side(defects, decoys, np.inf, false_discovery_rate)
    for level in levels:
        tried = _choose_on_each_side(defects, decoys, level, false_discovery_rate)
        if tried[0].sum() > max(SPLIT_GAIN * best[0].sum(), FEWEST_SPLIT):
            best = tried
    kept, threshold, rate = best
    return xr.DataArray(kept, dims="region"), threshold, rate


def _choose_on_each_side(
    defects: xr.Dataset, decoys: xr.Dataset, level: float, false_discovery_rate: float
) -> tuple[np.ndarray, float, float]:
    kept = np.zeros(defects.sizes["region"], bool)
    results = []
    for above in (False, True):
        inside, decoys_inside = ((regions.relative_contrast.values > level) == above for regions in (defects, decoys))
        pair = defects.isel(region=inside), decoys.isel(region=decoys_inside)
        threshold, rate = threshold_mirror(*pair, false_discovery_rate)
        kept |= inside & (REGION_LEVEL + defects["rank"].values >= threshold)
        results.append((threshold, rate))
    return kept, results[0][0], max(rate for _, rate in results)


def threshold_mirror(defects: xr.Dataset, decoys: xr.Dataset, false_discovery_rate: float) -> tuple[float, float]:
    """Lowest threshold at which the estimated false discovery rates of regions and of pixels are at most the given.

    Dust only darkens the infrared while noise has both signs, so decoys, the regions of the mirrored score, estimate
    the number of false regions at each rank (knockoff filter, Barber & Candes 2015, doi:10.1214/15-AOS1337;
    target-decoy search). Its "+ 1", which would reject any set of fewer than 1 / rate regions, is replaced by an
    exponential tail fitted to the decoys' ranks where that is smaller.

    Parameters
    ----------
    defects, decoys
        From `join_regions`, of sign 1 and -1.
    false_discovery_rate
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Threshold in sigma, the score that a region of one pixel needs (larger regions need the same excess over 3.2
        sigma in sum), and the rate estimated there, the larger of pixels' and regions'. Infinity and 0 if no region
        can be accepted.
    """
    if not defects.sizes["region"]:
        return float("inf"), 0.0
    just_above = np.nextafter(decoys["rank"].values, np.inf)
    ranks = np.unique(np.concatenate([[0.0], defects["rank"].values, just_above]))
    ranks = ranks[ranks <= defects["rank"].values.max()]
    expected = np.minimum(1.0, _expected_decoys(decoys["rank"].values, ranks))
    area = np.median(decoys.area.values) if decoys.area.size else 1.0
    regions = (_at_least(decoys, ranks) + expected) / _at_least(defects, ranks)
    marked = np.maximum(_at_least(defects, ranks, "area"), 1)
    pixels = (_at_least(decoys, ranks, "area") + expected * area) / marked
    rate = np.maximum(regions, pixels)
    admitted = np.flatnonzero(rate <= false_discovery_rate)
    if not admitted.size:
        return float("inf"), 0.0
    lowest = admitted[0]
    return float(REGION_LEVEL + ranks[lowest]), float(rate[lowest])


def _at_least(regions: xr.Dataset, ranks: np.ndarray, weight: str | None = None) -> np.ndarray:
    """Number of regions, or their summed `weight`, of at least each rank."""
    order = np.argsort(regions["rank"].values)
    amounts = np.ones(len(order)) if weight is None else regions[weight].values[order].astype(float)
    above = np.r_[np.cumsum(amounts[::-1])[::-1], 0.0]
    return above[np.searchsorted(regions["rank"].values[order], ranks)]


def _expected_decoys(decoys: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Expected number of decoys of at least each rank: an exponential tail above their median, half of them below."""
    if decoys.size < 2:
        return np.exp(-ranks)
    middle = float(np.median(decoys))
    excess = decoys[decoys > middle] - middle
    mean = max(float(excess.mean()) if excess.size else 0.0, 0.2)
    return decoys.size / 2 * np.exp(-np.maximum(ranks - middle, 0) / mean)


def rate_above(defects: xr.Dataset, decoys: xr.Dataset) -> float:
    """Estimated false discovery rate of all given regions, the larger of pixels' and regions'; at most 1."""
    pairs = ((decoys.sizes["region"], defects.sizes["region"]), (decoys.area.sum(), defects.area.sum()))
    return max(min(float(false) / float(found), 1.0) if found else 0.0 for false, found in pairs)
