"""Healed slides in the scan's own format, where the file stores codes instead of light, or is compressed otherwise."""

import imagecodecs
import numpy as np
import pytest
import tifffile
import xarray as xr
from odd_files import DNG, dng, lossless_jpeg, rgbi, write_png
from slide_files import bands

from irtoolkit.files.layouts import find_layout
from irtoolkit.files.patching import write_same
from irtoolkit.files.reader import open_slide

TABLE = tuple(np.round(65535 * (np.arange(4096) / 4095) ** 2).astype(int).tolist())
LEVELS = {
    "levels": [(50714, "H", 3, (512,) * 3, True), (50717, "I", 3, (16383,) * 3, True)],
    "table": [(50712, "H", 4096, TABLE, True)],
    "crop": [(50829, "I", 4, (2, 3, 35, 50), True), (50719, "I", 2, (4, 1), True), (50720, "I", 2, (30, 20), True)],
}


def write(source, target):
    """Write a slide as its source, with half the light at the marks; return light and marks on the slide's grid."""
    counts = open_slide(source).counts.values
    marks = np.zeros(counts.shape[1:], bool)
    marks[5:7, 8:20] = marks[-1, -1] = True
    healed = counts[:3] // 2
    write_same(bands(healed), xr.DataArray(marks, dims=("y", "x")), target, layout=find_layout(source))
    return np.where(marks, healed, counts[:3]), marks


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_codes_come_back_in_the_files_own_coding(tmp_path, counts, kind, compression):
    codes = np.moveaxis(counts[:3], 0, -1)
    codes = codes if kind == "crop" else 512 + codes // 32 if kind == "levels" else codes // 16
    source, target = tmp_path / "scans" / "a.dng", tmp_path / "a_clean.dng"
    source.parent.mkdir()
    dng(source, codes, LEVELS[kind], counts[3], compression=compression, rowsperstrip=3)
    light, marks = write(source, target)
    again = open_slide(target).counts.values
    np.testing.assert_array_equal(again[:3, ~marks], light[:, ~marks])
    coarse = {"levels": 65535 / 15871 / 2 + 1, "table": 2 * 65535 / 4095, "crop": 0}[kind]
    assert np.abs(again[:3, marks].astype(int) - light[:, marks]).max() <= coarse
    np.testing.assert_array_equal(again[3], open_slide(source).counts[3])
    top, left = find_layout(source).visible[0].start
    stored = np.zeros(codes.shape[:2], bool)
    stored[top : top + marks.shape[0], left : left + marks.shape[1]] = marks
    with tifffile.TiffFile(source) as old, tifffile.TiffFile(target) as new:
        before, after = (tiff.pages[0].pages[0].asarray() for tiff in (old, new))
    np.testing.assert_array_equal(after[~stored], before[~stored])
    assert (after[stored] != before[stored]).any(axis=-1).all()


@pytest.mark.parametrize("compression", ["zstd", "lzma", "jpeg2000", "jpegxl"])
def test_compressions_that_lose_nothing(tmp_path, counts, compression):
    source, target = tmp_path / "scans" / "a.tif", tmp_path / "a_clean.tif"
    source.parent.mkdir()
    rgbi(source, counts, compression=compression, tile=(16, 32))
    light, _ = write(source, target)
    np.testing.assert_array_equal(open_slide(target).counts, np.concatenate([light, counts[3:]]))


def test_tiles_of_lossless_jpeg(tmp_path, counts):
    source, target = tmp_path / "scans" / "a.dng", tmp_path / "a_clean.dng"
    source.parent.mkdir()
    pixels = np.pad(np.moveaxis(counts, 0, -1), [(0, 11), (0, 11), (0, 0)], mode="edge")
    tiles = (lossless_jpeg(pixels[y : y + 16, x : x + 32]) for y in range(0, 48, 16) for x in range(0, 64, 32))
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 32), "compression": 7, "extrasamples": [0]}
    tifffile.imwrite(source, tiles, shape=(37, 53, 4), dtype=np.uint16, metadata=None, **storage)
    light, _ = write(source, target)
    np.testing.assert_array_equal(open_slide(target).counts, np.concatenate([light, counts[3:]]))


def test_a_png_keeps_its_other_chunks(tmp_path, counts):
    source, target = tmp_path / "scans" / "a.png", tmp_path / "a_clean.png"
    source.parent.mkdir()
    chunks = [(b"tEXt", b"Comment\0beach"), (b"pHYs", bytes(8) + b"\1")]
    write_png(source, np.moveaxis(counts[:3], 0, -1), metadata=chunks)
    write_png(source.with_name("a_IR.png"), counts[3])
    light, _ = write(source, target)
    healed = target.read_bytes()
    np.testing.assert_array_equal(np.moveaxis(imagecodecs.png_decode(healed), -1, 0), light)
    assert [healed.count(name + content) for name, content in chunks] == [1, 1]


def test_a_ppm_is_changed_in_place(tmp_path, counts):
    source, target = tmp_path / "scans" / "a.ppm", tmp_path / "a_clean.ppm"
    source.parent.mkdir()
    header, stored = b"53 37\n65535\n", counts.astype(">u2")
    source.write_bytes(b"P6\n# beach\n" + header + np.moveaxis(stored[:3], 0, -1).tobytes())
    source.with_name("a_ir.pgm").write_bytes(b"P5\n" + header + stored[3].tobytes())
    light, _ = write(source, target)
    assert target.read_bytes() == b"P6\n# beach\n" + header + np.moveaxis(light, 0, -1).astype(">u2").tobytes()


def test_only_the_frame_is_healed(tmp_path, counts):
    source, target = tmp_path / "scans" / "a.tif", tmp_path / "a_clean.tif"
    source.parent.mkdir()
    with tifffile.TiffWriter(source) as tiff:
        for frame in (counts, counts[:, ::-1]):
            tiff.write(np.moveaxis(frame[:3], 0, -1), photometric="rgb", metadata=None)
            tiff.write(frame[3], photometric="minisblack", metadata=None)
    marks = xr.DataArray(counts[0] > 60000, dims=("y", "x"))
    write_same(bands(counts[:3, ::-1] // 2), marks, target, layout=find_layout(source, frame=2))
    np.testing.assert_array_equal(open_slide(target, frame=1).counts, counts)
    healed = np.where(marks, counts[:3, ::-1] // 2, counts[:3, ::-1])
    np.testing.assert_array_equal(open_slide(target, frame=2).counts, [*healed, counts[3, ::-1]])
