"""Scores of faint lines: the mean of the score along them, by itself and together with that of lines that go on."""

from collections.abc import Iterator

import cv2
import numpy as np

from irtoolkit.arrays import enlarge_nearest, shrink
from irtoolkit.crosstalk import box_mean

NOISE_WINDOW = 129
SMALLEST_SIGMA = 0.1
CELL = 3
LINE_LENGTH = 11
"""Side of a cell, px, and length of a line, cells."""

DIRECTIONS = 8
BOTH_SIDES = 0.75
"""The means of a line's halves have at least this product, over the square of its mean: one is at least a third of the
other."""

OF_GHOST = np.float32(2)
"""A line's mean over that of the ghost along it from which on it is no edge's (docs/method.md)."""

BEGINS, ALIKE, BEST_OF_THREE = 3.0, 0.6, 0.75
"""Sigma from which a line may be part of a longer one; the share of the mean that each part of it has at least; and the
mean of the best of three lines of noise alone, sigma (docs/method.md)."""


def line_scores(
    clipped: np.ndarray, outside: np.ndarray, near_strong: np.ndarray, detail: np.ndarray, start: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Largest significance, of either sign, of the lines through each cell of 3 by 3 px, in sigmas of lines nearby: of
    lines of 33 px, and of those that go on.

    A line counts only where it is over twice what the `detail` of the ghost has along it, as edges leave lines.
    """
    above, left = (first % CELL for first in start)
    planes = np.where(near_strong, np.float32(0), clipped), outside, detail
    cells, weights, ghost = (
        shrink(cv2.copyMakeBorder(plane, above, 0, left, 0, cv2.BORDER_REPLICATE), CELL) for plane in planes
    )
    kernels = _kernels()
    lines, on_both_sides = _measure_lines(cells, kernels)
    sigma = np.maximum(local_sigma(np.square(lines).mean(axis=0), weights, CELL), np.float32(SMALLEST_SIGMA / CELL))
    for line, kernel in zip(lines, kernels, strict=True):
        line *= np.abs(line) > OF_GHOST * np.abs(_along(ghost, (kernel + kernel[::-1, ::-1]) / 2))
    lines /= sigma
    height, width = clipped.shape
    for plane in _join_lines(lines, on_both_sides):
        yield enlarge_nearest(plane, (above + height, left + width), CELL)[above:, left:]


def local_sigma(power: np.ndarray, outside: np.ndarray, step: int) -> np.ndarray:
    """Root of the mean of shrunk `power` in `NOISE_WINDOW` without candidates; a box mean may round below 0."""
    window = NOISE_WINDOW // step | 1
    weight = box_mean(outside, window) + np.float32(1e-3)
    return np.sqrt(np.maximum(box_mean(power * outside, window), 0) / weight)


def _measure_lines(cells: np.ndarray, kernels: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean along the line through each cell in each direction (direction, y, x), and whether both its halves show.

    Where one half has less than a third of the other, only a blob is near.
    """
    lines = np.empty((DIRECTIONS, *cells.shape), np.float32)
    shown = np.empty(lines.shape, bool)
    for place, kernel in enumerate(kernels):
        ahead, behind = (_along(cells, side) for side in (kernel, kernel[::-1, ::-1]))
        lines[place] = (ahead + behind) / 2
        shown[place] = ahead * behind > BOTH_SIDES * np.square(lines[place])
    return lines, shown


def _along(cells: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Mean of the cells (y, x) along the line of a kernel from each cell."""
    return cv2.filter2D(cells, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)


def _join_lines(lines: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest significance (y, x), of either sign, sigma, of each cell's `lines` that are `shown` (direction, y, x);
    and of those that go on.

    A line of at least 3 sigmas that goes on at one end or at both, turned by 22.5 degrees at most, counts with these,
    if each has at least .6 of their mean. As they are the best of three, .75 sigma is taken from each.
    """
    largest, longest = np.zeros((2, *lines[0].shape), np.float32)
    for direction, (line, there) in enumerate(zip(lines, shown, strict=True)):
        np.copyto(largest, line, where=there & (np.abs(line) > np.abs(largest)))
        places = np.nonzero(there & (np.abs(line) >= BEGINS))
        sign, own = np.sign(line[places]), np.abs(line[places])
        ends = [_continued(lines, direction, way, places, sign) for way in (1, -1)]
        joined = np.maximum.reduce([_together(own, *others) for others in (ends[:1], ends[1:], ends)])
        longest[places] = np.where(joined > np.abs(longest[places]), sign * joined, longest[places])
    return largest, longest


def _together(*parts: np.ndarray) -> np.ndarray:
    """Significance (place,) of two or three parts of a line, of which the first is not the best of three."""
    significance = (sum(parts) - (len(parts) - 1) * BEST_OF_THREE) / np.sqrt(len(parts))
    return np.where(np.min(parts, axis=0) > ALIKE * np.mean(parts, axis=0), significance, 0)


def _continued(
    lines: np.ndarray, direction: int, way: int, places: tuple[np.ndarray, ...], sign: np.ndarray
) -> np.ndarray:
    """Significance (place,) of the best line that goes on from an end of each line, `way` 1 or -1 along it; 0 off the
    slide. A `sign` is that of a line.
    """
    height, width = lines.shape[1:]
    best = np.full(sign.shape, -np.inf, np.float32)
    for turn in (-1, 0, 1):
        angles = np.pi * np.array([direction, direction + turn]) / DIRECTIONS
        towards = np.array([np.sin(angles), np.cos(angles)]).sum(axis=1)
        down, right = np.round(way * LINE_LENGTH / 2 * towards).astype(int)
        y, x = places[0] + down, places[1] + right
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        there = lines[(direction + turn) % DIRECTIONS, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        np.maximum(best, sign * np.where(inside, there, 0), out=best)
    return best


def _kernels() -> list[np.ndarray]:
    """Half a line from the middle in each direction; turned round it is the other half."""
    middle = LINE_LENGTH // 2
    kernels = []
    for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        reach = middle * np.array([np.cos(angle), np.sin(angle)])
        end = np.round((middle + reach) * 16).astype(int).tolist()
        kernel = np.zeros((LINE_LENGTH, LINE_LENGTH), np.uint8)
        cv2.line(kernel, (middle * 16, middle * 16), end, 255, 1, cv2.LINE_AA, 4)
        kernels.append(kernel.astype(np.float32) / kernel.sum())
    return kernels
