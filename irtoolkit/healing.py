"""Filling of the masked places from their surroundings, every other pixel left bit for bit."""

from functools import partial

import cv2
import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.inpainting import check_method, inpaint_windows
from irtoolkit.schema import SlideError
from irtoolkit.settings import HEALING_METHODS
from irtoolkit.statistics import blur

REACH = 64
MARGIN = 12
DETAIL = 2.0
CALM_WINDOW = 17
CALM_REACH = 24


def heal(visible: xr.DataArray, mask: xr.DataArray, *, method: str = "auto", grain: float = 1.0) -> xr.DataArray:
    """Fill the masked pixels of each band from around them; lazy.

    Each connected piece of the mask is filled by `inpainting.inpaint` in its box, 12 px wider on every side, and then
    given the fine detail of a clean patch beside it, so that grain goes on.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B, uint8 or uint16.
    mask
        (y, x) bool, True = defect.
    method
        One of `settings.HEALING_METHODS`: ``"auto"`` is ``"telea"``; ``"copy"`` and ``"none"`` return the counts as
        they are.
    grain
        Share of the patch's detail that is added, 0 for none.

    Returns
    -------
    xarray.DataArray
        (band, y, x), dtype of `visible`, equal to it wherever the mask is False.

    Raises
    ------
    SlideError
        Unknown method, or its program is not installed; when computed, G'MIC failed.
    """
    if method not in HEALING_METHODS:
        raise SlideError(f"healing method must be one of {', '.join(HEALING_METHODS)}, not {method!r}")
    if method in ("copy", "none"):
        return visible.rename("healed")
    inpainting = "telea" if method == "auto" else method
    check_method(inpainting)
    kernel = partial(_heal_block, method=inpainting, grain=grain)
    arrays = visible.data, mask.data[None]
    data = tiles.map_blocks(kernel, *arrays, depth=REACH, dtype=visible.dtype, planes=visible.sizes["band"])
    return xr.DataArray(data, dims=visible.dims, coords=visible.coords, name="healed")


def _heal_block(visible: np.ndarray, mask: np.ndarray, method: str, grain: float) -> np.ndarray:
    if not mask.any():
        return visible
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask[0].astype(np.uint8), connectivity=8)
    places = [_widened(box, MARGIN) for box in boxes[1:]]
    filled = visible.astype(np.float32)
    fills = inpaint_windows([(filled[:, *place], mask[0][place]) for place in places], method)
    for number, place, fill in zip(range(1, count), places, fills, strict=True):
        piece = labels[place] == number
        filled[:, *place][:, piece] = fill[:, piece]
    if grain:
        filled = _with_grain(filled, mask[0], boxes[1:], grain)
    return np.where(mask, _as_counts(filled, visible.dtype), visible)


def _with_grain(filled: np.ndarray, mask: np.ndarray, boxes: np.ndarray, grain: float) -> np.ndarray:
    """Filled counts (band, y, x) with the detail of a clean patch beside each piece."""
    detail = np.stack([band / np.maximum(blur(band, DETAIL), 1) - 1 for band in filled])
    sizes = np.stack([cv2.blur(np.abs(band), (CALM_WINDOW, CALM_WINDOW)) for band in detail])
    textured = filled.copy()
    for box in boxes:
        rows, columns = _widened(box, MARGIN)
        patch = _calmest_patch(sizes[1], mask, rows, columns)
        if patch:
            level = _grain_level(sizes, mask, *_widened(box, MARGIN + CALM_REACH))
            added = grain * _no_stronger(detail[:, *patch], level)
            textured[:, rows, columns] = filled[:, rows, columns] * (1 + added)
    return textured


def _widened(box: np.ndarray, margin: int) -> tuple[slice, slice]:
    left, top, width, height = box[:4]
    rows = slice(max(top - margin, 0), top + height + margin)
    return rows, slice(max(left - margin, 0), left + width + margin)


def _grain_level(sizes: np.ndarray, mask: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Mean size of the detail (band, 1, 1) in the calm quarter of the clean film around a piece.

    Calm places show the grain alone; elsewhere the picture's own detail would pass for grain.
    """
    clean = ~mask[rows, columns]
    calm = [np.quantile(size[rows, columns][clean], 0.25) if clean.any() else 0.0 for size in sizes]
    return np.array(calm, np.float32)[:, None, None]


def _calmest_patch(size: np.ndarray, mask: np.ndarray, rows: slice, columns: slice) -> tuple[slice, slice] | None:
    """Where beside a piece the calmest patch of its size lies; None where all are marked in part or outside."""
    height, width = mask[rows, columns].shape
    best, calmest = None, np.inf
    for down, right in ((-height, 0), (height, 0), (0, -width), (0, width)):
        top, left = rows.start + down, columns.start + right
        patch = (slice(top, top + height), slice(left, left + width))
        if min(top, left) >= 0 and mask[patch].shape == (height, width) and not mask[patch].any():
            roughness = float(size[patch].mean())
            best, calmest = (patch, roughness) if roughness < calmest else (best, calmest)
    return best


def _no_stronger(detail: np.ndarray, level: np.ndarray) -> np.ndarray:
    size = np.maximum(np.abs(detail).mean(axis=(1, 2), keepdims=True), np.float32(1e-6))
    return np.clip(detail * np.minimum(1, level / size), -4 * level, 4 * level)


def _as_counts(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)
