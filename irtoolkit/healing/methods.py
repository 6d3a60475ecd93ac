"""Healing of masked pixels from the light that passed the defects and from their surroundings."""

from functools import partial

import numpy as np
import xarray as xr

from irtoolkit.alignment import frame_place
from irtoolkit.arrays import (
    FULL_SCALE,
    Place,
    find_windows,
    from_negative,
    label_windows,
    lay_out,
    map_blocks,
    pieces_reaching,
    to_negative,
    to_sixteen_bits,
)
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.healing.film_grain import CODED, Grain, gamma_coded
from irtoolkit.healing.grain import add_grain
from irtoolkit.healing.inpainting import check_method, inpaint_windows
from irtoolkit.healing.ratio import USUAL, Ratio
from irtoolkit.healing.restoration import restore
from irtoolkit.schema import SlideError
from irtoolkit.settings import HEALING_METHODS

REACH, JOINED = 64, 2
"""Pixels around a block that healing sees, and how many usual blocks it heals at once, as the reach is large."""

MARGIN = 12
NEAR, CONTEXT = 4, 16
"""Px within which defects are restored together, and px of surrounding film that are used."""

GRAIN_MARGIN = 12


def heal(
    visible: xr.DataArray,
    mask: xr.DataArray,
    *,
    method: str = "auto",
    grain: Grain | None = None,
    infrared: xr.DataArray | None = None,
    crosstalk: Crosstalk | None = None,
    ratio: Ratio = USUAL,
    inverted: bool = False,
) -> xr.DataArray:
    """Heal the masked pixels of each band; lazy.

    ``"auto"`` divides out translucent defects and inpaints opaque ones (`restoration.restore`). The other methods
    inpaint each connected piece from its box, 12 px wider on every side (`inpainting.inpaint`). Then healed pixels get
    the grain that they lack (`grain.add_grain`).

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B, uint8 or uint16.
    mask
        (y, x) bool, True = defect.
    method
        One of `settings.HEALING_METHODS`; ``"copy"`` and ``"none"`` return the counts unchanged.
    grain
        That of the slide's film (`film_grain.measure_grain`), None to add none.
    infrared
        (y, x) float32 16-bit counts on the colour grid (`shift_infrared`); without it and the crosstalk, ``"auto"`` is
        ``"telea"``.
    crosstalk
        That of the slide.
    ratio
        Density of the slide's defects in the visible over that in infrared (`ratio.measure_ratio`).
    inverted
        Whether this is a positive made from a negative: ``"auto"`` then restores the light of the negative. Where the
        positive is white, at full scale, division would draw the defect in gray: there the light is at most a fill's.

    Returns
    -------
    xarray.DataArray
        (band, y, x), dtype of `visible`, equal to it wherever the mask is False.

    Raises
    ------
    SlideError
        If the method is unknown or its program is not installed; when computed, if G'MIC fails.
    """
    if method not in HEALING_METHODS:
        raise SlideError(f"healing method must be one of {', '.join(HEALING_METHODS)}, not {method!r}")
    if method in ("copy", "none"):
        return visible.rename("healed")
    arrays, shape = [visible.data, mask.data[None]], (visible.sizes["y"], visible.sizes["x"])
    if method == "auto" and infrared is not None and crosstalk is not None:
        kernel = partial(_restore_block, crosstalk=crosstalk, shape=shape, grain=grain, ratio=ratio, inverted=inverted)
        arrays.append(infrared.data[None])
    else:
        inpainting = "telea" if method == "auto" else method
        check_method(inpainting)
        kernel = partial(_fill_block, method=inpainting, shape=shape, grain=grain)
    bands, dtype = visible.sizes["band"], visible.dtype
    data = map_blocks(kernel, *arrays, depth=REACH, dtype=dtype, planes=bands, located=True, joined=JOINED)
    return xr.DataArray(data, dims=visible.dims, coords=visible.coords, name="healed")


