"""Which compressions keep every count, and how their strips and tiles are decoded."""

from collections.abc import Callable
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from tifffile import TIFF

from irtoolkit.files import lossless
from irtoolkit.files.jpeg2000 import decode_jpeg2000
from irtoolkit.files.lossless_jpeg import decode_lossless_jpeg

NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LOSSLESS_JPEG, PNG = 1, 5, 8, 32946, 32773, 7, 34933

BYTES = frozenset({NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, 34925, 34926, 50000})
"""Compressions of bytes, which lose nothing: LZW, deflate, PackBits, LZMA, and Zstandard under two numbers."""


LARGEST_RATIO = {NONE: 1, PACKBITS: 64, LOSSLESS_JPEG: 16, 34926: 40_000, 50000: 40_000}
LARGEST_RATIO |= dict.fromkeys((DEFLATE, OLD_DEFLATE, PNG), 1032) | {LZW: 1400}
"""Most times that a compression makes data smaller, by its format: deflate codes 258 bytes in 2 bits, LZW strings of up
to 3838 bytes in 12 bits, Zstandard blocks of 128 KB in 4 bytes."""

USUAL_RATIO = 100_000
"""The same for LZMA and pictures, whose formats know no bound."""

STREAMED = frozenset({NONE, DEFLATE, OLD_DEFLATE})
"""Compressions of which a strip or tile need not be in memory as a whole."""


class PictureCodec(NamedTuple):
    """A compression of pictures: its decoder into an array of a shape, and whether a stream that begins so loses
    nothing.
    """

    decode: Callable[[bytes | bytearray, np.ndarray], Any]
    is_lossless: Callable[[bytes], bool]


_JPEG_2000 = PictureCodec(decode_jpeg2000, lossless.is_lossless_jpeg2000)
_JPEG_XL = PictureCodec(lambda data, out: imagecodecs.jpegxl_decode(data, out=out), lossless.is_lossless_jpegxl)
_WEBP = PictureCodec(lambda data, out: imagecodecs.webp_decode(data, out=out), lossless.is_lossless_webp)

PICTURES = {
    LOSSLESS_JPEG: PictureCodec(lambda data, out: decode_lossless_jpeg(data, out.shape), lossless.is_lossless_jpeg),
    **dict.fromkeys((33004, 33005, 34712), _JPEG_2000),
    **dict.fromkeys((50002, 52546), _JPEG_XL),
    **dict.fromkeys((34927, 50001), _WEBP),
    PNG: PictureCodec(lambda data, out: imagecodecs.png_decode(data, out=out), lambda _: True),
}
"""Compressions of pictures by their number in the tag Compression; these may lose counts, or not."""

_NAMES = {2: "fax", 3: "fax", 4: "fax", 6: "JPEG", 7: "JPEG", 33007: "JPEG", 34892: "JPEG", 34887: "LERC"}
_NAMES |= {**dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"), **dict.fromkeys((34927, 50001), "WebP")}
_NAMES |= {**dict.fromkeys((50002, 52546), "JPEG XL"), 22610: "JPEG XR", 34934: "JPEG XR"}


def compression_name(compression: int) -> str:
    """Name of a compression by its number.

    >>> compression_name(34712), compression_name(65000)
    ('JPEG 2000', 'number 65000')
    """
    return _NAMES.get(compression, f"number {compression}")


def decode_segment(
    data: bytes | bytearray, compression: int, predictor: int, shape: tuple[int, int, int], stored: np.dtype[Any]
) -> np.ndarray:
    """Decode one strip or tile.

    Parameters
    ----------
    data
        The bytes of the segment in the file.
    compression, predictor
        Values of the two tags.
    shape
        Rows, columns and samples of the segment.
    stored
        uint8 or uint16 in the byte order of the file.

    Returns
    -------
    numpy.ndarray
        Codes (y, x, sample) in native byte order.

    Raises
    ------
    RuntimeError, ValueError
        The data cannot be decoded, or hold fewer or other samples than `shape` and `stored`.
    """
    if compression in PICTURES:
        return _picture(PICTURES[compression].decode, data, np.empty(shape, stored.newbyteorder("=")))
    size = int(np.prod(shape)) * stored.itemsize
    decoded = TIFF.DECOMPRESSORS[compression](data, out=size)
    if len(decoded) < size:
        raise ValueError(f"it holds {len(decoded)} of {size} bytes")
    return undo_predictor(decoded, predictor, shape, stored)


def undo_predictor(data: Any, predictor: int, shape: tuple[int, int, int], stored: np.dtype[Any]) -> np.ndarray:
    """Turn decompressed bytes into codes (y, x, sample) in native byte order."""
    values = np.frombuffer(data, stored, int(np.prod(shape))).reshape(shape).astype(stored.newbyteorder("="))
    return np.asarray(TIFF.UNPREDICTORS[predictor](values, axis=1, out=values))


def _picture(decode: Callable[..., Any], data: bytes | bytearray, out: np.ndarray) -> np.ndarray:
    """Decode a picture; lossless JPEG may hold the samples of a pixel as neighbours in a row."""
    decoded = np.asarray(decode(data, out))
    if decoded.size != out.size or len(decoded) != len(out) or decoded.dtype.itemsize != out.itemsize:
        raise ValueError(f"it holds {decoded.shape} samples of {decoded.dtype}, not {out.shape} of {out.dtype}")
    return decoded.reshape(out.shape)
