"""The directories of TIFF files as they are stored: variants of the format, and tags with raw values, packed.

Values are never interpreted, so a wrong date, an odd rational or a maker note survives bit for bit; this is why a
new file takes the byte order of its source. Layouts follow TIFF 6.0 (Adobe, 1992) and its BigTIFF extension.

Directories are packed by hand because tifffile writes no EXIF, and tifftools copies all pixels and changes texts and
the types of pointers. The tests in ``tests/files/test_directories.py`` show each of these.
"""

import struct
from dataclasses import dataclass
from typing import Literal

from tifffile import TIFF

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 2, 3, 4, 5, 7, 16
SIZES = {kind: struct.calcsize(f"={form}") for kind, form in TIFF.DATA_FORMATS.items()} | {129: 1}
"""Bytes of a value by its type number; 129 is UTF-8 text (EXIF 3.0)."""

Order = Literal["<", ">"]


@dataclass(frozen=True)
class Tag:
    """One TIFF tag: type number, count, and the bytes of its value, or the directory that it points to."""

    type: int
    count: int
    value: "bytes | Directory"


Directory = dict[int, Tag]


@dataclass(frozen=True)
class Variant:
    """Byte order of a TIFF file (``"<"`` or ``">"``), and whether its offsets take 8 bytes (BigTIFF)."""

    order: Order
    big: bool = False

    def pack(self, codes: str, *values: int) -> bytes:
        """Pack integers in this byte order."""
        return struct.pack(self.order + codes, *values)

    def unpack(self, codes: str, data: bytes) -> tuple[int, ...]:
        """Unpack integers from the start of the bytes."""
        return struct.unpack_from(self.order + codes, data)

    @property
    def offset(self) -> str:
        """Code of an offset, which is also the code of a tag's count."""
        return "Q" if self.big else "I"

    @property
    def inline(self) -> int:
        """Most bytes of a value inside the entry itself."""
        return 8 if self.big else 4

    @property
    def number(self) -> str:
        """Code of the number of entries of a directory."""
        return "Q" if self.big else "H"

    def header(self, first: int) -> bytes:
        """Start of a file whose first directory begins at byte `first`."""
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


def pack_directory(tags: Directory, position: int, variant: Variant) -> bytes:
    """Pack tags as the last directory of a file, for the even byte `position`, followed by their values."""
    entry_size = 4 + struct.calcsize("=" + variant.offset) + variant.inline
    number = variant.pack(variant.number, len(tags))
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
