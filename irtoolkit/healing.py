"""Filling of the masked places from their surroundings, every other pixel left bit for bit."""

from functools import partial

import cv2
import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.schema import SlideError
from irtoolkit.settings import HEALING_METHODS
from irtoolkit.statistics import blur

REACH = 64
MARGIN = 12
RADIUS = 3
DETAIL = 2.0


def heal(visible: xr.DataArray, mask: xr.DataArray, *, method: str = "auto", grain: float = 1.0) -> xr.DataArray:
    """Fill the masked pixels of each band from around them; lazy.

    Each connected piece of the mask is filled by Telea's fast marching (2004, doi:10.1080/10867651.2004.10487596),
    band by band in full depth, and then given the fine detail of a clean patch beside it, so that grain goes on.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B, uint8 or uint16.
    mask
        (y, x) bool, True = defect.
    method
        ``"auto"`` or ``"telea"``; ``"copy"`` and ``"none"`` return the counts as they are.
    grain
        Share of the patch's detail that is added, 0 for none.

    Returns
    -------
    xarray.DataArray
        (band, y, x), dtype of `visible`, equal to it wherever the mask is False.

    Raises
    ------
    SlideError
        Unknown method.
    """
    if method not in HEALING_METHODS:
        raise SlideError(f"healing method must be one of {', '.join(HEALING_METHODS)}, not {method!r}")
    if method in ("copy", "none"):
        return visible.rename("healed")
    kernel = partial(_heal_block, grain=grain)
    arrays = visible.data, mask.data[None]
    data = tiles.map_blocks(kernel, *arrays, depth=REACH, dtype=visible.dtype, planes=visible.sizes["band"])
    return xr.DataArray(data, dims=visible.dims, coords=visible.coords, name="healed")


def _heal_block(visible: np.ndarray, mask: np.ndarray, grain: float) -> np.ndarray:
    healed = visible.copy()
    if not mask.any():
        return healed
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask[0].astype(np.uint8), connectivity=8)
    for number in range(1, count):
        left, top, width, height = boxes[number, :4]
        rows = slice(max(top - MARGIN, 0), top + height + MARGIN)
        columns = slice(max(left - MARGIN, 0), left + width + MARGIN)
        piece = labels[rows, columns] == number
        detail = _clean_detail(visible, mask[0], rows, columns) if grain else None
        for band in range(len(visible)):
            fill = _fill(visible[band, rows, columns], mask[0, rows, columns])
            if detail is not None:
                fill = fill * (1 + grain * detail[band])
            healed[band, rows, columns][piece] = _as_counts(fill, visible.dtype)[piece]
    return healed


def _fill(counts: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if mask.all():
        return counts.astype(np.float32)
    scale = 257 if counts.dtype == np.uint8 else 1
    wide = counts.astype(np.uint16) * np.uint16(scale)
    filled = cv2.inpaint(wide, mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return filled.astype(np.float32) / np.float32(scale)


def _clean_detail(visible: np.ndarray, mask: np.ndarray, rows: slice, columns: slice) -> np.ndarray | None:
    """Detail, as a share of the level, of the calmest unmarked patch of the same size beside a piece; None if none is.

    It is clipped at three robust sigmas, so that edges of the picture in the patch are not copied.
    """
    height, width = mask[rows, columns].shape
    best, calmest = None, np.inf
    for down, right in ((-height, 0), (height, 0), (0, -width), (0, width)):
        top, left = rows.start + down, columns.start + right
        patch = (slice(top, top + height), slice(left, left + width))
        if min(top, left) >= 0 and mask[patch].shape == (height, width) and not mask[patch].any():
            roughness = float(np.abs(_relative_detail(visible[1][patch])).mean())
            best, calmest = (patch, roughness) if roughness < calmest else (best, calmest)
    if best is None:
        return None
    detail = np.stack([_relative_detail(band[best]) for band in visible])
    limit = 3 * 1.4826 * np.median(np.abs(detail), axis=(1, 2), keepdims=True)
    return np.clip(detail, -limit, limit)


def _relative_detail(counts: np.ndarray) -> np.ndarray:
    light = counts.astype(np.float32)
    return light / np.maximum(blur(light, DETAIL), 1) - 1


def _as_counts(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)
