"""NegPy's healing, written anew from descriptions of its release 0.45; planes as they come."""

from functools import partial

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from benchmarks.baselines import FRAME_INCHES, FULL_SCALE, NEGPY_CLEAN, NEGPY_LONG_EDGE, score_ratio

LEAST_SCORE = 0.02
"""Score of film that is hidden, so that no mean is divided by zero."""

FAINT, FEWEST, EXPONENTS = (0.70, 0.92), 500, (1.0, 2.2, 1.5)
"""Ratios of dust on which NegPy fits its exponent; pixels that it wants; lowest, highest and usual exponent."""

GAIN, FLAT, RAMP = 2.0, 40, (0.40, 0.85)
"""Largest gain; percentage of flattest film; scores at which a pixel is all fill, and all the divided picture."""

DETECTION_EDGE = 3600
"""Most pixels of the long edge of the plane that NegPy detects on."""

ENOUGH, CORE, GROWN, BUDGET = 0.15, 5, 2, 0.02
"""Mean trust at which a finer fill stands alone; Chebyshev radius and growth, px on a frame of 1600, of cores that are
inpainted, and the largest share of the frame that may be.
"""


def heal_like_negpy(counts: np.ndarray, found: tuple[np.ndarray, float], dpi: int) -> np.ndarray:
    """NegPy 0.45 at full resolution: division by a power of infrared, fill where little is left, thick cores inpainted.

    Grain is borrowed from the film beside. Nothing gets darker, seen through a blur. Cores are inpainted in 16 bits
    instead of 8.
    """
    score = np.clip(score_ratio(*found), LEAST_SCORE, 1)
    visible = counts[:3].astype(np.float64)
    divided = divide(visible, found[0])
    low, high = RAMP
    ramp = np.clip((high - score) / (high - low), 0, 1)
    share = ramp**2 * (3 - 2 * ramp)
    filled = np.stack([fill_ladder(plane, score, dpi) for plane in divided])
    healed = (1 - share) * divided + share * (filled + borrow_grain(visible, score >= high))
    healed = np.where(soften(healed) >= soften(visible), healed, visible)
    cores = find_cores(score <= LEAST_SCORE, FRAME_INCHES * dpi / NEGPY_LONG_EDGE)
    whole = np.clip(np.rint(healed), 0, FULL_SCALE).astype(np.uint16)
    inpainted = [cv2.inpaint(plane, cores.astype(np.uint8), 3, cv2.INPAINT_NS) for plane in whole]
    return np.where(cores, np.stack(inpainted), whole)


def divide(visible: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Visible counts over a power of infrared's ratio where that is under .97, at most twofold.

    Nothing gets brighter than the clean film of 9 by 9 pixels around less its deviation.
    """
    lost = ratios[3] < NEGPY_CLEAN
    clean = (~lost).astype(np.float64)
    number = np.maximum(cv2.blur(clean, (9, 9)), 1e-9)
    divided = np.empty_like(visible)
    for band, (plane, exponent) in enumerate(zip(visible, fit_exponents(ratios), strict=True)):
        gain = np.minimum(GAIN, (np.maximum(ratios[3], 1e-3) / NEGPY_CLEAN) ** -exponent)
        mean, square = (cv2.blur(clean * power, (9, 9)) / number for power in (plane, plane**2))
        limit = mean - np.sqrt(np.maximum(square - mean**2, 0))
        divided[band] = np.where(lost, np.maximum(np.minimum(plane * gain, limit), plane), plane)
    return divided


def fit_exponents(ratios: np.ndarray) -> list[float]:
    """Median of log visible over log infrared ratio at faint dust on the flattest film, of each of R, G, B."""
    rough = np.abs(cv2.Laplacian(ratios[1], -1))
    lowest, highest, usual = EXPONENTS
    faint = (ratios[3] > FAINT[0]) & (ratios[3] < FAINT[1])
    faint &= rough <= np.percentile(rough, FLAT)
    if faint.sum() < FEWEST:
        return [usual] * 3
    logs = np.log(ratios[:, faint])
    return [float(np.clip(np.median(band / logs[3]), lowest, highest)) for band in logs[:3]]


def fill_ladder(plane: np.ndarray, score: np.ndarray, dpi: int) -> np.ndarray:
    """Means weighted by score, coarse to fine, each finer one blended in as far as its neighbourhood is clean.

    The finer ones are over pixels of the plane that NegPy detects on, at most 1.5 times coarser than the slide.
    """
    pixel = np.clip(FRAME_INCHES * dpi / DETECTION_EDGE, 1, 1.5)
    widths = [round(9 * FRAME_INCHES * dpi / NEGPY_LONG_EDGE) | 1, *(round(width * pixel) | 1 for width in (9, 5, 3))]
    rungs = [partial(cv2.blur, ksize=(width, width)) for width in widths[:-1]]
    rungs.append(partial(cv2.GaussianBlur, ksize=(widths[-1], widths[-1]), sigmaX=0))
    filled = rungs[0](plane * score) / rungs[0](score)
    for rung in rungs[1:]:
        mass = rung(score)
        trusted = np.clip((mass - LEAST_SCORE) / ENOUGH, 0, 1)
        filled += trusted * (rung(plane * score) / mass - filled)
    return filled


def borrow_grain(visible: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """What the clean pixel as far beyond the nearest clean one differs from its surroundings, for every pixel."""
    if not clean.any():
        return np.zeros_like(visible)
    nearest = distance_transform_edt(~clean, return_distances=False, return_indices=True)
    limits = np.array(clean.shape)[:, None, None] - 1
    mirrored = np.clip(2 * nearest - np.indices(clean.shape), 0, limits)
    borrowed = (visible - soften(visible))[:, mirrored[0], mirrored[1]]
    return np.where(clean[mirrored[0], mirrored[1]], borrowed, 0)


def soften(visible: np.ndarray) -> np.ndarray:
    """Every band (band, y, x) less its grain: a Gaussian of 2 px (assumed)."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), 2) for plane in visible])


def find_cores(hidden: np.ndarray, pixel: float) -> np.ndarray:
    """Regions of hidden film thick enough to be inpainted, grown; none when they fill more than 2 % of the frame."""
    labels = cv2.connectedComponents(hidden.astype(np.uint8), connectivity=8)[1]
    thick = cv2.distanceTransform(np.pad(hidden, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1] >= CORE * pixel
    grown = round(2 * GROWN * pixel) + 1
    cores = np.isin(labels, np.unique(labels[thick & hidden])) & hidden
    cores = cv2.dilate(cores.astype(np.uint8), np.ones((grown, grown), np.uint8)).astype(bool)
    return cores if cores.mean() <= BUDGET else np.zeros_like(cores)
