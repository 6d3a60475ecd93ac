"""The tags that a new picture inherits from its source, with EXIF and GPS (EXIF 2.32), and those that it lost."""

import io
import logging
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tifffile import TIFF

from irtoolkit.files.directories import ASCII, RATIONAL, SIZES, UNDEFINED, Directory, Order, Tag, Variant
from irtoolkit.files.directory_reader import Address, DirectoryReader, Entries, Entry
from irtoolkit.files.portable import EXIF_STREAM, is_portable, portable_tags
from irtoolkit.schema import LayoutError

DESCRIPTION, ORIENTATION, SOFTWARE, XMP, ICC_PROFILE = 270, 274, 305, 700, 34675
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
RESOLUTION = frozenset({X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT})
DESCRIPTIVE = frozenset({269, DESCRIPTION, 271, 272, SOFTWARE, 306, 315, 316, 33432})
EMBEDDED = frozenset({XMP, 33723, 34377})  # XMP, IPTC, and Photoshop resources, where some programs keep their IPTC
COLOUR = frozenset({318, 319, ICC_PROFILE})
FILM = frozenset({35244})  # SilverFast's film name and settings, in files with and without infrared
EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
POINTERS = frozenset({EXIF, GPS, INTEROPERABILITY})
GEOMETRY = RESOLUTION | {ORIENTATION}
CARRIED = GEOMETRY | DESCRIPTIVE | EMBEDDED | COLOUR | FILM | POINTERS

STORAGE = frozenset({*range(254, 260), 262, 266, 273, *range(277, 282), 284, 297, 317, *range(322, 326), 330})
STORAGE |= {*range(338, 342), 347, *range(512, 522), *range(529, 533)}
"""Tags that say how a file stores its pixels and where its other pages are (TIFF 6.0)."""

_NAMES = {(): TIFF.TAGS, (EXIF,): TIFF.EXIF_TAGS, (GPS,): TIFF.GPS_TAGS, (EXIF, INTEROPERABILITY): TIFF.IOP_TAGS}
"""Names of a page's tags, and of those in the directories that its tags EXIF and GPS point to."""

PORTABLE = Variant("<")
"""How tags of files that are no TIFF files are written."""

AnyPath = str | os.PathLike[str]
logger = logging.getLogger(__name__)


def carried_tags(source: AnyPath, page: Address = (0,)) -> tuple[Order, Directory]:
    """Read what a new R, G, B picture of a slide inherits from its source.

    The tags of the page come first, then those of the first page that the page lacks; the three of resolution come
    from one page together. A gray ICC profile does not fit R, G, B and stays behind; a value outside the
    file is left out with a warning in the log.

    Parameters
    ----------
    source
        File with the colour planes: TIFF (also BigTIFF or DNG), PNG or PPM.
    page
        Address of the page of the colour planes: ``(0,)`` the first page, ``(0, 1)`` its second SubIFD.

    Returns
    -------
    tuple
        Byte order of the source, ``"<"`` or ``">"``, and the tags by their code.

    Raises
    ------
    LayoutError
        The source is no such file, ends too early, or has no such page.
    """
    with Path(source).open("rb") as file:
        if is_portable(file.read(8)):
            return PORTABLE.order, _portable_tags(file)
        reader = DirectoryReader(file)
        entries, fallback = reader.page(page), reader.page((0,))
        own = CARRIED & entries.keys() - RESOLUTION | (RESOLUTION if X_RESOLUTION in entries else frozenset())
        tags = _read_tags(reader, fallback, CARRIED - own) | _read_tags(reader, entries, own)
    if ICC_PROFILE in tags and bytes(tags[ICC_PROFILE].value)[16:20] == b"GRAY":
        logger.warning("%s: its gray ICC profile does not fit R, G, B and is not kept", source)
        del tags[ICC_PROFILE]
    return reader.variant.order, tags


