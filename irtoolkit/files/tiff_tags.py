"""TIFF tags as raw bytes: read from a source, chosen for a new picture, packed into its file.

Values are never interpreted, so a wrong date, an odd rational or a maker note survives bit for bit; this is why a
new file takes the byte order of its source. Layouts follow TIFF 6.0 (Adobe, 1992), its BigTIFF extension, and
EXIF 2.32 (CIPA DC-008) for the directories that tags point to.
"""

import logging
import os
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from irtoolkit.schema import LayoutError

ASCII, SHORT, LONG, LONG8 = 2, 3, 4, 16
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}

DESCRIPTION, ORIENTATION, X_RESOLUTION, SOFTWARE, SUB_DIRECTORIES, ICC_PROFILE = 270, 274, 282, 305, 330, 34675
RESOLUTION = frozenset({X_RESOLUTION, 283, 296})
DESCRIPTIVE = frozenset({269, DESCRIPTION, 271, 272, SOFTWARE, 306, 315, 316, 33432})
EMBEDDED = frozenset({700, 33723, 34377})  # XMP, IPTC, and Photoshop resources, where some programs keep their IPTC
COLOUR = frozenset({318, 319, ICC_PROFILE})
FILM = frozenset({35244})  # SilverFast's film name and settings, in files with and without infrared
POINTERS = frozenset({34665, 34853, 40965})  # EXIF, GPS, and interoperability inside EXIF
GEOMETRY = RESOLUTION | {ORIENTATION}
CARRIED = GEOMETRY | DESCRIPTIVE | EMBEDDED | COLOUR | FILM | POINTERS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tag:
    """One TIFF tag: type number, count, and the bytes of its value, or the directory that it points to."""

    type: int
    count: int
    value: "bytes | Directory"


Directory = dict[int, Tag]
Order = Literal["<", ">"]


@dataclass(frozen=True)
class Entry:
    """Where a file keeps the value of one tag."""

    type: int
    count: int
    position: int


@dataclass(frozen=True)
class Variant:
    """Byte order of a TIFF file (``"<"`` or ``">"``), and whether its offsets take 8 bytes (BigTIFF)."""

    order: Order
    big: bool = False

    def pack(self, codes: str, *values: int) -> bytes:
        """Pack integers in this byte order."""
        return struct.pack(self.order + codes, *values)

    def unpack(self, codes: str, data: bytes) -> tuple[int, ...]:
        """Unpack integers; fewer bytes than `codes` need are a damaged file."""
        if len(data) < struct.calcsize(self.order + codes):
            raise LayoutError("a TIFF directory was expected, the file ends before it; copy or scan the file again")
        return struct.unpack(self.order + codes, data)

    @property
    def offset(self) -> str:
        """Code of an offset, which is also the code of a tag's count."""
        return "Q" if self.big else "I"

    @property
    def inline(self) -> int:
        """Most bytes of a value that stands in the entry itself."""
        return 8 if self.big else 4

    def header(self, first: int) -> bytes:
        """Start of a file whose first directory stands at byte `first`."""
        magic = (b"II" if self.order == "<" else b"MM") + self.pack("H", 43 if self.big else 42)
        return magic + (self.pack("HHQ", 8, 0, first) if self.big else self.pack("I", first))

    def shorts(self, *values: int) -> Tag:
        """Make a tag of integers of 2 bytes.

        >>> Variant(">").shorts(1, 258).value.hex()
        '00010102'
        """
        return Tag(SHORT, len(values), self.pack("H" * len(values), *values))

    def longs(self, *values: int) -> Tag:
        """Make a tag of integers of 4 bytes."""
        return Tag(LONG, len(values), self.pack("I" * len(values), *values))

    def offsets(self, *values: int) -> Tag:
        """Make a tag of places or sizes in the file."""
        return Tag(LONG8 if self.big else LONG, len(values), self.pack(self.offset * len(values), *values))


VARIANTS = {
    variant.header(0)[:4]: variant for variant in (Variant("<"), Variant(">"), Variant("<", True), Variant(">", True))
}


def pack_directory(tags: Mapping[int, Tag], position: int, variant: Variant) -> bytes:
    """Pack tags as the last directory of a file, to stand at the even byte `position`, followed by their values."""
    entry_size = 4 + struct.calcsize("=" + variant.offset) + variant.inline
    number = variant.pack("Q" if variant.big else "H", len(tags))
    values_at = position + len(number) + entry_size * len(tags) + variant.inline
    entries, values = bytearray(), bytearray()
    for code, tag in sorted(tags.items()):
        place = values_at + len(values)
        if isinstance(tag.value, dict):
            values += pack_directory(tag.value, place, variant)
            tag = variant.offsets(place)
        data = bytes(tag.value)
        if len(data) > variant.inline:
            values += data + bytes(len(data) % 2)
            data = variant.pack(variant.offset, place)
        entries += variant.pack("HH" + variant.offset, code, tag.type, tag.count) + data.ljust(variant.inline, b"\0")
    return number + bytes(entries) + bytes(variant.inline) + bytes(values)


