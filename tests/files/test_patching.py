"""Healed slides in the scan's own format: every byte but those of marked samples is the scan's."""

import errno
import os
import shutil

import dask.array as da
import numpy as np
import pytest
import tifffile
import xarray as xr
from slide_files import bands

from irtoolkit.files import encoders, healed_segments, patching
from irtoolkit.files.layouts import find_layout
from irtoolkit.files.patching import write_same
from irtoolkit.files.reader import open_picture
from irtoolkit.files.segment_table import SegmentTable
from irtoolkit.files.writer import PixelFile
from irtoolkit.schema import LayoutError, SlideError
from irtoolkit.synthetic.scanner_files import LAYOUTS, write_scanner_file

PLACES, SIZES = (273, 324), (279, 325)
STORED = {
    "strips": {"rows_per_strip": 5},
    "one strip": {"rows_per_strip": 37},
    "big endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "planes": {"planar": True, "rows_per_strip": 8},
    "tiles": {"tile": (16, 32)},
    "tiles in planes, big endian": {"tile": (16, 32), "planar": True, "byteorder": ">"},
}
COMPRESSED = {
    "LZW": {"compression": "lzw", "rows_per_strip": 5},
    "LZW, differences": {"compression": "lzw", "predictor": True, "rows_per_strip": 7},
    "deflate, one strip": {"compression": "deflate", "rows_per_strip": 37},
    "deflate, differences, big endian": {"compression": "deflate", "predictor": True, "byteorder": ">"},
    "deflate, BigTIFF, tiles": {"compression": "deflate", "predictor": True, "tile": (16, 32), "bigtiff": True},
    "LZW, planes, tiles": {"compression": "lzw", "planar": True, "tile": (16, 32), "byteorder": ">"},
}


@pytest.fixture
def mask():
    """Marks in rows 3 to 24 and 36, up to the last column, but at no pixel that is in a preview."""
    mask = np.zeros((37, 53), bool)
    mask[3:25, 5:9] = mask[21, 40:] = mask[36, 50:] = True
    mask[::4, ::4] = False
    return mask


def healed_of(counts, mask, chunks=None):
    """A healed slide that is other than the scan everywhere, and a mask: only marked pixels may be taken from it."""
    healed = bands((counts[:3] + counts.dtype.type(77)), chunks)
    marks = mask if chunks is None else da.from_array(mask, chunks=chunks[1:])
    return healed, xr.DataArray(marks, dims=("y", "x"))


def truth_of(counts, mask):
    """Counts of the healed slide as they must come back."""
    truth = counts.copy()
    truth[:3, mask] += counts.dtype.type(77)
    return truth


def write(source, counts, mask, path, chunks=None):
    """The healed slide, written as its source."""
    return write_same(*healed_of(counts, mask, chunks), path, layout=find_layout(source))


def all_pages(path):
    """Tags and samples of every page and SubIFD, as tifffile reads them."""
    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages:
            for one in (page, *(page.pages or ())):
                yield {tag.code: (tag.dtype, tag.count, tag.value) for tag in one.tags.values()}, one.asarray()


def samples(path):
    """Samples of the page with the colours, (y, x, sample), as tifffile reads them."""
    (plane, _, _) = find_layout(path).visible
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[plane.page[0]]
        page = page.pages[plane.page[1]] if len(plane.page) > 1 else page
        array = page.asarray()
        return np.moveaxis(array, 0, -1) if page.planarconfig == 2 and array.ndim == 3 else array


def scan(folder, counts, layout="vuescan-rgbi", **stored):
    """A file of a scanner program in a folder of its own."""
    folder.mkdir()
    counts = counts[[1, 1, 1, 3]] if layout == "gray" else counts
    return write_scanner_file(folder / f"a{'.dng' if 'dng' in layout else '.tif'}", counts, layout, **stored)[0]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_compression_it_is_the_file_of_a_scanner_that_saw_no_dust(counts, mask, tmp_path, layout, stored):
    counts = counts[[1, 1, 1, 3]] if layout == "gray" else counts
    source = scan(tmp_path / "scans", counts, layout, **STORED[stored])
    path = write(source, counts, mask, tmp_path / "out" / source.name)
    assert path.read_bytes() == scan(tmp_path / "truth", truth_of(counts, mask), layout, **STORED[stored]).read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == [source.name]


