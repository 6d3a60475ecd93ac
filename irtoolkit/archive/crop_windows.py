"""Windows of a slide that are worth a close-up: densely marked places, the doubtful place, uncertain marks."""

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

CROP, WORST, CLOSE = 160, 80, 96
"""Pixels: side of the window around a densely marked place, the doubtful place, and a mark."""

CANDIDATES, MOST_MARKS = 12, 24
"""Number of densely marked places, and most marks, that get a window."""

CELL = 20
SMOOTHING = 27.0
"""Pixels: side of the cells in which marks are counted, and sigma over which the counts are smoothed."""

Place = tuple[slice, slice]
Mask = NDArray[np.bool_]


def find_worst(found: xr.Dataset) -> list[Place]:
    """The window around the doubtful place of a cleaned slide, if there is one."""
    centre = float(found.worst_y), float(found.worst_x)
    if np.isnan(centre).any():
        return []
    shape = found.mask.shape
    rows, columns = (_around(int(n), WORST, length) for n, length in zip(centre, shape, strict=True))
    return [(rows, columns)]


def find_marks(found: xr.Dataset, size: int = CLOSE, count: int = MOST_MARKS) -> list[Place]:
    """Choose windows around the least certain marks of a cleaned slide, in the order of its `mark_y` and `mark_x`.

    A mark that is at most a quarter of `size` from an earlier one, in rows and columns, shares its window.

    >>> marks = {"mark_y": ("mark", [50, 52, 300]), "mark_x": ("mark", [60, 61, 70])}
    >>> find_marks(xr.Dataset({**marks, "mask": (("y", "x"), np.zeros((400, 400), bool))}))
    [(slice(2, 98, None), slice(12, 108, None)), (slice(252, 348, None), slice(22, 118, None))]
    """
    left = np.stack([found.mark_y.values, found.mark_x.values], axis=1)
    places: list[Place] = []
    while len(left) and len(places) < count:
        place = tuple(_around(int(n), size, length) for n, length in zip(left[0], found.mask.shape, strict=True))
        shown = np.abs(left - left[0]).max(axis=1) <= size // 4
        places.append((place[0], place[1]))
        left = left[~shown]
    return places


def find_places(mask: Mask, size: int = CROP, count: int = CANDIDATES) -> list[Place]:
    """Choose windows of a (y, x) mask around its most densely marked places, the densest first, each with new marks.

    Windows have `size` rows and columns, or all of a smaller slide, and do not cross its edge.

    >>> mask = np.zeros((500, 700), bool)
    >>> mask[300:310, 605:615] = True
    >>> find_places(mask)
    [(slice(230, 390, None), slice(530, 690, None))]
    """
    counted = count_marked(mask, CELL, (-(-mask.shape[0] // CELL), -(-mask.shape[1] // CELL))).astype(np.float32)
    places: list[Place] = []
    while len(places) < count and counted.any():
        dense = np.where(counted > 0, cv2.GaussianBlur(counted, (0, 0), SMOOTHING / CELL), -1)
        cell = np.unravel_index(int(dense.argmax()), dense.shape)
        rows, columns = (_window(int(n), size, length) for n, length in zip(cell, mask.shape, strict=True))
        places.append((rows, columns))
        shown = tuple(slice(-(-part.start // CELL), -(-part.stop // CELL)) for part in (rows, columns))
        counted[shown] = 0
        counted[cell] = 0
    return places


def _window(cell: int, size: int, length: int) -> slice:
    """`size` pixels of `length` around the middle of a cell."""
    return _around(cell * CELL + CELL // 2, size, length)


def _around(centre: int, size: int, length: int) -> slice:
    """`size` pixels of `length` around a centre, moved where they would cross an end."""
    start = min(max(centre - size // 2, 0), max(length - size, 0))
    return slice(start, min(start + size, length))


def count_marked(mask: Mask, step: int, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Number of marked pixels in each of `shape` squares of `step` pixels from the top left."""
    y, x = np.divmod(np.flatnonzero(mask), mask.shape[1])
    y, x = np.minimum(y // step, shape[0] - 1), np.minimum(x // step, shape[1] - 1)
    return np.bincount(y * shape[1] + x, minlength=shape[0] * shape[1]).reshape(shape)