def carried_tags(source: str | os.PathLike[str], page: tuple[int, ...] = (0,)) -> tuple[Order, Directory]:
    """Read what a new R, G, B picture of a slide inherits from its source.

    The tags of the page come first, then those of the first page that the page lacks; the three of resolution come
    from one page together. A gray ICC profile does not fit R, G, B and stays behind; a value that lies outside the
    file is left out with a warning in the log.

    Parameters
    ----------
    source
        TIFF file (also BigTIFF or DNG) with the colour planes.
    page
        Address of the page of the colour planes: ``(0,)`` the first page, ``(0, 1)`` its second SubIFD.

    Returns
    -------
    tuple
        Byte order of the source, ``"<"`` or ``">"``, and the tags by their code.

    Raises
    ------
    LayoutError
        The source is not a TIFF file, ends too early, or has no such page.
    """
    with Path(source).open("rb") as file:
        try:
            variant, first = _read_header(file)
            entries = _page_entries(file, first, page, variant)
            fallback = _page_entries(file, first, (0,), variant)
        except LayoutError as error:
            raise LayoutError(f"{source}: {error}") from None
        own = CARRIED & entries.keys() - RESOLUTION | (RESOLUTION if X_RESOLUTION in entries else frozenset())
        tags = _read_tags(file, fallback, CARRIED - own, variant) | _read_tags(file, entries, own, variant)
    if ICC_PROFILE in tags and bytes(tags[ICC_PROFILE].value)[16:20] == b"GRAY":
        logger.warning("%s: its gray ICC profile does not fit R, G, B and is not kept", source)
        del tags[ICC_PROFILE]
    return variant.order, tags


def with_provenance(tags: Directory, software: str, description: str = "") -> Directory:
    """Append a program's name to the Software tag; a description becomes ImageDescription if there was none."""
    parts = [_text(tags, SOFTWARE), software.encode("ascii", "replace")]
    added = {SOFTWARE: b"; ".join(part for part in parts if part)}
    if description and not _text(tags, DESCRIPTION):
        added[DESCRIPTION] = description.encode("ascii", "replace")
    return tags | {code: Tag(ASCII, len(text) + 1, text + b"\0") for code, text in added.items()}


def _text(tags: Directory, code: int) -> bytes:
    return bytes(tags[code].value).rstrip(b"\0 ") if code in tags else b""


def _read_header(file: BinaryIO) -> tuple[Variant, int]:
    """Read the variant, and the place of the first directory."""
    start = file.read(16)
    if start[:4] not in VARIANTS:
        raise LayoutError("a TIFF file was expected, it does not begin as one; give the scanner's own file")
    variant = VARIANTS[start[:4]]
    return variant, variant.unpack(variant.offset, start[8:] if variant.big else start[4:8])[0]


def _page_entries(file: BinaryIO, first: int, page: tuple[int, ...], variant: Variant) -> dict[int, Entry]:
    """Follow a page's address from the first directory of the file."""
    entries, following = _entries(file, first, variant)
    for _ in range(page[0]):
        entries, following = _entries(file, following, variant)
    for sub in page[1:]:
        places = _read_tags(file, entries, {SUB_DIRECTORIES}, variant).get(SUB_DIRECTORIES, Tag(LONG, 0, b""))
        if not sub < places.count:
            raise LayoutError(f"page {page} was expected, its parent has {places.count} SubIFDs; look at the layout")
        code = "Q" if SIZES[places.type] == 8 else "I"
        entries, _ = _entries(file, variant.unpack(code * places.count, bytes(places.value))[sub], variant)
    return entries


def _entries(file: BinaryIO, offset: int, variant: Variant) -> tuple[dict[int, Entry], int]:
    """Read one directory: its entries by code (of doubles the first), and the place of the next directory."""
    if not 0 < offset < os.fstat(file.fileno()).st_size:
        raise LayoutError(f"a page was expected at byte {offset}, the file has none there; look at its layout")
    file.seek(offset)
    (number,) = variant.unpack("Q", file.read(8)) if variant.big else variant.unpack("H", file.read(2))
    head = "HH" + variant.offset
    entries: dict[int, Entry] = {}
    for _ in range(number):
        code, type, count = variant.unpack(head, file.read(struct.calcsize("=" + head)))
        position = file.tell()
        field = file.read(variant.inline)
        if count * SIZES.get(type, 0) > variant.inline:
            (position,) = variant.unpack(variant.offset, field)
        entries.setdefault(code, Entry(type, count, position))
    return entries, variant.unpack(variant.offset, file.read(variant.inline).ljust(variant.inline, b"\0"))[0]


def _read_tags(
    file: BinaryIO, entries: Mapping[int, Entry], codes: Collection[int], variant: Variant, depth: int = 0
) -> Directory:
    """Read the tags of some codes with the directories they point to; leave out, with a warning, what is damaged."""
    tags: Directory = {}
    for code in sorted(entries.keys() & set(codes)):
        try:
            tags[code] = _read_tag(file, code, entries[code], variant, depth)
        except LayoutError as error:
            logger.warning("%s: tag %d is not kept: %s", file.name, code, error)
    return tags


def _read_tag(file: BinaryIO, code: int, entry: Entry, variant: Variant, depth: int) -> Tag:
    """Read one tag; a pointer becomes the directory that it points to."""
    size = entry.count * SIZES.get(entry.type, 0)
    if size == 0:
        raise LayoutError(f"a value was expected, found type {entry.type} and count {entry.count}")
    if entry.position + size > os.fstat(file.fileno()).st_size:
        raise LayoutError(f"its {size} bytes at byte {entry.position} lie outside the file")
    file.seek(entry.position)
    value = file.read(size)
    if code not in POINTERS:
        return Tag(entry.type, entry.count, value)
    if depth == 2:
        raise LayoutError("a directory inside EXIF or GPS was expected, found them nested deeper")
    inner, _ = _entries(file, variant.unpack("Q" if SIZES[entry.type] == 8 else "I", value)[0], variant)
    directory = _read_tags(file, inner, inner, variant, depth + 1)
    if not directory:
        raise LayoutError("the directory that it points to is empty")
    return Tag(entry.type, entry.count, directory)
