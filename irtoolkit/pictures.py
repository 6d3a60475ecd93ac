"""8-bit pictures for display: counts and planes the right way up, masks drawn on them, JPEG."""

import math
from pathlib import Path

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from irtoolkit.files import AnyPath, turn_between, write_whole
from irtoolkit.schema import VISIBLE, SlideError

Picture = NDArray[np.uint8]
Array = np.ndarray | xr.DataArray

MARK = (255, 0, 200)
DISPLAY_GAMMA = 2.2
CLIPPED = 0.1
NEGATIVE_RANGE = 500.0
SAMPLE_SIDE = 1000
THIN_ROWS = 128

TRANSPOSED, UPSIDE_DOWN, MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)
"""TIFF orientations that are transposed, then turned upside down, then mirrored left to right."""


def view_picture(
    visible: Array,
    *,
    polarity: str = "",
    orientation: int = 1,
    gamma: float | None = None,
    reference: Array | None = None,
) -> Picture:
    """Turn the counts of R, G, B into a picture for display.

    A positive is stretched between the .1 and 99.9 % points of its three bands together, which keeps its colours, and
    coded for a display of gamma 2.2. A negative is inverted in density, each band between its own two points, which
    removes the orange mask.

    Parameters
    ----------
    visible
        uint8 or uint16 (band, y, x), bands R, G, B, as stored; lazy counts are computed.
    polarity
        ``"negative"``; anything else counts as a positive.
    orientation
        TIFF orientation of the stored pixels, 1 to 8.
    gamma
        Exponent with which the counts are coded: 1 linear, 2.2 for a display. By default 16-bit counts are linear and
        8-bit counts are coded with 2.2, as scanner programs write them.
    reference
        Counts that determine the stretch instead, so that two pictures look alike.

    Returns
    -------
    numpy.ndarray
        uint8 (y, x, 3), RGB, the right way up.

    Raises
    ------
    SlideError
        The counts are not three bands of uint8 or uint16.

    Examples
    --------
    >>> visible = np.tile(np.uint16([0, 5000, 20000, 65535]), (3, 2, 1))
    >>> view_picture(visible)[0, :, 0]
    array([  0,  79, 149, 255], dtype=uint8)
    """
    counts = _checked(visible)
    basis = counts if reference is None else _checked(reference)
    exponent = (gamma or (1.0 if counts.dtype == np.uint16 else DISPLAY_GAMMA)) / DISPLAY_GAMMA
    step = max(1, max(basis.shape) // SAMPLE_SIDE)
    points = np.percentile(basis[:, ::step, ::step], [CLIPPED, 100 - CLIPPED], axis=(1, 2))
    if polarity == "negative":
        curves = [_negative_curve(low, high, counts.dtype) for low, high in points.T]
    else:
        curves = [_positive_curve(points[0].min(), points[1].max(), counts.dtype, exponent)] * len(VISIBLE)
    picture = np.stack([curve[band] for curve, band in zip(curves, counts, strict=True)], axis=-1)
    return orient(picture, orientation)


def _checked(visible: Array) -> np.ndarray:
    counts = np.asarray(visible)
    if counts.dtype not in (np.uint8, np.uint16) or counts.ndim != 3 or len(counts) != len(VISIBLE):
        raise SlideError(
            f"a picture needs uint8 or uint16 counts of R, G, B on (band, y, x), not {counts.dtype} of shape"
            f" {counts.shape}; choose the bands with counts.sel(band=['R', 'G', 'B'])"
        )
    return counts


def _positive_curve(low: float, high: float, dtype: np.dtype, exponent: float) -> Picture:
    """Gray value of every possible count."""
    levels = np.arange(np.iinfo(dtype).max + 1)
    return _to_bytes(np.clip((levels - low) / max(high - low, 1), 0, 1) ** exponent)


def _negative_curve(low: float, high: float, dtype: np.dtype) -> Picture:
    """Gray value of every possible count: its density over the range of the film, at most 2.7 (`NEGATIVE_RANGE`)."""
    levels = np.maximum(np.arange(np.iinfo(dtype).max + 1), 1)
    high = max(high, 1)
    low = min(max(low, high / NEGATIVE_RANGE, 1), 0.99 * high)
    return _to_bytes(np.log(high / levels) / np.log(high / low))


def view_plane(plane: Array, low: float, high: float, orientation: int = 1) -> Picture:
    """Turn a (y, x) plane into a gray picture, uint8 (y, x): `low` black, `high` white; lazy planes are computed.

    >>> view_plane(np.array([[0.0, 1.0, 2.0, 9.0]]), 0, 2)
    array([[  0, 128, 255, 255]], dtype=uint8)
    """
    values = np.asarray(plane).astype(np.float32)
    return orient(_to_bytes((values - low) / (high - low)), orientation)


def _to_bytes(share: np.ndarray) -> Picture:
    return (np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def orient(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a stored (y, x, ...) array the right way up by its TIFF orientation (tag 274), 1 to 8.

    >>> orient(np.array([[1, 2, 3], [4, 5, 6]]), 6)
    array([[4, 1],
           [5, 2],
           [6, 3]])
    """
    return np.ascontiguousarray(turn_between(orientation, 1).apply(picture))


def mark_mask(
    picture: Picture,
    mask: Array,
    colour: tuple[int, int, int] = MARK,
    *,
    orientation: int = 1,
    width: int = 1,
    tint: float = 0.0,
) -> Picture:
    """Draw the outlines of a mask on a copy of a picture, just outside the marked pixels so that they stay in sight.

    Parameters
    ----------
    picture
        uint8 (y, x, 3) RGB, the right way up, as `view_picture` returns; or gray (y, x).
    mask
        Bool (y, x), True = defect, as stored; lazy masks are computed.
    colour
        RGB of outline and tint, each 0 to 255.
    orientation
        TIFF orientation of the mask; that of the picture has been applied already.
    width
        Of the outline in pixels; 0 draws none.
    tint
        Opacity of the colour over the marked pixels, 0 to 1.

    Returns
    -------
    numpy.ndarray
        uint8 (y, x, 3) RGB.
    """
    inside = orient(np.asarray(mask, dtype=np.uint8), orientation)
    marked = picture.copy() if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    if marked.shape[:2] != inside.shape:
        raise SlideError(
            f"picture and mask must cover the same pixels, not {marked.shape[:2]} and {inside.shape};"
            " make both from the same slide, reduced alike, and state the mask's orientation"
        )
    if tint:
        blended = (1 - tint) * marked[inside > 0] + tint * np.asarray(colour)
        marked[inside > 0] = np.rint(blended).astype(np.uint8)
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    marked[cv2.dilate(inside, rim) > inside] = colour
    return marked


def thin(plane: xr.DataArray, longest: int = 1600) -> xr.DataArray:
    """Reduce y and x by a whole number so that neither exceeds `longest`, for a preview; lazy if `plane` is.

    Squares of pixels are averaged; a square of a mask is True if any of its pixels is, so that specks do not vanish.
    The last row and column are repeated to complete squares. Lazy planes are reduced 128 rows at a time; to read the
    file once, compute several planes of a slide as one Dataset.

    Parameters
    ----------
    plane
        Any dtype, on y, x and other dimensions, which stay; NumPy or dask-backed.
    longest
        Largest number of rows and of columns.

    Returns
    -------
    xarray.DataArray
        The dtype of `plane` (integers rounded), and its attribute `step`: stored pixels per pixel of the preview.

    Examples
    --------
    >>> thin(xr.DataArray(np.uint16([[1, 3, 5], [1, 3, 5]]), dims=("y", "x")), longest=2).values
    array([[2, 5]], dtype=uint16)
    """
    step = math.ceil(max(plane.sizes["y"], plane.sizes["x"]) / longest)
    if step == 1:
        return plane.assign_attrs(step=1)
    over = {axis: (0, -plane.sizes[axis] % step) for axis in ("y", "x")}
    whole = plane.pad(over, mode="edge")
    if whole.chunks is not None:
        whole = whole.chunk(y=max(1, THIN_ROWS // step) * step, x=-1)
    squares = whole.coarsen(y=step, x=step)
    if plane.dtype == bool:
        reduced = squares.max()
    else:
        mean = squares.mean()
        reduced = (mean.round() if plane.dtype.kind in "ui" else mean).astype(plane.dtype)
    return reduced.assign_attrs(plane.attrs, step=step)


def write_jpeg(path: AnyPath, picture: Picture, quality: int = 85) -> Path:
    """Write an RGB (y, x, 3) uint8 picture as JPEG with colours at full resolution, as thin marks need.

    It is written atomically, as masks are; an earlier file is replaced.
    """
    return write_whole(path, encode_jpeg(picture, quality))


def encode_jpeg(picture: Picture, quality: int = 85) -> bytes:
    """An RGB (y, x, 3) uint8 picture as JPEG, its colours at full resolution."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])[1].tobytes()
