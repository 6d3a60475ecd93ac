"""Files that are no slide, or damaged, and what is said of them."""

import struct

import numpy as np
import pytest
import tifffile

from irtoolkit.files.layouts import find_layout
from irtoolkit.files.reader import open_slide
from irtoolkit.schema import LayoutError, NoInfraredError
from irtoolkit.synthetic.scanner_files import write_scanner_file


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.tif"):
        find_layout(tmp_path / "none.tif")
    with pytest.raises(LayoutError, match="this is a folder, not a file"):
        find_layout(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"Dear diary, today", "no TIFF, DNG, PNG or PPM file; .*first bytes: 44 65 61 72"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "this is a JPEG, which holds no infrared; save the scan as TIFF or DNG$"),
        (b"II", "no whole TIFF header"),
        (b"II*\0\x08", "no whole TIFF header"),
        (b"II*\0\x08\0\0\0", "truncated or damaged"),
        (b"MM\0*\0\0\0\0", "there is no picture in the file"),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "there is no picture in the file"),
        (b"P5\n3", "no whole PGM or PPM header"),
        (b"P6\n3 2\n65536\n" + bytes(36), "no number up to 65535; .*white: 65536"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0", "no whole PNG header"),
    ],
)
def test_what_is_no_picture(tmp_path, content, message):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(LayoutError, match=message):
        find_layout(tmp_path / "a.tif")


@pytest.mark.parametrize("layout", ["vuescan-rgbi", "silverfast-hdri-preview", "vuescan-dng", "silverfast-dng"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, counts, layout):
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts, layout)
    whole = path.read_bytes()
    for length in [*range(1, 40), *range(40, len(whole) - 4, 97), len(whole) - 5]:
        path.write_bytes(whole[:length])
        with pytest.raises(LayoutError, match=r"truncated|first bytes"):
            find_layout(path)


@pytest.mark.parametrize(
    ("picture", "options", "message"),
    [
        (np.zeros((9, 7, 3), np.float32), {}, "floating point numbers"),
        (np.zeros((9, 7, 3), np.int16), {}, "signed integer numbers"),
        (np.zeros((9, 7, 3), np.uint32), {}, "neither 8 nor 16 bits; .*bits: 32"),
        (np.zeros((9, 7), np.uint8), {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}, "palette"),
        (np.zeros((9, 7, 4), np.uint16), {"photometric": "separated"}, "CMYK"),
        (np.zeros((16, 16, 3), np.uint8), {"compression": "jpeg"}, "JPEG.*changes the counts"),
        (np.zeros((16, 16, 3), np.uint16), {"compression": "jpeg2000", "compressionargs": {"level": 40}}, "JPEG 2000"),
        (
            np.ones((16, 16, 3), np.uint8),
            {"compression": "webp", "compressionargs": {"lossless": False}},
            "WebP .*chan",
        ),
        (
            np.ones((16, 16, 3), np.uint8),
            {"compression": "jpegxl", "compressionargs": {"distance": 1}},
            "JPEG XL .*chan",
        ),
        (np.ones((16, 16, 3), np.uint16), {"compression": "lerc"}, "unsupported compression LERC; "),
    ],
)
def test_samples_that_are_no_counts(tmp_path, picture, options, message):
    tifffile.imwrite(tmp_path / "a.tif", picture, **({"photometric": "rgb"} | options))
    with pytest.raises(LayoutError, match=message):
        find_layout(tmp_path / "a.tif")


def test_twelve_bits_are_refused(tmp_path, counts):
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts)
    path.write_bytes(path.read_bytes().replace(struct.pack("<4H", 16, 16, 16, 16), struct.pack("<4H", 12, 12, 12, 12)))
    with pytest.raises(LayoutError, match=r"neither 8 nor 16 bits; .*bits: 12"):
        find_layout(path)


def test_one_gray_sample_alone_has_no_infrared(tmp_path, counts):
    tifffile.imwrite(tmp_path / "a.tif", counts[3])
    assert find_layout(tmp_path / "a.tif").name == "gray"
    with pytest.raises(NoInfraredError, match="no infrared channel: the file has only gray"):
        open_slide(tmp_path / "a.tif")


def test_small_gray_pages_are_no_infrared(tmp_path, counts):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.moveaxis(counts[:3], 0, 2), photometric="rgb")
        file.write(counts[3, ::8, ::8])
    assert find_layout(tmp_path / "a.tif").infrared is None


def test_a_mask_of_one_bit_is_no_infrared(tmp_path, counts):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.moveaxis(counts[:3], 0, 2), photometric="rgb")
        file.write(counts[3] > 9, subfiletype=4)
    assert find_layout(tmp_path / "a.tif").infrared is None


def test_a_chain_that_bites_its_tail_ends(tmp_path, counts):
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts, "rgb")
    whole = path.read_bytes()
    path.write_bytes(whole[:-4] + whole[4:8])
    assert find_layout(path).name == "RGB"
