import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irtoolkit.files import page_reader
from irtoolkit.files.header import read_pages
from irtoolkit.files.layouts import find_layout
from irtoolkit.files.page_reader import PageReader, open_page
from irtoolkit.files.reader import SlideReader, open_slide
from irtoolkit.schema import LayoutError
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.tiff_files import Storage, TiffPage, shorts, write_tiff

STORAGES = {
    "one strip": {"rows_per_strip": 0},
    "strips of one row": {"rows_per_strip": 1},
    "strips": {"rows_per_strip": 5},
    "big-endian": {"rows_per_strip": 5, "byteorder": ">"},
    "tiles": {"tile": (16, 32)},
    "planar": {"planar": True, "rows_per_strip": 5},
    "planar tiles": {"planar": True, "tile": (16, 16), "compression": "deflate"},
    "lzw": {"compression": "lzw", "rows_per_strip": 5},
    "lzw, predictor, big-endian": {"compression": "lzw", "rows_per_strip": 5, "predictor": True, "byteorder": ">"},
    "deflate": {"compression": "deflate", "rows_per_strip": 7},
    "deflate, predictor": {"compression": "deflate", "rows_per_strip": 7, "predictor": True},
    "deflate, predictor, planar": {"compression": "deflate", "planar": True, "rows_per_strip": 4, "predictor": True},
    "deflate, predictor, one strip": {"compression": "deflate", "rows_per_strip": 0, "predictor": True},
    "deflate, tiles, predictor": {"compression": "deflate", "tile": (32, 16), "predictor": True},
}


SCRATCHED = {
    "deflate": {"compression": "deflate", "predictor": True, "byteorder": ">"},
    "lzw": {"compression": "lzw", "predictor": True},
    "planar": {"compression": "deflate", "planar": True},
    "plain": {"compression": "deflate"},
}


def _samples(dtype):
    top = np.iinfo(dtype).max
    return np.random.default_rng(3).integers(0, top, (37, 53, 4), dtype, endpoint=True)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """A reader for each way of storing pixels, with what another reader makes of the file."""
    folder = tmp_path_factory.mktemp("stored")
    found = []
    for number, (options, dtype) in enumerate((o, d) for o in STORAGES.values() for d in (np.uint8, np.uint16)):
        path = folder / f"{number}.tif"
        write_tiff(path, [TiffPage(_samples(dtype), {262: shorts(2), 338: shorts(0)})], Storage(**options))
        expected = tifffile.imread(path)
        expected = np.moveaxis(expected, 0, 2) if options.get("planar") else expected
        np.testing.assert_array_equal(expected, _samples(dtype))
        found.append((open_page(path), expected))
    return found


def _index(length):
    bound = st.none() | st.integers(-length - 2, length + 2)
    return st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1, -3])) | st.integers(-length, length - 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_slice_is_that_of_another_reader(readers, data):
    reader, expected = data.draw(st.sampled_from(readers))
    key = data.draw(st.tuples(_index(37), _index(53), _index(4)))
    found = reader[key]
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected[key])


def test_every_storage_reads_whole_and_narrow(readers):
    for reader, expected in readers:
        np.testing.assert_array_equal(reader[...], expected)
        np.testing.assert_array_equal(reader[3:29, 40:43], expected[3:29, 40:43])
        np.testing.assert_array_equal(reader[..., 2], expected[..., 2])
        assert reader[4:4].shape == (0, 53, 4)


def test_packbits(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", _samples(np.uint8), compression="packbits", photometric="rgb", extrasamples=(0,)
    )
    np.testing.assert_array_equal(open_page(tmp_path / "a.tif")[...], _samples(np.uint8))


@pytest.mark.parametrize("options", SCRATCHED.values(), ids=SCRATCHED)
def test_a_long_strip_is_decoded_once_into_a_scratch_file(tmp_path, monkeypatch, options):
    monkeypatch.setattr(page_reader, "SCRATCH_BYTES", 1000)
    monkeypatch.setattr(page_reader, "_PIECE", 100)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    spilt, spill = [], PageReader._spill
    monkeypatch.setattr(PageReader, "_spill", lambda *given: spilt.append(spill(*given)) or spilt[-1])
    path = tmp_path / "a.tif"
    write_tiff(path, [TiffPage(_samples(np.uint16), {262: shorts(2)})], Storage(**options))
    reader = open_page(path)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(reader.__getitem__, [slice(y, y + 3) for y in range(0, 37, 3)]))
    np.testing.assert_array_equal(np.concatenate(parts), _samples(np.uint16))
    assert reader.natural_rows == 1
    assert len(spilt) == (4 if options.get("planar") else 1)
    assert all(isinstance(values, np.memmap) for values in spilt)
    del reader
    spilt.clear()
    assert list(scratch.iterdir()) == []


