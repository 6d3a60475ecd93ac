"""Why directories and long strips are read by hand: what tifffile and tifftools make of the same files."""

import io
import logging
import struct

import numpy as np
import pytest
import tifffile
import tifftools
from memory import peak_bytes
from slide_files import SAVED, raw_tags, write_source

from irtoolkit.files import page_reader
from irtoolkit.files.header import read_header, read_pages
from irtoolkit.files.page_reader import open_page
from irtoolkit.files.tags import carried_tags


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Both libraries log what they leave out; that is no error to whoever calls them."""
    with caplog.at_level(logging.CRITICAL):
        yield


def three_pages(path):
    """Write three pages; return where each directory lies, and where it points to the next one."""
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(3):
            tiff.write(np.zeros((4, 5), np.uint8), metadata=None)
    with tifffile.TiffFile(path) as tiff:
        return [(page.offset, page.offset + 2 + 12 * len(page.tags)) for page in tiff.pages]


def point(path, link, place):
    """Let the pointer at byte `link` of a classic little-endian file point to `place`."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, link, place)
    path.write_bytes(data)


def counted(path):
    """Count the pages that tifffile and tifftools find."""
    with tifffile.TiffFile(path) as tiff:
        return len(tiff.pages), len(tifftools.read_tiff(path)["ifds"])


def test_a_chain_that_leads_out_of_the_file_is_a_shorter_one_to_others(tmp_path):
    path = tmp_path / "a.tif"
    (_, _), (_, link), _ = three_pages(path)
    assert len(read_pages(path)) == 3
    point(path, link, path.stat().st_size + 100)
    assert counted(path) == (2, 2)
    pages, faults = read_header(path)
    assert len(pages) == 2
    assert [fault.startswith("truncated or damaged: its header points to byte") for fault in faults] == [True]


class Tired(io.FileIO):
    """A file that has enough after a thousand reads."""

    reads = 0

    def read(self, size=-1):
        self.reads += 1
        if self.reads > 1000:
            raise TimeoutError
        return super().read(size)


def test_a_circular_chain_never_ends_in_tifftools(tmp_path):
    path = tmp_path / "a.tif"
    (first, _), _, (_, link) = three_pages(path)
    point(path, link, first)
    with Tired(path) as file, pytest.raises(TimeoutError):
        tifftools.read_tiff(file)
    assert len(read_pages(path)) == 3


def test_a_value_outside_the_file_is_dropped_by_tifffile_and_with_all_others_by_tifftools(tmp_path):
    path = write_source(tmp_path / "slides" / "a.tif")
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages[0].tags[272].offset
    point(path, at + 8, path.stat().st_size)
    with tifffile.TiffFile(path) as tiff:
        assert 272 not in tiff.pages[0].tags
    (directory,) = tifftools.read_tiff(path)["ifds"]
    assert not any("data" in tag for code, tag in directory["tags"].items() if code >= 272)
    _, tags = carried_tags(path)
    assert tags.keys() == SAVED - {272} | {305}
    (page,), (fault,) = read_header(path)
    assert 272 not in page.tags
    assert fault.startswith("tag 272: truncated or damaged: its header points to byte")


def test_tifftools_changes_texts_and_pointers(tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif")
    text = tmp_path / "text.tif"
    extra = [(305, 2, 16, b"Nikon Scan 4  \0\0", True)]
    tifffile.imwrite(text, np.zeros((5, 7), np.uint8), metadata=None, software=False, extratags=extra)
    for path in (source, text):
        tifftools.write_tiff(tifftools.read_tiff(path), tmp_path / f"copy of {path.name}")
    (copy,) = tifftools.read_tiff(tmp_path / "copy of a.tif")["ifds"]
    assert {copy["tags"][code]["datatype"] for code in (34665, 34853)} == {13}  # IFD; EXIF 2.32 wants LONG
    assert raw_tags(tmp_path / "copy of text.tif")[305] == (2, 15, b"Nikon Scan 4  \0")
    assert carried_tags(text)[1][305].value == b"Nikon Scan 4  \0\0"


def test_tifffile_writes_no_exif(tmp_path):
    path = tmp_path / "a.tif"
    extra = [(code, 4, 1, 8, True) for code in (34665, 34853, 40965)]
    tifffile.imwrite(path, np.zeros((5, 7), np.uint8), metadata=None, extratags=extra)
    with tifffile.TiffFile(path) as tiff:
        assert not {34665, 34853, 40965} & {tag.code for tag in tiff.pages[0].tags}


def test_a_long_strip_takes_its_full_length_of_memory_in_tifffile(tmp_path, monkeypatch):
    monkeypatch.setattr(page_reader, "SCRATCH_BYTES", 2**20)
    monkeypatch.setattr(page_reader, "_PIECE", 2**16)
    path, length = tmp_path / "a.tif", 4000 * 1000 * 2
    picture = np.arange(4000 * 1000, dtype=np.uint16).reshape(4000, 1000)
    tifffile.imwrite(path, picture, compression="zlib", predictor=True, rowsperstrip=4000, metadata=None)
    reader = open_page(path)
    with tifffile.TiffFile(path) as tiff:
        assert peak_bytes(lambda: next(tiff.pages[0].segments())) > length
    assert peak_bytes(lambda: reader[2000:2010]) < length / 4
    np.testing.assert_array_equal(reader[2000:2010, :, 0], picture[2000:2010])


def test_of_two_tags_with_one_number_the_first_counts(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((5, 7), np.uint8), metadata=None)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        struct.pack_into("<H", data, tiff.pages[0].tags[296].offset, 257)
    path.write_bytes(data)
    (page,) = read_pages(path)
    assert (page.height, page.width) == (5, 7)
