"""The threshold of each slide, from the mirror of its own noise, at a stated false discovery rate."""

import numpy as np
import xarray as xr

from irtoolkit.detection import GROW


def threshold_mirror(defects: xr.Dataset, mirrored: xr.Dataset, false_discovery_rate: float) -> tuple[float, float]:
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
    just_above = np.nextafter(mirrored["rank"].values, np.inf)
    ranks = np.unique(np.concatenate([[0.0], defects["rank"].values, just_above]))
    ranks = ranks[ranks <= defects["rank"].values.max()]
    expected = np.minimum(1.0, _tail(mirrored["rank"].values, ranks))
    area = np.median(mirrored.area.values) if mirrored.area.size else 1.0
    regions = (_at_least(mirrored, ranks) + expected) / _at_least(defects, ranks)
    marked = np.maximum(_at_least(defects, ranks, "area"), 1)
    pixels = (_at_least(mirrored, ranks, "area") + expected * area) / marked
    rate = np.maximum(regions, pixels)
    admitted = np.flatnonzero(rate <= false_discovery_rate)
    if not admitted.size:
        return float("inf"), 0.0
    lowest = admitted[0]
    return float(GROW + ranks[lowest]), float(rate[lowest])


def _at_least(regions: xr.Dataset, ranks: np.ndarray, weight: str | None = None) -> np.ndarray:
    """Regions, or their summed `weight`, of each rank or more."""
    order = np.argsort(regions["rank"].values)
    amounts = np.ones(len(order)) if weight is None else regions[weight].values[order].astype(float)
    above = np.r_[np.cumsum(amounts[::-1])[::-1], 0.0]
    return above[np.searchsorted(regions["rank"].values[order], ranks)]


def _tail(mirrored: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Expected number of mirrored regions of each rank or more, from an exponential tail above their median."""
    if mirrored.size < 2:
        return np.exp(-ranks)
    middle = float(np.median(mirrored))
    excess = mirrored[mirrored > middle] - middle
    mean = max(float(excess.mean()) if excess.size else 0.0, 0.2)
    return mirrored.size / 2 * np.exp(-(ranks - middle) / mean)


def rate_above(defects: xr.Dataset, mirrored: xr.Dataset) -> float:
    """Estimated false discovery rate of all regions that were joined, the larger of pixels' and regions'; at most 1."""
    pairs = ((mirrored.sizes["region"], defects.sizes["region"]), (mirrored.area.sum(), defects.area.sum()))
    return max(min(float(false) / float(found), 1.0) if found else 0.0 for false, found in pairs)
