"""Faint lines and smudges, whose pixels stand out together though none does by itself."""

import cv2
import numpy as np

from irtoolkit.arrays import blur
from irtoolkit.crosstalk import OF_CONTRAST, box_mean, usual_size

CLIP = 3.5
SPREAD_WINDOW = 129
FOURTH = 4
LEAST_SPREAD = 0.1
STRONG = 8.0
PIXEL = 0.7
SPOT_BLUR = 2.0
SPOT = 4.0
WHITE = 0.14
"""Sigma of a spot of white noise."""

CELL = 3
LINE = 11
DIRECTIONS = 8
LINE_LEVEL = 5.0


def leave_out_spots(score: np.ndarray, outside: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """What is `outside` of candidates, float32 (y, x), without the spots that stand out of the score, and 2 px around.

    Such a spot is faint damage, which would pass for noise: a hair of many loops hid itself in the spread around it; in
    two rounds, for the first finds what is plain. What is under half of the ghost's contrast may be left of the
    picture, and stays. On 11 Kodachromes simulated without flare it brought .864 to .892 of F1 on average, on 21, most
    with flare, .848 to .854.

    Parameters
    ----------
    score
        float32, sigma, before it is divided by its spread.
    outside
        float32, 0 at candidates, from which no light is spread into spots.
    contrast
        float32, sigma, of the picture's ghost within 4 px.
    """
    size, counted = np.abs(blur(np.clip(score, -CLIP, CLIP) * outside, SPOT_BLUR)), outside
    left = OF_CONTRAST * contrast
    for _ in range(2):
        spots = (size > np.maximum(SPOT * _usual_spot(size, counted), left)).astype(np.uint8)
        counted = outside * (cv2.dilate(spots, np.ones((5, 5), np.uint8)) == 0)
    return counted


def _usual_spot(size: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Sigma (y, x) of spots of this size around each place, of which every fourth pixel tells."""
    few, inside = (np.ascontiguousarray(plane[::FOURTH, ::FOURTH]) for plane in (size * counted, counted))
    usual = usual_size(few, inside, SPREAD_WINDOW // FOURTH + 1, WHITE)
    return cv2.resize(usual, size.shape[::-1], interpolation=cv2.INTER_LINEAR)


def raise_faint(score: np.ndarray, outside: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """Score (y, x) raised to what it amounts to over a spot of some 4 px, or along a line of 33 px, in sigmas of these.

    A pixel is raised, on either side alike, where spot or line stands out and it scores .7 by itself; but not within
    3 px of what is strong, whose mark would only widen, and along lines only where the picture's ghost is calm, because
    edges leave lines.

    Parameters
    ----------
    score
        float32, sigma.
    outside
        float32, 0 at candidates, which are left out of the measure of the spread.
    calm
        bool, where the ghost has no detail to speak of.
    """
    clipped = np.clip(score, -CLIP, CLIP)
    beside = cv2.dilate(np.abs(score), np.ones((7, 7), np.uint8)) > STRONG
    spots, lines = _spots(clipped, outside), _lines(clipped, outside, beside)
    for together, level, allowed in ((spots, SPOT, ~beside), (lines, LINE_LEVEL, calm & ~beside)):
        raised = allowed & (np.abs(together) >= level) & (score * np.sign(together) >= PIXEL)
        score = np.where(raised & (np.abs(together) > np.abs(score)), together, score)
    return score


def _spots(clipped: np.ndarray, outside: np.ndarray) -> np.ndarray:
    together = blur(clipped, SPOT_BLUR)
    spread = _spread(together * together, outside, SPREAD_WINDOW)
    return together / np.maximum(spread, np.float32(LEAST_SPREAD))


def _spread(power: np.ndarray, outside: np.ndarray, window: int) -> np.ndarray:
    """Root of the mean of `power` around each place, candidates left out; a box mean may round below 0."""
    weight = box_mean(outside, window) + np.float32(1e-3)
    return np.sqrt(np.maximum(box_mean(power * outside, window), 0) / weight)


def _lines(clipped: np.ndarray, outside: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Largest mean along a line through each cell of 3 by 3 px, of either sign, in sigmas of such means nearby."""
    height, width = clipped.shape
    size = (max(1, width // CELL), max(1, height // CELL))
    cells = cv2.resize(np.where(beside, np.float32(0), clipped), size, interpolation=cv2.INTER_AREA)
    free = cv2.resize(outside, size, interpolation=cv2.INTER_AREA)
    means = [cv2.filter2D(cells, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101) for kernel in _kernels()]
    spread = _spread(np.mean(np.square(means), axis=0), free, SPREAD_WINDOW // CELL)
    spread = np.maximum(spread, np.float32(LEAST_SPREAD / CELL))
    highest, lowest = np.max(means, axis=0), np.min(means, axis=0)
    largest = np.where(highest > -lowest, highest, lowest) / spread
    return cv2.resize(largest, (width, height), interpolation=cv2.INTER_NEAREST)


def _kernels() -> list[np.ndarray]:
    middle = LINE // 2
    kernels = []
    for number in range(DIRECTIONS):
        angle = np.pi * number / DIRECTIONS
        reach = middle * np.array([np.cos(angle), np.sin(angle)])
        kernel = np.zeros((LINE, LINE), np.uint8)
        start, end = (np.round((middle + sign * reach + 0.0) * 16).astype(int).tolist() for sign in (-1, 1))
        cv2.line(kernel, start, end, 255, 1, cv2.LINE_AA, 4)
        kernels.append(kernel.astype(np.float32) / kernel.sum())
    return kernels
