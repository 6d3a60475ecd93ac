"""The variants of TIFF (byte order, BigTIFF), and how numbers and tags are packed in them."""

import struct
from dataclasses import dataclass
from typing import Literal

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 2, 3, 4, 5, 7, 16

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
