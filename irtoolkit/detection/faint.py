"""Scores of faint lines and blobs, whose pixels are significant together though none is alone."""

import cv2
import numpy as np

from irtoolkit.arrays import HALF, QUARTER, blur_shrunk, enlarge, enlarge_nearest, shrink
from irtoolkit.crosstalk import OF_CONTRAST, box_mean, usual_size

CLIP = 3.5
NOISE_WINDOW = 129
SMALLEST_SIGMA = 0.1
STRONG = 8.0
PIXEL_LEVEL = 0.7
BLOB_BLUR = 2.0
BLOB_LEVEL = 4.0
WHITE_NOISE = 0.14
"""Sigma of white noise of variance 1 after `BLOB_BLUR`."""

CELL = 3
LINE_LENGTH = 11
DIRECTIONS = 8
LINE_LEVEL = 5.0
BOTH_SIDES = 0.75
"""The means of a line's halves have at least this product, over the square of its mean: one is at least a third of the
other."""


def exclude_blobs(score: np.ndarray, outside: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Exclude significant blobs of the score, and 2 px around them, from `outside`: float32 (y, x).

    Such blobs are faint damage, which would raise the local noise measured around it. The second of two rounds measures
    the noise without the blobs found in the first. Blobs below half of the ghost's contrast may belong to the picture
    and are kept (docs/method.md).

    Parameters
    ----------
    score
        float32, sigma, before it is divided by the local noise.
    outside
        float32, 0 at candidates, which take no part in blobs.
    contrast
        float32, sigma, contrast of the picture's ghost within 4 px.
    """
    pooled = blur_shrunk(shrink(np.clip(score, -CLIP, CLIP) * outside), BLOB_BLUR)
    size, counted = np.abs(pooled, out=pooled), shrink(outside)
    residue = np.float32(OF_CONTRAST) * shrink(contrast)
    for _ in range(2):
        blobs = (size > np.maximum(BLOB_LEVEL * _local_noise(size, counted), residue)).astype(np.uint8)
        found = cv2.dilate(blobs, np.ones((3, 3), np.uint8))
        counted = np.where(found > 0, np.float32(0), counted)
    return outside * (enlarge_nearest(found, score.shape) == 0)


def _local_noise(size: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Sigma of the blurred score around each pixel, both at half resolution, from every second row and column."""
    sampled, inside = (np.ascontiguousarray(plane[::HALF, ::HALF]) for plane in (size * counted, counted))
    usual = usual_size(sampled, inside, NOISE_WINDOW // QUARTER | 1, WHITE_NOISE)
    return enlarge(usual, size.shape)


def raise_faint(score: np.ndarray, outside: np.ndarray, low_contrast: np.ndarray, start: tuple[int, int]) -> None:
    """Raise the score (y, x), in place, to its significance over a blob of 4 px or along a line of 33 px, in sigmas.

    A pixel of either sign is raised where the blob or line is significant and its own score is at least .7. Pixels
    within 3 px of strong scores are not raised, because marks would only widen; lines count only where the picture's
    ghost has little contrast, because edges leave lines.

    Parameters
    ----------
    score
        float32, sigma.
    outside
        float32, 0 at candidates, which are excluded from the local noise.
    low_contrast
        bool, True where the ghost has hardly any detail.
    start
        First row and column on the slide, so that all pieces of it have the same cells.
    """
    clipped, size = np.clip(score, -CLIP, CLIP), np.abs(score)
    near_strong = cv2.dilate(size, np.ones((7, 7), np.uint8)) > STRONG
    clear = ~near_strong & (size >= PIXEL_LEVEL)
    blobs, lines = _blob_score(clipped, outside), _line_score(clipped, outside, near_strong, start)
    for pooled, level, allowed in ((blobs, BLOB_LEVEL, clear), (lines, LINE_LEVEL, low_contrast & clear)):
        significance = np.abs(pooled)
        raised = allowed & (significance >= level) & (significance > size) & (score * pooled > 0)
        np.copyto(score, pooled, where=raised)
        np.copyto(size, significance, where=raised)


def _blob_score(clipped: np.ndarray, outside: np.ndarray) -> np.ndarray:
    pooled = blur_shrunk(shrink(clipped), BLOB_BLUR)
    sigma = enlarge(_local_sigma(shrink(pooled * pooled), shrink(outside, QUARTER), QUARTER), pooled.shape)
    return enlarge(pooled / np.maximum(sigma, np.float32(SMALLEST_SIGMA)), clipped.shape)


def _local_sigma(power: np.ndarray, outside: np.ndarray, step: int) -> np.ndarray:
    """Root of the mean of shrunk `power` in `NOISE_WINDOW` without candidates; a box mean may round below 0."""
    window = NOISE_WINDOW // step | 1
    weight = box_mean(outside, window) + np.float32(1e-3)
    return np.sqrt(np.maximum(box_mean(power * outside, window), 0) / weight)


def _line_score(
    clipped: np.ndarray, outside: np.ndarray, near_strong: np.ndarray, start: tuple[int, int]
) -> np.ndarray:
    """Largest mean, of either sign, along a line through each cell of 3 by 3 px, in sigmas of such means nearby.

    A line shows on both sides of the cell: where one side has less than a third of the other, only a blob is near.
    """
    above, left = (first % CELL for first in start)
    planes = np.where(near_strong, np.float32(0), clipped), outside
    cells, weights = (
        shrink(cv2.copyMakeBorder(plane, above, 0, left, 0, cv2.BORDER_REPLICATE), CELL) for plane in planes
    )
    largest, power = np.zeros_like(cells), np.zeros_like(cells)
    for kernel in _kernels():
        ahead, behind = (
            cv2.filter2D(cells, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT_101)
            for side in (kernel, kernel[::-1, ::-1])
        )
        mean = (ahead + behind) / 2
        square = mean * mean
        power += square / DIRECTIONS
        np.copyto(largest, mean, where=(np.abs(mean) > np.abs(largest)) & (ahead * behind > BOTH_SIDES * square))
    sigma = np.maximum(_local_sigma(power, weights, CELL), np.float32(SMALLEST_SIGMA / CELL))
    height, width = clipped.shape
    return enlarge_nearest(largest / sigma, (above + height, left + width), CELL)[above:, left:]


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
