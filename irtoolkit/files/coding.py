"""How the codes that a page stores become counts of light, and back: DNG levels, and planes in which white is zero.

DNG 1.7.1 (Adobe, 2023), chapter 5: LinearizationTable, then BlackLevel and WhiteLevel.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from irtoolkit.files.codecs import LOSSLESS_JPEG
from irtoolkit.files.lossless_jpeg import frame_of
from irtoolkit.files.pages import Page
from irtoolkit.schema import LayoutError

TABLE, BLACK_GRID, BLACK, BLACK_ACROSS, BLACK_DOWN, WHITE = 50712, 50713, 50714, 50715, 50716, 50717
FULL = 65535


@dataclass(frozen=True, eq=False)
class Coding:
    """How the codes of a page become light.

    `table` is the light of each code before the levels, `black` and `white` are the levels of each sample; None where
    the codes are counts of light as they are. With `inverted`, 0 is white.
    """

    table: np.ndarray | None = None
    black: np.ndarray | None = None
    white: np.ndarray | None = None
    inverted: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether codes are counts of light."""
        return self.table is None and self.white is None and not self.inverted

    def bits(self, stored: int) -> int:
        """Bits of the counts of light of a page that stores so many: 8 or 16; 16 with levels."""
        return 8 if stored == 8 and self.table is None and self.white is None else 16

    def light(self, codes: np.ndarray, samples: slice = slice(None)) -> np.ndarray:
        """Counts (y, x, sample) of light of codes of some samples of the page.

        >>> Coding(black=np.array([512.0]), white=np.array([16383.0])).light(np.array([[[512], [16383]]])).ravel()
        array([    0, 65535], dtype=uint16)
        """
        if self.table is not None:
            codes = self.table[np.minimum(codes, len(self.table) - 1)]
        if self.black is not None and self.white is not None:
            black, white = self.black[samples], self.white[samples]
            scaled = (codes - black) * (FULL / (white - black))
            codes = np.rint(np.clip(scaled, 0, FULL)).astype(np.uint16)
        return np.invert(codes) if self.inverted else codes

    def codes(self, light: np.ndarray, stored: np.dtype[Any], samples: slice = slice(None)) -> np.ndarray:
        """Codes of counts (y, x, sample) of light, the nearest ones; the inverse of `light`.

        >>> coding = Coding(black=np.array([512.0]), white=np.array([16383.0]))
        >>> coding.codes(np.array([[[0], [65535]]], np.uint16), np.dtype(np.uint16)).ravel()
        array([  512, 16383], dtype=uint16)
        """
        values = np.invert(light) if self.inverted else light
        if self.black is not None and self.white is not None:
            black, white = self.black[samples], self.white[samples]
            values = black + values * ((white - black) / FULL)
        if self.table is not None:
            middles = (self.table[1:].astype(float) + self.table[:-1]) / 2
            values = np.searchsorted(middles, values)
        return np.rint(values).astype(stored.newbyteorder("="))


PLAIN = Coding()


def coding_of(page: Page) -> Coding:
    """Read the coding of a page from its tags.

    Raises
    ------
    LayoutError
        The levels differ from row to row or column to column, or cannot be.
    """
    inverted = page.photometric == 0
    table = page.array(TABLE).astype(np.uint16) if page.array(TABLE).size else None
    if table is not None and (np.diff(table.astype(int)) < 0).any():
        raise LayoutError(f"{page.path}: damaged: its linearization table falls; save it as 16-bit TIFF")
    black, white = _black(page), _levels(page, WHITE, 2 ** _bits(page) - 1 if table is None else FULL)
    if not black.any() and (white == (FULL if table is not None or page.bits != 8 else 255)).all():
        return Coding(table, inverted=inverted)
    if (white - black < 1).any():
        found = f"black {black.tolist()}, white {white.tolist()}"
        raise LayoutError(f"{page.path}: damaged: its white level is not above black; save it as 16-bit TIFF ({found})")
    return Coding(table, black, white, inverted)


def _bits(page: Page) -> int:
    """Bits of a sample; a lossless JPEG of 9 to 15 bits says it itself, for its tag may be wrong."""
    odd = page.bits not in (8, 16) and page.compression == LOSSLESS_JPEG
    return (frame_of(page.head())[1] if odd else 0) or page.bits


def _black(page: Page) -> np.ndarray:
    """Black level of each sample."""
    uneven = any(np.any(page.tags.get(code, 0)) for code in (BLACK_ACROSS, BLACK_DOWN))
    grid = math.prod(page.numbers(BLACK_GRID))
    levels = np.asarray(page.tags.get(BLACK, 0.0), float).reshape(-1)
    if grid > 1 and len(levels) >= grid:
        by_place = levels[: len(levels) // grid * grid].reshape(grid, -1)
        uneven |= bool((by_place != by_place[0]).any())
        levels = by_place[0]
    if uneven:
        raise LayoutError(f"{page.path}: its black level differs from row to row or column to column; save it as TIFF")
    return _each_sample(levels, page)


def _levels(page: Page, code: int, default: float) -> np.ndarray:
    return _each_sample(np.asarray(page.tags.get(code, default), float).reshape(-1), page)


def _each_sample(levels: np.ndarray, page: Page) -> np.ndarray:
    """One level for each sample; the last given one counts for those without."""
    return levels[np.minimum(np.arange(page.samples), len(levels) - 1)]
