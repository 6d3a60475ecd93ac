"""Neighbourhoods of masked pixels, cut out of a block and placed side by side on one sheet."""

from typing import NamedTuple

import cv2
import numpy as np

Place = tuple[slice, slice]
Margins = tuple[tuple[int, int], tuple[int, int]]

LARGE = 48
"""Px from which pieces need more film around them (docs/method.md)."""


class Sheet(NamedTuple):
    """Windows of a block placed without overlap: `sources` in the block, `places` on the sheet, and its shape.

    `beyond`: rows above and below and columns left and right of each place that mirror the block beyond its edges;
    `owner` (y, x) of the block: number, from 1, of the window that owns the pieces there; other windows may overlap it.
    """

    sources: list[Place]
    places: list[Place]
    beyond: list[Margins]
    shape: tuple[int, int]
    owner: np.ndarray

    def gather(self, planes: np.ndarray, between: float | None = None) -> np.ndarray:
        """Sheet with the windows of planes (band, y, x); between them a number, or the median of each plane."""
        fill = np.median(planes[:, ::7, ::7], axis=(1, 2))[:, None, None] if between is None else between
        sheet = np.broadcast_to(fill, (len(planes), *self.shape)).astype(planes.dtype)
        for source, place, margins in zip(self.sources, self.places, self.beyond, strict=True):
            window = planes[:, *source]
            if np.any(margins):
                window, place = np.pad(window, ((0, 0), *margins), mode="symmetric"), _framed(place, margins)
            sheet[:, *place] = window
        return sheet

    def own(self, mask: np.ndarray) -> np.ndarray:
        """Masked pixels (y, x) of the block, each in the window that owns it, on the sheet."""
        sheet = np.zeros(self.shape, bool)
        for number, (source, place) in enumerate(zip(self.sources, self.places, strict=True), 1):
            sheet[place] = mask[source] & (self.owner[source] == number)
        return sheet

    def scatter(self, sheet: np.ndarray, mask: np.ndarray, planes: np.ndarray) -> None:
        """Copy the sheet's values at masked pixels (y, x), from the owning windows, into planes (band, y, x)."""
        for number, (source, place) in enumerate(zip(self.sources, self.places, strict=True), 1):
            marked = mask[source] & (self.owner[source] == number)
            planes[:, *source][:, marked] = sheet[:, *place][:, marked]


def find_windows(mask: np.ndarray, margin: int) -> list[Place]:
    """Rows and columns of the box around each 8-connected piece of a mask (y, x), wider by `margin` px on every side.

    >>> mask = np.zeros((9, 20), bool)
    >>> mask[4, 5:7] = mask[4, 15] = True
    >>> [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in find_windows(mask, 2)]
    [(2, 7, 3, 9), (2, 7, 13, 18)]
    """
    return label_windows(mask, margin)[0]


def label_windows(mask: np.ndarray, margin: int) -> tuple[list[Place], np.ndarray]:
    """The windows of `find_windows`, and for each pixel (y, x) the number of its window from 1, else 0."""
    marked = mask.astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStatsWithAlgorithm(marked, 8, cv2.CV_32S, cv2.CCL_GRANA)
    places = [(slice(y, y + height), slice(x, x + width)) for x, y, width, height, _ in boxes[1:].tolist()]
    return [_widened(place, margin, mask.shape) for place in places], labels


def pieces_reaching(mask: np.ndarray, inside: Place, near: int) -> np.ndarray:
    """Pieces of a mask (y, x) that reach into rows and columns `inside`, alone or joined if all grow by `near` px.

    >>> mask = np.array([[True, True, False, False, True]])
    >>> pieces_reaching(mask, (slice(0, 1), slice(1, 3)), 0)
    array([[ True,  True, False, False, False]])
    """
    _, labels = cv2.connectedComponents(_near(mask, near), connectivity=8)
    reaching = np.zeros(labels.max(initial=0) + 1, bool)
    reaching[labels[inside][mask[inside]]] = True
    return np.asarray(mask & reaching[labels])


