"""Whether the colours lost light where the infrared did: the proof that both show one piece of film."""

from collections.abc import Sequence

import cv2
import numpy as np

from irtoolkit.arrays import compute_each, robust_centre_and_scale, wide_blur

SURE = 6.0
"""Robust sigmas of the residual from which a pixel is taken for damage here."""

AROUND = 6.0
"""Sigma, px, of the surroundings with which a place is compared."""

FEWEST = 8
"""Fewest places for an answer."""

BEST = 0.1
"""Smallest error of the ratio at one place, as light is scattered around it."""

LARGEST_ERROR = 0.5
"""Largest error of an answer: half the difference between the answers 1 and 0."""

RIM = np.ones((5, 5), np.uint8)


def measure_agreement(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Visible over infrared density lost at the damage of a slide: near 1 or more, and 0 if they show different slides.

    The median over places, each weighted by the inverse of its ratio's variance, which follows from the detail of the
    picture around it: a mark on a plain sky counts much, a faint residue among strong detail little (docs/method.md).

    Parameters
    ----------
    pairs
        The residual (y, x) and the visible density (3, y, x) of tiles of the slide, from `level_crosstalk`.

    Returns
    -------
    float
        NaN where there are fewer than 8 places, or where they leave an error of more than .5.
    """
    places = np.concatenate(compute_each(_lost, pairs), axis=1)
    visible, infrared, detail = places[:, places[1] > 0]
    weight = (infrared / np.maximum(detail, BEST * infrared)) ** 2
    if infrared.size < FEWEST or weight.sum() < LARGEST_ERROR**-2:
        return float("nan")
    ratio = visible / infrared
    order = np.argsort(ratio)
    share = np.cumsum(weight[order]) / weight.sum()
    return float(ratio[order][np.searchsorted(share, 0.5)])


def _lost(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Visible and infrared density lost at each place of a large residual, and the picture's detail around.

    All three (row, place) are summed over the pixels of the place, the last as if their errors were equal.
    """
    residual, density = pair[0], pair[1].mean(axis=0)
    known = np.isfinite(residual)
    centre, scale = robust_centre_and_scale(residual[known]) if known.any() else (0.0, 1.0)
    excess = np.where(known, residual - np.float32(centre), np.float32(0))
    standing_out = cv2.dilate((excess > SURE * max(scale, 1e-9)).astype(np.uint8), RIM)
    count, label = cv2.connectedComponents(standing_out, connectivity=8)
    around = (label == 0).astype(np.float32)
    near = np.maximum(wide_blur(around, AROUND), np.float32(1e-3))
    level = wide_blur(density * around, AROUND) / near
    detail = np.sqrt(wide_blur((density - level) ** 2 * around, AROUND) / near)
    planes = (density - level, excess, detail)
    return np.stack([np.bincount(label.ravel(), plane.ravel(), count)[1:] for plane in planes])
