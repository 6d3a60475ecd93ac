"""Kinds of files that people have: levels, orientations, white-is-zero, PNG and PPM, several frames."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
import xarray as xr
from odd_files import dng, rgbi, write_png

from irtoolkit.files.header import read_header
from irtoolkit.files.layouts import count_frames, find_layout
from irtoolkit.files.reader import open_slide
from irtoolkit.files.sidecars import is_sidecar, named_infrared
from irtoolkit.files.tags import lost_tags
from irtoolkit.files.writer import write_healed
from irtoolkit.pictures import orient
from irtoolkit.schema import LayoutError, NoInfraredError


def test_black_and_white_levels_are_applied(tmp_path):
    codes = np.array([[[512, 512, 512], [16383, 16383, 8448], [100, 20000, 512]]], np.uint16)
    levels = [(50714, "H", 3, (512, 512, 512), True), (50717, "I", 3, (16383, 16383, 16384), True)]
    infrared = np.array([[7, 8, 65535]], np.uint16)
    dng(tmp_path / "a.dng", codes, levels, infrared)
    slide = open_slide(tmp_path / "a.dng")
    half = round((8448 - 512) / (16384 - 512) * 65535)
    assert slide.counts.values.tolist() == [[[0, 65535, 0]], [[0, 65535, 65535]], [[0, half, 0]], [[7, 8, 65535]]]
    assert slide.attrs["bits"] == 16


def test_a_linearization_table_is_applied(tmp_path):
    table = (0, 10, 1000, 65535)
    codes = np.array([[[0, 1, 2], [3, 4, 900]]], np.uint16)
    dng(tmp_path / "a.dng", codes, [(50712, "H", 4, table, True)], np.array([[5, 6]], np.uint16))
    counts = open_slide(tmp_path / "a.dng").counts.values
    assert counts[:3].tolist() == [[[0, 65535]], [[10, 65535]], [[1000, 65535]]]


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ((50717, "I", 1, (0,), True), "white level is not above black"),
        ((50712, "H", 3, (5, 9, 8), True), "linearization table falls"),
        ((50716, "H", 2, (0, 9), True), "differs from row to row"),
    ],
)
def test_levels_that_cannot_be_applied_are_refused(tmp_path, tag, message):
    dng(tmp_path / "a.dng", np.zeros((2, 3, 3), np.uint16), [tag], np.zeros((2, 3), np.uint16))
    with pytest.raises(LayoutError, match=message):
        open_slide(tmp_path / "a.dng")


@pytest.mark.parametrize("whole", [True, False])
def test_active_area_and_crop_are_applied(tmp_path, counts, whole):
    crop = [(50829, "I", 4, (2, 3, 35, 50), True), (50719, "I", 2, (4, 1), True), (50720, "I", 2, (30, 20), True)]
    inside = counts[:, 3:23, 7:37]
    infrared = counts[3] if whole else inside[3]
    dng(tmp_path / "a.dng", np.moveaxis(counts[:3], 0, -1), crop, infrared)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.dng").counts, inside)


@pytest.mark.parametrize("own", range(1, 9))
@pytest.mark.parametrize("shown", [1, 3, 6])
def test_infrared_of_another_orientation_is_turned(tmp_path, counts, own, shown):
    stored = next(
        plane
        for turned in (counts[3], counts[3].T)
        for plane in (turned, turned[::-1], turned[:, ::-1], turned[::-1, ::-1])
        if np.array_equal(orient(plane, own), orient(counts[3], shown))
    )
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        colour, orientation = np.moveaxis(counts[:3], 0, -1), (274, "H", 1)
        tiff.write(colour, photometric="rgb", metadata=None, extratags=[(*orientation, shown, True)])
        tiff.write(stored, photometric="minisblack", metadata=None, extratags=[(*orientation, own, True)])
    slide = open_slide(tmp_path / "a.tif")
    np.testing.assert_array_equal(slide.counts, counts)
    np.testing.assert_array_equal(slide.counts[3, 5:9, 40:], counts[3, 5:9, 40:])


def test_infrared_is_taken_as_stored_where_only_the_picture_was_turned(tmp_path, counts):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        colour, orientation = np.moveaxis(counts[:3], 0, -1), (274, "H", 1)
        tiff.write(colour, photometric="rgb", metadata=None, extratags=[(*orientation, 6, True)])
        tiff.write(counts[3], photometric="minisblack", metadata=None, extratags=[(*orientation, 1, True)])
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts)


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero(tmp_path, counts, bits):
    counts = counts if bits == 16 else (counts >> 8).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
        tiff.write(~counts[3], photometric="miniswhite", metadata=None)
    slide = open_slide(tmp_path / "a.tif")
    assert slide.counts.dtype == counts.dtype
    np.testing.assert_array_equal(slide.counts, counts)


def test_a_stray_pointer_is_named(tmp_path, counts):
    path = tmp_path / "a.tif"
    rgbi(path, counts)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        link = page.offset + 2 + 12 * len(page.tags)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, link, len(data) + 9000)
    path.write_bytes(data)
    slide = open_slide(path)
    np.testing.assert_array_equal(slide.counts, counts)
    assert slide.attrs["note"].startswith("a part of the file could not be read: truncated or damaged: its header")


def test_png_pairs(tmp_path, counts):
    profile = b"iCCP", b"scanner\0\0" + zlib.compress(b"profile" * 30)
    resolution = b"pHYs", struct.pack(">IIB", 157480, 157480, 1)
    write_png(tmp_path / "a.png", np.moveaxis(counts[:3], 0, -1), metadata=[profile, resolution])
    write_png(tmp_path / "a_IR.png", counts[3])
    slide = open_slide(tmp_path / "a.png")
    np.testing.assert_array_equal(slide.counts, counts)
    assert (slide.attrs["layout"], slide.attrs["dpi"]) == ("sidecar", pytest.approx(4000, abs=0.1))
    (page,), faults = read_header(tmp_path / "a.png")
    assert page.tags[34675] == b"profile" * 30
    assert not faults


def test_a_healed_png_keeps_what_a_tiff_can_hold(tmp_path, counts):
    tifffile.imwrite(
        tmp_path / "exif.tif", counts[3], metadata=None, software="Scanner 5", datetime="2024:05:06 07:08:09"
    )
    exif = b"eXIf", (tmp_path / "exif.tif").read_bytes()
    profile = b"iCCP", b"scanner\0\0" + zlib.compress(b"profile" * 30)
    resolution = b"pHYs", struct.pack(">IIB", 157480, 157480, 1)
    source = tmp_path / "scans" / "a.png"
    source.parent.mkdir()
    write_png(source, np.moveaxis(counts[:3], 0, -1), metadata=[exif, profile, resolution])
    healed = xr.DataArray(counts[:3], dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})
    write_healed(healed, tmp_path / "a_clean.tif", source=source)
    with tifffile.TiffFile(tmp_path / "a_clean.tif") as tiff:
        tags = tiff.pages[0].tags
        np.testing.assert_array_equal(tiff.asarray(), np.moveaxis(counts[:3], 0, -1))
        assert tags[34675].value == b"profile" * 30
        assert tags[282].value == (39999920, 10000)
        assert tags[306].value == "2024:05:06 07:08:09"
        assert tags[305].value.startswith("Scanner 5; irtoolkit")
    assert lost_tags(source, (0,), tmp_path / "a_clean.tif") == []


@pytest.mark.parametrize("white", [65535, 4095, 255, 100])
def test_ppm_and_pgm_pairs(tmp_path, counts, white):
    stored = (counts.astype(int) % (white + 1)).astype(">u2" if white > 255 else "u1")
    header = f"\n# made by hand\n53 37\n{white}\n".encode()
    (tmp_path / "a.ppm").write_bytes(b"P6" + header + np.moveaxis(stored[:3], 0, -1).tobytes())
    (tmp_path / "a_ir.PGM").write_bytes(b"P5" + header + stored[3].tobytes())
    read = open_slide(tmp_path / "a.ppm").counts
    full = white in (255, 65535)
    expected = stored if full else np.rint(stored.astype(float) * 65535 / white)
    np.testing.assert_array_equal(read, expected)


def test_a_png_with_alpha_has_no_infrared(tmp_path, counts):
    write_png(tmp_path / "a.png", np.moveaxis(counts, 0, -1))
    with pytest.raises(NoInfraredError, match=r"a sample marked as alpha.*--infrared sample:3"):
        open_slide(tmp_path / "a.png")
    np.testing.assert_array_equal(open_slide(tmp_path / "a.png", infrared="sample:3").counts, counts)


@pytest.mark.parametrize("order", ["pairs", "colours first", "four samples"])
def test_several_frames_in_one_file(tmp_path, counts, order):
    frames = [counts, counts[:, ::-1], counts[:, :, ::-1]]
    colours = [(np.moveaxis(frame[:3], 0, -1), "rgb", None) for frame in frames]
    infrareds = [(frame[3], "minisblack", None) for frame in frames]
    written = {
        "pairs": [page for pair in zip(colours, infrareds, strict=True) for page in pair],
        "colours first": [*colours, *infrareds],
        "four samples": [(np.moveaxis(frame, 0, -1), "rgb", [0]) for frame in frames],
    }
    with tifffile.TiffWriter(tmp_path / "strip.tif") as tiff:
        for pixels, photometric, extra in written[order]:
            options = {"extrasamples": extra, "planarconfig": "contig"} if extra else {}
            tiff.write(pixels, photometric=photometric, metadata=None, **options)
    assert count_frames(tmp_path / "strip.tif") == 3
    for number, frame in enumerate(frames, 1):
        slide = open_slide(tmp_path / "strip.tif", frame=number)
        np.testing.assert_array_equal(slide.counts, frame)
        assert slide.attrs["frame"] == number
    for wrong in (None, 0, 4):
        with pytest.raises(LayoutError, match="holds 3 slides; choose one with frame=1 to frame=3"):
            open_slide(tmp_path / "strip.tif", frame=wrong)


def test_a_preview_is_no_frame(tmp_path, counts):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for pixels in (counts[:3, ::4, ::4], counts[:3]):
            tiff.write(np.moveaxis(pixels, 0, -1), photometric="rgb", metadata=None)
        tiff.write(counts[3], photometric="minisblack", metadata=None)
    assert count_frames(tmp_path / "a.tif") == 1
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts)


@pytest.mark.parametrize("name", ["a_IR.TIF", "A_ir.tif", "a-Ir.tiff", "a.iR.Tif"])
def test_the_case_of_names_does_not_matter(tmp_path, counts, name):
    tifffile.imwrite(tmp_path / "a.Tif", np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
    tifffile.imwrite(tmp_path / name, counts[3], metadata=None)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.Tif").counts, counts)
    assert is_sidecar(tmp_path / name)
    assert not is_sidecar(tmp_path / "a.Tif")


def test_infrared_of_a_named_ending(tmp_path, counts):
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
    tifffile.imwrite(tmp_path / "a-nahes-rot.tif", counts[3], metadata=None)
    for ending in ("-nahes-rot.tif", "-nahes-rot", "-NAHES-ROT"):
        found = named_infrared(tmp_path / "a.tif", ending)
        np.testing.assert_array_equal(open_slide(tmp_path / "a.tif", infrared=found).counts, counts)
        assert is_sidecar(tmp_path / "a-nahes-rot.tif", ending)
    with pytest.raises(NoInfraredError, match=r"there is no a_NIR beside it; name another ending"):
        named_infrared(tmp_path / "a.tif", "_NIR")


def test_a_page_and_a_sample_of_one_number(tmp_path, counts):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(
            np.moveaxis(counts, 0, -1), photometric="rgb", extrasamples=[2], planarconfig="contig", metadata=None
        )
        for plane in (counts[0], counts[1], counts[2]):
            tiff.write(plane, photometric="minisblack", metadata=None)
    assert find_layout(tmp_path / "a.tif", "page:3").infrared.page == (3,)
    assert find_layout(tmp_path / "a.tif", "sample:3").infrared.sample == 3
    with pytest.raises(NoInfraredError, match="the file has no gray page 9; samples and pages count from 0"):
        find_layout(tmp_path / "a.tif", "page:9")