@pytest.mark.parametrize("stored", COMPRESSED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_with_compression_marked_segments_are_appended_and_all_else_is_the_source(
    counts, mask, tmp_path, layout, stored
):
    counts = counts[[1, 1, 1, 3]] if layout == "gray" else counts
    source = scan(tmp_path / "scans", counts, layout, **COMPRESSED[stored])
    path = write(source, counts, mask, tmp_path / "out" / source.name)
    for (tags, old), (kept, new) in zip(all_pages(source), all_pages(path), strict=True):
        moved = {code for code in tags if tags[code] != kept[code]}
        assert moved <= {*PLACES, *SIZES}
        assert moved or np.array_equal(old, new)
    expected = scan(tmp_path / "truth", truth_of(counts, mask), layout, **COMPRESSED[stored])
    np.testing.assert_array_equal(samples(path), samples(expected))
    np.testing.assert_array_equal(open_picture(path), open_picture(expected))
    before, after = source.read_bytes(), path.read_bytes()
    changed = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after[: len(before)], np.uint8))
    assert set(changed.tolist()) <= table_bytes(source)


def table_bytes(path):
    """Bytes in which a file keeps the places and sizes of its strips or tiles."""
    with tifffile.TiffFile(path) as tiff:
        pages = [one for page in tiff.pages for one in (page, *(page.pages or ()))]
        tags = [page.tags[code] for page in pages for code in (*PLACES, *SIZES) if code in page.tags]
        return {byte for tag in tags for byte in range(tag.valueoffset, tag.valueoffset + tag.valuebytecount)}


def test_strips_without_a_mark_keep_place_and_size(counts, mask, tmp_path):
    source = scan(tmp_path / "scans", counts, compression="lzw", rows_per_strip=5)
    path = write(source, counts, mask, tmp_path / "out" / "a.tif")
    with tifffile.TiffFile(source) as old, tifffile.TiffFile(path) as new:
        kept = np.equal(old.pages[0].dataoffsets, new.pages[0].dataoffsets)
        assert kept.tolist() == [not mask[row : row + 5].any() for row in range(0, 37, 5)]
        assert min(np.array(new.pages[0].dataoffsets)[~kept]) == source.stat().st_size


def test_without_marks_it_is_the_source(counts, mask, tmp_path):
    source = scan(tmp_path / "scans", counts, compression="deflate")
    assert write(source, counts, mask & False, tmp_path / "out" / "a.tif").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("stored", [{}, {"tile": (16, 32)}, {"compression": "lzw"}])
def test_8_bit(counts, mask, tmp_path, stored):
    colour = counts.astype(np.uint8)
    source = scan(tmp_path / "scans", colour, "silverfast-hdri", infrared=counts[3], **stored)
    path = write(source, colour, mask, tmp_path / "out" / "a.tif")
    assert samples(path).dtype == np.uint8
    np.testing.assert_array_equal(samples(path), np.moveaxis(truth_of(colour, mask)[:3], 0, -1))
    np.testing.assert_array_equal(tifffile.imread(path, key=1), counts[3])


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("compression", ["packbits", 32946])
def test_other_compressions_of_today(counts, mask, tmp_path, compression, predictor):
    (tmp_path / "scans").mkdir()
    source = tmp_path / "scans" / "a.tif"
    pixels = np.moveaxis(counts, 0, -1) // 4096 * 4096
    options = {"photometric": "rgb", "extrasamples": [0], "rowsperstrip": 6, "metadata": None, "byteorder": ">"}
    tifffile.imwrite(source, pixels, compression=compression, predictor=predictor or None, **options)
    path = write(source, np.moveaxis(pixels, -1, 0), mask, tmp_path / "out" / "a.tif")
    np.testing.assert_array_equal(samples(path), np.moveaxis(truth_of(np.moveaxis(pixels, -1, 0), mask), 0, -1))


