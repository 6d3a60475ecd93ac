"""Where a file keeps the places and sizes of its strips and tiles, and how they are set in a copy of it."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from tifffile import TIFF

from irtoolkit.files.directories import SIZES
from irtoolkit.files.directory_reader import DirectoryReader, Entry
from irtoolkit.files.header import read_pages
from irtoolkit.files.pages import Page
from irtoolkit.schema import SlideError

STRIPS, TILES = (273, 279), (324, 325)
"""Tags with the places and with the sizes of strips, and of tiles."""


class SegmentTable:
    """The places and sizes of the strips or tiles of a page, as its tags list them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        with open(page.path, "rb") as file:
            reader = DirectoryReader(file)
            self.variant, entries = reader.variant, reader.page(page.address)
        self.entries = [entries.get(code) for code in _codes(page)]

    def append(self, file: BinaryIO, index: Sequence[int], data: bytes) -> None:
        """Write a strip or tile at the end of an open copy of the file, and set its place and size there.

        Raises `SlideError` where the tags have no room for such large numbers.
        """
        place, number = file.seek(0, os.SEEK_END), int(np.ravel_multi_index(tuple(index), self.page.grid))
        file.write(data)
        for entry, value in zip(self.entries, (place, len(data)), strict=True):
            if entry:
                file.seek(entry.position + number * SIZES[entry.type])
                file.write(self._pack(entry, value))

    def _pack(self, entry: Entry, value: int) -> bytes:
        try:
            return struct.pack(self.variant.order + TIFF.DATA_FORMATS[entry.type][-1], value)
        except struct.error as error:
            problem = "its tags have no room for the place or size of a strip that is encoded anew"
            raise SlideError(f"{self.page.path}: {problem}; use --format rgb (number {value})") from error


def shared_segments(page: Page) -> np.ndarray:
    """Which strips or tiles of a page (bool, shaped as its `grid`) share bytes with others of the file."""
    extents = [_extents(other, page) for other in read_pages(page.path)]
    starts, ends = (np.sort(np.concatenate(sides)) for sides in zip(*extents, strict=True))
    began = np.searchsorted(starts, page.offsets + page.sizes, "left")
    return began - np.searchsorted(ends, page.offsets, "right") > 1


def _extents(page: Page, own: Page) -> tuple[np.ndarray, np.ndarray]:
    """First byte of each strip or tile of a page, and the byte behind it; at least one byte each."""
    if page.address == own.address:
        return own.offsets.ravel(), (own.offsets + own.sizes).ravel()
    starts, sizes = (page.array(code) for code in _codes(page))
    longest = np.resize(np.maximum(sizes, 1) if sizes.size else [1], starts.shape)
    return starts, starts + longest


def check_tags(page: Page, copy: Path) -> None:
    """Raise `SlideError` unless a copy has all tags of the file but the page's places and sizes.

    They differ where pages of a file share the list of their places, and where pixels overlap tags.
    """
    before, after = ([_fixed_tags(other, page) for other in read_pages(file)] for file in (page.path, copy))
    if before != after:
        raise SlideError(f"{page.path}: its pages share tags, or pixels lie on top of them; use --format rgb")


def _fixed_tags(page: Page, own: Page) -> dict[int, Any]:
    """The tags of a page, numbers as bytes; of one's own page, without the places and sizes."""
    free = _codes(own) if page.address == own.address else ()
    kept = {code: value for code, value in page.tags.items() if code not in free}
    return {code: value.tobytes() if isinstance(value, np.ndarray) else value for code, value in kept.items()}


def _codes(page: Page) -> tuple[int, int]:
    return TILES if 322 in page.tags else STRIPS
