"""Files made to break a reader: each is read or refused in words, in little memory."""

import os
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from memory import peak_bytes
from odd_files import DNG, rgbi, write_png

from irtoolkit.files import directory_reader, pages
from irtoolkit.files.directory_reader import HEADER_BYTES, MOST_PAGES
from irtoolkit.files.fingerprint import digest_header
from irtoolkit.files.header import read_header, read_pages
from irtoolkit.files.layouts import count_frames, find_layout
from irtoolkit.files.metadata import LONGEST_TEXT, describe
from irtoolkit.files.page_reader import open_page
from irtoolkit.files.portable import portable_tags
from irtoolkit.files.reader import open_slide
from irtoolkit.files.tags import carried_tags
from irtoolkit.schema import LayoutError
from irtoolkit.synthetic.scanner_files import write_scanner_file
from tests.fuzz.limits import READ, outcome

SLOW = ("packbits", "lzma", "jpeg2000", "jpegxl")
NAN, INFINITE = float("nan"), float("inf")


def tiff(path, entries, pixels=b"\0" * 24, *, chain=()):
    """Write a little-endian TIFF of one directory of (code, type, count, bytes) and the directories that follow it."""
    start = 8 + len(pixels)
    values, fields = b"", b""
    after = start + 6 + 12 * len(entries)
    for code, kind, count, data in sorted(entries):
        inline = len(data) <= 4
        fields += struct.pack("<HHI", code, kind, count) + (data.ljust(4, b"\0") if inline else b"")
        fields += b"" if inline else struct.pack("<I", after + len(values))
        values += b"" if inline else data
    following = after + len(values) if chain else 0
    head = b"II*\0" + struct.pack("<I", start) + pixels + struct.pack("<H", len(entries)) + fields
    path.write_bytes(head + struct.pack("<I", following) + values + b"".join(chain))
    return path


def shorts(code, *values):
    return code, 3, len(values), struct.pack(f"<{len(values)}H", *values)


def longs(code, *values):
    return code, 4, len(values), struct.pack(f"<{len(values)}I", *values)


def doubles(code, *values):
    return code, 12, len(values), struct.pack(f"<{len(values)}d", *values)


def picture(**changed):
    """The entries of a picture of 2 rows and 2 columns of R, G, B of 16 bits, some of them changed."""
    entries = {256: shorts(256, 2), 257: shorts(257, 2), 258: shorts(258, 16, 16, 16), 262: shorts(262, 2)}
    entries |= {273: longs(273, 8), 277: shorts(277, 3), 279: longs(279, 24)}
    entries |= {int(name.removeprefix("tag")): entry for name, entry in changed.items()}
    return list(entries.values())


def test_the_picture_without_a_change_is_read(tmp_path):
    assert find_layout(tiff(tmp_path / "a.tif", picture())).name == "RGB"


@pytest.mark.parametrize("code", [254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 324, 338, 339])
@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE, 1e200, -1.0, 0.5])
def test_a_tag_about_pixels_without_a_plausible_number_is_refused_in_words(tmp_path, code, value):
    path = tiff(tmp_path / "a.tif", picture(**{f"tag{code}": doubles(code, value)}))
    with pytest.raises(LayoutError, match=rf"damaged: tag {code}: its value is (no|larger)"):
        find_layout(path)


@pytest.mark.parametrize("code", [50714, 50717, 50719, 50720])
@pytest.mark.parametrize("value", [NAN, INFINITE])
def test_a_level_or_crop_that_is_not_finite_is_refused_in_words(tmp_path, code, value):
    path = tiff(tmp_path / "a.tif", picture(**{f"tag{code}": doubles(code, value)}))
    with pytest.raises(LayoutError, match=rf"damaged: tag {code}: its value is no finite number"):
        find_layout(path)


