"""Features that the local noise depends on (gradients, texture, density), and the light lost to defects."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import (
    HALF,
    QUARTER,
    blur,
    blur_known,
    blur_shrunk,
    enlarge,
    enlarge_nearest,
    gradient,
    mean_of,
    shrink,
    to_transmittance,
)
from irtoolkit.crosstalk import (
    SMOOTHING,
    Blurs,
    Crosstalk,
    blurs_of,
    box_mean,
    find_candidates,
    ghost_detail,
    is_picture,
    largest_detail,
)

FULL, HALVED = ("fine gradient", "ghost gradient"), ("coarse gradient", "texture", "density", "red")
PLAIN = ("1", *FULL, *HALVED)
"""Features: the constant, those at full and those at half resolution."""

TEXTURE_BLUR = 3.0

STEEP = 0.1
"""Slope of infrared over visible density above which the ghost hides much of a defect: visible traces are added, and
faint blobs excluded from the noise (docs/method.md)."""

BLURRED = 1.0
"""Blur of the infrared, px, above which visible traces are added (docs/method.md)."""

RIM = 5
"""Diameter, px, of the ellipse by which candidates shrink again: they are grown by 9, and a blur spreads a defect."""

SMALL_PICTURE = 7
"""Side, px at half resolution, of the squares under which something dark may be a detail of the picture."""

SURROUNDINGS_BLUR, TRACE_WINDOW, LARGEST_ADDITION = 6.0, 25, 2.5
LEAST_SHARE = np.float32(0.01)
"""Smallest share of the kernel outside candidates from which surroundings are measured."""


class Loss(NamedTuple):
    """What is known of a piece of a slide, (y, x), before its noise is.

    `lost`: smoothed share of light, positive where it is blocked, NaN where unknown; `candidate`: bool, where the
    residual exceeds the local noise and the ghost's contrast, or is NaN; `contrast`: that of the ghost, density;
    `detail`: `ghost_detail`, at half the resolution.
    """

    lost: np.ndarray
    candidate: np.ndarray
    contrast: np.ndarray
    detail: np.ndarray


def measure_loss(residual: np.ndarray, blurs: Blurs, crosstalk: Crosstalk) -> Loss:
    """Measure the light lost according to a residual density (y, x) beside the blurs of its picture."""
    detail = ghost_detail(blurs.ghost)
    contrast = largest_detail(detail, residual.shape)
    candidate = find_candidates(residual, contrast, crosstalk.sigma, _find_picture(residual, blurs, crosstalk.blur))
    light = to_transmittance(residual)
    lost = blur_known(np.subtract(1, light, out=light), SMOOTHING)
    if crosstalk.slopes > STEEP and crosstalk.blur > BLURRED:
        lost = add_trace(lost, blurs.ghost, (~candidate).astype(np.float32))
    return Loss(lost, candidate, contrast, detail)


def _find_picture(residual: np.ndarray, blurs: Blurs, blurred: float) -> np.ndarray:
    """`is_picture` (y, x), found at half resolution."""
    visible = blur(mean_of([shrink(band) for band in blurs.density]), blurred / HALF)
    infrared = residual + blurs.ghost
    infrared[np.isnan(residual)] = 0
    picture = is_picture(visible, shrink(infrared), SMALL_PICTURE)
    return enlarge_nearest(picture.astype(np.uint8), residual.shape) > 0


def find_dark(residual: np.ndarray, density: np.ndarray, crosstalk: Crosstalk) -> np.ndarray:
    """Candidates (y, x) bool of a tile that block light, without half of the rim by which candidates are grown.

    These are the certain defects, before there is a score. `residual` and visible `density` (3, y, x) are from
    `level_crosstalk`.
    """
    loss = measure_loss(residual, blurs_of(density, crosstalk), crosstalk)
    candidate = cv2.erode(loss.candidate.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RIM, RIM)))
    number, labels = cv2.connectedComponents(candidate, connectivity=8)
    blocked = np.bincount(labels.ravel(), np.nan_to_num(loss.lost).ravel(), number) > 0
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
    share, around = (_wide(plane) for plane in (outside, ghost * outside))
    excess = ghost - enlarge(around / np.maximum(share, LEAST_SHARE), ghost.shape, QUARTER)
    trace = (1 - to_transmittance(excess)) * (enlarge(share, ghost.shape, QUARTER) > LEAST_SHARE)
    known = np.isfinite(lost)
    loss, weight = np.where(known, lost, np.float32(0)), outside * known
    of_loss, of_trace = (_mean_power(np.abs(plane) * weight) for plane in (loss, trace))
    factor = enlarge(2 * of_loss / (of_loss + of_trace + np.float32(1e-12)), ghost.shape)
    added = np.minimum(factor * np.abs(trace), np.float32(LARGEST_ADDITION) * np.abs(loss))
    return lost + np.copysign(added * (trace * loss > 0), loss)


def _wide(plane: np.ndarray) -> np.ndarray:
    """A plane blurred by `SURROUNDINGS_BLUR`, at a quarter of the resolution."""
    return blur_shrunk(shrink(plane, QUARTER), SURROUNDINGS_BLUR, QUARTER)


def _mean_power(size: np.ndarray) -> np.ndarray:
    """Square of the mean size in `TRACE_WINDOW`, at half resolution."""
    return np.square(box_mean(shrink(size), TRACE_WINDOW // HALF | 1))


def full_features(blurs: Blurs) -> dict[str, np.ndarray]:
    """Features (y, x) at full resolution, by name."""
    return {"fine gradient": _log_energy(_slopes(blurs.fine), 2e-6), "ghost gradient": _log_energy(blurs.steps, 2e-8)}


def halved_features(blurs: Blurs) -> dict[str, np.ndarray]:
    """Features (y, x) at half resolution, by name; gradients are per px of the full resolution."""
    texture = blur_shrunk(shrink(_texture_energy(blurs)), TEXTURE_BLUR)
    return {
        "coarse gradient": _log_energy(_slopes(blurs.coarse), 2e-6, 1 / HALF),
        "texture": np.log(texture + np.float32(2e-6)),
        "density": mean_of(blurs.coarse),
        "red": blurs.coarse[0],
    }


def all_features(blurs: Blurs) -> list[np.ndarray]:
    """The features (y, x), all at full resolution, in the order of `PLAIN`."""
    shape = blurs.ghost.shape
    named: Mapping[str, np.ndarray] = full_features(blurs) | {
        name: enlarge(plane, shape) for name, plane in halved_features(blurs).items()
    }
    return [np.ones(shape, np.float32), *(named[name] for name in PLAIN[1:])]


def _slopes(planes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Gradients of planes (y, x), per px."""
    return chain.from_iterable(gradient(plane) for plane in planes)


def _log_energy(slopes: Iterable[np.ndarray], floor: float, scale: float = 1.0) -> np.ndarray:
    """Logarithm of the squares of slopes (y, x) times `scale`, summed, and of a floor."""
    energy: Any = np.float32(floor / scale**2)
    for slope in slopes:
        square = np.square(slope)
        energy = np.add(square, energy, out=square)
    energy *= np.float32(scale**2)
    return np.asarray(np.log(energy, out=energy))


def _texture_energy(blurs: Blurs) -> np.ndarray:
    """Square of the bands' detail (y, x), summed."""
    energy = np.zeros_like(blurs.ghost)
    for band, coarse in zip(blurs.density, blurs.coarse, strict=True):
        detail = band - enlarge(coarse, band.shape)
        energy += np.square(detail, out=detail)
    return energy
