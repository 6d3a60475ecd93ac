"""The part of a slide that a panel shows, and conversions between screen, upright slide and stored pixels."""

from math import ceil, floor, hypot
from typing import NamedTuple

import cv2
import numpy as np

from irtoolkit.pictures import MIRRORED, TRANSPOSED, UPSIDE_DOWN, Picture

Box = tuple[slice, slice]
Size = tuple[int, int]

CLOSEST = 1 / 16
GRAY = 96

AROUND = 3.0
"""A box in the middle of a view takes up at most one third of it."""

RING, SHADE = (255, 212, 0), (0, 0, 0)
CLEAR = 8
"""Screen pixels between a box and the ring around it."""


class View(NamedTuple):
    """What a panel shows: its middle, in pixels of the upright slide, and slide pixels per screen pixel (`step`).

    >>> View(100, 200, 2).moved(10, 0)
    View(row=120, column=200, step=2)
    """

    row: float
    column: float
    step: float

    def moved(self, down: float, across: float) -> "View":
        """The view moved by a number of screen pixels."""
        return self._replace(row=self.row + down * self.step, column=self.column + across * self.step)

    def zoomed(self, factor: float, down: float = 0, across: float = 0) -> "View":
        """The view enlarged about a fixed place, a number of screen pixels from the middle."""
        held = self.moved(down, across)
        return held._replace(step=self.step / factor).moved(-down, -across)

    def within(self, shape: Size, size: Size) -> "View":
        """The view with its middle on the slide, and its zoom between 16:1 and half of fitting, or 1:1."""
        row, column = (min(max(middle, 0), length) for middle, length in zip(self[:2], shape, strict=True))
        farthest = max(2 * fit_view(shape, size).step, 1.0)
        return View(row, column, min(max(self.step, CLOSEST), farthest))

    def box(self, size: Size, shape: Size, level: int = 1) -> Box:
        """Rows and columns of the slide in a panel of this size, in whole squares of `level` pixels.

        >>> View(50, 50, 1).box((20, 30), (100, 60))
        (slice(40, 60, None), slice(35, 60, None))
        """
        sides = []
        for middle, length, whole in zip(self[:2], size, shape, strict=True):
            reach, last = self.step * length / 2, max(whole // level, 1)
            start = min(max(floor((middle - reach) / level), 0), last - 1)
            stop = min(max(ceil((middle + reach) / level), start + 1), last)
            sides.append(slice(start * level, min(stop * level, whole)))
        return sides[0], sides[1]

    def around(self, box: Box, size: Size) -> "View":
        """The view with a box of the slide in its middle, at this zoom if the box takes up at most one third.

        >>> View(0, 0, 1).around((slice(10, 20), slice(30, 90)), (100, 120))
        View(row=15.0, column=60.0, step=1.5)
        """
        row, column = ((side.start + side.stop) / 2 for side in box)
        needed = max(AROUND * (side.stop - side.start) / length for side, length in zip(box, size, strict=True))
        return View(row, column, max(self.step, needed))

    def ring(self, panel: Picture, box: Box) -> Picture:
        """A copy of a panel of this view, with a ring around a box of the slide."""
        middles = zip(box, self[:2], panel.shape, strict=False)
        down, across = (
            ((side.start + side.stop) / 2 - here) / self.step + length / 2 for side, here, length in middles
        )
        reach = hypot(*(side.stop - side.start for side in box)) / 2 / self.step + CLEAR
        ringed = panel.copy()
        for colour, width in ((SHADE, 4), (RING, 2)):
            cv2.circle(ringed, (round(across), round(down)), round(reach), colour, width, cv2.LINE_AA)
        return ringed

    def scaled(self, box: Box) -> Size:
        """Height and width of a box of the slide on the screen."""
        height, width = (max(1, round((side.stop - side.start) / self.step)) for side in box)
        return height, width

    def lay(self, picture: Picture, box: Box, size: Size) -> Picture:
        """A panel (y, x, 3) of this size with the picture of a box, of size `scaled(box)`, in its place."""
        panel = blank(size)
        into, cut = [], []
        for middle, side, length, here in zip(self[:2], box, size, picture.shape, strict=False):
            first = round((side.start - middle) / self.step + length / 2)
            into.append(slice(max(first, 0), max(min(first + here, length), 0)))
            cut.append(slice(max(-first, 0), max(min(here, length - first), 0)))
        panel[*into] = picture[*cut]
        return panel

    def place(self, down: float, across: float, size: Size) -> tuple[int, int]:
        """Row and column of the upright slide at a pixel of a panel of this size."""
        there = self.moved(down - size[0] / 2, across - size[1] / 2)
        return floor(there.row), floor(there.column)


def blank(size: Size) -> Picture:
    """An empty panel."""
    return np.full((*size, 3), GRAY, np.uint8)


def fit_view(shape: Size, size: Size) -> View:
    """The view that fits a whole slide of this shape into a panel of this size."""
    return View(shape[0] / 2, shape[1] / 2, max(shape[0] / size[0], shape[1] / size[1]))


def stored_box(box: Box, shape: Size, orientation: int) -> Box:
    """Stored rows and columns of a box of the upright slide, which has this shape.

    >>> stored_box((slice(0, 1), slice(2, 5)), (10, 20), 6)
    (slice(15, 18, None), slice(0, 1, None))
    """
    flipped = orientation in UPSIDE_DOWN, orientation in MIRRORED
    rows, columns = (
        slice(length - side.stop, length - side.start) if turned else side
        for side, length, turned in zip(box, shape, flipped, strict=True)
    )
    return (columns, rows) if orientation in TRANSPOSED else (rows, columns)


def stored_place(row: int, column: int, shape: Size, orientation: int) -> tuple[int, int]:
    """Stored y and x of a row and column of the upright slide, which has this shape."""
    y, x = stored_box((slice(row, row + 1), slice(column, column + 1)), shape, orientation)
    return y.start, x.start


def to_upright(pairs: np.ndarray, shape: Size, orientation: int) -> np.ndarray:
    """Turn stored y and x (place, 2) into rows and columns of the upright slide; vectors, with shape (1, 1).

    >>> to_upright(np.array([[0, 2]]), (10, 20), 6)
    array([[ 2, 19]])
    """
    turned = pairs[:, ::-1] if orientation in TRANSPOSED else pairs
    flipped = orientation in UPSIDE_DOWN, orientation in MIRRORED
    return np.where(flipped, np.array(shape) - 1 - turned, turned)


def to_screen(plane: np.ndarray, size: Size, *, largest: bool = False) -> np.ndarray:
    """Resize a plane (y, x) or (y, x, band) by averaging or, if `largest`, by the maximum; enlarged pixels are squares.

    Masks must be uint8.

    >>> to_screen(np.eye(4, dtype=np.uint8), (2, 2), largest=True)
    array([[1, 0],
           [0, 1]], dtype=uint8)
    """
    reduced = size[0] < plane.shape[0]
    if reduced and largest:
        reach = ceil(plane.shape[0] / size[0]), ceil(plane.shape[1] / size[1])
        plane = cv2.dilate(plane, np.ones(reach, np.uint8), anchor=(0, 0))
    average = reduced and not largest
    return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA if average else cv2.INTER_NEAREST)