@pytest.mark.parametrize("code", [274, 282, 283, 296])
@pytest.mark.parametrize("value", [NAN, INFINITE, 1e200])
def test_a_resolution_or_orientation_that_is_no_number_is_left_out_and_named(tmp_path, code, value):
    samples = {"tag277": shorts(277, 4), "tag258": shorts(258, *[16] * 4), "tag279": longs(279, 32)}
    entries = picture(**samples, **{f"tag{code}": doubles(code, value)})
    layout = find_layout(tiff(tmp_path / "a.tif", entries, bytes(32)))
    assert layout.metadata["dpi"] == 4000
    assert (f"tag {code}: its value" in str(layout.metadata.get("note"))) == (code in (274, 296) or value != 1e200)


@pytest.mark.parametrize("entry", [longs(277, 2**32 - 1), longs(256, 2**32 - 1), longs(257, 10**7), shorts(277, 65)])
def test_implausible_sizes_are_refused_in_little_memory(tmp_path, entry):
    path = tiff(tmp_path / "a.tif", picture(**{f"tag{entry[0]}": entry}))

    def refused():
        with pytest.raises(LayoutError, match="its value is larger than"):
            find_layout(path)

    assert peak_bytes(refused) < 2**20


@pytest.mark.parametrize(
    "entry", [(258, 2, 3, b"16\0"), (50717, 2, 3, b"16\0"), (256, 7, 2, b"\2\0"), shorts(258, *[16] * 99)]
)
def test_a_tag_that_holds_no_numbers_or_too_many_is_refused(tmp_path, entry):
    path = tiff(tmp_path / "a.tif", picture(**{f"tag{entry[0]}": entry}))
    with pytest.raises(LayoutError, match=f"damaged: tag {entry[0]}: "):
        find_layout(path)


def test_whole_numbers_may_be_of_any_type(tmp_path):
    path = tiff(tmp_path / "a.tif", picture(tag256=doubles(256, 2.0), tag257=(257, 1, 1, b"\2")))
    assert (find_layout(path).height, find_layout(path).width) == (2, 2)


@pytest.mark.parametrize("kind", [11, 12])
def test_subifds_at_places_that_are_no_whole_numbers_are_none(tmp_path, kind):
    value = struct.pack("<f" if kind == 11 else "<d", NAN)
    path = tiff(tmp_path / "a.tif", picture(tag330=(330, kind, 1, value)))
    assert len(read_pages(path)) == 1


@pytest.mark.parametrize("size", ["99999999999999999999 2", "2 100000000000000000000", "1000001 2", f"{'9' * 3000} 2"])
def test_a_map_of_implausible_size_is_refused(tmp_path, size):
    (tmp_path / "a.ppm").write_bytes(f"P6\n{size}\n255\n".encode() + bytes(99))
    with pytest.raises(LayoutError, match="its value is larger than 1000000"):
        find_layout(tmp_path / "a.ppm")


def listing(count, size, kind=6):
    """SubIFDs at the end of a file of so many bytes, each with four tags that list the whole file as numbers."""
    codes = (273, 279, 324, 325)
    fields = b"".join(struct.pack("<HHII", code, kind, size, 0) for code in codes)
    return [struct.pack("<H", len(codes)) + fields + bytes(4)] * count


def test_directories_that_each_list_the_whole_file_take_no_more_than_the_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(directory_reader, "HEADER_BYTES", 4 << 20)
    path, count, room = tmp_path / "a.tif", 400, 54
    begin = 8 + 24 + 6 + 12 * 8 + 4 * count + 6
    places = [begin + room * number for number in range(count)]
    tiff(path, [*picture(), longs(330, *places)])
    whole = path.read_bytes() + b"".join(listing(count, begin + room * count))
    path.write_bytes(whole)
    monkeypatch.setattr(directory_reader, "MOST_PAGES", 1000)
    assert peak_bytes(lambda: read_header(path)) < 16 << 20
    assert any("takes more than 4 MB" in fault for fault in read_header(path).faults)
    assert peak_bytes(lambda: digest_header(path)) < 16 << 20


