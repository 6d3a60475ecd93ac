"""Variance of the picture's change from pixel to pixel, and its covariance between bands, around defects."""

from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.arrays import blur
from irtoolkit.healing.opacity import FILL_GROWN, Evidence, grown, sensor_noise

NEIGHBOURHOOD = 6.0
LEAST_CHANGE = 0.02
OUTLIER = 8.0


class PictureModel(NamedTuple):
    """`variance` (y, x) of the change of log light between neighbours, mean of the bands; `bands` (3, 3): inverse
    covariance of the bands' changes, in units of that variance.
    """

    variance: np.ndarray
    bands: np.ndarray


def measure_picture(evidence: Evidence, mask: np.ndarray) -> PictureModel:
    """Measure the changes between known neighbours at least 2 px from a mask (y, x), without sensor noise."""
    clean = evidence.seen & ~grown(mask, FILL_GROWN)
    light, power, number = evidence.light, np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.float32)
    changes = [np.diff(light, axis=2), np.diff(light, axis=1)]
    both = [clean[:, 1:] & clean[:, :-1], clean[1:] & clean[:-1]]
    sampled = np.concatenate([_sample(*pair) for pair in zip(changes, both, strict=True)], axis=1)
    if not sampled.size:
        return PictureModel(np.full(mask.shape, LEAST_CHANGE**2, np.float32), np.eye(3, dtype=np.float32))
    largest = OUTLIER * 3 * float(np.median(np.abs(sampled)))
    for change, pair, reached in zip(changes, both, (power[:, 1:], power[1:]), strict=True):
        reached += pair * np.minimum(np.einsum("byx,byx->yx", change, change) / 3, largest**2)
    number[:, 1:] += both[0]
    number[1:] += both[1]
    noise = sensor_noise(np.stack([_reduced(band) for band in light])).mean(axis=0)
    power, number, noise = (blur(plane, NEIGHBOURHOOD / 4) for plane in (_reduced(power), _reduced(number), noise))
    variance = (power + np.float32(1e-10)) / (number + np.float32(1e-6)) - 2 * np.minimum(noise, 10)
    variance = cv2.resize(np.maximum(variance, LEAST_CHANGE**2), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return PictureModel(variance, _inverse_covariance(sampled[:, np.abs(sampled).max(axis=0) < largest + 1e-3]))


def _sample(changes: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Every seventh of the changes (3, y, x) where `where` (y, x) is True."""
    return changes.reshape(3, -1)[:, np.flatnonzero(where)[::7]]


def _reduced(plane: np.ndarray) -> np.ndarray:
    """Means of 4 by 4 pixels of a plane (y, x)."""
    height, width = (max(1, length // 4) for length in plane.shape)
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def _inverse_covariance(changes: np.ndarray) -> np.ndarray:
    """Inverse covariance (3, 3) of changes (3, pairs), for a mean variance of 1."""
    covariance = np.cov(changes.astype(np.float64)) + 1e-8 * np.eye(3)
    return np.asarray(np.linalg.inv(3 * covariance / np.trace(covariance) + 0.002 * np.eye(3)), np.float32)