def _restore_block(
    visible: np.ndarray,
    mask: np.ndarray,
    infrared: np.ndarray,
    *,
    start: tuple[int, int],
    crosstalk: Crosstalk,
    shape: tuple[int, int],
    grain: Grain | None,
    ratio: Ratio,
    inverted: bool,
) -> np.ndarray:
    wanted = pieces_reaching(mask[0], _inside(start, mask.shape[1:], shape), GRAIN_MARGIN)
    if not wanted.any():
        return visible
    place = np.broadcast_arrays(*frame_place(start, mask.shape[1:], shape))
    healed, sheet = to_negative(visible) if inverted else to_sixteen_bits(visible), lay_out(wanted, NEAR, CONTEXT)
    marked, seen = sheet.gather(mask, False)[0], sheet.gather(infrared, np.nan)[0]
    y, x = sheet.gather(np.stack(place))
    light, own = sheet.gather(healed), sheet.own(wanted)
    restored = restore(light, seen, marked, (y, x), crosstalk, own, ratio)
    white = sheet.gather(visible == np.iinfo(visible.dtype).max, False) & marked
    if inverted and white.any():
        unseen = np.where(white.any(axis=0), np.float32(np.nan), seen)
        filled = restore(light, unseen, marked, (y, x), crosstalk, own, ratio)
        restored = np.where(white, np.minimum(restored, filled), restored)
    sheet.scatter(restored, wanted, healed)
    healed = from_negative(healed) if inverted else healed
    return _finish(healed, visible, mask[0], wanted, start, grain)


def _inside(start: tuple[int, int], size: tuple[int, ...], shape: tuple[int, int]) -> Place:
    """Rows and columns of a block, first pixel `start`, that no neighbouring block heals; more at the slide's edges."""
    rows, columns = (
        slice(REACH if first else 0, length - REACH if first + length < whole else length)
        for first, length, whole in zip(start, size, shape, strict=True)
    )
    return rows, columns


def _fill_block(
    visible: np.ndarray,
    mask: np.ndarray,
    *,
    start: tuple[int, int],
    method: str,
    shape: tuple[int, int],
    grain: Grain | None,
) -> np.ndarray:
    wanted = pieces_reaching(mask[0], _inside(start, mask.shape[1:], shape), GRAIN_MARGIN)
    if not wanted.any():
        return visible
    filled, (places, labels) = to_sixteen_bits(visible), label_windows(wanted, MARGIN)
    fills = inpaint_windows([(filled[:, *place], mask[0][place]) for place in places], method)
    for number, (place, fill) in enumerate(zip(places, fills, strict=True), 1):
        piece = labels[place] == number
        filled[:, *place][:, piece] = fill[:, piece]
    return _finish(filled, visible, mask[0], wanted, start, grain)


def _finish(
    healed: np.ndarray,
    visible: np.ndarray,
    mask: np.ndarray,
    wanted: np.ndarray,
    start: tuple[int, int],
    grain: Grain | None,
) -> np.ndarray:
    """`visible`, with healed 16-bit counts (band, y, x) and grain in its own depth where `wanted` (y, x) is True."""
    counts = visible.copy()
    grained = healed if grain is None else _with_grain(healed, mask, wanted, start, grain)
    largest, (y, x) = np.iinfo(visible.dtype).max, np.nonzero(wanted)
    counts[:, y, x] = np.clip(np.rint(grained[:, y, x] / (FULL_SCALE / largest)), 0, largest)
    return counts


def _with_grain(
    healed: np.ndarray, mask: np.ndarray, wanted: np.ndarray, start: tuple[int, int], grain: Grain
) -> np.ndarray:
    """Healed 16-bit counts (band, y, x) with the grain that they lack where `wanted` (y, x) is True."""
    grained = healed.copy()
    for rows, columns in find_windows(wanted, GRAIN_MARGIN):
        corner, marked = (start[0] + rows.start, start[1] + columns.start), wanted[rows, columns]
        grainy = add_grain(gamma_coded(healed[:, rows, columns]), mask[rows, columns], corner, grain)
        grained[:, rows, columns][:, marked] = FULL_SCALE * np.maximum(grainy[:, marked], 0) ** np.float32(CODED)
    return grained