def _portable_tags(file: BinaryIO) -> Directory:
    """What a new picture inherits from a PNG file (a PGM or PPM file has nothing): EXIF, profile, XMP, resolution."""
    found = portable_tags(file, os.fstat(file.fileno()).st_size)
    exif = found.get(EXIF_STREAM, b"")
    tags: Directory = {}
    with suppress(LayoutError):
        reader = DirectoryReader(io.BytesIO(exif), str(file.name))
        tags = _read_tags(reader, reader.page((0,)), CARRIED)
    texts = {code: found[code] for code in (XMP, ICC_PROFILE) if code in found}
    tags |= {code: Tag(UNDEFINED, len(text), text) for code, text in texts.items()}
    if SOFTWARE in found:
        tags[SOFTWARE] = _ascii(found[SOFTWARE].encode("ascii", "replace"))
    if X_RESOLUTION in found:
        for code in (X_RESOLUTION, Y_RESOLUTION):
            dots = min(round(10000 * float(found[code][0])), 2**32 - 1)
            tags[code] = Tag(RATIONAL, 1, PORTABLE.pack("II", dots, 10000))
        tags[RESOLUTION_UNIT] = PORTABLE.shorts(2)
    return tags


def _ascii(text: bytes) -> Tag:
    return Tag(ASCII, len(text) + 1, text + b"\0")


def with_provenance(tags: Directory, software: str, description: str = "") -> Directory:
    """Append a program's name to the Software tag; a description becomes ImageDescription if there was none."""
    parts = [_text(tags, SOFTWARE), software.encode("ascii", "replace")]
    added = {SOFTWARE: b"; ".join(part for part in parts if part)}
    if description and not _text(tags, DESCRIPTION):
        added[DESCRIPTION] = description.encode("ascii", "replace")
    return tags | {code: _ascii(text) for code, text in added.items()}


def lost_tags(source: AnyPath, page: Address, written: AnyPath) -> list[str]:
    """Names of the tags of a picture, and of its file's first page, that the picture written from it has not.

    Those that say how pixels are stored are not meant. A tag without a name goes by its number; one inside of EXIF or
    GPS follows the name of that.
    """
    lost = (tag_codes(source, page) | tag_codes(source)) - tag_codes(written)
    outermost = [codes for codes in lost if codes[0] not in STORAGE and codes[:-1] not in lost]
    return [".".join(_tag_name(code, codes[:place]) for place, code in enumerate(codes)) for codes in sorted(outermost)]


def tag_codes(path: AnyPath, page: Address = (0,)) -> set[tuple[int, ...]]:
    """Numbers of all tags of a page of a TIFF file; of one inside of EXIF or GPS, after the numbers that lead there."""
    with Path(path).open("rb") as file:
        if is_portable(file.read(8)):
            return {(code,) for code in _portable_tags(file)}
        reader = DirectoryReader(file)
        return set(_codes(reader, reader.page(page), ()))


def _codes(reader: DirectoryReader, entries: Entries, inside: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Numbers of the tags of one directory and, as far as they can be read, of those that it points to."""
    for code, entry in entries.items():
        yield (*inside, code)
        if (*inside, code) in _NAMES:
            with suppress(LayoutError):
                yield from _codes(reader, _inner(reader, entry), (*inside, code))


def _inner(reader: DirectoryReader, entry: Entry) -> Entries:
    """Read the entries of the directory that a tag points to; none where it is no pointer."""
    places = reader.places(entry)
    return reader.entries(places[0])[0] if places else {}


def _tag_name(code: int, inside: tuple[int, ...]) -> str:
    return _NAMES[inside].get(code, str(code))


def _text(tags: Directory, code: int) -> bytes:
    return bytes(tags[code].value).rstrip(b"\0 ") if code in tags else b""


def _read_tags(reader: DirectoryReader, entries: Entries, codes: Collection[int], depth: int = 0) -> Directory:
    """Read the tags of some codes with the directories they point to; leave out, with a warning, what is damaged."""
    tags: Directory = {}
    for code in sorted(entries.keys() & set(codes)):
        try:
            tags[code] = _read_tag(reader, code, entries[code], depth)
        except LayoutError as error:
            logger.warning("tag %d is not kept: %s", code, error)
    return tags


def _read_tag(reader: DirectoryReader, code: int, entry: Entry, depth: int) -> Tag:
    """Read one tag; a pointer becomes the directory that it points to."""
    if entry.count * SIZES.get(entry.type, 0) == 0:
        raise LayoutError(f"{reader.path}: it has no value (type {entry.type}, count {entry.count})")
    if code not in POINTERS:
        return Tag(entry.type, entry.count, reader.value(entry))
    if depth == 2:
        raise LayoutError(f"{reader.path}: directories inside EXIF or GPS are nested too deep")
    inner = _inner(reader, entry)
    directory = _read_tags(reader, inner, inner, depth + 1)
    if not directory:
        raise LayoutError(f"{reader.path}: the directory that it points to is empty")
    return Tag(entry.type, entry.count, directory)
