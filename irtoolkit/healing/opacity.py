"""Infrared density of defects, its noise, and its dependence on the picture under them."""

from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import Place, blur, from_light, to_light
from irtoolkit.crosstalk import Crosstalk, ghost_slopes, subtract_ghost, visible_density
from irtoolkit.healing.inpainting import fill_smoothly

LN10 = np.float32(np.log(10))
DARKEST_SHARE, LARGEST_OFFSET = 0.9, 100.0
"""Black level for the division: share of the darkest light, and its largest value in 16-bit counts."""

SOFTNESS = 10.0
"""16-bit counts below which the logarithm of light becomes linear."""

READ_NOISE, NOISE_PER_COUNT = 8.0, 0.25
"""Sensor noise in counts, and in squared counts per count; below that of scanners, so that divided light keeps its
noise as well as its grain."""

FILL_GROWN = 2
LEVEL_BLUR, WIDE_LEVEL_BLUR = 6.0, 24.0
LARGEST_NOISE = 0.1
EXCESS_BLUR = 0.8
"""Px by which the ghost's blur exceeds that of defects, in quadrature (docs/method.md)."""

LARGEST_SLOPE = 0.25
"""Largest sum of slopes by which the picture under a defect may explain its infrared; steeper film cannot be separated
from defects."""


class Evidence(NamedTuple):
    """Natural logarithms, float32, on a sheet (y, x), bands R, G, B first where there are three.

    `light`: of visible light above `offset` (16-bit counts of light); `fill`: the same with inpainted defects;
    `density`: infrared density of the defects given that fill, positive where light is blocked, 0 where the infrared is
    unknown; `noise`: its standard deviation; `slopes`: its change with the picture under the defects; `seen`: bool,
    True where the infrared is known; `blur`: sigma of the infrared in px.
    """

    light: np.ndarray
    fill: np.ndarray
    offset: np.ndarray
    density: np.ndarray
    noise: np.ndarray
    slopes: np.ndarray
    seen: np.ndarray
    blur: float

    def cut(self, place: Place) -> "Evidence":
        """The evidence of some rows and columns."""
        planes = {name: plane[..., *place] for name, plane in self._asdict().items() if name not in ("offset", "blur")}
        return self._replace(**planes)


def measure_opacity(
    counts: np.ndarray,
    infrared: np.ndarray,
    mask: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
    crosstalk: Crosstalk,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Evidence:
    """Measure the infrared density of defects against the picture that surrounds them.

    The picture's ghost is predicted from visible bands with inpainted defects, because a defect's own visible trace
    would count as picture and lower its density. `shift` (y, x), px: the infrared at (y + shift) shows the defects of
    (y, x). The other parameters are those of `restoration.restore`.
    """
    curve, hole = crosstalk.curve, grown(mask, FILL_GROWN)
    offset = np.minimum(DARKEST_SHARE * curve.darkest, LARGEST_OFFSET).astype(np.float32)[:, None, None]
    light = to_log(to_light(counts, curve.exponent) - offset)
    fill, filled = fill_smoothly(light, hole), counts.astype(np.float32)
    filled[:, hole] = from_light(from_log(fill[:, hole]) + offset[:, 0], curve.exponent)
    visible = visible_density(filled, curve)
    residual = LN10 * subtract_ghost(visible, infrared, place, crosstalk)
    sharpness = float(np.sqrt(max(crosstalk.blur**2 - EXCESS_BLUR**2, 0)))
    seen = np.isfinite(residual)
    density, noise = _flattened(np.where(seen, residual, 0), seen & ~grown(mask, FILL_GROWN + round(2.5 * sharpness)))
    slopes = np.zeros_like(light)
    under = ghost_slopes(visible[:, None, mask], crosstalk.coefficient, crosstalk.prediction, curve.densest)
    slopes[:, mask] = _bounded(under[:, 0])
    return Evidence(light, fill, offset, np.where(seen, _moved(density, shift), 0), noise, slopes, seen, sharpness)


def _moved(plane: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """A plane (y, x) as seen at (y + shift), by cubic interpolation."""
    if not any(shift):
        return plane
    move = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, move, plane.shape[::-1], flags=way, borderMode=cv2.BORDER_REPLICATE)


def _bounded(slopes: np.ndarray) -> np.ndarray:
    """Slopes (3, pixels), scaled down to a sum of at most `LARGEST_SLOPE`."""
    return slopes * np.minimum(1, LARGEST_SLOPE / np.maximum(np.abs(slopes).sum(axis=0), 1e-3))


def to_log(light: np.ndarray) -> np.ndarray:
    """Logarithm of 16-bit counts of light, nearly linear within the noise (see `density.to_density`)."""
    return np.log((light + np.sqrt(light**2 + np.float32(4 * SOFTNESS**2))) / 2)


def from_log(logarithm: np.ndarray) -> np.ndarray:
    """Counts of light whose `to_log` is given.

    >>> from_log(to_log(np.array([-5.0, 0.0, 1000.0]))).round(6) + 0.0
    array([  -5.,    0., 1000.])
    """
    counts = np.exp(logarithm)
    return counts - np.float32(SOFTNESS**2) / counts


def sensor_noise(logarithm: np.ndarray) -> np.ndarray:
    """Variance of the `to_log` of light, from sensor noise, at a given `to_log`."""
    return (READ_NOISE**2 + NOISE_PER_COUNT * np.exp(logarithm)) / steepness(logarithm) ** 2


def steepness(logarithm: np.ndarray) -> np.ndarray:
    """Counts of light per unit of their `to_log`."""
    counts = np.exp(logarithm)
    return np.asarray(counts + np.float32(SOFTNESS**2) / counts)


def _flattened(residual: np.ndarray, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residual minus its background level, the mean of clean pixels around, and their deviation from that level."""
    weight = _wide_mean(clean.astype(np.float32)) + np.float32(1e-9)

    def mean(plane: np.ndarray) -> np.ndarray:
        height, width = plane.shape
        means = _wide_mean(np.where(clean, plane, np.float32(0))) / weight
        return cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)

    density = residual - mean(residual)
    return density, np.sqrt(mean(np.clip(density, -LARGEST_NOISE, LARGEST_NOISE) ** 2) + np.float32(4e-6))


def _wide_mean(plane: np.ndarray) -> np.ndarray:
    """Means of 4 by 4 pixels of a plane (y, x), blurred by the narrow kernel plus a fiftieth of the wide one."""
    height, width = (max(1, length // 4) for length in plane.shape)
    small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    return blur(small, LEVEL_BLUR / 4) + np.float32(0.02) * blur(small, WIDE_LEVEL_BLUR / 4)


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (y, x) grown by a disc of `radius` px."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), bool)
