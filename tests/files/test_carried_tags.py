"""Tags that go from the source to what is written."""

import struct

import numpy as np
import pytest
import tifffile
from slide_files import MAKER_NOTE, PROVENANCE, SAVED, TAGS, XMP, bands, pack, raw_tags, write_source

from irtoolkit.files.tags import carried_tags
from irtoolkit.files.writer import write_healed
from irtoolkit.schema import VERSION, LayoutError


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_tags_survive_bit_for_bit(source, healed, tmp_path, compression):
    path = write_healed(healed, tmp_path / "a_clean.tif", source=source, compression=compression, software=PROVENANCE)
    before, after = raw_tags(source), raw_tags(path)
    assert {code: after[code] for code in SAVED} == {code: before[code] for code in SAVED}
    assert after[34665][37500] == (7, len(MAKER_NOTE), MAKER_NOTE)
    assert after[34665][40965][1] == (2, 4, b"R98\0")
    assert after.keys() - SAVED == {254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 305} | (
        {317} if compression == "deflate" else set()
    )
    assert path.read_bytes()[:2] == source.read_bytes()[:2]


def test_tags_read_by_another_reader(source, healed, tmp_path):
    path = write_healed(healed, tmp_path / "a_clean.tif", source=source, software=PROVENANCE)
    with tifffile.TiffFile(path) as tiff:
        (page,) = tiff.pages
        tags = {tag.code: tag.value for tag in page.tags}
    assert tags[305] == f"SilverFast 9.2.8; {PROVENANCE}"
    assert tags[306] == "15.06.2026 21:28:01"
    assert (tags[282], tags[283], int(tags[296])) == ((300, 1), (1796699, 600), 3)
    assert tags[274] == 6
    assert tags[700] == XMP
    assert tags[34675] == TAGS[34675][2]
    assert tags[34665]["MakerNote"] == MAKER_NOTE
    assert tags[34665]["ExposureTime"] == (10, 4000)
    assert tags[34853]["GPSLatitude"] == (45, 1, 40, 1, 3, 7)
    assert (tags[254], tags[258], tags[277]) == (0, (16, 16, 16), 3)


def test_tags_of_a_sub_directory_come_from_it_then_from_the_first_page(counts, tmp_path):
    source = tmp_path / "slides" / "a.dng"
    source.parent.mkdir()
    extra = [(271, 2, 6, "Nikon", True), (274, 3, 1, 8, True), (50706, 1, 4, b"\1\4\0\0", True)]
    with tifffile.TiffWriter(source) as tiff:
        thumbnail = np.zeros((5, 7, 3), np.uint8)
        given = {"photometric": "rgb", "metadata": None}
        tiff.write(thumbnail, subifds=2, extratags=extra, subfiletype=1, resolution=(72, 72), resolutionunit=3, **given)
        picture = np.zeros((37, 53, 3), np.uint16)
        tiff.write(picture[::2, ::2], subfiletype=1, extratags=[(271, 2, 3, "no", True)], **given)
        tiff.write(picture, resolution=(4000, 4000), extratags=[(272, 2, 8, "LS-5000", True)], **given)
    tags = raw_tags(write_healed(bands(counts[:3]), tmp_path / "a.tif", source=source, page=(0, 1)))
    assert (tags[271], tags[272], tags[274]) == ((2, 6, b"Nikon\0"), (2, 8, b"LS-5000\0"), (3, 1, b"\x08\0"))
    assert tags[282] == (5, 1, struct.pack("<II", 4000, 1))
    assert tags[254] == (4, 1, bytes(4))
    assert not tags.keys() & {330, 50706}


def test_resolution_comes_from_one_page_together(tmp_path):
    source = tmp_path / "a.tif"
    with tifffile.TiffWriter(source) as tiff:
        tiff.write(np.zeros((5, 7), np.uint8), resolution=(1000, 1000), resolutionunit=3, metadata=None)
        tiff.write(np.zeros((5, 7), np.uint8), resolution=(2000, 2000), resolutionunit=2, metadata=None)
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        second = tiff.pages[1].tags
        data[second[296].offset : second[296].offset + 2] = struct.pack("<H", 297)
    source.write_bytes(data)
    _, tags = carried_tags(source, (1,))
    assert tags[282].value == struct.pack("<II", 2000, 1)
    assert 296 not in tags


