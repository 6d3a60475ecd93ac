"""JPEG 2000 (ITU-T T.800), decoded only where its header asks for no more than there is: the decoder trusts it."""

import struct

import imagecodecs
import numpy as np

START = b"\xff\x4f\xff\x51"
"""First bytes of a code stream: its start, and the marker of its sizes."""

MOST_TILES = 4096
"""Most tiles of a code stream; the decoder needs some kB for each, whatever its size."""


def code_stream(data: bytes | bytearray) -> bytes:
    """The code stream of data that are one or have one in a JP2 file; no bytes if there is no stream."""
    start = data.find(START)
    return bytes(data[start:]) if start >= 0 else b""


def decode_jpeg2000(data: bytes | bytearray, out: np.ndarray) -> np.ndarray:
    """Decode one code stream into an array (y, x, sample).

    Raises
    ------
    RuntimeError, ValueError
        It is damaged, or of another size.
    """
    stream = code_stream(data)
    if len(stream) < 42:
        raise ValueError("its JPEG 2000 has no whole header")
    right, bottom, left, top, across, down = struct.unpack_from(">6I", stream, 8)
    size = bottom - top, right - left, int.from_bytes(stream[40:42], "big")
    if size != out.shape:
        raise ValueError(f"its JPEG 2000 has {size} rows, columns and samples, not {out.shape}")
    if 0 in (across, down) or -(-right // across) * -(-bottom // down) > MOST_TILES:
        raise ValueError(f"its JPEG 2000 has more than {MOST_TILES} tiles")
    return np.asarray(imagecodecs.jpeg2k_decode(stream, out=out))
