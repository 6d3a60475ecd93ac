"""Whether a strip or tile was compressed without loss, by the first bytes of its code stream.

JPEG: ITU-T T.81, B.1.1 (frames of type 3 are). JPEG 2000: ITU-T T.800, A.6.1 (only the wavelet 5-3 is reversible).
JPEG XL: ISO/IEC 18181-1, 9.2 (colours that were not turned into XYB are kept). WebP: RFC 9649, 2.6 (chunk VP8L).
"""

from irtoolkit.files.jpeg2000 import code_stream
from irtoolkit.files.lossless_jpeg import FRAME, frame_of, markers

HEAD = 1 << 16
"""First bytes of a code stream that are enough to see how it was compressed."""

_REVERSIBLE = 1
_ALPHA, _SPOT, _COLOUR_FILTER = 0, 2, 5
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))


def is_lossless_jpeg(head: bytes) -> bool:
    """Whether a JPEG stream holds a lossless frame."""
    return frame_of(head)[0] == FRAME


def is_lossless_jpeg2000(head: bytes) -> bool:
    """Whether a JPEG 2000 stream, bare or in a JP2 file, uses the reversible wavelet."""
    segments = markers(code_stream(head))
    return next((data[9:10] == bytes([_REVERSIBLE]) for code, data in segments if code == 0x52), False)


def is_lossless_webp(head: bytes) -> bool:
    """Whether a WebP file holds a lossless picture."""
    return head[8:12] == b"WEBP" and b"VP8L" in head[12:64]


def is_lossless_jpegxl(head: bytes) -> bool:
    """Whether a JPEG XL stream, bare or in a file, keeps its colours as they were."""
    start = head.find(b"\xff\x0a")
    return start >= 0 and not _uses_xyb(_Bits(head[start + 2 :]))


class _Bits:
    """Numbers from a JPEG XL stream, which keeps the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self.value, self.place = int.from_bytes(data[:256], "little"), 0

    def take(self, bits: int) -> int:
        number = self.value >> self.place & (1 << bits) - 1
        self.place += bits
        return number

    def choose(self, *choices: tuple[int, int]) -> int:
        """One of four forms (bits, least value), as two bits say."""
        bits, least = choices[self.take(2)]
        return least + self.take(bits)


def _uses_xyb(bits: _Bits) -> bool:
    _skip_size(bits)
    if bits.take(1):
        return True
    if bits.take(1):
        bits.take(3)
        if bits.take(1):
            _skip_size(bits)
        if bits.take(2):
            return True  # previews and animations are no scans
    _skip_depth(bits)
    bits.take(1)
    for _ in range(bits.choose((0, 0), (0, 1), (4, 2), (12, 1))):
        _skip_channel(bits)
    return bool(bits.take(1))


def _skip_size(bits: _Bits) -> None:
    small = bits.take(1)
    for side in range(2):
        if side == 0 or not bits.take(3):
            bits.take(5) if small else bits.choose(*_SIZES)


def _skip_depth(bits: _Bits) -> None:
    if bits.take(1):
        bits.choose((0, 32), (0, 16), (0, 24), (6, 1))
        bits.take(4)
    else:
        bits.choose((0, 8), (0, 10), (0, 12), (6, 1))


def _skip_channel(bits: _Bits) -> None:
    if bits.take(1):
        return
    kind = bits.choose((0, 0), (0, 1), (4, 2), (6, 18))
    _skip_depth(bits)
    bits.choose((0, 0), (0, 3), (0, 4), (3, 1))
    bits.take(8 * bits.choose((0, 0), (4, 0), (5, 16), (10, 48)))
    bits.take({_ALPHA: 1, _SPOT: 64}.get(kind, 0))
    if kind == _COLOUR_FILTER:
        bits.choose((0, 1), (2, 0), (4, 3), (8, 19))
