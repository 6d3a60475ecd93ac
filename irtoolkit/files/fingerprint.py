"""A digest of what a file says about itself, from a few small reads."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from irtoolkit.files.directory_reader import DirectoryReader, Entries
from irtoolkit.files.tags import EXIF, GPS
from irtoolkit.schema import LayoutError

BLOCK = 4096
LONGEST_VALUE = 2**16
"""Bytes of the value of a tag that count."""


def digest_header(file: Path) -> str:
    """Digest of the first 4 KB of a file and of its tags, EXIF and GPS included; of another file than TIFF, of its end.

    Of a value, the first 64 KB count. Pixels beyond the first 4 KB are not read.
    """
    content = hashlib.sha256()
    with file.open("rb") as opened:
        content.update(opened.read(BLOCK))
        with suppress(LayoutError):
            reader = DirectoryReader(opened)
            for value in _values(reader):
                content.update(value)
            return content.hexdigest()
        opened.seek(-min(BLOCK, os.fstat(opened.fileno()).st_size), os.SEEK_END)
        content.update(opened.read(BLOCK))
    return content.hexdigest()


def _values(reader: DirectoryReader) -> Iterator[bytes]:
    """The values of all tags, each after its number, type, count and place."""
    for _, page in reader.pages():
        for entries in (page, *_inner(reader, page)):
            for code, entry in entries.items():
                yield b"%d %d %d %d " % (code, entry.type, entry.count, entry.position)
                yield reader.value(entry, LONGEST_VALUE)


def _inner(reader: DirectoryReader, page: Entries) -> Iterator[Entries]:
    """The directories of EXIF and GPS of a page."""
    for code in (EXIF, GPS):
        for place in reader.places(page.get(code))[:1]:
            yield reader.entries(place)[0]
