"""The header of a file: the pages in it, and what of it could not be read."""

import os
import stat
from typing import Any, BinaryIO, NamedTuple

from tifffile import TIFF

from irtoolkit.files.directory_reader import Address, DirectoryReader, Entries
from irtoolkit.files.pages import Page
from irtoolkit.files.portable import is_portable, portable_tags
from irtoolkit.files.values import read_value
from irtoolkit.schema import LayoutError

# The tags that are read; everything else in a directory (EXIF, IPTC, maker notes) is left unread.
_WANTED = {254, 256, 257, 258, 259, 262, 266, 271, 272, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 306}
_WANTED |= {317, 322, 323, 324, 325, 330, 338, 339, 700, 34675, 50706}
_WANTED |= {*range(50712, 50718), 50719, 50720, 50829}
_DESCRIPTIVE = {271, 272, 274, 282, 283, 296, 305, 306, 330, 700, 34675, 50706}

Tags = dict[int, Any]


class Header(NamedTuple):
    """The pages of a file, each before its SubIFDs, and what of the header could not be read, in words."""

    pages: list[Page]
    faults: list[str]


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the headers of the pages of a TIFF, DNG, PNG, PGM or PPM file.

    What is outside the file after a whole first page, such as a page or a tag, is left out and named in `faults`.

    Raises
    ------
    FileNotFoundError
        There is no file.
    LayoutError
        It is a folder, empty, of another kind, or its first page is cut off.
    """
    name = os.fspath(path)
    mode = os.stat(name).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder, not a file; name the slides in it" if stat.S_ISDIR(mode) else "no file; name a slide"
        raise LayoutError(f"{name}: this is {kind}")
    try:
        with open(name, "rb") as file:
            return _read(file, name)
    except MemoryError as error:
        raise LayoutError(f"{name}: its header needs more memory than there is; free some, or scan it again") from error


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


def _read(file: BinaryIO, name: str) -> Header:
    """The pages of an open file."""
    status = os.fstat(file.fileno())
    found, faults = _directories(file, status.st_size)
    pages = [Page(name, status.st_size, status.st_mtime_ns, *directory) for directory in found]
    return Header([page for page in pages if min(page.height, page.width, page.samples) > 0], faults)


def _directories(file: BinaryIO, size: int) -> tuple[list[tuple[Address, str, Tags]], list[str]]:
    """Address, byte order and wanted tags of every page; and the faults."""
    if is_portable(file.read(8)):
        return [((0,), ">", portable_tags(file, size))], []
    reader = DirectoryReader(file)
    order, found = str(reader.variant.order), ((address, _tags(reader, each)) for address, each in reader.pages())
    return [(address, order, tags) for address, tags in found if tags is not None], reader.faults


def _tags(reader: DirectoryReader, entries: Entries) -> Tags | None:
    """The wanted tags; None where one that says how pixels are stored cannot be read.

    Any other that cannot be read is left out. Both are faults.
    """
    tags: Tags = {}
    for code in sorted(_WANTED & entries.keys()):
        entry = entries[code]
        if entry.type in TIFF.DATA_FORMATS and entry.count:
            try:
                tags[code] = read_value(reader, code, entry)
            except LayoutError as error:
                reader.faults.append(f"tag {code}: {str(error).removeprefix(f'{reader.path}: ')}")
                if code not in _DESCRIPTIVE:
                    return None
    return tags
