"""The signature of a region: what it takes from every band, by which dust differs from what is left of a picture."""

from functools import partial

import cv2
import numpy as np
import xarray as xr

from irtoolkit.arrays import TASKS, blur, map_blocks, to_density, to_light
from irtoolkit.crosstalk import Crosstalk, box_mean, ghost_density, visible_density
from irtoolkit.detection.segmentation import REGION_LEVEL

BOXES = (25, 65, 193)
"""Sides, px, of the squares of surroundings; the smallest that holds enough of them is used."""

ENOUGH, REDUCED = 0.05, 4
SMALLEST_BLUR, RESIDUAL_BLUR, SHAPE_WINDOW = 0.5, 0.7, 15
DEPTH = 104


def add_signature(evidence: xr.Dataset, crosstalk: Crosstalk) -> xr.Dataset:
    """Add the planes of `segmentation.SIGNATURE` (y, x), float32, and the film's `slopes` to a slide's evidence; lazy.

    `red`, `green`, `blue`, `infrared_step` and `ghost_step` are densities above the surroundings, of the visible bands
    and of the predicted ghost as blurred as the infrared, and of the infrared itself; surroundings are the mean of the
    pixels that are no exceedance of either sign. `likeness`, -1 to 1, is the correlation of the visible excess with the
    residual over 15 px. All but the last change their sign with the picture, so that a region and its mirror image
    differ in nothing but that.
    """
    planes = xr.concat([evidence[name] for name in ("infrared", "score", "residual")], dim="plane")
    kernel = partial(_signature, crosstalk=crosstalk)
    arrays = evidence.visible.data, planes.data.rechunk({0: -1}, method=TASKS)
    data = map_blocks(kernel, *arrays, depth=DEPTH, dtype=np.float32, planes=6)
    names = ("red", "green", "blue", "infrared_step", "ghost_step", "likeness")
    signed = evidence.assign({name: (("y", "x"), data[place]) for place, name in enumerate(names)})
    return signed.assign_attrs(slopes=crosstalk.slopes)


def _signature(visible: np.ndarray, planes: np.ndarray, *, crosstalk: Crosstalk) -> np.ndarray:
    infrared, score, residual = planes
    known = np.isfinite(infrared) & np.isfinite(residual)
    exceeds = cv2.dilate((np.abs(np.nan_to_num(score)) >= REGION_LEVEL).astype(np.uint8), np.ones((3, 3), np.uint8))
    outside = ((exceeds == 0) & known).astype(np.float32)
    density = visible_density(visible, crosstalk.curve)
    sigma = max(crosstalk.blur, SMALLEST_BLUR)
    ghost = ghost_density(density, crosstalk.prediction, crosstalk.curve.densest)
    plain = to_density(to_light(np.where(known, infrared, np.float32(1)), crosstalk.curve.exponent))
    levels = [*(blur(band, sigma) for band in density), plain, blur(ghost, sigma)]
    steps = [np.where(known, step, np.float32(0)) for step in _above_surroundings(levels, outside)]
    excess, loss = np.mean(steps[:3], axis=0), blur(np.where(known, residual, np.float32(0)), RESIDUAL_BLUR)
    return np.stack([*steps, _likeness(excess, loss)])


def _above_surroundings(levels: list[np.ndarray], outside: np.ndarray) -> list[np.ndarray]:
    """Planes (y, x) less the mean of what is `outside` exceedances around, on means of 4 by 4 pixels."""
    height, width = outside.shape
    size = max(1, width // REDUCED), max(1, height // REDUCED)
    share = cv2.resize(outside, size, interpolation=cv2.INTER_AREA)
    shares = [box_mean(share, side // REDUCED | 1) for side in BOXES]
    chosen = np.where(shares[0] >= ENOUGH, 0, np.where(shares[1] >= ENOUGH, 1, 2))
    steps = []
    for level in levels:
        part = cv2.resize(level * outside, size, interpolation=cv2.INTER_AREA)
        means = [
            box_mean(part, side // REDUCED | 1) / (held + np.float32(1e-6))
            for side, held in zip(BOXES, shares, strict=True)
        ]
        around = np.choose(chosen, means).astype(np.float32)
        steps.append(level - cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR))
    return steps


def _likeness(excess: np.ndarray, loss: np.ndarray) -> np.ndarray:
    both, one, other = (box_mean(a * b, SHAPE_WINDOW) for a, b in ((excess, loss), (excess, excess), (loss, loss)))
    return both / np.sqrt(np.maximum(one * other, np.float32(1e-14)))