def test_a_strip_is_decoded_once_for_chunks_within_it(tmp_path, monkeypatch):
    write_tiff(tmp_path / "a.tif", [TiffPage(_samples(np.uint16), {262: shorts(2)})], Storage(compression="lzw"))
    reader = open_page(tmp_path / "a.tif")
    decoded = []
    decode = PageReader._decode
    monkeypatch.setattr(PageReader, "_decode", lambda *given: decoded.append(1) or decode(*given))
    for y in range(37):
        reader[y]
    assert decoded == [1]


def test_names_follow_the_file(tmp_path, counts):
    def name(chunks="auto", infrared=None):
        return open_slide(tmp_path / "a.tif", infrared, chunks).counts.data.name

    write_scanner_file(tmp_path / "a.tif", counts, "rgba")
    first = name(infrared=3)
    assert name(infrared=3) == first
    os.utime(tmp_path / "a.tif", ns=(1, 1))
    touched = name(infrared=3)
    assert touched != first
    (tmp_path / "b.tif").write_bytes((tmp_path / "a.tif").read_bytes())
    assert open_slide(tmp_path / "b.tif", 3).counts.data.name != touched
    assert name(infrared=3, chunks=7) != touched
    assert name(infrared=3, chunks=7) == name(infrared=3, chunks=7)


def test_a_slide_can_be_pickled_and_is_small(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "silverfast-dng", rows_per_strip=8)
    slide = open_slide(tmp_path / "a.tif")
    slide.counts.values  # noqa: B018
    sent = pickle.dumps(slide)
    assert len(sent) < 3000
    again = pickle.loads(sent)
    assert again.identical(slide)
    assert again.counts.data.name == slide.counts.data.name


def test_threads_read_the_same(readers):
    reader, expected = next(pair for pair in readers if pair[0].page.compression == 5)
    rows = np.random.default_rng(1).integers(0, 37, 400).tolist()
    with ThreadPoolExecutor(8) as pool:
        np.testing.assert_array_equal(list(pool.map(reader.__getitem__, rows)), expected[rows])


@pytest.mark.parametrize("compression", ["lzw", "deflate"])
@pytest.mark.parametrize("scratch", [64 << 20, 100])
@pytest.mark.parametrize("fill", [b"\x55", b"\0", b"\xff"])
def test_garbage_is_refused_with_its_place(tmp_path, counts, monkeypatch, compression, scratch, fill):
    monkeypatch.setattr(page_reader, "SCRATCH_BYTES", scratch)
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts, compression=compression, rows_per_strip=8)
    page = read_pages(path)[0]
    whole = bytearray(path.read_bytes())
    start, size = int(page.offsets[0, 2, 0]), int(page.sizes[0, 2, 0])
    whole[start : start + size] = fill * size
    path.write_bytes(whole)
    slide = open_slide(path)
    with pytest.raises(LayoutError, match=r"a\.tif: damaged page 0: strip .*2.*copy or scan it again"):
        slide.counts.compute(scheduler="synchronous")


@pytest.mark.changes_sources
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_file_that_shrinks_after_opening_is_noticed(tmp_path, counts, compression):
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts, compression=compression)
    slide = open_slide(path)
    os.truncate(path, 4000)
    with pytest.raises(LayoutError, match=r"a\.tif: damaged page 0: it ends before byte"):
        slide.counts.compute(scheduler="synchronous")


def test_slide_reader_reads_any_slice(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "silverfast-hdri")
    reader = SlideReader(find_layout(tmp_path / "a.tif"))
    for key in [
        (3,),
        (slice(1, 4), 5),
        (slice(None, None, -1), slice(2, 30, 3), -1),
        (..., slice(7, 9)),
        (slice(2, 2),),
    ]:
        np.testing.assert_array_equal(reader[key], counts[key])
    with pytest.raises(IndexError):
        reader[4]