@pytest.mark.parametrize(("before", "after"), [(None, ""), (b"Nikon Scan 4  \0\0", "Nikon Scan 4; ")])
def test_software_is_appended(tmp_path, counts, before, after):
    source = tmp_path / "slides" / "a.tif"
    source.parent.mkdir()
    extra = [(305, 2, len(before), before, True)] if before else []
    tifffile.imwrite(source, np.zeros((5, 7, 3), np.uint16), metadata=None, software=False, extratags=extra)
    tags = raw_tags(write_healed(bands(counts[:3]), tmp_path / "a.tif", source=source))
    software = f"{after}irtoolkit {VERSION}\0".encode()
    assert tags[305] == (2, len(software), software)


@pytest.mark.parametrize(("place", "reason"), [(2**31, "the file ends at"), ("itself", "nested too deep")])
def test_damaged_exif_is_left_out_with_a_warning(healed, tmp_path, caplog, place, reason):
    source = write_source(tmp_path / "slides" / "a.tif")
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        at = tiff.pages[0].tags[34665].offset + 8
    exif = struct.unpack_from("<I", data, at)[0]
    if place == "itself":
        struct.pack_into("<I", data, exif + 2 + 2 * 12 + 8, exif)
    else:
        struct.pack_into("<I", data, at, place)
    source.write_bytes(data)
    tags = raw_tags(write_healed(healed, tmp_path / "a.tif", source=source))
    assert tags[34675] == TAGS[34675]
    assert "is not kept" in caplog.text
    assert reason in caplog.text
    assert (34665 in tags) == (place == "itself")


def test_a_value_outside_the_file_is_left_out_with_a_warning(healed, tmp_path, caplog):
    source = write_source(tmp_path / "slides" / "a.tif")
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        struct.pack_into("<I", data, tiff.pages[0].tags[270].offset + 8, len(data) - 5)
    source.write_bytes(data)
    tags = raw_tags(write_healed(healed, tmp_path / "a.tif", source=source))
    assert tags.keys() & SAVED == SAVED - {270}
    assert "tag 270 is not kept" in caplog.text


def test_exif_at_the_very_end_may_lack_the_pointer_to_a_next_directory(healed, tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif")
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        struct.pack_into("<I", data, tiff.pages[0].tags[34665].offset + 8, len(data))
    data += pack("<", len(data), [(36864, 7, 4, b"0232")])[:-4]
    source.write_bytes(data)
    tags = raw_tags(write_healed(healed, tmp_path / "a.tif", source=source))
    assert tags[34665] == {36864: (7, 4, b"0232")}


def test_a_gray_profile_stays_behind_with_a_warning(healed, tmp_path, caplog):
    source = tmp_path / "slides" / "a.tif"
    source.parent.mkdir()
    tifffile.imwrite(source, np.zeros((37, 53), np.uint16), iccprofile=bytes(16) + b"GRAY" + bytes(112))
    assert 34675 not in raw_tags(write_healed(healed, tmp_path / "a.tif", source=source))
    assert "gray ICC profile" in caplog.text


def test_a_source_without_such_a_page_is_refused(source, tmp_path):
    for page in [(1,), (0, 0)]:
        with pytest.raises(LayoutError, match=r"a\.tif: .*has no page.*look at"):
            carried_tags(source, page)
    text = tmp_path / "notes.tif"
    for content in (b"", b"hello", b"II*\0", b"II*\0\xff\xff\0\0", b"II*\0\x08\0\0\0\xff\xff"):
        text.write_bytes(content)
        with pytest.raises(LayoutError, match=r"notes\.tif: (the file is empty|this is no TIFF|truncated)"):
            carried_tags(text)


@pytest.mark.parametrize(("before", "after"), [(None, "Healed by a test"), ("Mother, 1968", "Mother, 1968")])
def test_a_description_is_given_only_where_there_is_none(healed, tmp_path, before, after):
    source = tmp_path / "scans" / "plain.tif"
    source.parent.mkdir()
    tifffile.imwrite(source, np.zeros((4, 5, 3), np.uint16), photometric="rgb", description=before, metadata=None)
    path = write_healed(healed, tmp_path / "a_clean.tif", source=source, description="Healed by a test")
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages[0].description == after
