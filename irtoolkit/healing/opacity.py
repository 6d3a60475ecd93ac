"""What the infrared alone says of defects: their density, how sure it is, and what the picture under them changes."""

from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import blur, from_light, to_light
from irtoolkit.crosstalk import Crosstalk, ghost_slopes, subtract_ghost, visible_density
from irtoolkit.healing.inpainting import fill_smoothly

LN10 = np.float32(np.log(10))
DARKEST_SHARE, LARGEST_OFFSET = 0.9, 100.0
"""Black level for the division: this share of the darkest light, and at most so many 16-bit counts, as of scanners."""

SOFTNESS = 10.0
"""16-bit counts under which the logarithm of light turns into light itself."""

READ_NOISE, NOISE_PER_COUNT = 8.0, 0.25
"""Counts, and squared counts per count, that a sensor adds; less than scanners show, so that what light came through
keeps its noise as it keeps its grain."""

FILL_GROWN = 2
LEVEL_BLUR, WIDE_LEVEL_BLUR = 12.0, 40.0
LARGEST_NOISE = 0.1
EXCESS_BLUR = 0.8
"""Px by which the picture's ghost shows more blur than defects have, in quadrature (measured on simulated scans)."""

MOST_SLOPE = 0.25
"""Largest sum of slopes by which the picture under a defect may explain its infrared; beyond, film and defect look
alike."""


class Evidence(NamedTuple):
    """Natural logarithms, float32, on a sheet (y, x), bands R, G, B first where there are three.

    `light`: of visible light above `offset` (16-bit counts of light); `fill`: the same with the defects filled from
    around them; `density`: of the defects in infrared, positive where light is blocked, given that fill, 0 where not
    seen; `noise`: its standard deviation; `slopes`: its change with the picture under the defects; `seen`: bool.
    """

    light: np.ndarray
    fill: np.ndarray
    offset: np.ndarray
    density: np.ndarray
    noise: np.ndarray
    slopes: np.ndarray
    seen: np.ndarray
    blur: float


def measure_opacity(
    counts: np.ndarray,
    infrared: np.ndarray,
    mask: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
    crosstalk: Crosstalk,
) -> Evidence:
    """Measure the infrared density of defects against the picture that surrounds them.

    The picture's ghost is predicted from visible bands whose defects are filled first; else a defect's own visible
    trace would be taken for picture and lessen its density.

    Parameters
    ----------
    counts
        (3, y, x) float32 16-bit counts of R, G, B.
    infrared
        (y, x) float32 16-bit counts on the colour grid, NaN where not seen.
    mask
        (y, x) bool, True = defect.
    place
        Rows and columns from -1 to 1 over the slide, from `frame_place`.
    crosstalk
        That of the slide.
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
    density, noise = _level(np.where(seen, residual, 0), seen & ~grown(mask, FILL_GROWN + round(2.5 * sharpness)))
    slopes = np.zeros_like(light)
    under = ghost_slopes(visible[:, None, mask], crosstalk.coefficient, crosstalk.prediction, curve.densest)
    slopes[:, mask] = _bounded(under[:, 0])
    return Evidence(light, fill, offset, np.where(seen, density, 0), noise, slopes, seen, sharpness)


def _bounded(slopes: np.ndarray) -> np.ndarray:
    """Slopes (3, pixels), lessened where their sum is beyond what can be told from a defect."""
    return slopes * np.minimum(1, MOST_SLOPE / np.maximum(np.abs(slopes).sum(axis=0), 1e-3))


def to_log(light: np.ndarray) -> np.ndarray:
    """Logarithm of 16-bit counts of light, nearly linear where these drown in noise (see `density.to_density`)."""
    return np.log((light + np.sqrt(light**2 + np.float32(4 * SOFTNESS**2))) / 2)


def from_log(logarithm: np.ndarray) -> np.ndarray:
    """Counts of light that `to_log` makes this of.

    >>> from_log(to_log(np.array([-5.0, 0.0, 1000.0]))).round(6) + 0.0
    array([  -5.,    0., 1000.])
    """
    counts = np.exp(logarithm)
    return counts - np.float32(SOFTNESS**2) / counts


def sensor_noise(logarithm: np.ndarray) -> np.ndarray:
    """Variance of `to_log` of light whose `to_log` this is."""
    return (READ_NOISE**2 + NOISE_PER_COUNT * np.exp(logarithm)) / steepness(logarithm) ** 2


def steepness(logarithm: np.ndarray) -> np.ndarray:
    """Counts of light per unit of their `to_log`."""
    counts = np.exp(logarithm)
    return np.asarray(counts + np.float32(SOFTNESS**2) / counts)


def _level(residual: np.ndarray, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The residual from its mean over clean pixels around, and their deviation from that mean; near ones count most."""
    weight = _spread(clean.astype(np.float32)) + np.float32(1e-9)

    def mean(plane: np.ndarray) -> np.ndarray:
        height, width = plane.shape
        means = _spread(np.where(clean, plane, np.float32(0))) / weight
        return cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)

    density = residual - mean(residual)
    return density, np.sqrt(mean(np.clip(density, -LARGEST_NOISE, LARGEST_NOISE) ** 2) + np.float32(4e-6))


def _spread(plane: np.ndarray) -> np.ndarray:
    """Means of a plane (y, x) of 4 by 4 pixels, blurred by the narrow kernel and, by a fiftieth, the wide one."""
    height, width = (max(1, length // 4) for length in plane.shape)
    small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    return blur(small, LEVEL_BLUR / 4) + np.float32(0.02) * blur(small, WIDE_LEVEL_BLUR / 4)


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (y, x) grown by a disc of `radius` px."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), bool)
