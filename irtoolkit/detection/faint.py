"""Scores of faint lines and blobs, whose pixels are significant together though none is alone."""

import cv2
import numpy as np

from irtoolkit.arrays import HALF, QUARTER, blur_shrunk, enlarge, enlarge_nearest, shrink
from irtoolkit.crosstalk import OF_CONTRAST, usual_size
from irtoolkit.detection.exceedances import REGION_LEVEL
from irtoolkit.detection.lines import NOISE_WINDOW, SMALLEST_SIGMA, line_scores, local_sigma

CLIP = 3.5
STRONG = 8.0
PIXEL_LEVEL = 0.7
BLOB_BLUR = 2.0
BLOB_LEVEL = 4.0
WHITE_NOISE = 0.14
"""Sigma of white noise of variance 1 after `BLOB_BLUR`."""

LINE_LEVEL = 5.0
HARDLY_ANY = 1.0
"""Contrast of the ghost, sigma, under which lines that go on count."""

CRUMB = 10
"""Length, px, under which a piece of a line that goes on is no line (docs/method.md)."""


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


def raise_faint(
    score: np.ndarray, outside: np.ndarray, contrast: np.ndarray, detail: np.ndarray, start: tuple[int, int]
) -> None:
    """Raise the score (y, x), in place, to its significance over a blob of 4 px or along a line of 33 to 99 px, sigma.

    A pixel of either sign is raised where the blob or line is significant and its own score is at least .7. Pixels
    within 3 px of strong scores are not raised, because marks would only widen. Lines of over 33 px count only
    where the picture's ghost has hardly any contrast, and in pieces of at least 10 px.

    Parameters
    ----------
    score
        float32, sigma.
    outside
        float32, 0 at candidates, which are excluded from the local noise.
    contrast
        float32, sigma, contrast of the ghost within 4 px.
    detail
        float32, sigma, detail of the ghost (`ghost_detail`).
    start
        First row and column on the slide, so that all pieces of it have the same cells.
    """
    clipped, size = np.clip(score, -CLIP, CLIP), np.abs(score)
    near_strong = cv2.dilate(size, np.ones((7, 7), np.uint8)) > STRONG
    clear = ~near_strong & (size >= PIXEL_LEVEL)
    lines, joined = line_scores(clipped, outside, near_strong, detail, start)
    for pooled, level, allowed, shortest in (
        (_blob_score(clipped, outside), BLOB_LEVEL, clear, 0),
        (lines, LINE_LEVEL, clear, 0),
        (joined, LINE_LEVEL, clear & (contrast < HARDLY_ANY), CRUMB),
    ):
        significance = np.abs(pooled)
        raised = allowed & (significance >= level) & (significance > size) & (score * pooled > 0)
        if shortest:
            raised &= _without_crumbs(raised | (size >= REGION_LEVEL), shortest)
        np.copyto(score, pooled, where=raised)
        np.copyto(size, significance, where=raised)


def _without_crumbs(marked: np.ndarray, shortest: int) -> np.ndarray:
    """What is `marked` (y, x) bool, without 8-connected pieces that are under `shortest` px high and broad."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    sides = np.maximum(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    return np.asarray((sides >= shortest)[labels])


def _blob_score(clipped: np.ndarray, outside: np.ndarray) -> np.ndarray:
    pooled = blur_shrunk(shrink(clipped), BLOB_BLUR)
    sigma = enlarge(local_sigma(shrink(pooled * pooled), shrink(outside, QUARTER), QUARTER), pooled.shape)
    return enlarge(pooled / np.maximum(sigma, np.float32(SMALLEST_SIGMA)), clipped.shape)
