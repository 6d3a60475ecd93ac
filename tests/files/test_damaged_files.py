"""Small files of every kind with bytes changed at random: they open, or are refused in words."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from odd_files import DNG, dng, lossless_jpeg, rgbi, write_png

from irtoolkit.files.layouts import count_frames
from irtoolkit.files.reader import open_picture, open_slide
from irtoolkit.schema import SlideError
from irtoolkit.synthetic.scanner_files import LAYOUTS, write_scanner_file

CHANGED = 40
"""Damaged files of each kind."""


def _levels(path, counts):
    table = tuple(range(0, 65536, 16))
    tags = [(50712, "H", 4096, table, True), (50714, "H", 3, (9, 9, 9), True), (50717, "I", 3, (65535,) * 3, True)]
    tags += [(50829, "I", 4, (2, 3, 35, 50), True), (50719, "I", 2, (4, 1), True), (50720, "I", 2, (30, 20), True)]
    dng(path, np.moveaxis(counts[:3] // 16, 0, -1), tags, counts[3])


def _lossless_jpeg(path, counts):
    pixels = np.moveaxis(counts, 0, -1)[:32, :48]
    tiles = (lossless_jpeg(pixels[y : y + 16, x : x + 16]) for y in range(0, 32, 16) for x in range(0, 48, 16))
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 16), "compression": 7, "extrasamples": [0]}
    tifffile.imwrite(path, tiles, shape=(32, 48, 4), dtype=np.uint16, metadata=None, **storage)


def _strip(path, counts):
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(3):
            tiff.write(np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
            tiff.write(counts[3], photometric="miniswhite", metadata=None, extratags=[(274, "H", 1, 3, True)])


def _png(path, counts):
    chunks = [(b"iCCP", b"a\0\0" + zlib.compress(b"profile")), (b"pHYs", struct.pack(">IIB", 157480, 157480, 1))]
    write_png(path, np.moveaxis(counts, 0, -1), metadata=chunks)


def _ppm(path, counts):
    path.write_bytes(b"P6\n53 37\n4095\n" + np.moveaxis(counts[:3] // 16, 0, -1).astype(">u2").tobytes())


KINDS = {"levels": _levels, "lossless JPEG": _lossless_jpeg, "strip": _strip, "PNG": _png, "PPM": _ppm}
KINDS |= {name: lambda path, counts, name=name: write_scanner_file(path, counts, name) for name in LAYOUTS}
KINDS |= {
    name: lambda path, counts, name=name: rgbi(path, counts, compression=name, tile=(16, 32))
    for name in ("zstd", "lzma", "jpeg2000", "jpegxl")
}


def changed(data, generator):
    """The bytes with one to four of them changed, mostly in what is not pixels, or the end cut off."""
    data, ends = bytearray(data), (400, len(data))
    for _ in range(generator.integers(1, 5)):
        place = int(generator.integers(0, ends[generator.integers(2)]))
        place = place if generator.random() < 0.5 else len(data) - 1 - place
        data[place % len(data)] = generator.choice([0, 1, 255, generator.integers(256)])
    return data[: generator.integers(1, len(data))] if generator.random() < 0.1 else data


def refusal(path):
    """Read all slides of a file; what a `SlideError` says, or nothing."""
    try:
        for frame in range(1, count_frames(path) + 1):
            open_picture(path, frame=frame)[:, ::7, ::7].compute(scheduler="synchronous")
            open_slide(path, frame=frame).counts.compute(scheduler="synchronous")
    except SlideError as error:
        return str(error)
    return ""


@pytest.mark.changes_sources
@pytest.mark.parametrize("kind", KINDS)
def test_changed_bytes_open_or_are_refused_in_words(tmp_path, counts, kind):
    path, generator = tmp_path / "a.tif", np.random.default_rng(sorted(KINDS).index(kind))
    KINDS[kind](path, counts)
    whole = path.read_bytes()
    for _ in range(CHANGED):
        path.write_bytes(changed(whole, generator))
        message = refusal(path)
        assert not message or len(message) > len(str(path)) + 20
