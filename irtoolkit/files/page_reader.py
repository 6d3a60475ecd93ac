"""One page of a file as an array over (y, x, sample) that reads and decodes what is sliced."""

import math
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import pairwise
from typing import Any

import numpy as np

from irtoolkit.files import codecs
from irtoolkit.files.boxes import overlap, slice_within, split_index
from irtoolkit.files.header import read_page
from irtoolkit.files.pages import Page
from irtoolkit.schema import LayoutError

SCRATCH_BYTES = 64 << 20  # a compressed strip longer than this is decoded once, into a scratch file
_PIECE = 1 << 20  # bytes that are inflated at a time


class PageReader:
    """Lazy (y, x, sample) view of one page: slicing reads and decodes only the strips or tiles that it needs.

    `dtype` is uint8 or uint16 in native byte order. Indices are integers and slices. Safe to use from many threads,
    picklable; no file stays open. Slicing raises `LayoutError` where a segment is cut off or cannot be decoded.
    """

    ndim = 3

    def __init__(self, page: Page) -> None:
        page.check()
        self.page = page.without_texts()
        self.shape = (page.height, page.width, page.samples)
        self.dtype = page.dtype.newbyteorder("=")
        self._lock = threading.Lock()
        self._last: tuple[tuple[int, int, int], np.ndarray] | None = None
        self._scratch: dict[tuple[int, int, int], np.ndarray] = {}

    def __reduce__(self) -> tuple[Callable[..., "PageReader"], tuple[str, tuple[int, ...]]]:
        return open_page, (self.page.path, self.page.address)

    def __getitem__(self, key: Any) -> np.ndarray:
        (y, x, samples), rest = split_index(key, self.shape)
        if not (y and x and samples):
            return np.empty((len(y), len(x), len(samples)), self.dtype)[rest]
        read = self._read_rows if self._in_rows else self._read_segments
        return read(y, x, samples)[rest]

    @property
    def natural_rows(self) -> int:
        """Rows of a strip or tile, which are cheap to read together; 1 where every row can be reached by itself."""
        return 1 if self._in_rows or self._large else min(self.page.segment[0], self.page.height)

    @property
    def _in_rows(self) -> bool:
        """Whether every row has a place in the file: strips without compression have."""
        return self.page.compression == codecs.NONE and 322 not in self.page.tags

    def _row_starts(self, y: range) -> np.ndarray:
        """Places in the file of some rows, for every plane."""
        rows, columns, samples = self.page.segment
        strip, row = np.divmod(np.arange(y.start, y.stop), rows)
        return self.page.offsets[:, strip, 0] + row * columns * samples * self.dtype.itemsize

    @property
    def _large(self) -> bool:
        """Whether a compressed strip is too long to be decoded again and again."""
        size = math.prod(self.page.segment) * self.dtype.itemsize
        return self.page.compression != codecs.NONE and size > SCRATCH_BYTES

    def _read_rows(self, y: range, x: range, samples: range) -> np.ndarray:
        """Read uncompressed strips: bytes that follow each other in one go, and no others."""
        starts, stored = self._row_starts(y), self.page.segment[2]
        columns = x if 4 * len(x) < self.page.width else range(self.page.width)
        pixel = stored * self.dtype.itemsize
        blocks = []
        with open(self.page.path, "rb", buffering=0) as file:
            for plane in samples if self.page.planes > 1 else (0,):
                first = starts[plane] + columns.start * pixel
                data = self._take_rows(file, first, len(columns) * pixel)
                block = data.view(self.page.dtype).reshape(len(y), len(columns), stored)
                blocks.append(block[:, x.start - columns.start : x.stop - columns.start])
        if self.page.planes > 1:
            return np.concatenate(blocks, axis=2, dtype=self.dtype)
        return blocks[0][..., samples.start : samples.stop].astype(self.dtype, copy=False)

    def _take_rows(self, file: FileIO, starts: np.ndarray, length: int) -> np.ndarray:
        """Read rows of one length, joining those that follow each other in the file."""
        data = np.empty(len(starts) * length, np.uint8)
        breaks = np.flatnonzero(np.diff(starts) != length) + 1
        for first, last in pairwise((0, *breaks.tolist(), len(starts))):
            self._fill(file, int(starts[first]), data[first * length : last * length].data)
        return data

    def _fill(self, file: FileIO, offset: int, target: memoryview) -> None:
        """Read exactly the bytes that fit into `target`."""
        file.seek(offset)
        filled = 0
        while filled < len(target):
            count = file.readinto(target[filled:])
            if not count:
                raise self._fault(f"it ends before byte {offset + len(target)}")
            filled += count

    def _place(self, out: np.ndarray, block: np.ndarray, plane: int, samples: range) -> None:
        """Copy a block of one plane, or of the samples of whole pixels, to its place."""
        if self.page.planes > 1:
            out[..., plane - samples.start] = block[..., 0]
        else:
            out[...] = block[..., samples.start : samples.stop]

    def _read_segments(self, y: range, x: range, samples: range) -> np.ndarray:
        """Read compressed strips, or tiles: each that touches the box is decoded once."""
        rows, columns, _ = self.page.segment
        out = np.empty((len(y), len(x), len(samples)), self.dtype)
        with open(self.page.path, "rb", buffering=0) as file:
            for plane in samples if self.page.planes > 1 else (0,):
                for i in range(y.start // rows, -(-y.stop // rows)):
                    for j in range(x.start // columns, -(-x.stop // columns)):
                        segment = self._segment(file, (plane, i, j))
                        down, across = overlap(y, i * rows, segment.shape[0]), overlap(x, j * columns, columns)
                        if (len(down), len(across)) != segment.shape[:2] and not self._large:
                            self._last = (plane, i, j), segment
                        block = segment[slice_within(down, i * rows), slice_within(across, j * columns)]
                        self._place(
                            out[slice_within(down, y.start), slice_within(across, x.start)], block, plane, samples
                        )
        return out

    def _segment(self, file: FileIO, index: tuple[int, int, int]) -> np.ndarray:
        """Decode one strip or tile to (y, x, sample)."""
        if self._large:
            with self._lock:
                if index not in self._scratch:
                    self._scratch[index] = self._spill(file, index)
                return self._scratch[index]
        last = self._last
        if last and last[0] == index:
            return last[1]
        return self._decode(file, index)

    def _segment_shape(self, index: tuple[int, int, int]) -> tuple[int, int, int]:
        """Shape of the decoded segment: the last strip may be shorter, tiles are whole."""
        rows, columns, samples = self.page.segment
        return (rows if 322 in self.page.tags else min(rows, self.page.height - index[1] * rows)), columns, samples

    def _decode(self, file: FileIO, index: tuple[int, int, int]) -> np.ndarray:
        """Read one segment and decode it to (y, x, sample)."""
        page, shape = self.page, self._segment_shape(index)
        try:
            data = bytearray(int(page.sizes[index]))
            self._fill(file, int(page.offsets[index]), memoryview(data))
            return codecs.decode_segment(data, page.compression, page.predictor, shape, page.dtype)
        except MemoryError as error:
            raise LayoutError(f"{page.path}: a strip or tile needs more memory than there is; free some") from error
        except LayoutError:
            raise
        except (RuntimeError, ValueError) as fault:
            raise self._fault(f"strip or tile {index} cannot be decoded ({fault})") from fault

    def _spill(self, file: FileIO, index: tuple[int, int, int]) -> np.ndarray:
        """Decode a long segment into a nameless temporary file, which goes away with the reader."""
        height, width, samples = self._segment_shape(index)
        with tempfile.TemporaryFile(prefix="irtoolkit-") as scratch:
            written = sum(scratch.write(codes.data) for codes in self._pieces(file, index))
            row = width * samples * self.dtype.itemsize
            if written < height * row:
                raise self._fault(f"strip {index} holds {written // row} of {height} rows")
            scratch.flush()
            return np.memmap(scratch, self.dtype, "r", shape=(height, width, samples))

    def _pieces(self, file: FileIO, index: tuple[int, int, int]) -> Iterator[np.ndarray]:
        """Decode a long segment, piece by piece where the compression allows it, to blocks of whole rows."""
        page, (height, width, samples) = self.page, self._segment_shape(index)
        if page.compression not in (codecs.DEFLATE, codecs.OLD_DEFLATE):
            yield self._decode(file, index)
            return
        file.seek(int(page.offsets[index]))
        row, left = width * samples * self.dtype.itemsize, height
        try:
            for data in _whole_rows(_inflate(file, int(page.sizes[index])), row):
                count = min(len(data) // row, left)
                yield codecs.undo_predictor(data, page.predictor, (count, width, samples), page.dtype)
                left -= count
        except zlib.error as fault:
            raise self._fault(f"strip {index} cannot be decoded ({fault})") from fault

    def _fault(self, what: str) -> LayoutError:
        where = ".".join(str(number) for number in self.page.address)
        return LayoutError(f"{self.page.path}: damaged page {where}: {what}; copy or scan it again")


def open_page(path: str | os.PathLike[str], address: tuple[int, ...] = (0,)) -> PageReader:
    """Open one page of a file; reads its header only."""
    return PageReader(read_page(path, address))


def _inflate(file: FileIO, size: int) -> Iterator[bytes]:
    """Inflate the next `size` bytes of a file in small pieces."""
    inflate, waiting = zlib.decompressobj(), b""
    while not inflate.eof:
        if not waiting:
            waiting = file.read(min(size, _PIECE))
            size -= len(waiting)
        data = inflate.decompress(waiting, 4 * _PIECE)
        if not data and not waiting:
            return
        waiting = inflate.unconsumed_tail
        yield data


def _whole_rows(pieces: Iterator[bytes | bytearray], row: int) -> Iterator[memoryview]:
    """Cut a stream of bytes into blocks of whole rows."""
    rest = b""
    for piece in pieces:
        data = rest + piece if rest else piece
        whole = len(data) // row * row
        rest = bytes(data[whole:])
        if whole:
            yield memoryview(data)[:whole]
