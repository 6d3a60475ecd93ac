"""Lossless JPEG (ITU-T T.81, process 14), decoded only where its header is sound: the decoder trusts it blindly."""

import math
from collections.abc import Iterator

import imagecodecs
import numpy as np

FRAME, TABLES, SCAN, END = 0xC3, 0xC4, 0xDA, 0xD9
SYMBOLS = 17
"""Sizes of differences in a Huffman table: 0 to 16 bits."""

LONGEST_CODE = 4
"""Bytes of the longest code of a sample, with its difference."""

PREDICTORS = range(1, 8)


def decode_lossless_jpeg(data: bytes | bytearray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Decode one lossless frame, of a shape if that is given, to (y, x) or (y, x, component).

    Raises
    ------
    ValueError
        The header is damaged, of another process, or of another size.
    """
    size = _check_header(bytes(data))
    if shape and math.prod(shape) != size:
        raise ValueError(f"it holds {size} samples, not {shape}")
    return np.asarray(imagecodecs.ljpeg_decode(bytes(data) + bytes(LONGEST_CODE * size)))


def frame_of(data: bytes) -> tuple[int, int]:
    """Type of the first frame of a JPEG stream and bits of a sample; zeros where there is none.

    >>> frame_of(bytes.fromhex("ffd8 ffc3 000b 10 0001 0001 01 00 11 00"))
    (195, 16)
    """
    frames = (each for each in markers(data) if 0xC0 <= each[0] <= 0xCF and each[0] not in (TABLES, 0xC8, 0xCC))
    code, content = next(frames, (0, b"\0"))
    return code, content[0] if content else 0


def markers(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Codes and contents of the whole marker segments at the start of a stream, up to the scan."""
    place, code = 2, 0
    while code != SCAN and place + 4 <= len(data) and data[place] == 0xFF:
        code, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if length < 2 or place + 2 + length > len(data):
            return
        yield code, data[place + 4 : place + 2 + length]
        place += 2 + length


def _check_header(data: bytes) -> int:
    """Number of samples of the frame; `ValueError` where the header is not sound."""
    tables, components, size = set[int](), b"", 0
    for code, content in markers(data):
        if code == FRAME:
            components, size = _read_frame(content)
        elif code == TABLES:
            tables |= _read_tables(content)
        elif code == SCAN:
            _check_scan(content, components, tables)
            return size
        elif 0xC0 <= code <= 0xCF or code == 0xDD:
            raise ValueError(f"its lossless JPEG uses an unknown process (marker {code:#x})")
    raise ValueError("its lossless JPEG has no whole header")


def _read_frame(content: bytes) -> tuple[bytes, int]:
    """Names of the components of a frame, and its number of samples."""
    height, width = (int.from_bytes(content[place : place + 2], "big") for place in (1, 3))
    count, described = (content + bytes(6))[5], content[6:]
    whole = len(described) == 3 * count and set(described[1::3]) == {0x11}
    if not (whole and 0 < count <= 4 and height and width and 2 <= content[0] <= 16):
        raise ValueError("the frame of its lossless JPEG is damaged")
    return described[::3], height * width * count


def _read_tables(content: bytes) -> set[int]:
    """Numbers of the Huffman tables in a segment."""
    found, place = set[int](), 0
    while place < len(content):
        counts = content[place + 1 : place + 17]
        symbols = content[place + 17 : place + 17 + sum(counts)]
        room = sum(count << 16 - bits for bits, count in enumerate(counts, 1))
        if len(counts) < 16 or not 0 < len(symbols) == sum(counts) or max(symbols) >= SYMBOLS or room > 1 << 16:
            raise ValueError("a table of its lossless JPEG is damaged")
        found.add(content[place])
        place += 17 + len(symbols)
    return found


def _check_scan(content: bytes, components: bytes, tables: set[int]) -> None:
    """Refuse a scan that is not of the whole frame."""
    count = len(components)
    whole = count and len(content) == 4 + 2 * count and content[0] == count and content[1:-3:2] == components
    known = {number >> 4 for number in content[2:-3:2]} <= tables
    if not (whole and known and content[-3] in PREDICTORS and content[-1] == 0):
        raise ValueError("the scan of its lossless JPEG is damaged")
