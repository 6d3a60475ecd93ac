"""What a residual's noise depends on, the picture's gradients, texture and density; and the light that defects take."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from irtoolkit.arrays import blur, blur_known, gradient, to_transmittance
from irtoolkit.crosstalk import SMOOTHING, Crosstalk, box_mean, find_candidates, ghost_contrast, ghost_density

PLAIN = ("1", "fine gradient", "coarse gradient", "texture", "ghost gradient", "density", "red")
CARRY_WINDOWS = (17, 41)
TEXTURE_BLUR = 2.0

STEEP = 0.1
"""Slope of the infrared over the visible density from which on it takes much of a defect: traces are added, and spots
left out of the noise. Elsewhere damage stands out, and its marks would only widen."""

BLURRED = 1.0
"""Blur of the infrared, px, from which on traces are added: a sharp infrared's marks would only widen. Of 15 hard
blurred simulated Kodachromes 11 gained up to .13 of F1, 3 lost to .01."""

CALM_BLUR, TRACE_WINDOW, MOST_ADDED = 6.0, 25, 2.5
LEAST_SHARE = np.float32(0.01)
"""Share of the kernel that must be outside of candidates for surroundings to be known."""


def noise_features(
    residual: np.ndarray, density: np.ndarray, crosstalk: Crosstalk
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Iterator[np.ndarray]]:
    """Lost light smoothed (y, x), candidates (y, x) bool, the ghost's contrast (y, x), and the plain features (y, x).

    Candidates are places that stand out of the residual's neighbourhood and of the ghost's own contrast, or where the
    residual is NaN; features come one after another, carried over candidates from their surroundings, because a
    defect's visible trace would raise its own noise.
    """
    ghost = blur(ghost_density(density, crosstalk.prediction, crosstalk.curve.densest), 1.4)
    contrast = ghost_contrast(ghost)
    candidate = find_candidates(residual, contrast, crosstalk.sigma)
    lost = blur_known(1 - to_transmittance(residual), SMOOTHING)
    outside = (~candidate).astype(np.float32)
    if crosstalk.slopes > STEEP and crosstalk.blur > BLURRED:
        lost = add_trace(lost, ghost, outside)
    return lost, candidate, contrast, _plain_features(density, ghost, outside)


def add_trace(lost: np.ndarray, ghost: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Lost light (y, x), and where the picture is calm what a defect's own visible trace took for picture.

    A defect darkens the visible bands too, so a steep ghost is predicted from it, and what is left of the defect is
    little; beside residual and ghost of opposite signs nothing is added. Of the ghost's deviation from its surroundings
    counts twice the share that the residual's power has of both powers around, as the best weights of two independent
    traces of a defect do (matched filter; North 1963, doi:10.1109/PROC.1963.2383) where the ghost takes two thirds of
    it; and at most 2.5 times the lost light, because the picture's own dark spots lose none.

    Parameters
    ----------
    lost
        Float32 share of light, positive where it is blocked; NaN where it is not known, and there it stays.
    ghost
        Float32 density.
    outside
        Float32, 0 at candidates, of which no surroundings know.
    """
    share = blur(outside, CALM_BLUR)
    around = blur(ghost * outside, CALM_BLUR) / np.maximum(share, LEAST_SHARE)
    trace = np.where(share > LEAST_SHARE, 1 - to_transmittance(ghost - around), np.float32(0))
    known = np.isfinite(lost)
    loss, weight = np.where(known, lost, np.float32(0)), outside * known
    of_loss, of_trace = (box_mean(np.abs(plane) * weight, TRACE_WINDOW) ** 2 for plane in (loss, trace))
    added = 2 * of_loss / (of_loss + of_trace + np.float32(1e-12)) * np.abs(trace)
    added = np.minimum(added, np.float32(MOST_ADDED) * np.abs(loss))
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
    """Inside candidates the normalised average of what is outside (Knutsson & Westin 1993,
    doi:10.1109/CVPR.1993.341081).

    `share` is the average of `outside` alone.
    """
    average = _mean_around(feature * outside)
    average /= share
    return np.where(outside > 0, feature, average)


def _mean_around(plane: np.ndarray) -> np.ndarray:
    """Mean in the narrower of `CARRY_WINDOWS`, and a thousandth of that in the wider, which counts where it is 0."""
    near, far = (box_mean(plane, window) for window in CARRY_WINDOWS)
    far *= np.float32(1e-3)
    near += far
    return near