def test_what_lies_in_a_tile_beyond_the_picture_stays(counts, mask, tmp_path):
    """tifffile fills it with 0; some programs repeat the last column."""
    source = scan(tmp_path / "scans", counts, tile=(16, 32), compression="deflate")
    uncompressed = scan(tmp_path / "plain", counts, tile=(16, 32))
    data = bytearray(uncompressed.read_bytes())
    with tifffile.TiffFile(uncompressed) as tiff:
        last = tiff.pages[0].dataoffsets[1]
    data[last + 31 * 8 : last + 32 * 8] = b"outside!"
    uncompressed.write_bytes(data)
    path = write(uncompressed, counts, mask, tmp_path / "out" / "a.tif")
    assert path.read_bytes()[last + 31 * 8 : last + 32 * 8] == b"outside!"
    again = write(source, counts, mask, tmp_path / "out" / "b.tif")
    np.testing.assert_array_equal(samples(again), samples(path))


@pytest.mark.parametrize("chunks", [None, (3, 37, 53), (1, 5, 53), (2, 11, 17)])
@pytest.mark.parametrize("stored", [{}, {"compression": "deflate", "predictor": True, "rows_per_strip": 37}])
def test_chunks_and_the_size_of_pieces_do_not_matter(counts, mask, tmp_path, monkeypatch, stored, chunks):
    source = scan(tmp_path / "scans", counts, **stored)
    one = write(source, counts, mask, tmp_path / "out" / "a.tif")
    monkeypatch.setattr(patching, "SCRATCH_BYTES", 100)
    monkeypatch.setattr(healed_segments, "PIECE_BYTES", 1300)
    other = write(source, counts, mask, tmp_path / "out" / "b.tif", chunks)
    assert one.read_bytes() == other.read_bytes()


def test_a_graph_is_computed_once(counts, mask, tmp_path):
    calls = []

    def kernel(block, block_info=None):
        calls.append(block_info[0]["chunk-location"])
        return block

    source = scan(tmp_path / "scans", counts)
    healed, marks = healed_of(counts, mask, (3, 5, 53))
    healed.data = healed.data.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    write_same(healed, marks, tmp_path / "out" / "a.tif", layout=find_layout(source))
    assert sorted(calls) == [(0, row, 0) for row in range(8)]


