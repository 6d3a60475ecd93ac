"""The tags of every directory of a TIFF, DNG or PGM file, read without its pixels."""

import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from tifffile import TIFF

from irtoolkit.schema import LayoutError

_TYPES = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 10: "i4"}
_TYPES |= {11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"}
_ASCII, _OPAQUE, _RATIONAL = 2, (1, 7), (5, 10)

# The tags that are read; everything else in a directory (EXIF, IPTC, maker notes) is left unread.
_WANTED = {254, 256, 257, 258, 259, 262, 266, 271, 272, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 306}
_WANTED |= {317, 322, 323, 324, 325, 330, 338, 339, 700, 34675, 50706}

_NAMES = {(): TIFF.TAGS, (34665,): TIFF.EXIF_TAGS, (34853,): TIFF.GPS_TAGS, (34665, 40965): TIFF.IOP_TAGS}
"""Names of a page's tags, and of those in the directories that its tags EXIF and GPS point to (EXIF 2.32)."""

STORAGE = frozenset({*range(254, 260), 262, 266, 273, *range(277, 282), 284, 297, 317, *range(322, 326), 330})
STORAGE |= {*range(338, 342), 347, *range(512, 522), *range(529, 533)}
"""Tags that say how a file stores its pixels and where its other pages are (TIFF 6.0)."""


@dataclass(frozen=True, eq=False)
class Directory:
    """The tags of one page, as they stand in the file.

    Parameters
    ----------
    path, size, modified
        The file, its bytes, and its time of modification in ns.
    address
        ``(0,)`` is page 0 of the chain, ``(0, 1)`` SubIFD 1 of page 0.
    order
        ``"<"`` or ``">"``, the byte order of the samples.
    tags
        Tag number to value: text for ASCII, bytes for BYTE and UNDEFINED, a NumPy array for numbers.
    """

    path: str
    size: int
    modified: int
    address: tuple[int, ...]
    order: str
    tags: dict[int, Any]

    def number(self, code: int, default: int) -> int:
        """Value of a tag that holds one integer."""
        values = self.tags.get(code)
        return int(values[0]) if isinstance(values, np.ndarray) and values.size else default

    def numbers(self, code: int) -> tuple[int, ...]:
        """Values of a tag that holds integers, ``()`` where it is missing."""
        values = self.tags.get(code)
        return tuple(int(value) for value in values) if isinstance(values, np.ndarray) else ()


def read_directories(path: str | os.PathLike[str]) -> list[Directory]:
    """Read the headers of a TIFF, DNG or PGM file; the chain first to last, each before its SubIFDs.

    Raises `FileNotFoundError` where there is no file, and `LayoutError` where it is a folder, empty, of another
    kind, or its directories are cut off.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise LayoutError(f"{name}: expected a file, found a folder; name the slides in it")
    with open(name, "rb") as file:
        status = os.fstat(file.fileno())
        magic = file.read(16)
        if not magic:
            raise LayoutError(f"{name}: expected a TIFF or DNG file, found an empty one; scan or copy it again")
        if magic[:2] == b"P5":
            return [_portable_graymap(name, file, status)]
        form, first = _form(name, magic, status.st_size)
        return [
            Directory(name, status.st_size, status.st_mtime_ns, address, form.order, tags)
            for address, _, tags in _walk(file, form, first, (), set())
        ]


def lost_tags(source: str | os.PathLike[str], page: tuple[int, ...], written: str | os.PathLike[str]) -> list[str]:
    """Names of the tags of a picture, and of its file's first page, that the picture written from it has not.

    Those that say how pixels are stored are not meant. A tag without a name goes by its number; one inside of EXIF or
    GPS follows the name of that.
    """
    lost = (tag_codes(source, page) | tag_codes(source)) - tag_codes(written)
    outermost = [codes for codes in lost if codes[0] not in STORAGE and codes[:-1] not in lost]
    return [".".join(_tag_name(code, codes[:place]) for place, code in enumerate(codes)) for codes in sorted(outermost)]


def tag_codes(path: str | os.PathLike[str], page: tuple[int, ...] = (0,)) -> set[tuple[int, ...]]:
    """Numbers of all tags of a page of a TIFF file; of one inside of EXIF or GPS, after the numbers that lead there."""
    name = os.fspath(path)
    with open(name, "rb") as file:
        form, first = _form(name, file.read(16), os.fstat(file.fileno()).st_size)
        place = next(place for address, place, _ in _walk(file, form, first, (), set()) if address == page)
        return set(_codes(file, form, place, ()))


@dataclass(frozen=True)
class _Form:
    """Byte order and kind of a TIFF file."""

    path: str
    order: str
    big: bool
    size: int

    @property
    def pointer(self) -> str:
        return self.order + ("Q" if self.big else "I")

    def bytes_at(self, file: BinaryIO, offset: int, count: int) -> bytes:
        """Read exactly so many bytes."""
        if not 0 <= offset <= self.size - count:
            found = f"its header points to byte {offset + count}, the file ends at {self.size}"
            raise LayoutError(f"{self.path}: truncated or damaged: {found}; copy or scan it again")
        file.seek(offset)
        return file.read(count)


def _form(path: str, magic: bytes, size: int) -> tuple[_Form, int]:
    """Tell byte order and kind from the first bytes, and where the first directory lies."""
    order = {b"II": "<", b"MM": ">"}.get(magic[:2])
    version = struct.unpack_from(f"{order}H", magic, 2)[0] if order and len(magic) >= 4 else 0
    if order is None or (version not in (42, 43) and len(magic) >= 4):
        raise LayoutError(f"{path}: expected a TIFF or DNG file, found one that starts with {magic[:4]!r}")
    if len(magic) < (16 if version == 43 else 8):
        raise LayoutError(f"{path}: truncated: {size} bytes are no whole TIFF header; copy or scan it again")
    form = _Form(path, order, version == 43, size)
    return form, struct.unpack_from(form.pointer, magic, 8 if form.big else 4)[0]


def _walk(
    file: BinaryIO, form: _Form, offset: int, parent: tuple[int, ...], seen: set[int]
) -> Iterator[tuple[tuple[int, ...], int, dict[int, Any]]]:
    """Follow a chain of directories, and into the SubIFDs of each: address, place in the file, and tags."""
    index = 0
    while offset and offset not in seen:
        seen.add(offset)
        address, place = (*parent, index), offset
        tags, offset = _directory(file, form, place)
        yield address, place, tags
        branches = tags.get(330, ())
        for branch, start in enumerate(branches if isinstance(branches, np.ndarray) else ()):
            if start not in seen:
                seen.add(int(start))
                yield (*address, branch), int(start), _directory(file, form, int(start))[0]
        index += 1


def _directory(file: BinaryIO, form: _Form, offset: int) -> tuple[dict[int, Any], int]:
    """Read the wanted tags of one directory, and where the next directory lies (0: nowhere)."""
    entries, end = _entries(file, form, offset)
    tags = {}
    for code, kind, number, value in entries:
        if code in _WANTED and kind in _TYPES and number:
            tags[code] = _value(file, form, kind, number, value)
    return tags, struct.unpack(form.pointer, form.bytes_at(file, end, struct.calcsize(form.pointer)))[0]


def _entries(file: BinaryIO, form: _Form, offset: int) -> tuple[list[tuple[int, int, int, bytes]], int]:
    """Read the entries of one directory (code, type, count, value or where it lies), and where they end."""
    head, entry = ("Q", "HHQ8s") if form.big else ("H", "HHI4s")
    head, entry = form.order + head, form.order + entry
    count = struct.unpack(head, form.bytes_at(file, offset, struct.calcsize(head)))[0]
    start, length = offset + struct.calcsize(head), count * struct.calcsize(entry)
    return list(struct.iter_unpack(entry, form.bytes_at(file, start, length))), start + length


def _codes(file: BinaryIO, form: _Form, offset: int, inside: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Numbers of the tags of one directory and, as far as they can be read, of those that it points to."""
    for code, kind, _, value in _entries(file, form, offset)[0]:
        yield (*inside, code)
        if (*inside, code) in _NAMES:
            with suppress(LayoutError):
                place = struct.unpack_from(form.order + ("Q" if kind == 16 else "I"), value)[0]
                yield from _codes(file, form, place, (*inside, code))


def _tag_name(code: int, inside: tuple[int, ...]) -> str:
    return _NAMES[inside].get(code, str(code))


def _value(file: BinaryIO, form: _Form, kind: int, number: int, value: bytes) -> Any:
    """Read the value of one tag."""
    dtype = np.dtype(form.order + _TYPES[kind])
    length = number * dtype.itemsize * (2 if kind in _RATIONAL else 1)
    if length > len(value):
        value = form.bytes_at(file, struct.unpack(form.pointer, value)[0], length)
    value = value[:length]
    if kind == _ASCII:
        return value.split(b"\0")[0].decode("utf-8", "replace").strip()
    if kind in _OPAQUE:
        return value
    numbers = np.frombuffer(value, dtype)
    if kind in _RATIONAL:
        upper, lower = numbers.reshape(-1, 2).astype(np.float64).T
        return np.divide(upper, lower, out=np.zeros_like(upper), where=lower != 0)
    return numbers.astype(np.float64 if dtype.kind == "f" else np.int64)


def _portable_graymap(path: str, file: BinaryIO, status: os.stat_result) -> Directory:
    """Describe a binary PGM file as the page of a TIFF file with one strip would be."""
    file.seek(0)
    header = re.match(rb"P5(?:\s|#[^\n]*\n)+(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s", file.read(4096))
    if not header:
        raise LayoutError(f"{path}: damaged: no whole PGM header; copy or scan it again")
    width, height, white = (int(group) for group in header.groups())
    if white not in (255, 65535):
        raise LayoutError(f"{path}: expected a PGM with white at 255 or 65535, found {white}")
    bits = 8 if white == 255 else 16
    numbers = {256: width, 257: height, 258: bits, 262: 1, 273: header.end(), 277: 1}
    tags = {code: np.array([number], np.int64) for code, number in numbers.items()}
    return Directory(path, status.st_size, status.st_mtime_ns, (0,), ">", tags)
