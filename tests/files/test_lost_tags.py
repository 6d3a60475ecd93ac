"""Tags that a healed file has not: the row of a slide names them, and says when a DNG became a TIFF."""

import struct

import numpy as np
import pytest
import tifffile
from archives import SHAPE
from slide_files import bands, write_source

import irtoolkit as irt
from irtoolkit.files.tags import lost_tags, tag_codes
from irtoolkit.files.writer import write_healed
from irtoolkit.synthetic.scanner_files import write_scanner_file

AS_TIFF = "written as TIFF with the linear values of the DNG; tags not kept: "
DNG_TAGS = "DNGVersion, UniqueCameraModel"
KEPT = {
    "vuescan-rgbi": "",
    "silverfast-hdri-preview": "tags not kept: 35243 (SilverFast: infrared present)",
    "silverfast-dng": f"{AS_TIFF}35243 (SilverFast: infrared present), {DNG_TAGS}",
    "vuescan-dng": f"{AS_TIFF}{DNG_TAGS}, ColorMatrix1, AsShotWhiteXY",
}


@pytest.fixture(scope="module")
def counts():
    return irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values


def broken(path, code, change):
    """Change the bytes of a classic little-endian file from where the entry of a tag keeps its value or its place."""
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        change(data, tiff.pages[0].tags[code].offset + 8)
    path.write_bytes(data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_mark_of_infrared_is_lost_of_a_usual_slide(healed, tmp_path, order):
    source = write_source(tmp_path / "slides" / "a.tif", order)
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    assert lost_tags(source, (0,), path) == ["35243"]


def test_what_is_inside_of_exif_and_gps_is_known(source):
    codes = tag_codes(source)
    assert {(34665, 33434), (34665, 37500), (34665, 40965), (34665, 40965, 1), (34853, 2), (270,)} <= codes
    assert max(map(len, codes)) == 3


def test_damaged_exif_is_lost_as_a_whole(healed, tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif")
    broken(source, 34665, lambda data, at: struct.pack_into("<I", data, at, 2**31))
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    assert lost_tags(source, (0,), path) == ["ExifTag", "35243"]


def test_a_damaged_tag_inside_of_exif_is_lost_alone(healed, tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif")

    def far_away(data, at):
        exif = struct.unpack_from("<I", data, at)[0]
        struct.pack_into("<I", data, exif + 2 + 12 + 8, 2**31)

    broken(source, 34665, far_away)
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    assert lost_tags(source, (0,), path) == ["ExifTag.MakerNote", "35243"]


def test_exif_that_points_at_itself_comes_to_an_end(healed, tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif")

    def circle(data, at):
        exif = struct.unpack_from("<I", data, at)[0]
        struct.pack_into("<I", data, exif + 2 + 2 * 12 + 8, exif)

    broken(source, 34665, circle)
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    assert "35243" in lost_tags(source, (0,), path)


def test_a_gray_profile_is_lost(healed, tmp_path):
    source = tmp_path / "slides" / "a.tif"
    source.parent.mkdir()
    tifffile.imwrite(source, np.zeros((37, 53), np.uint16), iccprofile=bytes(16) + b"GRAY" + bytes(112))
    assert lost_tags(source, (0,), write_healed(healed, tmp_path / "a.tif", source=source)) == ["InterColorProfile"]


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tags_of_large_files_are_known(counts, tmp_path, byteorder):
    (tmp_path / "scans").mkdir()
    given = {"byteorder": byteorder, "bigtiff": True}
    source, *_ = write_scanner_file(tmp_path / "scans" / "a.tif", counts, "silverfast-hdri", **given)
    assert (34665, 37500) in tag_codes(source)
    assert lost_tags(source, (0,), write_healed(bands(counts[:3]), tmp_path / "a.tif", source=source)) == ["35243"]


def test_rows_name_what_is_not_kept_and_a_dng_keeps_its_values(counts, tmp_path):
    for layout in KEPT:
        file = tmp_path / "scans" / f"{layout}.{'dng' if 'dng' in layout else 'tif'}"
        file.parent.mkdir(exist_ok=True)
        write_scanner_file(file, counts, layout)
    results = irt.clean_archive(tmp_path / "scans", tmp_path / "out", alone=True, workers=1, quiet=True)
    kept = {name.split(".")[0]: text for name, text in zip(results.slide.values, results.kept.values, strict=True)}
    assert kept == KEPT
    for layout in KEPT:
        clean, mask = (tifffile.imread(tmp_path / "out" / f"{layout}_{kind}.tif") for kind in ("clean", "mask"))
        changed = (clean != np.moveaxis(counts[:3], 0, 2)).any(axis=2)
        assert changed.any()
        assert not changed[mask == 0].any()
    assert len(set(results.review.values)) == 1
    assert set(results.note.values) == {""}


def test_nothing_is_lost_where_nothing_is_healed(counts, tmp_path):
    (tmp_path / "scans").mkdir()
    write_scanner_file(tmp_path / "scans" / "a.dng", counts, "vuescan-dng")
    only_masks = irt.Settings(heal="none")
    results = irt.clean_archive(tmp_path / "scans", tmp_path / "out", settings=only_masks, workers=1, quiet=True)
    assert results.kept.values.tolist() == [""]
