import errno
import os
import pickle
import struct
import threading

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
import xarray as xr

from irtoolkit import targets, writer
from irtoolkit.schema import LayoutError, SlideError
from irtoolkit.targets import check_target, remove_leftovers, replacing
from irtoolkit.tiff_tags import carried_tags
from irtoolkit.writer import PixelFile, write_healed, write_mask

PROVENANCE = "irtoolkit 0.1.0 model 3f2a"
MAKER_NOTE = b"LSI1\x00\x0f" + bytes(range(200))
XMP = b"<x:xmpmeta>" + bytes(range(256)) * 300
TAGS = {
    270: (2, 11, b"Lake Garda\0"),
    271: (2, 8, b"Plustek\0"),
    272: (2, 16, b"OpticFilm 8300i\0"),
    305: (2, 17, b"SilverFast 9.2.8\0"),
    306: (2, 20, b"15.06.2026 21:28:01\0"),
    315: (2, 4, b"Ada\0"),
    700: (1, len(XMP), XMP),
    33432: (2, 7, b"(c) me\0"),
    33723: (7, 9, b"\x1c\x01Z\x00\x03\x1b%G\x01"),
    34675: (7, 132, b"\0\0\0\x84test\2\0\0\0mntrRGB XYZ " + bytes(108)),
    35243: (1, 2, b"\x001"),
    35244: (1, 6, b"Kodak\0"),
}
SAVED = {270, 271, 272, 274, 282, 283, 296, 306, 315, 700, 33432, 33723, 34665, 34675, 34853, 35244}
POINTERS = {34665, 34853, 40965}


def pack(order, position, entries):
    """Pack a classic directory of (code, type, count, bytes), then its long values."""
    after, values, body = position + 6 + 12 * len(entries), b"", struct.pack(order + "H", len(entries))
    for code, kind, count, data in entries:
        field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", after + len(values))
        values += data + b"\0" * (len(data) % 2) if len(data) > 4 else b""
        body += struct.pack(order + "HHI", code, kind, count) + field
    return body + bytes(4) + values


def write_source(path, order="<"):
    """Write a small slide as SilverFast does: a lying resolution, a date in a form of its own, EXIF and GPS."""
    data = bytearray(struct.pack(order + "2sHI", {"<": b"II", ">": b"MM"}[order], 42, 0) + bytes(37 * 53 * 3 * 2))

    def add(entries):
        place = len(data)
        data.extend(pack(order, place, entries))
        return struct.pack(order + "I", place)

    def shorts(code, *values):
        return code, 3, len(values), struct.pack(f"{order}{len(values)}H", *values)

    inside = add([(1, 2, 4, b"R98\0")])
    exposure = (33434, 5, 1, struct.pack(order + "II", 10, 4000))
    exif = add([exposure, (37500, 7, len(MAKER_NOTE), MAKER_NOTE), (40965, 4, 1, inside)])
    latitude = (2, 5, 3, struct.pack(order + "6I", 45, 1, 40, 1, 3, 7))
    gps = add([(0, 1, 4, b"\2\3\0\0"), latitude])
    size = [shorts(256, 53), shorts(257, 37), shorts(258, 16, 16, 16), shorts(262, 2), shorts(277, 3), shorts(278, 37)]
    strip = [(273, 4, 1, struct.pack(order + "I", 8)), (279, 4, 1, struct.pack(order + "I", 37 * 53 * 3 * 2))]
    resolution = [
        (282, 5, 1, struct.pack(order + "II", 300, 1)),
        (283, 5, 1, struct.pack(order + "II", 1796699, 600)),
    ]
    texts = [(code, *tag) for code, tag in TAGS.items()]
    film = [shorts(274, 6), shorts(296, 3), (34665, 4, 1, exif), (34853, 4, 1, gps)]
    data[4:8] = add(sorted(size + strip + resolution + texts + film))
    path.parent.mkdir()
    path.write_bytes(data)
    return path


def raw_tags(path, offset=None):
    """Read type, count and bytes of every tag of a classic file's first directory, following pointers."""
    data = path.read_bytes()
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    assert struct.unpack_from(order + "H", data, 2) == (42,)
    (offset,) = [offset] if offset else struct.unpack_from(order + "I", data, 4)
    assert offset % 2 == 0
    tags = {}
    for at in range(offset + 2, offset + 2 + 12 * struct.unpack_from(order + "H", data, offset)[0], 12):
        code, kind, count = struct.unpack_from(order + "HHI", data, at)
        size = count * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind]
        (place,) = struct.unpack_from(order + "I", data, at + 8)
        assert size <= 4 or place % 2 == 0
        value = data[at + 8 : at + 8 + size] if size <= 4 else data[place : place + size]
        tags[code] = raw_tags(path, place) if code in POINTERS else (kind, count, value)
    assert list(tags) == sorted(tags)
    return tags