def test_the_budget_has_room_for_the_largest_honest_header(tmp_path):
    path, strips = tmp_path / "a.tif", 100_000
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for _ in range(2):
            plane = np.zeros((strips, 1), np.uint8)
            file.write(plane, rowsperstrip=1, metadata=None, extratags=[(700, "B", 1 << 20, bytes(1 << 20), True)])
    assert HEADER_BYTES > 20 << 20
    found, faults = read_header(path)
    assert [page.offsets.size for page in found] == [strips] * 2
    assert not faults


def test_a_long_chain_of_pages_ends_with_a_fault(tmp_path):
    path = tiff(tmp_path / "a.tif", picture())
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 8 + 24 + 2 + 12 * 7, len(data))
    for _ in range(3 * MOST_PAGES):
        data += struct.pack("<HI", 0, len(data) + 6)
    path.write_bytes(data)
    assert read_header(path).faults == [f"it has more than {MOST_PAGES} pages; scan it again"]
    assert count_frames(path) == 1


def test_a_directory_of_many_tags_is_refused(tmp_path):
    path = tiff(tmp_path / "a.tif", [*picture(), *(shorts(code, 1) for code in range(1000, 3000))])
    with pytest.raises(LayoutError, match="a directory of 2007 tags"):
        find_layout(path)


