"""The header of a file: the pages in it, and what of it could not be read."""

import os
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from tifffile import TIFF

from irtoolkit.files.directories import ASCII, Address, DirectoryReader, Entries, Entry
from irtoolkit.files.pages import Page
from irtoolkit.files.portable import is_portable, portable_tags
from irtoolkit.schema import LayoutError

# The tags that are read; everything else in a directory (EXIF, IPTC, maker notes) is left unread.
_WANTED = {254, 256, 257, 258, 259, 262, 266, 271, 272, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 306}
_WANTED |= {317, 322, 323, 324, 325, 330, 338, 339, 700, 34675, 50706}
_WANTED |= {*range(50712, 50718), 50719, 50720, 50829}


class Header(NamedTuple):
    """The pages of a file, each before its SubIFDs, and what of the header could not be read, in words."""

    pages: list[Page]
    faults: list[str]


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the headers of the pages of a TIFF, DNG, PNG, PGM or PPM file.

    What lies outside the file after a whole first page, such as a page or a tag, is left out and named in `faults`.

    Raises
    ------
    FileNotFoundError
        There is no file.
    LayoutError
        It is a folder, empty, of another kind, or its first page is cut off.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise LayoutError(f"{name}: this is a folder, not a file; name the slides in it")
    with open(name, "rb") as file:
        status = os.fstat(file.fileno())
        found, faults = _directories(file, status.st_size)
    pages = [Page(name, status.st_size, status.st_mtime_ns, *directory) for directory in found]
    return Header([page for page in pages if min(page.height, page.width, page.samples) > 0], faults)


def read_pages(path: str | os.PathLike[str]) -> list[Page]:
    """The pages of a file; errors are those of `read_header`."""
    return read_header(path).pages


def read_page(path: str | os.PathLike[str], address: Address) -> Page:
    """Read the header of one page and check that it can be read."""
    for page in read_pages(path):
        if page.address == address:
            page.check()
            return page
    raise LayoutError(f"{os.fspath(path)}: the file has changed while it was read; run again (page {address} is gone)")


def _directories(file: BinaryIO, size: int) -> tuple[list[tuple[Address, str, dict[int, Any]]], list[str]]:
    """Address, byte order and wanted tags of every page; and the faults."""
    if is_portable(file.read(8)):
        return [((0,), ">", portable_tags(file, size))], []
    reader = DirectoryReader(file)
    found = [(address, str(reader.variant.order), _tags(reader, entries)) for address, entries in reader.pages()]
    return found, reader.faults


def _tags(reader: DirectoryReader, entries: Entries) -> dict[int, Any]:
    """The wanted tags; one whose value lies outside the file is left out, and a fault."""
    tags: dict[int, Any] = {}
    for code in sorted(_WANTED & entries.keys()):
        entry = entries[code]
        if entry.type in TIFF.DATA_FORMATS and entry.count:
            try:
                tags[code] = _value(reader, entry)
            except LayoutError as error:
                reader.faults.append(f"tag {code}: {str(error).removeprefix(f'{reader.path}: ')}")
    return tags


def _value(reader: DirectoryReader, entry: Entry) -> Any:
    """Read the value of one tag: text, bytes, or numbers of 64 bits, fractions as quotients."""
    data, form = reader.value(entry), TIFF.DATA_FORMATS[entry.type]
    if entry.type == ASCII:
        return data.split(b"\0")[0].decode("utf-8", "replace").strip()
    if form == "1B":
        return data
    numbers = np.frombuffer(data, reader.variant.order + form[1])
    if form[0] == "2":
        upper, lower = numbers.reshape(-1, 2).astype(np.float64).T
        return np.divide(upper, lower, out=np.zeros_like(upper), where=lower != 0)
    return numbers.astype(np.float64 if numbers.dtype.kind == "f" else np.int64)