def bands(values, chunks=None):
    data = values if chunks is None else da.from_array(values, chunks=chunks)
    return xr.DataArray(data, dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})


@pytest.fixture
def healed(counts):
    return bands(counts[:3], (3, 10, 53))


@pytest.fixture(params=["<", ">"])
def source(request, tmp_path):
    return write_source(tmp_path / "slides" / "a.tif", request.param)


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


@pytest.mark.parametrize("chunks", [None, (3, 10, 53), (1, 37, 53), (2, 11, 17)])
@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_are_those_given(source, counts, tmp_path, monkeypatch, dtype, compression, chunks):
    monkeypatch.setattr(writer, "STRIP_BYTES", 1700)
    values = counts[:3].astype(dtype)
    path = write_healed(bands(values, chunks), tmp_path / "a.tif", source=source, compression=compression)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        assert len(page.dataoffsets) > 3
        assert page.dtype == dtype
        np.testing.assert_array_equal(page.asarray(), np.moveaxis(values, 0, -1))


def test_only_r_g_b_in_this_order(source, counts, tmp_path):
    slide = xr.DataArray(counts[::-1], dims=("band", "y", "x"), coords={"band": ["R", "IR", "B", "G"]})
    path = write_healed(slide.transpose("x", "band", "y"), tmp_path / "a.tif", source=source)
    np.testing.assert_array_equal(tifffile.imread(path), np.stack([counts[3], counts[0], counts[1]], axis=-1))


@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("chunks", [None, (10, 17)])
def test_mask(source, counts, tmp_path, chunks, compression):
    mask = counts[3] > 60000
    given = mask if chunks is None else xr.DataArray(da.from_array(mask, chunks=chunks), dims=("y", "x"))
    path = write_mask(given, tmp_path / "new" / "a_mask.tif", source=source, compression=compression)
    before, after = raw_tags(source), raw_tags(path)
    assert {code: after[code] for code in (274, 282, 283, 296)} == {c: before[c] for c in (274, 282, 283, 296)}
    assert not after.keys() & {271, 305, 34665, 34675}
    with tifffile.TiffFile(path) as tiff:
        (page,) = tiff.pages
        assert (page.dtype, int(page.compression)) == (np.uint8, {"none": 1, "deflate": 8}[compression])
        np.testing.assert_array_equal(page.asarray(), np.where(mask, 255, 0))
    assert [entry.name for entry in path.parent.iterdir()] == ["a_mask.tif"]


def test_mask_as_bare_dask_array_and_other_order_of_dimensions(source, counts, tmp_path):
    mask = counts[3] > 60000
    lazy = da.from_array(mask, chunks=(7, 53))
    written = [
        write_mask(lazy, tmp_path / "a.tif", source=source),
        write_mask(xr.DataArray(lazy.T, dims=("x", "y")), tmp_path / "b.tif", source=source),
    ]
    for path in written:
        np.testing.assert_array_equal(tifffile.imread(path) == 255, mask)


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_a_graph_is_computed_once(source, tmp_path, compression):
    calls = []

    def kernel(block, block_info=None):
        calls.append(block_info[0]["chunk-location"])
        return block

    zeros = da.zeros((3, 37, 53), chunks=(3, 5, 53), dtype=np.uint16)
    base = zeros.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    halo = base.map_overlap(lambda block: block + 1, depth=(0, 2, 0), boundary="reflect", dtype=np.uint16)
    lazy = xr.DataArray(halo, dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})
    path = write_healed(lazy, tmp_path / "a.tif", source=source, compression=compression)
    assert sorted(calls) == [(0, row, 0) for row in range(8)]
    assert (tifffile.imread(path) == 1).all()


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_a_failure_on_the_way_leaves_what_was_there(source, healed, tmp_path, compression):
    def kernel(block, block_info=None):
        if block_info[0]["chunk-location"][1] == 2:
            raise LayoutError("strip 2 is damaged")
        return block

    broken = healed.copy(data=healed.data.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16)))
    out = tmp_path / "out"
    with pytest.raises(LayoutError, match="strip 2 is damaged"):
        write_healed(broken, out / "a.tif", source=source, compression=compression)
    assert list(out.iterdir()) == []
    complete = write_healed(healed, out / "a.tif", source=source, compression=compression).read_bytes()
    with pytest.raises(LayoutError, match="strip 2 is damaged"):
        write_healed(broken, out / "a.tif", source=source, compression=compression)
    assert [entry.name for entry in out.iterdir()] == ["a.tif"]
    assert (out / "a.tif").read_bytes() == complete


