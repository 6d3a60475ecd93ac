"""Strips and tiles of a file with healed samples in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from irtoolkit.files.boxes import overlap, slice_within
from irtoolkit.files.coding import PLAIN, Coding
from irtoolkit.files.encoders import order_counts
from irtoolkit.files.page_reader import PageReader

PIECE_BYTES = 2**20

Index = tuple[int, int, int]
"""Plane, row and column of a strip or tile in the grid of its page."""


@dataclass(frozen=True)
class HealedSegments:
    """Strips and tiles of a page with healed samples in them.

    `reader` gives the codes of the file; `pixels` is (y, x, band) in light with the mask as its last band, and begins
    at row and column `start` of the page; `bands` maps the samples that are healed to their bands; `coding` turns light
    into codes.
    """

    reader: PageReader
    pixels: np.ndarray
    bands: Mapping[int, int]
    coding: Coding = PLAIN
    start: tuple[int, int] = (0, 0)

    def shape(self, index: Index) -> tuple[int, int, int]:
        """Rows, columns and samples of a segment: the last strip may be shorter, tiles are whole."""
        rows, columns, samples = self.reader.page.segment
        return min(rows, self.reader.shape[0] - index[1] * rows), columns, samples

    def pieces(self, index: Index) -> Iterator[slice]:
        """Rows of a segment, in pieces of about a megabyte."""
        height, columns, samples = self.shape(index)
        step = max(1, PIECE_BYTES // (columns * samples * self.reader.dtype.itemsize))
        yield from (slice(first, min(first + step, height)) for first in range(0, height, step))

    def is_marked(self, index: Index, rows: slice) -> bool:
        """Whether rows of a segment that holds colour have a mark."""
        return bool(self._healed(index) and self._wanted(index, rows)[1][..., -1].any())

    def read(self, index: Index, rows: slice) -> np.ndarray:
        """Rows of a segment (row, column, sample), healed under marks, as they are in the file before compression."""
        page, (_, columns, _) = self.reader.page, self.shape(index)
        top, left = index[1] * page.segment[0], index[2] * columns
        planes = slice(index[0], index[0] + 1) if page.planes > 1 else slice(None)
        values = self.reader[top + rows.start : top + rows.stop, left : left + columns, planes].copy()
        place, wanted = self._wanted(index, rows)
        picture = values[place]
        for sample, band in self._healed(index).items():
            number = index[0] + sample
            codes = self.coding.codes(wanted[..., band : band + 1], page.dtype, slice(number, number + 1))
            np.copyto(picture[..., sample], codes[..., 0], where=wanted[..., -1] != 0)
        return order_counts(values, page)

    def _wanted(self, index: Index, rows: slice) -> tuple[tuple[slice, slice], np.ndarray]:
        """Where the rows of a segment are in the picture, and the healed pixels with marks there."""
        step, columns, _ = self.reader.page.segment
        top, left = index[1] * step, index[2] * columns
        box = range(top + rows.start, top + rows.stop), range(left, left + columns)
        size = self.pixels.shape[:2]
        sides = [overlap(side, first, length) for side, first, length in zip(box, self.start, size, strict=True)]
        place = tuple(slice_within(side, whole.start) for side, whole in zip(sides, box, strict=True))
        inside = tuple(slice_within(side, first) for side, first in zip(sides, self.start, strict=True))
        return (place[0], place[1]), self.pixels[inside]

    def _healed(self, index: Index) -> dict[int, int]:
        """Samples of a segment that are healed, and their bands."""
        if self.reader.page.planes == 1:
            return dict(self.bands)
        return {0: self.bands[index[0]]} if index[0] in self.bands else {}
