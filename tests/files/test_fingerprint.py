"""The digest of a file's header changes with every tag, wherever it stands, and not with the pixels."""

import pytest
from slide_files import MAKER_NOTE, TAGS, XMP, write_source

from irtoolkit.files import digest_header
from irtoolkit.files.fingerprint import BLOCK, LONGEST_VALUE

PIXELS_END = 8 + 37 * 53 * 3 * 2


def changed(file, place):
    """Digest of the header after one byte has changed."""
    before = file.read_bytes()
    file.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
    digest = digest_header(file)
    file.write_bytes(before)
    return digest


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_tag_counts_wherever_it_stands_and_pixels_do_not(tmp_path, order):
    file = write_source(tmp_path / "slides" / "a.tif", order)
    content, before = file.read_bytes(), digest_header(file)
    values = [value for code, (_, _, value) in TAGS.items() if code != 700 and len(value) > 4]
    gps = b"\0\0\0-" if order == ">" else b"-\0\0\0"
    places = [content.index(value) for value in (*values, MAKER_NOTE, XMP[:20], gps)]
    orientation = content.index((274).to_bytes(2, "big" if order == ">" else "little"), PIXELS_END) + 8
    digests = {changed(file, place) for place in (*places, orientation + (order == ">"))}
    assert len(digests) == len(places) + 1
    assert before not in digests
    assert changed(file, PIXELS_END - 1) == before
    assert changed(file, content.index(XMP) + LONGEST_VALUE) == before


def test_of_another_file_the_end_counts(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(bytes(3 * BLOCK))
    before = digest_header(file)
    assert before not in (changed(file, 0), changed(file, 3 * BLOCK - 1))
    assert changed(file, BLOCK + BLOCK // 2) == before
    file.write_bytes(b"")
    assert digest_header(file) != before


def test_of_a_cut_off_file_what_there_is_counts(tmp_path):
    file = write_source(tmp_path / "slides" / "a.tif")
    file.write_bytes(file.read_bytes()[: PIXELS_END + 60])
    assert digest_header(file) == digest_header(file)
    assert changed(file, PIXELS_END + 59) != digest_header(file)
