"""Neighbourhoods of marked pixels, cut out of a block and laid side by side on one sheet."""

from typing import NamedTuple

import cv2
import numpy as np

Place = tuple[slice, slice]


class Sheet(NamedTuple):
    """Windows of a block laid out without overlap: `sources` in the block, `places` on the sheet, and its shape.

    `owner` (y, x) of the block: number of the window whose own pieces lie there, from 1 on; others it may see in part.
    """

    sources: list[Place]
    places: list[Place]
    shape: tuple[int, int]
    owner: np.ndarray

    def gather(self, planes: np.ndarray, between: float | None = None) -> np.ndarray:
        """Windows of planes (band, y, x) on the sheet; between them a number, or the median of each plane."""
        fill = np.median(planes[:, ::7, ::7], axis=(1, 2))[:, None, None] if between is None else between
        sheet = np.broadcast_to(fill, (len(planes), *self.shape)).astype(planes.dtype)
        for source, place in zip(self.sources, self.places, strict=True):
            sheet[:, *place] = planes[:, *source]
        return sheet

    def scatter(self, sheet: np.ndarray, mask: np.ndarray, planes: np.ndarray) -> None:
        """Put the sheet's values at each window's own masked pixels (y, x) into planes (band, y, x) of the block."""
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
    """What `find_windows` returns, and each pixel's piece (y, x): the number of its window from 1 on, else 0."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return [_widened(box, margin, mask.shape) for box in boxes[1:].tolist()], labels


def _widened(box: list[int], margin: int, shape: tuple[int, ...]) -> Place:
    left, top, width, height = box[:4]
    rows = slice(max(top - margin, 0), min(top + height + margin, shape[0]))
    return rows, slice(max(left - margin, 0), min(left + width + margin, shape[1]))


def lay_out(mask: np.ndarray, near: int, margin: int) -> Sheet:
    """Lay the neighbourhoods of a mask (y, x) on a sheet as wide as the block; pieces within `near` px share one.

    Where the windows together are as large as the block, the block is the only window.
    """
    close = cv2.dilate(mask.astype(np.uint8), np.ones((2 * near + 1, 2 * near + 1), np.uint8))
    sources, owner = label_windows(close, margin - near)
    places, height = _shelve(sources, mask.shape[1])
    if height >= mask.shape[0]:
        whole = slice(0, mask.shape[0]), slice(0, mask.shape[1])
        return Sheet([whole], [whole], (mask.shape[0], mask.shape[1]), np.ones(mask.shape, np.int32))
    return Sheet(sources, places, (height, mask.shape[1]), owner)


def _shelve(sources: list[Place], width: int) -> tuple[list[Place], int]:
    """Places of windows in rows from the left, the tallest first, and the height that they need."""
    top = left = height = 0
    places: dict[int, Place] = {}
    for number in sorted(range(len(sources)), key=lambda number: sources[number][0].start - sources[number][0].stop):
        rows, columns = (side.stop - side.start for side in sources[number])
        if left + columns > width:
            top, left, height = top + height, 0, 0
        height = max(height, rows)
        places[number] = slice(top, top + rows), slice(left, left + columns)
        left += columns
    return [places[number] for number in range(len(sources))], top + height
