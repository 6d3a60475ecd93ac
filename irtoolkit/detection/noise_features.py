"""Features that the local noise depends on (gradients, texture, density), and the light lost to defects."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np

from irtoolkit.arrays import blur, blur_known, gradient, to_transmittance
from irtoolkit.crosstalk import (
    SMOOTHING,
    Crosstalk,
    box_mean,
    find_candidates,
    ghost_contrast,
    ghost_density,
    is_picture,
)

PLAIN = ("1", "fine gradient", "coarse gradient", "texture", "ghost gradient", "density", "red")
CARRY_WINDOWS = (17, 41)
TEXTURE_BLUR = 2.0

STEEP = 0.1
"""Slope of infrared over visible density above which the ghost hides much of a defect: visible traces are added, and
faint blobs excluded from the noise (docs/method.md)."""

BLURRED = 1.0
"""Blur of the infrared, px, above which visible traces are added (docs/method.md)."""

RIM = 5
"""Diameter, px, of the ellipse by which candidates shrink again: they are grown by 9, and a blur spreads a defect."""

SURROUNDINGS_BLUR, TRACE_WINDOW, LARGEST_ADDITION = 6.0, 25, 2.5
LEAST_SHARE = np.float32(0.01)
"""Smallest share of the kernel outside candidates from which surroundings are measured."""


def noise_features(
    residual: np.ndarray, density: np.ndarray, crosstalk: Crosstalk
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Iterator[np.ndarray]]:
    """Smoothed loss of light (y, x), candidates (y, x) bool, ghost contrast (y, x), and an iterator of features (y, x).

    Candidates are pixels whose residual exceeds the local noise and the ghost's contrast, or is NaN. Features are
    interpolated over candidates, because a defect's visible trace would raise its own noise.
    """
    ghost = blur(ghost_density(density, crosstalk.prediction, crosstalk.curve.densest), 1.4)
    contrast = ghost_contrast(ghost)
    visible = blur(density.mean(axis=0), float(np.hypot(SMOOTHING, crosstalk.blur)))
    picture = is_picture(visible, blur(np.nan_to_num(residual) + ghost, SMOOTHING))
    candidate = find_candidates(residual, contrast, crosstalk.sigma, picture)
    lost = blur_known(1 - to_transmittance(residual), SMOOTHING)
    outside = (~candidate).astype(np.float32)
    if crosstalk.slopes > STEEP and crosstalk.blur > BLURRED:
        lost = add_trace(lost, ghost, outside)
    return lost, candidate, contrast, _plain_features(density, ghost, outside)


def find_dark(residual: np.ndarray, density: np.ndarray, crosstalk: Crosstalk) -> np.ndarray:
    """Candidates (y, x) bool of a tile that block light, without half of the rim by which candidates are grown.

    These are the certain defects, before there is a score. `residual` and visible `density` (3, y, x) are from
    `level_crosstalk`.
    """
    lost, grown, _, _ = noise_features(residual, density, crosstalk)
    candidate = cv2.erode(grown.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RIM, RIM)))
    number, labels = cv2.connectedComponents(candidate, connectivity=8)
    blocked = np.bincount(labels.ravel(), np.nan_to_num(lost).ravel(), number) > 0
    return np.asarray((candidate > 0) & blocked[labels])


def add_trace(lost: np.ndarray, ghost: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Loss of light (y, x) plus the part of a defect that the ghost predicted from its own visible trace.

    Defects also darken the visible bands, so a steep ghost predicts and subtracts most of their loss. Nothing is added
    where residual and ghost have opposite signs. The ghost's deviation from its surroundings is weighted by twice the
    share of the residual's local power in the sum of both powers: the optimal weight of two independent traces of a
    defect (matched filter; North 1963, doi:10.1109/PROC.1963.2383) if the ghost removes two thirds of it. At most 2.5
    times the loss is added, because dark details of the picture lose none.

    All are float32: `lost` a share of light, positive where it is blocked, NaN where unknown, which is kept; `ghost` a
    density; `outside` 0 at candidates, which take no part in surroundings.
    """
    share = blur(outside, SURROUNDINGS_BLUR)
    around = blur(ghost * outside, SURROUNDINGS_BLUR) / np.maximum(share, LEAST_SHARE)
    trace = np.where(share > LEAST_SHARE, 1 - to_transmittance(ghost - around), np.float32(0))
    known = np.isfinite(lost)
    loss, weight = np.where(known, lost, np.float32(0)), outside * known
    of_loss, of_trace = (box_mean(np.abs(plane) * weight, TRACE_WINDOW) ** 2 for plane in (loss, trace))
    added = 2 * of_loss / (of_loss + of_trace + np.float32(1e-12)) * np.abs(trace)
    added = np.minimum(added, np.float32(LARGEST_ADDITION) * np.abs(loss))
    return lost + np.copysign(added * (trace * loss > 0), loss)


def _plain_features(density: np.ndarray, ghost: np.ndarray, outside: np.ndarray) -> Iterator[np.ndarray]:
    yield np.ones_like(ghost)
    features = _raw_features(density, ghost)
    if outside.all():
        yield from features
        return
    share = _mean_around(outside) + np.float32(1e-9)
    yield from map(partial(_carried_over, outside=outside, share=share), features)


def _raw_features(density: np.ndarray, ghost: np.ndarray) -> Iterator[np.ndarray]:
    smooth = [blur(band, TEXTURE_BLUR) for band in density]
    yield _log_gradient((blur(band, 0.8) for band in density), 2e-6)
    yield _log_gradient(smooth, 2e-6)
    yield _log_texture(density, smooth)
    yield _log_gradient([ghost], 2e-8)
    yield np.mean(smooth, axis=0)
    yield smooth[0]


def _log_gradient(planes: Iterable[np.ndarray], floor: float) -> np.ndarray:
    energy: Any = np.float32(floor)
    for plane in planes:
        for slope in gradient(plane):
            energy = np.add(np.square(slope, out=slope), energy, out=slope)
    return np.log(energy)


def _log_texture(density: np.ndarray, smooth: Sequence[np.ndarray]) -> np.ndarray:
    detail = np.zeros_like(density[0])
    for band, without in zip(density, smooth, strict=True):
        fine = band - without
        detail += np.square(fine, out=fine)
    return np.log(blur(detail, 3.0) + np.float32(2e-6))


def _carried_over(feature: np.ndarray, outside: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Feature with its normalised average outside candidates filled in (Knutsson & Westin 1993,
    doi:10.1109/CVPR.1993.341081); `share` is the average of `outside`.
    """
    average = _mean_around(feature * outside)
    average /= share
    return np.where(outside > 0, feature, average)


def _mean_around(plane: np.ndarray) -> np.ndarray:
    """Mean in the narrower of `CARRY_WINDOWS`, plus a thousandth of that in the wider, used where it is 0."""
    near, far = (box_mean(plane, window) for window in CARRY_WINDOWS)
    far *= np.float32(1e-3)
    near += far
    return near
