"""The pages of a file: sizes, samples, where the bytes of each strip or tile lie, and whether they can be read."""

import math
import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from tifffile import TIFF

from irtoolkit.files.directories import ASCII, Address, DirectoryReader, Entries, Entry
from irtoolkit.schema import LayoutError

NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 8, 32946, 32773
LINEAR_RAW = 34892

_COMPRESSIONS = {2: "fax", 3: "fax", 4: "fax", 6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 34892: "JPEG"}
_COMPRESSIONS |= {50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"}
_COLOURS = {0: "white-is-zero gray", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 32803: "camera mosaic"}
_FORMATS = {2: "signed integer", 3: "floating point", 5: "complex", 6: "complex"}

# The tags that are read; everything else in a directory (EXIF, IPTC, maker notes) is left unread.
_WANTED = {254, 256, 257, 258, 259, 262, 266, 271, 272, 273, 274, 277, 278, 279, 282, 283, 284, 296, 305, 306}
_WANTED |= {317, 322, 323, 324, 325, 330, 338, 339, 700, 34675, 50706}


@dataclass(frozen=True, eq=False)
class Page:
    """One page of a file, as its header states it; nothing is judged before `check` is called.

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
    address: Address
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

    @property
    def height(self) -> int:
        """Rows."""
        return self.number(257, 0)

    @property
    def width(self) -> int:
        """Columns."""
        return self.number(256, 0)

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        return self.number(277, 1)

    @property
    def bits(self) -> int:
        """Bits of a sample; 0 where the samples differ."""
        depths = set(self.numbers(258)) or {1}
        return depths.pop() if len(depths) == 1 else 0

    @property
    def subfile(self) -> int:
        """NewSubfileType: bit 0 is a reduced picture, bit 2 (SilverFast's infrared) a mask."""
        return self.number(254, 0)

    @property
    def photometric(self) -> int:
        """PhotometricInterpretation."""
        return self.number(262, -1)

    @property
    def compression(self) -> int:
        """Compression."""
        return self.number(259, NONE)

    @property
    def predictor(self) -> int:
        """Predictor: 1 samples as they are, 2 differences along the row."""
        return self.number(317, 1)

    @property
    def planes(self) -> int:
        """Separately stored planes: 1 where the samples of a pixel lie together."""
        return self.samples if self.number(284, 1) == 2 else 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a sample as it is in the file."""
        return np.dtype(f"{self.order}u{self.bits // 8}")

    @property
    def segment(self) -> tuple[int, int, int]:
        """Rows, columns and samples of a whole strip or tile."""
        samples = self.samples // self.planes
        if 322 in self.tags:
            return self.number(323, 0), self.number(322, 0), samples
        return min(self.number(278, self.height), self.height), self.width, samples

    @property
    def grid(self) -> tuple[int, int, int]:
        """Planes, rows of segments, and segments in a row."""
        rows, columns, _ = self.segment
        return self.planes, -(-self.height // rows), -(-self.width // columns)

    @cached_property
    def offsets(self) -> np.ndarray:
        """Place of each segment in the file, shaped as `grid`."""
        return self._by_segment(324 if 322 in self.tags else 273)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Bytes of each segment in the file, shaped as `grid`; where uncompressed, what its pixels need."""
        if self.compression != NONE:
            return self._by_segment(325 if 322 in self.tags else 279)
        rows, columns, samples = self.segment
        height = np.full(self.grid[1], rows)
        if 322 not in self.tags:
            height[-1] = self.height - rows * (self.grid[1] - 1)
        sizes = height * columns * samples * self.dtype.itemsize
        return np.broadcast_to(sizes[:, None], self.grid)

    def _by_segment(self, code: int) -> np.ndarray:
        values, wanted = self.tags.get(code, np.empty(0, np.int64)), math.prod(self.grid)
        if not isinstance(values, np.ndarray) or values.size < wanted:
            raise LayoutError(f"{self.path}: damaged: tag {code} lists {len(values)} of {wanted} strips or tiles")
        return values[:wanted].reshape(self.grid)

    def without_texts(self) -> "Page":
        """Give the page without its texts, XMP and profile, which may be long."""
        return replace(self, tags={code: value for code, value in self.tags.items() if isinstance(value, np.ndarray)})

    def check(self) -> None:
        """Raise `LayoutError` unless the samples of this page can be read and all lie inside the file."""
        self._check_compression()
        self._check_samples()
        if min(self.segment) < 1:
            raise LayoutError(f"{self.path}: damaged: its strips or tiles have sizes {self.segment}; scan it again")
        offsets, longest = self.offsets, math.prod(self.segment) * self.dtype.itemsize
        fits = self.compression != NONE or longest <= self.size
        if not fits or min(offsets.min(), self.sizes.min()) < 0 or (offsets > self.size - self.sizes).any():
            wanted = f"a page of {self.height} x {self.width} pixels does not end within the file's {self.size} bytes"
            raise LayoutError(f"{self.path}: truncated or damaged: {wanted}; copy or scan it again")

    def _check_samples(self) -> None:
        """Refuse what does not hold 8- or 16-bit counts."""
        if self.photometric in _COLOURS and self.photometric != 4:
            kind = _COLOURS[self.photometric]
            raise LayoutError(f"{self.path}: the picture is {kind}; save it as RGB")
        kinds = [_FORMATS[code] for code in self.numbers(339) if code in _FORMATS]
        if kinds:
            raise LayoutError(f"{self.path}: its samples are {kinds[0]} numbers, not counts; save a 16-bit TIFF")
        if self.bits not in (8, 16):
            bits = self.bits or self.numbers(258)
            raise LayoutError(f"{self.path}: its samples have neither 8 nor 16 bits; save a 16-bit TIFF (bits: {bits})")

    def _check_compression(self) -> None:
        """Refuse compression that changes counts, or that is rare."""
        if self.compression not in (NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS):
            name = _COMPRESSIONS.get(self.compression, f"number {self.compression}")
            why = ", which changes the counts and their noise" if "JPEG" in name else ""
            advice = "scan or save it uncompressed, with LZW or with deflate"
            raise LayoutError(f"{self.path}: unsupported compression {name}{why}; {advice}")
        if self.predictor not in (1, 2) or self.number(266, 1) != 1:
            raise LayoutError(f"{self.path}: unsupported predictor or bit order; save it as plain 16-bit TIFF")


def read_pages(path: str | os.PathLike[str]) -> list[Page]:
    """Read the headers of the pages of a TIFF, DNG or PGM file, first to last, each before its SubIFDs.

    Raises `FileNotFoundError` where there is no file, and `LayoutError` where it is a folder, empty, of another
    kind, or its directories are cut off.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise LayoutError(f"{name}: this is a folder, not a file; name the slides in it")
    with open(name, "rb") as file:
        status = os.fstat(file.fileno())
        found = [((0,), ">", _graymap_tags(file))] if file.read(2) == b"P5" else _directories(DirectoryReader(file))
    pages = [Page(name, status.st_size, status.st_mtime_ns, *directory) for directory in found]
    return [page for page in pages if min(page.height, page.width, page.samples) > 0]


def read_page(path: str | os.PathLike[str], address: Address) -> Page:
    """Read the header of one page and check that it can be read."""
    for page in read_pages(path):
        if page.address == address:
            page.check()
            return page
    raise LayoutError(f"{os.fspath(path)}: the file has changed while it was read; run again (page {address} is gone)")


def _directories(reader: DirectoryReader) -> list[tuple[Address, str, dict[int, Any]]]:
    """Read address, byte order and wanted tags of every page of a TIFF file."""
    return [(address, reader.variant.order, _tags(reader, entries)) for address, entries in reader.pages()]


def _tags(reader: DirectoryReader, entries: Entries) -> dict[int, Any]:
    known = {code: entries[code] for code in _WANTED & entries.keys() if entries[code].type in TIFF.DATA_FORMATS}
    return {code: _value(reader, entry) for code, entry in known.items() if entry.count}


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


def _graymap_tags(file: BinaryIO) -> dict[int, Any]:
    """Describe a binary PGM file as the page of a TIFF file with one strip would be."""
    file.seek(0)
    header = re.match(rb"P5(?:\s|#[^\n]*\n)+(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s", file.read(4096))
    if not header:
        raise LayoutError(f"{file.name}: damaged: no whole PGM header; copy or scan it again")
    width, height, white = (int(group) for group in header.groups())
    if white not in (255, 65535):
        raise LayoutError(f"{file.name}: this PGM has neither 8 nor 16 bits; scan with 16 bits (white: {white})")
    bits = 8 if white == 255 else 16
    numbers = {256: width, 257: height, 258: bits, 262: 1, 273: header.end(), 277: 1}
    return {code: np.array([number], np.int64) for code, number in numbers.items()}