def set_places(path, page, places):
    """Let the strips of a page of a file lie elsewhere."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[page].tags[273].overwrite(places)


def test_a_strip_that_serves_twice_is_healed_once(counts, mask, tmp_path):
    counts[:, 5:10] = counts[:, :5]
    source = scan(tmp_path / "scans", counts, rows_per_strip=5)
    with tifffile.TiffFile(source) as tiff:
        first, _, *others = tiff.pages[0].dataoffsets
    set_places(source, 0, [first, first, *others])
    mask[5:10] = False
    path = write(source, counts, mask, tmp_path / "out" / "a.tif")
    np.testing.assert_array_equal(samples(path), np.moveaxis(truth_of(counts, mask), 0, -1))
    assert path.stat().st_size == source.stat().st_size + 5 * 53 * 4 * 2


def test_a_strip_that_is_also_the_infrareds_is_healed_in_the_picture_only(counts, mask, tmp_path):
    counts[:] = counts[3]
    source = scan(tmp_path / "scans", counts, "gray", rows_per_strip=37)
    with tifffile.TiffFile(source) as tiff:
        (place,) = tiff.pages[0].dataoffsets
    set_places(source, 1, [place])
    path = write(source, counts, mask, tmp_path / "out" / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(path, key=0), truth_of(counts, mask)[0])
    np.testing.assert_array_equal(tifffile.imread(path, key=1), counts[3])


def test_pages_that_share_the_list_of_their_places_are_refused(counts, mask, tmp_path):
    source = scan(tmp_path / "scans", counts, "gray", compression="lzw", rows_per_strip=5)
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        lists, entries = zip(*((page.tags[273].valueoffset, page.tags[273].offset) for page in tiff.pages), strict=True)
    data[entries[1] + 8 : entries[1] + 12] = lists[0].to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(SlideError, match="its pages share tags, or pixels lie on top of them; use --format rgb"):
        write(source, counts, mask, tmp_path / "out" / "a.tif")
    assert list((tmp_path / "out").iterdir()) == []


def test_pixels_on_top_of_tags_are_refused(counts, mask, tmp_path):
    source = scan(tmp_path / "scans", counts, rows_per_strip=37)
    with tifffile.TiffFile(source) as tiff:
        ends = tiff.pages[0].tags[305].valueoffset + 10
    set_places(source, 0, [ends - 37 * 53 * 8])
    with pytest.raises(SlideError, match="its pages share tags, or pixels lie on top of them"):
        write(source, counts, mask, tmp_path / "out" / "a.tif")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_too_large_for_its_tag_is_refused(counts, mask, tmp_path, monkeypatch):
    source = scan(tmp_path / "scans", counts, compression="lzw")
    real = SegmentTable._pack
    monkeypatch.setattr(SegmentTable, "_pack", lambda table, entry, value: real(table, entry, value + 2**32))
    with pytest.raises(SlideError, match=r"no room for the place or size.*use --format rgb \(number 42949"):
        write(source, counts, mask, tmp_path / "out" / "a.tif")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_written_is_refused(counts, mask, tmp_path, monkeypatch):
    source = scan(tmp_path / "scans", counts)
    layout, path = find_layout(source), tmp_path / "out" / "a.tif"
    healed, marks = healed_of(counts, mask)
    with pytest.raises(SlideError, match="uint16, not uint8"):
        write_same(healed.astype(np.uint8), marks, path, layout=layout)
    with pytest.raises(SlideError, match="must have one size"):
        write_same(healed, marks[1:], path, layout=layout)
    with pytest.raises(SlideError, match="the bands R, G, B"):
        write_same(healed[:2], marks, path, layout=layout)
    for target in (source, source.with_name("a_clean.tif")):
        with pytest.raises(SlideError, match="source"):
            write_same(healed, marks, target, layout=layout)
    monkeypatch.delitem(encoders.ENCODERS, 1)
    with pytest.raises(
        SlideError, match=r"compression cannot be written; use --format rgb \(compression 1, predictor 1"
    ):
        write_same(healed, marks, path, layout=layout)
    assert not path.parent.exists()


@pytest.mark.parametrize("step", ["pixels", "copy", "append", "sync"])
def test_a_full_disk_is_said_and_leaves_nothing(counts, mask, tmp_path, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    source = scan(tmp_path / "scans", counts, compression="lzw")
    steps = {"pixels": (PixelFile, "__setitem__"), "copy": (shutil, "copyfileobj"), "sync": (os, "fsync")}
    monkeypatch.setattr(*steps.get(step, (SegmentTable, "append")), full)
    with pytest.raises(OSError, match=r"the disk is full.*another folder.*a_clean\.tif"):
        write(source, counts, mask, tmp_path / "out" / "a_clean.tif")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.changes_sources
@pytest.mark.parametrize("change", [lambda path: os.truncate(path, 2000), lambda path: os.utime(path, ns=(1, 1))])
def test_a_source_that_changes_while_it_is_read_is_refused(counts, mask, tmp_path, change):
    source = scan(tmp_path / "scans", counts)
    healed, marks = healed_of(counts, mask, (3, 10, 53))

    def kernel(block):
        change(source)
        return block

    healed.data = healed.data.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    layout, out = find_layout(source), tmp_path / "out"
    out.mkdir()
    (out / "a.tif").write_bytes(b"earlier")
    with pytest.raises(LayoutError, match="changed while it was read"):
        write_same(healed, marks, out / "a.tif", layout=layout)
    assert [entry.read_bytes() for entry in out.iterdir()] == [b"earlier"]
