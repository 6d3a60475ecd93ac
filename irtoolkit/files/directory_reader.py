"""Reads the directories of TIFF files within the bounds of the file, and of what a header may take.

They are read by hand because tifffile takes a cut-off chain of pages for a shorter one and drops values that are
outside the file without a word, and tifftools also follows a circular chain for ever. The tests in
``tests/files/test_directories.py`` show each of these.
"""

import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from irtoolkit.files.directories import LONG, LONG8, SIZES, VARIANTS, Variant
from irtoolkit.schema import LayoutError

JPEG = b"\xff\xd8\xff"
"""How a JPEG file begins."""

SUB_DIRECTORIES = 330

HEADER_BYTES = 64 << 20
"""Most bytes of the header of a file. The largest honest one has some 20 MB: three pages of 100,000 strips of four
planes, with places and sizes of 8 bytes, and some MB of XMP, profiles, EXIF and maker notes."""

MOST_PAGES, MOST_ENTRIES = 500, 1000
"""Most directories of a file, SubIFDs included (a roll of 40 frames has 120), and most tags of one (a DNG has 100)."""

_POINTERS = {LONG: "I", 13: "I", LONG8: "Q", 18: "Q"}

Address = tuple[int, ...]
"""Place of a page: ``(0,)`` is page 0 of the chain, ``(0, 1)`` SubIFD 1 of page 0."""


@dataclass(slots=True)
class Entry:
    """Where a file keeps the value of one tag."""

    type: int
    count: int
    position: int


Entries = dict[int, Entry]