@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("step", ["pixels", "sync"])
def test_a_full_disk_is_said_and_leaves_nothing(source, healed, tmp_path, monkeypatch, step, compression):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    owner, name = {"pixels": (PixelFile, "__setitem__"), "sync": (os, "fsync")}[step]
    monkeypatch.setattr(owner, name, full)
    with pytest.raises(OSError, match=r"the disk is full.*another folder.*a_clean\.tif") as caught:
        write_healed(healed, tmp_path / "out" / "a_clean.tif", source=source, compression=compression)
    assert caught.value.errno == errno.ENOSPC
    assert list((tmp_path / "out").iterdir()) == []


def test_other_errors_of_the_system_stay_as_they_are(tmp_path):
    with pytest.raises(PermissionError, match="not yours"), replacing(tmp_path / "a.csv"):
        raise PermissionError("not yours")


def test_replacing_shows_the_file_only_when_it_is_complete(tmp_path):
    path = tmp_path / "slides.csv"
    path.write_text("old")
    with replacing(path) as part:
        assert part == tmp_path / ".slides.csv.part"
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_runs_own_temporary_file_is_no_obstacle(source, healed, tmp_path):
    leftover = tmp_path / ".a.tif.part"
    leftover.write_bytes(b"x" * 10**6)
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    np.testing.assert_array_equal(tifffile.imread(path), healed.transpose("y", "x", "band"))
    assert path.stat().st_size < 10**6
    assert not leftover.exists()


def link(kind, source, target):
    try:
        target.symlink_to(source) if kind == "symbolic" else target.hardlink_to(source)
    except OSError:
        pytest.skip(f"no {kind} links here")


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_source_is_not_overwritten_through_a_link(source, healed, tmp_path, kind):
    link(kind, source, tmp_path / "link.tif")
    before = source.read_bytes()
    with pytest.raises(SlideError, match=r"link\.tif would overwrite the source .*a\.tif; write to another folder"):
        write_healed(healed, tmp_path / "link.tif", source=source)
    with pytest.raises(SlideError, match="would overwrite the source"):
        write_mask(np.zeros((37, 53), bool), source, source=source)
    assert source.read_bytes() == before


def test_nothing_is_written_next_to_a_source(source, healed, tmp_path):
    with pytest.raises(SlideError, match=r"b\.tif would stand next to the source .*a\.tif; write to another folder"):
        write_healed(healed, source.parent / "b.tif", source=source)
    with pytest.raises(SlideError, match="next to the source"):
        write_mask(np.zeros((37, 53), bool), source.parent / ".." / "slides" / "b.tif", source=source)
    assert list(source.parent.iterdir()) == [source]
    check_target(source.parent / "below" / "b.tif", [source])
    check_target(tmp_path / "b.tif", [source])


def test_nothing_is_written_next_to_a_source_through_a_linked_folder(source, tmp_path):
    link("symbolic", source.parent, tmp_path / "linked")
    with pytest.raises(SlideError, match="next to the source"):
        check_target(tmp_path / "linked" / "b.tif", [source])
    (tmp_path / "other").mkdir()
    link("symbolic", source, tmp_path / "other" / "a.tif")
    for folder in (tmp_path / "other", source.parent):
        with pytest.raises(SlideError, match="next to the source"):
            check_target(folder / "b.tif", [tmp_path / "other" / "a.tif"])


def test_every_source_counts(tmp_path):
    sources = [tmp_path / "one" / "a.tif", tmp_path / "two" / "a.tif"]
    check_target(tmp_path / "three" / "a.tif", sources)
    with pytest.raises(SlideError, match="next to the source"):
        check_target(tmp_path / "two" / "b.tif", sources)


