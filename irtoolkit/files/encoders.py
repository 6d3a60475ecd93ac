"""Strips and tiles encoded as their page states it: horizontal differences, byte order, compression without loss."""

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np

from irtoolkit.files import codecs
from irtoolkit.files.pages import Page
from irtoolkit.schema import SlideError

LZMA, ZSTANDARD = 34925, 50000
JPEG, JPEG_2000, JPEG_XL, DNG_JPEG_XL = 7, 34712, 50002, 52546


def _bytes_of(ordered: np.ndarray) -> Any:
    """The bytes of contiguous counts, row by row, without a copy."""
    return ordered.reshape(len(ordered), -1).view(np.uint8)


def deflate(ordered: np.ndarray) -> bytes:
    """Deflate contiguous counts (row, column, sample)."""
    return bytes(imagecodecs.deflate_encode(_bytes_of(ordered), level=6, raw=False))


def _jpeg(ordered: np.ndarray) -> bytes:
    """Lossless JPEG, each sample a component, as raw converters expect it in a DNG."""
    values, bits, plain = _native(ordered), 8 * ordered.itemsize, "unknown"
    values = values if values.shape[2] > 1 else values[..., 0]
    return bytes(
        imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits, colorspace=plain, outcolorspace=plain)
    )


def _jpeg_2000(ordered: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(_native(ordered), level=0, reversible=True, codecformat="j2k"))


def _jpeg_xl(ordered: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(_native(ordered), lossless=True))


def _png(ordered: np.ndarray) -> bytes:
    return bytes(imagecodecs.png_encode(_native(ordered).squeeze(-1) if ordered.shape[-1] == 1 else _native(ordered)))


def _native(ordered: np.ndarray) -> np.ndarray:
    return ordered.astype(ordered.dtype.newbyteorder("="), copy=False)


ENCODERS: dict[int, Callable[[np.ndarray], bytes]] = {
    codecs.NONE: np.ndarray.tobytes,
    codecs.LZW: lambda ordered: bytes(imagecodecs.lzw_encode(_bytes_of(ordered))),
    codecs.DEFLATE: deflate,
    codecs.OLD_DEFLATE: deflate,
    codecs.PACKBITS: lambda ordered: bytes(imagecodecs.packbits_encode(_bytes_of(ordered))),
    LZMA: lambda ordered: bytes(imagecodecs.lzma_encode(_bytes_of(ordered))),
    ZSTANDARD: lambda ordered: bytes(imagecodecs.zstd_encode(_bytes_of(ordered))),
    JPEG: _jpeg,
    codecs.PNG: _png,
    JPEG_2000: _jpeg_2000,
    JPEG_XL: _jpeg_xl,
    DNG_JPEG_XL: _jpeg_xl,
}
"""Compression number to what encodes contiguous counts (row, column, sample) in the byte order of the file."""


def check_encoder(page: Page) -> None:
    """Raise `SlideError` unless the strips or tiles of a page can be encoded without loss."""
    if page.compression not in ENCODERS or page.predictor not in (1, 2):
        found = f"compression {page.compression}, predictor {page.predictor}"
        raise SlideError(f"{page.path}: its compression cannot be written; use --format rgb ({found})")


def order_counts(values: np.ndarray, page: Page) -> np.ndarray:
    """Counts (row, column, sample) of whole rows of a strip or tile as they are before compression.

    They get the byte order of the file and, where the page says so, become differences along the row.

    Parameters
    ----------
    values
        uint8 or uint16, in native byte order.

    Examples
    --------
    >>> page = Page("a.tif", 0, 0, (0,), ">", {258: np.array([16]), 259: np.array([8]), 317: np.array([2])})
    >>> order_counts(np.array([[[256], [257]]], np.uint16), page).tobytes().hex()
    '01000001'
    """
    if page.predictor == 2 and (page.compression != codecs.NONE or 322 in page.tags):
        values = imagecodecs.delta_encode(values, axis=1)
    return np.ascontiguousarray(values, page.dtype)


def encode(ordered: np.ndarray, page: Page) -> bytes:
    """Compress a whole strip or tile, contiguous (row, column, sample), as `order_counts` returns it."""
    return ENCODERS[page.compression](ordered)