class DirectoryReader:
    """Reads the directories of an open TIFF file; a value outside the file is a `LayoutError`.

    So is what is beyond `HEADER_BYTES`, of which each reading counts, `MOST_PAGES` or `MOST_ENTRIES`.
    `faults` collects in words what could not be read and is left out.
    """

    def __init__(self, file: BinaryIO, path: str = "") -> None:
        self.file = file
        self.path = path or os.fspath(file.name)
        self.size = file.seek(0, os.SEEK_END)
        self.faults: list[str] = []
        self.left = HEADER_BYTES
        file.seek(0)
        start = file.read(16)
        self.variant = self._variant(start)
        (self.first,) = self.variant.unpack(self.variant.offset, start[8 if self.variant.big else 4 :])

    def _variant(self, start: bytes) -> Variant:
        """Tell the variant from the first bytes of the file."""
        if not start:
            raise LayoutError(f"{self.path}: the file is empty; scan or copy it again")
        found = [variant for magic, variant in VARIANTS.items() if magic.startswith(start[:4])]
        if not found:
            if start.startswith(JPEG):
                raise LayoutError(f"{self.path}: this is a JPEG, which holds no infrared; save the scan as TIFF or DNG")
            raise LayoutError(
                f"{self.path}: this is no TIFF, DNG, PNG or PPM file; save the scan as one of these"
                f" (first bytes: {start[:4].hex(' ')})"
            )
        if len(start) < len(found[0].header(0)):
            raise LayoutError(
                f"{self.path}: truncated: {self.size} bytes are no whole TIFF header; copy or scan it again"
            )
        return found[0]

    def read(self, position: int, length: int) -> bytes:
        """Read exactly so many bytes."""
        if length > self.left or not 0 <= position <= self.size - length:
            raise self._unreadable(position, length)
        self.left -= length
        self.file.seek(position)
        data = self.file.read(length)
        if len(data) < length:
            raise LayoutError(f"{self.path}: the file has become shorter while it was read; run again")
        return data

    def _unreadable(self, position: int, length: int) -> LayoutError:
        if not 0 <= position <= self.size - length:
            found = f"its header points to byte {position + length}, the file ends at {self.size}"
            return LayoutError(f"{self.path}: truncated or damaged: {found}; copy or scan it again")
        most = HEADER_BYTES >> 20
        return LayoutError(f"{self.path}: damaged: its header takes more than {most} MB; scan it again")

    def spend(self, count: int) -> None:
        """Count bytes that the header takes in memory; `LayoutError` where there are more than any scan has."""
        if count > self.left:
            raise self._unreadable(0, 0)
        self.left -= count

    def entries(self, position: int) -> tuple[Entries, int]:
        """Read the entries of one directory by their code (of doubles the first), and where they end."""
        variant, form = self.variant, f"{self.variant.order}HH{self.variant.offset}{self.variant.inline}s"
        start = position + struct.calcsize(f"={variant.number}")
        (number,) = variant.unpack(variant.number, self.read(position, start - position))
        if number > MOST_ENTRIES:
            raise LayoutError(f"{self.path}: truncated or damaged: a directory of {number} tags; copy it again")
        step = struct.calcsize(form)
        entries: Entries = {}
        for i, (code, kind, count, field) in enumerate(struct.iter_unpack(form, self.read(start, number * step))):
            inline = count * SIZES.get(kind, 0) <= variant.inline
            place = start + (i + 1) * step - variant.inline if inline else variant.unpack(variant.offset, field)[0]
            entries.setdefault(code, Entry(kind, count, place))
        return entries, start + number * step

    def value(self, entry: Entry, most: int = sys.maxsize) -> bytes:
        """Read the bytes of a tag's value, at most so many."""
        return self.read(entry.position, min(entry.count * SIZES.get(entry.type, 0), most))

    def places(self, entry: Entry | None) -> tuple[int, ...]:
        """Read the places of the directories that a tag points to; none where it is missing or no pointer."""
        if entry is None or entry.type not in _POINTERS:
            return ()
        if entry.count > MOST_PAGES:
            raise LayoutError(f"{self.path}: damaged: a tag points to {entry.count} directories; copy or scan it again")
        return self.variant.unpack(f"{entry.count}{_POINTERS[entry.type]}", self.value(entry))

    def pages(self) -> Iterator[tuple[Address, Entries]]:
        """Follow the chain of pages first to last, each before its SubIFDs.

        The chain ends at a circle, and, after a whole first page, where it leaves the file, which is a fault, as are
        more than `MOST_PAGES`.
        """
        position, seen, index = self.first, set[int](), 0
        while position and self._is_new(position, seen):
            found = self._linked(position) if index else self._linked_entries(position)
            if found is None:
                return
            entries, position = found
            yield (index,), entries
            for branch, place in enumerate(self._branches(entries)):
                inner = self._linked(place, last=True) if self._is_new(place, seen) else None
                if inner is not None:
                    yield (index, branch), inner[0]
            index += 1

    def _is_new(self, position: int, seen: set[int]) -> bool:
        """Whether a page was not seen before, which then is; False, and a fault, where there are too many."""
        if position in seen:
            return False
        if len(seen) == MOST_PAGES:
            self._note(f"it has more than {MOST_PAGES} pages; scan it again")
            return False
        seen.add(position)
        return True

    def _linked_entries(self, position: int, *, last: bool = False) -> tuple[Entries, int]:
        """Entries of a directory and the place of the next in its chain; 0 for the last."""
        entries, end = self.entries(position)
        return entries, 0 if last else self.variant.unpack(self.variant.offset, self.read(end, self.variant.inline))[0]

    def _linked(self, position: int, *, last: bool = False) -> tuple[Entries, int] | None:
        """The same; None, and a fault, where it leaves the file."""
        try:
            return self._linked_entries(position, last=last)
        except LayoutError as error:
            self._note(error)
            return None

    def _branches(self, entries: Entries) -> tuple[int, ...]:
        try:
            return self.places(entries.get(SUB_DIRECTORIES))
        except LayoutError as error:
            self._note(error)
            return ()

    def _note(self, fault: LayoutError | str) -> None:
        self.faults.append(str(fault).removeprefix(f"{self.path}: "))

    def page(self, address: Address) -> Entries:
        """Read the entries of one page."""
        for found, entries in self.pages():
            if found == address:
                return entries
        raise LayoutError(f"{self.path}: the file has no page {address}; look at its layout")
