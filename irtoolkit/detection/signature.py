"""The signature of a region: what it takes from every band, by which dust differs from what is left of a picture."""

import cv2
import numpy as np

from irtoolkit.arrays import HALF, QUARTER, blur, blur_shrunk, enlarge, mean_of, shrink
from irtoolkit.crosstalk import Crosstalk, box_mean, ghost_contrast, ghost_density, infrared_density
from irtoolkit.detection.noise_features import STEEP

SIGNED = ("red", "green", "blue", "infrared_step", "ghost_step")
SIGNATURE = (*SIGNED, "likeness", "contrast")
"""Names of what changes its sign with the picture, and of the whole signature."""

BOXES = (25, 65, 193)
"""Sides, px, of the squares of surroundings; the smallest that holds enough of them is used."""

ENOUGH = 0.05
SMALLEST_BLUR, HALVED_FROM, RESIDUAL_BLUR, SHAPE_WINDOW = 0.5, 1.5, 0.7, 15
SIGNATURE_DEPTH = 32
"""Pixels around a block from which its surroundings are measured."""


def measure_signature(
    density: np.ndarray,
    infrared: np.ndarray,
    residual: np.ndarray,
    exceeding: np.ndarray,
    places: tuple[np.ndarray, np.ndarray],
    crosstalk: Crosstalk,
) -> dict[str, np.ndarray]:
    """Measure the signature (place,) of pixels at rows and columns `places` of a piece of a slide, by its names.

    `red`, `green`, `blue`, `infrared_step` and `ghost_step` are densities above the surroundings, of the visible bands
    and of the predicted ghost as blurred as the infrared, and of the infrared itself; surroundings are the mean of the
    pixels that are not `exceeding` (y, x) or beside such a pixel. `likeness`, -1 to 1, is the correlation of the
    visible excess with the residual over 15 px, and `contrast` that of the ghost within 4 px, a density, 0 on film
    whose infrared hardly follows the picture. All but these two change their sign with the picture, so that a region
    and its mirror image differ in nothing but that.

    `density` (3, y, x) is that of the visible bands, `infrared` (y, x) counts, and `residual` (y, x) a density, NaN
    where unknown.
    """
    known = np.isfinite(infrared) & np.isfinite(residual)
    beside = cv2.dilate(exceeding.astype(np.uint8), np.ones((3, 3), np.uint8))
    plain = infrared_density(np.where(known, infrared, np.float32(1)), crosstalk.curve.exponent)
    *bands, level = _surroundings([*density, plain], ((beside == 0) & known).astype(np.float32))
    smooth = np.stack([_blurred(band, crosstalk.blur) for band in density])
    excess = [(band - around) * known for band, around in zip(smooth, bands, strict=True)]
    ghost, around = (
        ghost_density(densities[:, None], crosstalk.prediction, crosstalk.curve.densest)[0]
        for densities in (smooth[:, *places], np.stack([band[places] for band in bands]))
    )
    loss = blur(np.where(known, residual, np.float32(0)), RESIDUAL_BLUR)
    steps = [*(band[places] for band in excess), ((plain - level) * known)[places], (ghost - around) * known[places]]
    likeness = enlarge(_likeness(mean_of(excess), loss), known.shape)[places]
    contrast = _contrast(np.where(known, plain - residual, np.float32(0)), crosstalk.slopes)[places]
    return dict(zip(SIGNATURE, (*steps, likeness, contrast), strict=True))


def _contrast(ghost: np.ndarray, slopes: float) -> np.ndarray:
    """`ghost_contrast` (y, x), which is used on film whose infrared follows the picture; 0 on other film."""
    return ghost_contrast(ghost) if slopes > STEEP else np.zeros_like(ghost)


def _blurred(band: np.ndarray, sigma: float) -> np.ndarray:
    """A band as blurred as the infrared, from 1.5 px on at half resolution."""
    if sigma < HALVED_FROM:
        return blur(band, max(sigma, SMALLEST_BLUR))
    return enlarge(blur_shrunk(shrink(band), sigma), band.shape)


def _surroundings(levels: list[np.ndarray], outside: np.ndarray) -> list[np.ndarray]:
    """Means of planes (y, x) over what is `outside` around, measured at a quarter of the resolution."""
    share = shrink(outside, QUARTER)
    shares = [box_mean(share, side // QUARTER | 1) for side in BOXES]
    chosen = np.where(shares[0] >= ENOUGH, 0, np.where(shares[1] >= ENOUGH, 1, 2))
    around = []
    for level in levels:
        part = shrink(level * outside, QUARTER)
        means = [
            box_mean(part, side // QUARTER | 1) / (held + np.float32(1e-6))
            for side, held in zip(BOXES, shares, strict=True)
        ]
        around.append(enlarge(np.choose(chosen, means), outside.shape, QUARTER))
    return around


def _likeness(excess: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Correlation over `SHAPE_WINDOW`, at half resolution."""
    pairs = (excess, loss), (excess, excess), (loss, loss)
    both, one, other = (box_mean(shrink(a * b), SHAPE_WINDOW // HALF | 1) for a, b in pairs)
    return both / np.sqrt(np.maximum(one * other, np.float32(1e-14)))
