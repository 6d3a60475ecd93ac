"""The opened slide: its chunks, its depth, and how little of the file opening reads."""

import os
import struct

import dask
import numpy as np
import pytest

from irtoolkit.files.page_reader import PageReader
from irtoolkit.files.reader import open_slide
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.tiff_files import Storage, TiffPage, shorts, write_tiff

needs_holes = pytest.mark.skipif(os.name == "nt", reason="needs files with holes")


@pytest.mark.parametrize(
    "layout", ["vuescan-rgbi", "silverfast-hdri-preview", "vuescan-dng", "silverfast-dng", "sidecar"]
)
@pytest.mark.parametrize("chunks", ["auto", 7, {"y": 5, "x": 9}, (1, 16, 20), {"band": 2}])
def test_counts_are_the_same_for_every_chunking(tmp_path, counts, layout, chunks):
    write_scanner_file(tmp_path / "a.tif", counts, layout, compression="deflate", predictor=True)
    slide = open_slide(tmp_path / "a.tif", chunks=chunks)
    assert slide.counts.dims == ("band", "y", "x")
    assert slide.band.values.tolist() == ["R", "G", "B", "IR"]
    assert slide.counts.dtype == np.uint16
    np.testing.assert_array_equal(slide.counts, counts)


def test_chunks_are_what_was_asked_for(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts)
    assert open_slide(tmp_path / "a.tif", chunks=10).counts.chunks == ((4,), (10, 10, 10, 7), (53,))
    assert open_slide(tmp_path / "a.tif", chunks=(2, 20, 30)).counts.chunks == ((2, 2), (20, 17), (30, 23))
    for wrong in ("big", 0, (3, 4), -5):
        with pytest.raises(ValueError, match="chunks must be"):
            open_slide(tmp_path / "a.tif", chunks=wrong)


def _write_large(path, rows_per_strip, compression=1):
    """Write the header of a slide of 12500 x 16000 pixels, and a hole for the pixels; return where that begins."""
    strips, strip = -(-12500 // rows_per_strip), rows_per_strip * 16000 * 8
    start = 8 + 2 + 12 * 9 + 4 + 8 * strips
    offsets = start + np.arange(strips) * strip
    entries = [(256, 4, 1, 16000), (257, 4, 1, 12500), (258, 3, 1, 16), (259, 3, 1, compression), (262, 3, 1, 2)]
    entries += [(273, 4, strips, 122), (277, 3, 1, 4), (278, 4, 1, rows_per_strip), (279, 4, strips, 122 + 4 * strips)]
    with open(path, "wb") as file:
        file.write(b"II*\0" + struct.pack("<IH", 8, 9) + b"".join(struct.pack("<HHII", *entry) for entry in entries))
        file.write(bytes(4) + offsets.astype("<u4").tobytes() + np.full(strips, strip, "<u4").tobytes())
        file.truncate(start + strips * strip)
    return start


@pytest.mark.changes_sources
@needs_holes
def test_chunks_are_whole_strips_of_both_pages_and_about_8_mb(tmp_path):
    _write_large(tmp_path / "a.tif", rows_per_strip=24, compression=5)
    sizes = open_slide(tmp_path / "a.tif").counts.chunks
    assert sizes == ((4,), (48,) * 260 + (20,), (16000,))  # 2 strips are 6.1 MB; 3 would pass 8 MiB
    _write_large(tmp_path / "a.tif", rows_per_strip=24, compression=1)
    assert open_slide(tmp_path / "a.tif").counts.chunks[1][:2] == (65, 65)  # any row can be reached


@pytest.mark.changes_sources
def test_chunks_suit_the_strips_of_both_files(tmp_path, counts, monkeypatch):
    monkeypatch.setattr("irtoolkit.files.reader.CHUNK_BYTES", 53 * 8 * 29)
    write_scanner_file(tmp_path / "a.tif", counts, "sidecar", compression="lzw", rows_per_strip=4)
    infrared = TiffPage(counts[3][..., None], {262: shorts(1)})
    for rows, expected in [(6, 24), (7, 28), (9, 27)]:  # 4 and 9 meet at 36 only, which is too many
        write_tiff(tmp_path / "a_IR.tif", [infrared], Storage(compression="lzw", rows_per_strip=rows))
        slide = open_slide(tmp_path / "a.tif")
        assert slide.counts.chunks == ((3, 1), (expected, 37 - expected), (53,))
        np.testing.assert_array_equal(slide.counts, counts)


def test_depths_are_brought_to_the_deeper(tmp_path, counts):
    bytes_only = (counts >> 8).astype(np.uint8)
    write_scanner_file(tmp_path / "a.tif", bytes_only, "silverfast-hdri", infrared=counts[3])
    found = open_slide(tmp_path / "a.tif").counts.values
    np.testing.assert_array_equal(found[:3], bytes_only[:3].astype(np.uint16) * 257)
    np.testing.assert_array_equal(found[3], counts[3])
    write_scanner_file(tmp_path / "b.tif", counts, "sidecar-pgm", infrared=bytes_only[3])
    found = open_slide(tmp_path / "b.tif").counts.values
    np.testing.assert_array_equal(found[:3], counts[:3])
    np.testing.assert_array_equal(found[3], bytes_only[3].astype(np.uint16) * 257)


def test_a_slide_of_8_bits_stays_so(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", (counts >> 8).astype(np.uint8), "vuescan-dng")
    slide = open_slide(tmp_path / "a.tif")
    assert slide.counts.dtype == np.uint8
    assert slide.attrs["bits"] == 8
    np.testing.assert_array_equal(slide.counts, counts >> 8)


def test_gray_is_the_same_in_three_bands(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "gray")
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts[[1, 1, 1, 3]])


def test_a_page_of_four_samples_is_decoded_once_for_all_bands(tmp_path, counts, monkeypatch):
    write_scanner_file(tmp_path / "a.tif", counts, compression="lzw", rows_per_strip=8)
    decoded = []
    decode = PageReader._decode
    monkeypatch.setattr(PageReader, "_decode", lambda *given: decoded.append(1) or decode(*given))
    slide = open_slide(tmp_path / "a.tif", chunks=8)
    bands = [slide.counts.sel(band=band).astype("f8").mean() for band in ("R", "G", "B", "IR")]
    dask.compute(*bands, scheduler="synchronous")
    assert len(decoded) == 5


@needs_holes
@pytest.mark.parametrize("rows_per_strip", [1, 64])
def test_opening_reads_headers_only(tmp_path, monkeypatch, rows_per_strip):
    header = _write_large(tmp_path / "a.tif", rows_per_strip)
    taken = []

    class Counted:
        def __init__(self, path, mode):
            self.file = open(path, mode)  # noqa: SIM115
            self.name = path

        def __enter__(self):
            return self

        def __exit__(self, *fault):
            self.file.close()

        def fileno(self):
            return self.file.fileno()

        def seek(self, *place):
            return self.file.seek(*place)

        def read(self, count):
            taken.append(count)
            return self.file.read(count)

    monkeypatch.setattr("irtoolkit.files.header.open", Counted, raising=False)
    monkeypatch.setattr("irtoolkit.files.page_reader.open", None, raising=False)
    slide = open_slide(tmp_path / "a.tif")
    assert slide.counts.shape == (4, 12500, 16000)
    assert 0 < sum(taken) < 2 * header + 4096 < 1 << 20
