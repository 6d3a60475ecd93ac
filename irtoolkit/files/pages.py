"""A page of a file: its size and samples, where the bytes of each strip or tile are, and whether they can be read."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from irtoolkit.files.codecs import BYTES, LARGEST_RATIO, NONE, PICTURES, STREAMED, USUAL_RATIO, compression_name
from irtoolkit.files.directory_reader import Address
from irtoolkit.files.lossless import HEAD
from irtoolkit.schema import LayoutError

LINEAR_RAW = 34892

SEGMENT_BYTES = 1 << 31
"""Most bytes of a strip or tile that is decoded in memory: 4 x 5 inches at 4000 dpi in 48-bit colour have 1.9 GB."""

MOST_SERVED = 16
"""Most times that the strips or tiles of a page take the bytes of the file; those of one value may share theirs."""

_COLOURS = {3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab", 32803: "camera mosaic"}
_FORMATS = {2: "signed integer", 3: "floating point", 5: "complex", 6: "complex"}


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
        """Values of a tag that holds few integers, ``()`` where it is missing."""
        return tuple(self.array(code).tolist())

    def array(self, code: int) -> np.ndarray:
        """Values of a tag that holds integers, empty where it is missing."""
        values = self.tags.get(code)
        return values.astype(np.int64, copy=False) if isinstance(values, np.ndarray) else np.empty(0, np.int64)

    @cached_property
    def height(self) -> int:
        """Rows."""
        return self.number(257, 0)

    @cached_property
    def width(self) -> int:
        """Columns."""
        return self.number(256, 0)

    @cached_property
    def samples(self) -> int:
        """Samples of a pixel."""
        return self.number(277, 1)

    @cached_property
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

    @cached_property
    def compression(self) -> int:
        """Compression."""
        return self.number(259, NONE)

    @property
    def predictor(self) -> int:
        """Predictor: 1 samples as they are, 2 differences along the row."""
        return self.number(317, 1)

    @cached_property
    def planes(self) -> int:
        """Separately stored planes: 1 where the samples of a pixel are stored together."""
        return self.samples if self.number(284, 1) == 2 else 1

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of a sample as it is in the file."""
        return np.dtype(f"{self.order}u{1 if self.bits <= 8 else 2}")

    @cached_property
    def segment(self) -> tuple[int, int, int]:
        """Rows, columns and samples of a whole strip or tile."""
        samples = self.samples // self.planes
        if 322 in self.tags:
            return self.number(323, 0), self.number(322, 0), samples
        return min(self.number(278, self.height), self.height), self.width, samples

    @cached_property
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
        values, wanted = self.array(code), math.prod(self.grid)
        if values.size < wanted:
            raise LayoutError(f"{self.path}: damaged: tag {code} lists {len(values)} of {wanted} strips or tiles")
        return values[:wanted].reshape(self.grid)

    def without_texts(self) -> "Page":
        """Give the page without its texts, XMP and profile, which may be long."""
        return replace(self, tags={code: value for code, value in self.tags.items() if isinstance(value, np.ndarray)})

    def check(self) -> None:
        """Raise `LayoutError` unless the samples of this page can be read and are all inside the file."""
        if min(self.segment) < 1:
            raise LayoutError(f"{self.path}: damaged: its strips or tiles have sizes {self.segment}; scan it again")
        self._check_compression()
        self._check_samples()
        if not self._fits_file():
            wanted = f"a page of {self.height} x {self.width} pixels does not end within the file's {self.size} bytes"
            raise LayoutError(f"{self.path}: truncated or damaged: {wanted}; copy or scan it again")
        if self.compression not in STREAMED and math.prod(self.segment) * self.dtype.itemsize > SEGMENT_BYTES:
            found = f"rows, columns and samples: {self.segment}"
            raise LayoutError(f"{self.path}: its strips or tiles are too large; save it with smaller ones ({found})")

    def _fits_file(self) -> bool:
        """Whether all strips and tiles are inside the file, and can hold the counts that are stated."""
        offsets, sizes = self.offsets, self.sizes
        if min(offsets.min(), sizes.min()) < 0 or (offsets > self.size - sizes).any():
            return False
        taken, ratio = int(sizes.sum()), LARGEST_RATIO.get(self.compression, USUAL_RATIO)
        served = min(taken, self.size) if self.compression != NONE else taken
        return self._bytes <= ratio * served and taken <= MOST_SERVED * self.size

    @property
    def _bytes(self) -> int:
        """Bytes of all strips or tiles before compression; the last strip may be shorter."""
        rows = self.grid[1] * self.segment[0] if 322 in self.tags else self.height
        _, columns, samples = self.segment
        return self.planes * rows * self.grid[2] * columns * samples * self.dtype.itemsize

    def _check_samples(self) -> None:
        """Refuse what does not hold 8- or 16-bit counts."""
        if self.photometric in _COLOURS:
            kind = _COLOURS[self.photometric]
            raise LayoutError(f"{self.path}: the picture is {kind}; save it as RGB")
        kinds = [_FORMATS[code] for code in self.numbers(339) if code in _FORMATS]
        if kinds:
            raise LayoutError(f"{self.path}: its samples are {kinds[0]} numbers, not counts; save a 16-bit TIFF")
        packed = self.compression not in PICTURES or not 8 <= self.bits <= 16
        if self.bits not in (8, 16) and packed:
            bits = self.bits or self.numbers(258)
            raise LayoutError(f"{self.path}: its samples have neither 8 nor 16 bits; save a 16-bit TIFF (bits: {bits})")

    def _check_compression(self) -> None:
        """Refuse compression that changes counts, or that is rare."""
        name, advice = compression_name(self.compression), "scan or save it uncompressed, with LZW or with deflate"
        if self.compression in PICTURES:
            if not PICTURES[self.compression].is_lossless(self.head()):
                raise LayoutError(f"{self.path}: its {name} compression changes the counts and their noise; {advice}")
        elif self.compression not in BYTES:
            lossy = ", which changes the counts and their noise" if "JPEG" in name else ""
            raise LayoutError(f"{self.path}: unsupported compression {name}{lossy}; {advice}")
        if self.predictor not in (1, 2) or self.number(266, 1) != 1:
            raise LayoutError(f"{self.path}: unsupported predictor or bit order; save it as plain 16-bit TIFF")

    def head(self) -> bytes:
        """First bytes of the first strip or tile, 64 KB at most."""
        with open(self.path, "rb") as file:
            file.seek(min(int(self.offsets.flat[0]), self.size))
            return file.read(min(int(self.sizes.flat[0]), HEAD))