def test_a_name_that_differs_in_case_alone_is_the_same(source):
    with pytest.raises(SlideError, match=r"SLIDES.* would stand next to the source|SLIDES.* would overwrite"):
        check_target(source.parent.parent / "SLIDES" / "A.TIF", [source])


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "roll" / "deep").mkdir(parents=True)
    kept = [tmp_path / "a.part", tmp_path / ".hidden", tmp_path / "roll" / "a_mask.tif"]
    gone = [tmp_path / ".slides.csv.part", tmp_path / "roll" / "deep" / ".a.tif.part", tmp_path / ".a.tif.raw.part"]
    for path in kept + gone:
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_the_scratch_file_has_the_name_of_a_leftover(source, healed, tmp_path, monkeypatch):
    names = []
    store = writer.tiles.store
    monkeypatch.setattr(writer.tiles, "store", lambda *given: (names.extend(os.listdir(tmp_path / "o")), store(*given)))
    write_healed(healed, tmp_path / "o" / "a.tif", source=source, compression="deflate")
    assert names == [".a.tif.raw.part"]


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


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, b"irtoolkit 0.1.0\0"), (b"Nikon Scan 4  \0\0", b"Nikon Scan 4; irtoolkit 0.1.0\0")],
)
def test_software_is_appended(tmp_path, counts, before, after):
    source = tmp_path / "slides" / "a.tif"
    source.parent.mkdir()
    extra = [(305, 2, len(before), before, True)] if before else []
    tifffile.imwrite(source, np.zeros((5, 7, 3), np.uint16), metadata=None, software=False, extratags=extra)
    tags = raw_tags(write_healed(bands(counts[:3]), tmp_path / "a.tif", source=source))
    assert tags[305] == (2, len(after), after)


@pytest.mark.parametrize(("place", "reason"), [(2**31, "has none there"), ("itself", "nested deeper")])
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
    assert "tag 270 is not kept: its 11 bytes" in caplog.text


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


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_large_pictures_become_bigtiff(source, healed, tmp_path, monkeypatch, compression):
    monkeypatch.setattr(writer, "CLASSIC_BYTES", 0)
    path = write_healed(healed, tmp_path / "a.tif", source=source, compression=compression)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        np.testing.assert_array_equal(tiff.pages[0].asarray(), healed.transpose("y", "x", "band"))
        assert tiff.pages[0].tags[34665].value["MakerNote"] == MAKER_NOTE
    again = write_healed(healed, tmp_path / "other" / "a.tif", source=path)
    monkeypatch.undo()
    classic = write_healed(healed, tmp_path / "classic" / "a.tif", source=again)
    assert {c: t for c, t in raw_tags(classic).items() if c in SAVED} == {
        c: t for c, t in raw_tags(source).items() if c in SAVED
    }


def test_blocks_can_be_written_by_other_threads_and_after_pickling(tmp_path, counts):
    path = tmp_path / "pixels"
    path.write_bytes(b"head")
    target = pickle.loads(pickle.dumps(PixelFile(path, 4, (37, 53, 4), np.dtype(">u2"))))
    values = np.moveaxis(counts, 0, -1)
    blocks = [(slice(y, y + 10), slice(x, x + 30)) for y in range(0, 37, 10) for x in range(0, 53, 30)]
    threads = [threading.Thread(target=target.__setitem__, args=(block, values[block])) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"head" + values.astype(">u2").tobytes()


def test_schedulers_give_the_same_file(source, healed, tmp_path):
    written = []
    for scheduler in ("synchronous", "threads"):
        with dask.config.set(scheduler=scheduler):
            path = write_healed(healed, tmp_path / f"{scheduler}.tif", source=source, compression="deflate")
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_what_cannot_be_written_is_refused(source, healed, tmp_path):
    path = tmp_path / "a.tif"
    with pytest.raises(SlideError, match=r"uint8 or uint16 on \(band, y, x\), not float64"):
        write_healed(healed.astype(float), path, source=source)
    with pytest.raises(SlideError, match="the bands R, G, B"):
        write_healed(healed.isel(band=[0, 1]), path, source=source)
    with pytest.raises(SlideError, match=r"not uint16 on \('y', 'x'\)"):
        write_healed(healed.isel(band=0), path, source=source)
    with pytest.raises(SlideError, match=r"a mask is bool on \(y, x\), not uint16"):
        write_mask(healed.isel(band=0), path, source=source)
    with pytest.raises(SlideError, match='"none" or "deflate", not \'lzw\''):
        write_healed(healed, path, source=source, compression="lzw")
    assert not path.exists()


def test_a_source_without_such_a_page_is_refused(source, tmp_path):
    for page in [(1,), (0, 0)]:
        with pytest.raises(LayoutError, match=r"a\.tif: .*page.* was expected.*look at"):
            carried_tags(source, page)
    text = tmp_path / "notes.tif"
    for content in (b"", b"hello", b"II*\0", b"II*\0\xff\xff\0\0", b"II*\0\x08\0\0\0\xff\xff"):
        text.write_bytes(content)
        with pytest.raises(LayoutError, match=r"notes\.tif: .* was expected"):
            carried_tags(text)


def test_folders_that_cannot_be_synced_are_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(targets.os, "open", lambda *_: (_ for _ in ()).throw(PermissionError()))
    with replacing(tmp_path / "a.txt") as part:
        part.write_text("complete")
    assert (tmp_path / "a.txt").read_text() == "complete"
