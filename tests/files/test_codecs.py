"""Strips and tiles of every compression that loses nothing; those that lose are refused."""

import struct

import numpy as np
import pytest
import tifffile

from irtoolkit.files.reader import open_slide
from irtoolkit.schema import LayoutError

DNG = 34892


def rgbi(path, counts, **options):
    pixels = np.moveaxis(counts, 0, -1)
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[0], planarconfig="contig", metadata=None, **options)


def lossless_jpeg(values):
    """Encode (y, x, sample) uint16 as one lossless frame, with the value to the left as prediction (ITU-T T.81, H)."""
    height, width, samples = values.shape
    signed = values.astype(int)
    left = np.empty_like(signed)
    left[0, 0], left[1:, 0], left[:, 1:] = 32768, signed[:-1, 0], signed[:, :-1]
    bits = []
    for difference in ((signed - left + 32768) % 65536 - 32768).ravel().tolist():
        size = abs(difference).bit_length()
        bits.append(f"{size:05b}")
        if 0 < size < 16:
            bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    table = struct.pack(">HB", 36, 0) + bytes([0] * 4 + [17] + [0] * 11) + bytes(range(17))
    frame = struct.pack(">HBHHB", 8 + 3 * samples, 16, height, width, samples)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(samples))
    scan = struct.pack(">HB", 6 + 2 * samples, samples) + b"".join(bytes([number, 0]) for number in range(samples))
    return b"\xff\xd8\xff\xc4" + table + b"\xff\xc3" + frame + b"\xff\xda" + scan + b"\1\0\0" + data + b"\xff\xd9"


@pytest.mark.parametrize(
    ("compression", "options"),
    [
        ("zstd", {"predictor": True}),
        ("lzma", {}),
        ("jpeg2000", {"tile": (16, 32)}),
        ("jpegxl", {"compressionargs": {"lossless": True}, "tile": (16, 32)}),
        ("png", {"rowsperstrip": 7}),
    ],
)
def test_what_loses_nothing_is_read(tmp_path, counts, compression, options):
    rgbi(tmp_path / "a.tif", counts, compression=compression, **options)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts[:, 9:20, 30:41], counts[:, 9:20, 30:41])


@pytest.mark.parametrize("interleaved", [True, False])
def test_tiles_of_lossless_jpeg(tmp_path, counts, interleaved):
    pixels = np.pad(np.moveaxis(counts, 0, -1), [(0, 11), (0, 11), (0, 0)], mode="edge")
    tiles = [pixels[y : y + 16, x : x + 32] for y in range(0, 48, 16) for x in range(0, 64, 32)]
    flat = (tile if interleaved else tile.reshape(16, -1, 1) for tile in tiles)
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 32), "compression": 7, "extrasamples": [0]}
    encoded = (lossless_jpeg(tile) for tile in flat)
    tifffile.imwrite(tmp_path / "a.dng", encoded, shape=(37, 53, 4), dtype=np.uint16, metadata=None, **storage)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.dng").counts, counts)


def test_a_tile_with_other_samples_is_refused(tmp_path, counts):
    tile = np.moveaxis(counts, 0, -1)[:16, :16]
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 16), "compression": 7, "extrasamples": [0]}
    encoded = iter([lossless_jpeg(tile[:, :15])])
    tifffile.imwrite(tmp_path / "a.dng", encoded, shape=(16, 16, 4), dtype=np.uint16, metadata=None, **storage)
    with pytest.raises(LayoutError, match=r"damaged page 0: strip or tile .*it holds \(16, 15, 4\) samples"):
        open_slide(tmp_path / "a.dng").counts.compute(scheduler="synchronous")
