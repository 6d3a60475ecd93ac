"""The rank of a region by what it is, the same for defects and decoys, and its score in sigma under a pooled null."""

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

CENTRES = np.array([5.0, 0.2, -0.55, 0.241])
SPREADS = np.array([1.83, 1.25, 1.28, 0.66])
WEIGHTS = np.array([1.29, -0.95, -0.50, 0.76])
"""Of size, agreement, ghost step and likeness; learned by `python -m benchmarks.ranking` (docs/method.md)."""

LARGEST_FEATURE = 4.0
LARGEST_SIZE = 5.0
SMALLEST_RATIO, SMALLEST_NOISE, MOST_PIXELS = 0.02, 0.003, 400.0
BRIGHTEST = -1.5

USUAL_RATIO, LARGEST_GHOST, LEAST_GHOST = 1.1, 0.6, 0.1
EXPLAINED, LARGEST_RATIO, LEAST_JUDGED = 2.0, 8.0, 0.06
"""Usual ratio of dust; limits of the share of dust that the ghost takes; what the infrared of a region shows over what
dust would show above which the picture explains it; a density over that in infrared of no dust, and the density in
infrared from which on this is judged (docs/method.md)."""

EXPLAINED_LINE, LONG, SLENDER = 1.5, 40.0, 8.0
"""The same limit for a straight line, and from which length, px, and times its breadth a region is one
(docs/method.md)."""

OF_EDGE = 0.3
"""Largest residual of a straight line, over the contrast of the ghost beside it, under which it is left of an edge
(docs/method.md)."""

NULL_REGIONS = 8e-6
"""Visible regions of one sign per pixel of undamaged slides, and below how their ranks are distributed: shares of them
that have at least a rank, both signs together (`python -m benchmarks.ranking`)."""

NULL_SHARES = np.array([0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
NULL_RANKS = np.array([-2.56, -0.1, 0.18, 0.6, 1.6, 1.78])


def rank_features(regions: xr.Dataset) -> np.ndarray:
    """Features (4, region) of regions from `join_regions`, which a region and its mirror image share.

    Size: the summed score, saturating. Agreement: the largest difference, over the bands, between the light that they
    lose and the light that the infrared loses, relative to the latter: dust takes alike from all, what is left of a
    picture does not. Ghost step: the step of the predicted ghost over the residual. Likeness: of visible and residual.
    """
    residual = np.maximum(regions.loss.values, 1e-6)
    noise = (regions.grain.values + SMALLEST_NOISE) / np.sqrt(np.minimum(regions.pixels.values, MOST_PIXELS))
    lost = _light_lost(np.maximum(regions.infrared_step.values, residual))
    apart = [np.abs(lost - _light_lost(regions[band].values)) for band in ("red", "green", "blue")]
    agreement = np.max(apart, axis=0) / (_light_lost(residual) + 2.3 * noise)
    step = np.abs(regions.ghost_step.values) / residual
    return np.stack(
        [
            np.minimum(np.log(regions["rank"].values + 0.3), LARGEST_SIZE),
            np.log(SMALLEST_RATIO + agreement),
            np.log(SMALLEST_RATIO + step),
            regions.likeness.values,
        ]
    )


def standardise(features: np.ndarray) -> np.ndarray:
    """Features (4, region) from their centres, in spreads, at most 4 of either sign."""
    return np.clip((features - CENTRES[:, None]) / SPREADS[:, None], -LARGEST_FEATURE, LARGEST_FEATURE)


def _light_lost(density: np.ndarray) -> np.ndarray:
    """Share of light that a density takes; negative, and linear, where light is added."""
    return np.where(density > 0, 1 - 10.0 ** -np.maximum(density, 0), 2.3 * np.maximum(density, BRIGHTEST))


def explained_by_picture(regions: xr.Dataset) -> np.ndarray:
    """Regions (region,) bool whose infrared is darker by far than dust of their residual makes it.

    Dust of density d leaves d (1 - slopes times its ratio) in the residual. Where the picture's ghost is predicted a
    little too bright, the residual is a far smaller part of what the infrared shows; this holds on film whose infrared
    follows the picture. Of long straight lines, which are mostly picture, less is enough: the scanner averages the
    light of a thin dark line, whose infrared is then darker than its ghost; and a line beside an edge that is far
    stronger is what the ghost leaves of the edge. On any film no dust takes eight times as much from the visible as
    from the infrared. Faint regions are not judged by this, because the picture itself differs by as much.
    """
    ghost = min(USUAL_RATIO * regions.attrs.get("slopes", 0.0), LARGEST_GHOST)
    residual = np.maximum(regions.loss.values, 1e-6)
    over_dust = regions.infrared_step.values / residual * (1 - ghost)
    lost = np.min([regions[band].values for band in ("red", "green", "blue")], axis=0)
    drawn = lost > LARGEST_RATIO * np.maximum(np.maximum(regions.infrared_step.values, residual), LEAST_JUDGED)
    line = (regions.length.values >= LONG) & (regions.length.values >= SLENDER * regions.breadth.values)
    of_picture = over_dust > np.where(line, EXPLAINED_LINE, EXPLAINED)
    of_edge = line & (regions.peak.values < OF_EDGE * regions.contrast.values)
    return np.asarray((of_picture | of_edge) & (ghost > LEAST_GHOST) | drawn)


def score_regions(regions: xr.Dataset) -> xr.Dataset:
    """Regions with their `score`, sigma: normal quantile of the chance that a region of an undamaged slide begins at a
    pixel and has at least this rank, from about 4 on.
    """
    standard = standardise(rank_features(regions))
    return regions.assign(score=("region", -ndtri(NULL_REGIONS * _share_above(WEIGHTS @ standard))))


def null_share(score: np.ndarray) -> np.ndarray:
    """Share of the regions of undamaged slides that have at least a score."""
    return np.minimum(ndtr(-score) / NULL_REGIONS, 1.0)


def _share_above(rank: np.ndarray) -> np.ndarray:
    """Share of the regions of undamaged slides of at least a rank; exponential beyond the table on both sides."""
    logs = np.log(NULL_SHARES)
    slopes = np.diff(logs)[[0, -1]] / np.diff(NULL_RANKS)[[0, -1]]
    above = logs[-1] + slopes[1] * (rank - NULL_RANKS[-1])
    below = np.log1p(-(1 - NULL_SHARES[0]) * np.exp(np.minimum(rank - NULL_RANKS[0], 0)))
    inside = np.interp(rank, NULL_RANKS, logs)
    return np.exp(np.where(rank > NULL_RANKS[-1], above, np.where(rank < NULL_RANKS[0], below, inside)))