def _near(mask: np.ndarray, near: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * near + 1, 2 * near + 1), np.uint8))


def _widened(place: Place, margin: int, shape: tuple[int, ...]) -> Place:
    rows, columns = (
        slice(max(side.start - margin, 0), min(side.stop + margin, length))
        for side, length in zip(place, shape, strict=True)
    )
    return rows, columns


def lay_out(mask: np.ndarray, near: int, margin: int) -> Sheet:
    """Place the neighbourhoods of a mask (y, x) on a sheet; pieces that touch if all grow by `near` px share one.

    Every window is wider than its pieces by `margin` px on every side, and half as much more around large ones. Windows
    at the block's edges are extended by mirroring, so that they do not touch other windows. If the windows together are
    as large as the block, the block is the only window.
    """
    boxes, owner = label_windows(_near(mask, near), 0)
    margins = [margin + margin // 2 * _is_large(box) for box in boxes]
    sources = [_widened(box, wide - near, mask.shape) for box, wide in zip(boxes, margins, strict=True)]
    beyond = [_beyond(source, wide, mask.shape) for source, wide in zip(sources, margins, strict=True)]
    sizes = [_size(source, margins) for source, margins in zip(sources, beyond, strict=True)]
    width = max([mask.shape[1], *(columns for _, columns in sizes)])
    corners, height = _shelve(sizes, width)
    if height * width >= mask.size:
        whole, none = (slice(0, mask.shape[0]), slice(0, mask.shape[1])), ((0, 0), (0, 0))
        return Sheet([whole], [whole], [none], (mask.shape[0], mask.shape[1]), np.ones(mask.shape, np.int32))
    places = [_place(*parts) for parts in zip(corners, sources, beyond, strict=True)]
    return Sheet(sources, places, beyond, (height, width), owner)


def _is_large(box: Place) -> bool:
    return max(side.stop - side.start for side in box) > LARGE


def _beyond(source: Place, margin: int, shape: tuple[int, ...]) -> Margins:
    """A whole margin at each side where the block truncates the window."""
    rows, columns = (
        (margin * (side.start == 0), margin * (side.stop == length)) for side, length in zip(source, shape, strict=True)
    )
    return rows, columns


def _size(source: Place, margins: Margins) -> tuple[int, int]:
    rows, columns = (side.stop - side.start + sum(more) for side, more in zip(source, margins, strict=True))
    return rows, columns


def _place(corner: tuple[int, int], source: Place, margins: Margins) -> Place:
    rows, columns = (
        slice(first + before, first + before + side.stop - side.start)
        for first, (before, _), side in zip(corner, margins, source, strict=True)
    )
    return rows, columns


def _framed(place: Place, margins: Margins) -> Place:
    rows, columns = (
        slice(side.start - before, side.stop + after) for side, (before, after) in zip(place, margins, strict=True)
    )
    return rows, columns


def _shelve(sizes: list[tuple[int, int]], width: int) -> tuple[list[tuple[int, int]], int]:
    """Corners of windows, placed tallest first and below another one if possible, and the height that they need."""
    free: list[tuple[int, int, int, int]] = []
    height = 0
    corners: dict[int, tuple[int, int]] = {}
    for number in sorted(range(len(sizes)), key=lambda number: -sizes[number][0]):
        rows, columns = sizes[number]
        fits = (index for index, room in enumerate(free) if rows <= room[1] - room[0] and columns <= room[3] - room[2])
        index = next(fits, None)
        top, bottom, left, right = free.pop(index) if index is not None else (height, height + rows, 0, width)
        height = max(height, bottom)
        corners[number] = top, left
        free += [(top + rows, bottom, left, left + columns), (top, bottom, left + columns, right)]
    return [corners[number] for number in range(len(sizes))], height