def test_an_exif_tag_that_points_to_many_directories_is_followed_once(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif", [*picture(), longs(34665, *[32] * 400)])
    read, seen = directory_reader.DirectoryReader.entries, []
    monkeypatch.setattr(
        directory_reader.DirectoryReader, "entries", lambda self, place: seen.append(place) or read(self, place)
    )
    digest_header(path)
    assert seen == [32, 32]


@pytest.mark.parametrize(
    "text", ['Silverfast:Gamma="', "Silverfast:Gamma>", "Silverfast:Gamma =", "Silverfast:" + "a" * 30]
)
def test_a_search_in_xmp_is_linear(text):
    pages = [{700: (text * (2_000_000 // len(text))).encode()}]
    assert outcome(lambda: describe(pages), 5) == (READ, "")


@pytest.mark.parametrize("text", ["a\x1b[31mb\nc", "a\x9b31m", "a\u202eb", "a\u2066b\u2028", "x" * 140_000])
def test_texts_of_files_are_shown_in_one_plain_short_line(text):
    profile = bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, 9999)
    profile += b"desc" + bytes(4) + struct.pack(">I", 9000) + text.encode("latin-1", "replace")[:9000]
    xmp = f'<a Silverfast:FilmBrand="{text[:390]}"/>'.encode()
    found = describe([{271: text, 272: text, 305: text, 34675: profile, 700: xmp}])
    shown = [str(found[key]) for key in ("scanner", "film", "software", "profile")]
    assert all(each and each.isprintable() and len(each) <= LONGEST_TEXT for each in shown)


def test_a_long_text_keeps_its_end():
    assert str(describe([{305: "x" * 9999 + "; irtoolkit 0.1.0"}])["software"]).endswith("; irtoolkit 0.1.0")


def test_a_huge_profile_in_a_png_is_left_out(tmp_path, counts):
    path = tmp_path / "a.png"
    bomb = zlib.compress(bytes(100_000_000), 9)
    write_png(path, np.moveaxis(counts[:3], 0, -1), metadata=[(b"iCCP", b"a\0\0" + bomb)])
    with path.open("rb") as file:
        assert 34675 not in portable_tags(file, path.stat().st_size)
        assert peak_bytes(lambda: portable_tags(file, path.stat().st_size)) < 40 << 20


def test_a_png_resolution_beyond_a_tag_is_the_largest_one(tmp_path, counts):
    path = tmp_path / "a.png"
    write_png(path, np.moveaxis(counts[:3], 0, -1), metadata=[(b"pHYs", struct.pack(">IIB", 2**32 - 1, 1, 1))])
    assert carried_tags(path)[1][282].value[:4] == b"\xff" * 4


def test_a_sidecar_without_a_page_is_refused_in_words(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "rgb")
    tiff(tmp_path / "a_IR.tif", [shorts(256, 0)])
    with pytest.raises(LayoutError, match=r"a_IR\.tif: truncated or damaged"):
        find_layout(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma", "none"])
def test_a_page_that_its_bytes_cannot_hold_is_refused(tmp_path, compression):
    path = tmp_path / "a.tif"
    rgbi(path, np.zeros((4, 64, 48), np.uint16), compression=compression, rowsperstrip=64)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        width, height, rows = tags[256], tags[257], tags[278]
    for tag in (width, height, rows):
        struct.pack_into("<H" if tag.dtype == 3 else "<I", data, tag.valueoffset, 65000)
    path.write_bytes(data)
    with pytest.raises(LayoutError, match=r"does not end within the file's|too large"):
        find_layout(path)


@pytest.mark.parametrize(
    "compression", ["none", "lzw", "zlib", "packbits", "zstd", "lzma", "png", "jpeg2000", "jpegxl"]
)
def test_a_constant_picture_opens(tmp_path, compression):
    path = tmp_path / "a.tif"
    rows = 300 if compression in SLOW else 1500
    constant = np.full((4, rows, 1000), 30000, np.uint16)
    rgbi(path, constant, compression=compression, rowsperstrip=rows)
    assert (open_slide(path).counts[:, ::100].values == 30000).all()


def test_a_strip_that_would_fill_the_memory_is_refused_before_it_is_decoded(tmp_path, counts, monkeypatch):
    rgbi(tmp_path / "a.tif", counts, compression="lzw", rowsperstrip=37)
    monkeypatch.setattr(pages, "SEGMENT_BYTES", 37 * 53 * 8 - 1)
    with pytest.raises(LayoutError, match=r"its strips or tiles are too large; .*\(37, 53, 4\)"):
        find_layout(tmp_path / "a.tif")


def larger_stream(compression):
    """A code stream of a much larger picture than its tile."""
    large = np.zeros((900, 900, 4), np.uint16)
    if compression == 34712:
        return bytes(imagecodecs.jpeg2k_encode(large, level=0))
    return bytes(
        imagecodecs.jpegxl_encode(large, lossless=True) if compression == 50002 else imagecodecs.png_encode(large)
    )


@pytest.mark.parametrize("compression", [34712, 50002, 34933])
def test_a_code_stream_of_another_size_is_not_decoded(tmp_path, compression):
    path, stored = tmp_path / "a.tif", {"photometric": "rgb", "extrasamples": [0], "planarconfig": "contig"}
    stream = iter([larger_stream(compression)])
    tifffile.imwrite(path, stream, shape=(16, 16, 4), dtype=np.uint16, tile=(16, 16), compression=compression, **stored)
    reader = open_page(path)

    def refused():
        with pytest.raises(LayoutError, match="damaged page 0: strip or tile"):
            reader[:]

    assert peak_bytes(refused) < 4 << 20


def test_a_slide_of_one_column_has_few_chunks(tmp_path):
    path = tmp_path / "a.tif"
    rgbi(path, np.zeros((4, 1_000_000, 1), np.uint8), rowsperstrip=100)
    assert len(open_slide(path).counts.chunks[1]) == 1


def test_levels_that_are_almost_one_are_refused(tmp_path):
    tags = [doubles(50714, 5e-324), doubles(50717, 1e-323)]
    path = tiff(tmp_path / "a.tif", [*picture(tag262=longs(262, DNG)), *tags])
    with pytest.raises(LayoutError, match="white level is not above black"):
        find_layout(path)


def test_a_header_that_needs_too_much_memory_is_refused_in_words(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif", picture())

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(directory_reader.DirectoryReader, "value", exhausted)
    with pytest.raises(LayoutError, match="its header needs more memory than there is"):
        find_layout(path)


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(LayoutError, match="this is no file"):
        find_layout(tmp_path / "a.tif")
