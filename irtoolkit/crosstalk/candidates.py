"""Candidates: places of a residual that look like defects before there is a score; kept out of every fit."""

import cv2
import numpy as np

from irtoolkit.arrays import HALF, QUARTER, blur_known, enlarge, high_pass, shrink
from irtoolkit.schema import NotUsableError

SMOOTHING = 0.7
NEIGHBOURHOOD = 65
STANDS_OUT, LEAST_NOISE, DUSTY, SOME = 6.0, 0.7, 2.0, 0.1
OF_CONTRAST = 0.5
GROWN = 9
DETAIL = 6.0
FEWEST_PIXELS = 100
LARGER = 15
PICTURE_RATIO, LEAST_PICTURE = 2.5, 0.1
"""Density in the visible over that in the infrared above which something dark is no dust, and how dark it is at least:
dust has .75 to 1.9 on the scanners of docs/method.md."""


def is_picture(visible: np.ndarray, infrared: np.ndarray, side: int = LARGER) -> np.ndarray:
    """Where (y, x) something of under `side` px is darker in the visible than dust is that blocks as much infrared.

    Both are densities (y, x), equally sharp, the infrared with the picture's ghost.
    """
    lost, blocked = (plane - opened(plane, side) for plane in (visible, infrared))
    return np.asarray((lost > LEAST_PICTURE) & (lost > PICTURE_RATIO * blocked))


def opened(density: np.ndarray, side: int = LARGER) -> np.ndarray:
    """The density (y, x) without anything dark of under `side` px."""
    return cv2.morphologyEx(density, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))


def find_candidates(
    residual: np.ndarray, contrast: np.ndarray, sigma: float, picture: np.ndarray | None = None
) -> np.ndarray:
    """Pixels (y, x) bool whose residual, of either sign, exceeds the local noise and the ghost's contrast.

    A candidate is beyond 6 robust sigmas of the 65 px around it and half of the `contrast` (`ghost_contrast`), as edges
    leave less than that. What may be dust, of at least two sigmas, has no part in the local noise; what may be
    `picture` (y, x), from `is_picture`, has up to the contrast, and where nearly all may be dust, anything up to half
    of it. The residual is a density (y, x) float32; a pixel where it is NaN is a candidate. The estimate of the local
    noise starts at `sigma`, density.
    """
    smooth = blur_known(residual, SMOOTHING)
    unknown = np.isnan(smooth)
    smooth[unknown] = 0
    thin = (slice(None, None, QUARTER), slice(None, None, QUARTER))
    maybe = None if picture is None else picture[thin]
    local = _local_noise(smooth[thin], unknown[thin], contrast[thin], maybe, sigma)
    usual = enlarge(np.maximum(local, np.float32(LEAST_NOISE * sigma)), smooth.shape, QUARTER)
    size = np.abs(smooth, out=smooth)
    stands_out = ((size > STANDS_OUT * usual) & (size > OF_CONTRAST * contrast)).astype(np.uint8)
    opened_up = cv2.morphologyEx(stands_out, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    grown = cv2.dilate(opened_up, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GROWN, GROWN)))
    return np.asarray((grown > 0) | unknown)


def _local_noise(
    smooth: np.ndarray, unknown: np.ndarray, contrast: np.ndarray, picture: np.ndarray | None, sigma: float
) -> np.ndarray:
    """Sigma of the residual around each pixel of every fourth row and column, without what may be dust.

    A picture leaves no more than the `contrast` (y, x) of its ghost, density, and mostly less than half of it.
    """
    window, faint = NEIGHBOURHOOD // QUARTER | 1, smooth < DUSTY * sigma
    dark = False if picture is None else picture & (smooth <= contrast)
    film = ~unknown & (faint | dark)
    edges = ~unknown & (faint | (smooth <= np.float32(OF_CONTRAST) * contrast))
    share = box_mean(film.astype(np.float32), window)
    counted = np.where(share > SOME, film, edges).astype(np.float32)
    return usual_size(np.abs(smooth) * counted, counted, window, sigma)


def usual_size(size: np.ndarray, counted: np.ndarray, window: int, start: float) -> np.ndarray:
    """Sigma (y, x) of values of this absolute `size`, clipped at 2.5 sigma, in a square `window` (px), in three rounds.

    `size` and `counted` are (y, x) float32; `counted` is 1 where a value counts, and both are 0 elsewhere. `start` is
    the sigma of the first round.
    """
    share, usual = box_mean(counted, window) + np.float32(1e-3), np.full_like(size, start)
    for _ in range(3):
        usual = np.float32(1.2533) * box_mean(np.minimum(size, np.float32(2.5) * usual), window) / share
    return usual


def ghost_detail(ghost: np.ndarray) -> np.ndarray:
    """Deviation of a ghost (y, x), density, from its mean over some 12 px, at half the resolution."""
    return high_pass(shrink(ghost), DETAIL / HALF)


def largest_detail(detail: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Largest `ghost_detail`, of either sign, within 4 px: (y, x) of this `shape`, at full resolution."""
    return enlarge(cv2.dilate(np.abs(detail), np.ones((5, 5), np.uint8)), shape)


def ghost_contrast(ghost: np.ndarray) -> np.ndarray:
    """Largest deviation within 4 px of a ghost (y, x), density, from its mean over some 12 px."""
    return largest_detail(ghost_detail(ghost), ghost.shape)


def check_enough(found: int, purpose: str) -> None:
    """Raise `NotUsableError` where fewer than 100 pixels are left without candidates for a fit."""
    if found < FEWEST_PIXELS:
        raise NotUsableError(
            f"too little film without defects is left to {purpose}; look whether the infrared follows the picture"
            f" ({found} pixels, at least {FEWEST_PIXELS} are needed)"
        )


def box_mean(plane: np.ndarray, window: int) -> np.ndarray:
    """Mean of a float32 plane over a square of `window` pixels, mirrored at its edges."""
    return cv2.blur(plane, (window, window), borderType=cv2.BORDER_REFLECT_101)
