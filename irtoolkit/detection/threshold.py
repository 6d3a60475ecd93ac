"""The threshold of each slide, from the mirror of its own noise, at a stated false discovery rate."""

import numpy as np
import xarray as xr

from irtoolkit.detection.segmentation import REGION_LEVEL

CONTRAST_QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95)
SPLIT_GAIN = 1.02
FEWEST_SPLIT = 4
"""Regions that a split must keep more than: of few, some way to part them keeps those of one sign by chance."""


def choose_by_mirror(
    defects: xr.Dataset, decoys: xr.Dataset, false_discovery_rate: float
) -> tuple[xr.DataArray, float, float]:
    """Which regions to keep at the stated false discovery rate, with a threshold for calm and one for busy places.

    Where the picture is busy its ghost may leave residuals on both sides that no calm place has; the mirrored ones must
    not raise the threshold of the calm. So `threshold_mirror` is asked for each side of some level of the
    regions' relief: the level, or none, with which most regions are kept. Grouping by what says nothing of the sign
    leaves the rate as it is (Ignatiadis et al. 2016, doi:10.1038/nmeth.3885).

    Returns
    -------
    kept
        bool (region,) of `defects`.
    threshold
        In sigma, that of the calm places.
    rate
        The larger of both rates.
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
    """Lowest rank at which at most the stated share of regions, and of their pixels, is expected to be false.

    Dust only darkens the infrared and noise goes both ways, so regions built from the mirrored score tell how many
    regions of noise there are at each rank: the estimator of the knockoff filter (Barber & Candes 2015,
    doi:10.1214/15-AOS1337) and of target-decoy search. Its "+ 1", with which fewer than 1 / rate regions could never be
    accepted, is replaced by an exponential tail fitted to the mirrored ranks where that is smaller.

    Parameters
    ----------
    defects, mirrored
        From `join_regions`, of sign 1 and -1.
    false_discovery_rate
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Threshold in sigma, the score that a region of one pixel needs (a region is kept when its summed excess over 3.2
        sigma is as much), and the rate estimated there, the larger of pixels' and regions'. Infinity and 0 when
        nothing can be accepted.
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
    """Regions, or their summed `weight`, of each rank or more."""
    order = np.argsort(regions["rank"].values)
    amounts = np.ones(len(order)) if weight is None else regions[weight].values[order].astype(float)
    above = np.r_[np.cumsum(amounts[::-1])[::-1], 0.0]
    return above[np.searchsorted(regions["rank"].values[order], ranks)]


def _expected_decoys(decoys: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Expected number of mirrored regions of each rank or more: an exponential tail above their median, half below."""
    if decoys.size < 2:
        return np.exp(-ranks)
    middle = float(np.median(decoys))
    excess = decoys[decoys > middle] - middle
    mean = max(float(excess.mean()) if excess.size else 0.0, 0.2)
    return decoys.size / 2 * np.exp(-np.maximum(ranks - middle, 0) / mean)


def rate_above(defects: xr.Dataset, decoys: xr.Dataset) -> float:
    """Estimated false discovery rate of all regions that were joined, the larger of pixels' and regions'; at most 1."""
    pairs = ((decoys.sizes["region"], defects.sizes["region"]), (decoys.area.sum(), defects.area.sum()))
    return max(min(float(false) / float(found), 1.0) if found else 0.0 for false, found in pairs)
