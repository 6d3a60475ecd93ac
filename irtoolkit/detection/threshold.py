"""Threshold of a slide at a given false discovery rate, estimated from the mirror image of its own noise."""

import numpy as np
import xarray as xr

from irtoolkit.detection.noise_features import STEEP
from irtoolkit.detection.ranking import null_share

FEW, HARDLY_ANY = 20, 5
"""Number of regions on steep film below which the rate is not known, and below which as many false ones may be expected
as among that many (docs/method.md)."""


def threshold_mirror(defects: xr.Dataset, decoys: xr.Dataset, false_discovery_rate: float) -> float:
    """Lowest threshold on the regions' score at which the false discovery rate is at most the given one.

    Of one to four regions on film whose infrared follows the picture, whose rate is not known, as many false ones may
    be expected as of five: a quarter of one at a rate of .05. Else a slide's only speck would hardly ever be marked.

    Parameters
    ----------
    defects, decoys
        From `ranking.score_regions`, of sign 1 and -1.
    false_discovery_rate
        Between 0 and 1.

    Returns
    -------
    float
        In sigma: the least score of the defects that are kept; infinity if none can be kept.
    """
    scores = np.unique(defects.score.values)
    rates = rate_from(defects, decoys, scores)
    least = HARDLY_ANY if _follows_picture(defects) else 1
    admitted = np.flatnonzero(rates <= false_discovery_rate * np.maximum(1, least / _at_least(defects, scores)))
    return float(scores[admitted[0]]) if admitted.size else float("inf")


def rate_from(defects: xr.Dataset, decoys: xr.Dataset, scores: np.ndarray) -> np.ndarray:
    """Estimated false discovery rate of the defects of at least each score, the larger of pixels' and regions'.

    Dust only darkens the infrared while noise has both signs, so decoys, the regions of the mirrored score, estimate
    the number of false regions (knockoff filter, Barber & Candes 2015, doi:10.1214/15-AOS1337; target-decoy search).
    Its "+ 1", which would reject any set of fewer than 1 / rate regions, is one region of the pooled null: the
    probability that such a region has this score. At most 1, and 0 without defects.
    """
    expected = null_share(scores)
    area = np.median(decoys.area.values) if decoys.sizes["region"] else 1.0
    regions = (_at_least(decoys, scores) + expected) / np.maximum(_at_least(defects, scores), 1)
    marked = np.maximum(_at_least(defects, scores, "area"), 1)
    pixels = (_at_least(decoys, scores, "area") + expected * area) / marked
    some = _at_least(defects, scores) > 0
    return np.where(some, np.minimum(np.maximum(regions, pixels), 1.0), 0.0)


def known_rate(rate: float, defects: xr.Dataset) -> float:
    """The estimated rate of the defects that are kept, NaN where it cannot be known.

    On film whose infrared follows the picture, what the model misses is mostly dark, so that decoys do not count it.
    Among many defects it is a small share; of few it may be all.
    """
    few = 0 < defects.sizes["region"] < FEW
    return float("nan") if few and _follows_picture(defects) else rate


def _follows_picture(regions: xr.Dataset) -> bool:
    return regions.attrs.get("slopes", 0.0) > STEEP


def _at_least(regions: xr.Dataset, scores: np.ndarray, weight: str | None = None) -> np.ndarray:
    """Number of regions, or their summed `weight`, of at least each score."""
    order = np.argsort(regions.score.values)
    amounts = np.ones(len(order)) if weight is None else regions[weight].values[order].astype(float)
    above = np.r_[np.cumsum(amounts[::-1])[::-1], 0.0]
    return above[np.searchsorted(regions.score.values[order], scores)]


def rate_above(defects: xr.Dataset, decoys: xr.Dataset) -> float:
    """Estimated false discovery rate of all given regions, the larger of pixels' and regions'; at most 1."""
    pairs = ((decoys.sizes["region"], defects.sizes["region"]), (decoys.area.sum(), defects.area.sum()))
    return max(min(float(false) / float(found), 1.0) if found else 0.0 for false, found in pairs)
