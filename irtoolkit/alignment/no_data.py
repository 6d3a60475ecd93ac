"""Where the infrared holds no data: rows and columns of one value, and corners that turning the picture left empty."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SMALLEST_CORNER = 64
RAGGED = 1.5


class NoData(NamedTuple):
    """Pixels of the infrared without data, as what is cut off each row, and columns.

    `left`, `right` (y,): number of pixels without data at either end of each row; `columns` (x,) bool: those without
    any data.
    """

    left: np.ndarray
    right: np.ndarray
    columns: np.ndarray

    def grown(self, reach: int) -> "NoData":
        """With every pixel that has one of these within `reach` rows and columns."""
        left, right = (_highest(end + reach * (end > 0), reach) for end in (self.left, self.right))
        return NoData(left, right, _highest(self.columns, reach))

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Whether there is no data at these rows and columns of the slide, whole numbers that broadcast together."""
        y, x = (np.clip(at, 0, last - 1) for at, last in ((rows, len(self.left)), (columns, len(self.columns))))
        cut = (x < self.left[y]) | (x >= len(self.columns) - self.right[y])
        return np.asarray(cut | self.columns[x])


def _highest(values: np.ndarray, reach: int) -> np.ndarray:
    padded = np.pad(values, reach)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1))


class Runs(NamedTuple):
    """Of lines of pixels: the value at their `first` and `last` pixel, and how many pixels from there on have it."""

    first: np.ndarray
    from_first: np.ndarray
    last: np.ndarray
    from_last: np.ndarray


def measure_runs(lines: np.ndarray) -> Runs:
    """Runs of lines (line, pixel) from both ends.

    >>> [int(one[0]) for one in measure_runs(np.array([[7, 7, 1, 0, 0, 0]]))]
    [7, 2, 0, 3]
    """
    first, from_first = _run(lines)
    last, from_last = _run(lines[:, ::-1])
    return Runs(first, from_first, last, from_last)


def _run(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    other = lines != lines[:, :1]
    return lines[:, 0].copy(), np.where(other.any(axis=1), other.argmax(axis=1), lines.shape[1])


def join_runs(parts: Sequence[Runs], lengths: Sequence[int]) -> Runs:
    """Runs of lines that were cut into parts of these lengths."""
    first, from_first = _joined([(part.first, part.from_first) for part in parts], lengths)
    last, from_last = _joined([(part.last, part.from_last) for part in parts[::-1]], lengths[::-1])
    return Runs(first, from_first, last, from_last)


def _joined(parts: Sequence[tuple[np.ndarray, np.ndarray]], lengths: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    value, total = parts[0]
    whole = total == lengths[0]
    for (first, run), length in zip(parts[1:], lengths[1:], strict=True):
        goes_on = whole & (first == value)
        total = total + np.where(goes_on, run, 0)
        whole = goes_on & (run == length)
    return value, total


def find_no_data(rows: Runs, columns: Runs, common: np.ndarray) -> NoData | None:
    """Rows and columns of one value from edge to edge, and corners of one value bounded by a straight slanted line.

    `rows` and `columns` are the runs of the infrared's; what has one of the `common` values is clipped film. None where
    there is no such place, or no other.
    """
    height, width = len(rows.first), len(columns.first)
    empty_rows = (rows.from_first == width) & ~np.isin(rows.first, common)
    empty_columns = (columns.from_first == height) & ~np.isin(columns.first, common)
    ends = []
    for value, run, step in ((rows.first, rows.from_first, 1), (rows.last, rows.from_last, -1)):
        beyond = run - np.argmin(empty_columns[::step])
        beyond[np.isin(value, common)] = 0
        beyond[empty_rows] = -1
        corners = _corner(value, beyond) + _corner(value[::-1], beyond[::-1])[::-1]
        ends.append(np.where(corners > 0, run, 0))
    left, right = np.where(empty_rows, width, ends[0]), ends[1]
    nothing = empty_rows.all() or empty_columns.all() or not (left.any() or right.any() or empty_columns.any())
    return None if nothing else NoData(left, right, empty_columns)


def _corner(value: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Runs (row,) that are a corner's, from the first row on that is not empty (-1); 0 elsewhere."""
    first = int(np.argmax(run >= 0))
    ended = np.flatnonzero((run[first:] <= 0) | (value[first:] != value[first]))
    last = first + int(ended[0]) if ended.size else len(run)
    corner = np.zeros_like(run)
    if run[first:last].sum() >= SMALLEST_CORNER and _tapers(run[first:last]):
        corner[first:last] = run[first:last]
    return corner


def _tapers(lengths: np.ndarray) -> bool:
    """Whether lengths shrink along a straight line to nothing, each within what a row changes and 1.5 px."""
    if lengths.size == 1:
        return True
    row = np.arange(lengths.size)
    slope, start = np.polyfit(row, lengths, 1)
    off = np.append(np.abs(lengths - start - slope * row), start + slope * lengths.size)
    return bool(slope < 0 and off.max() <= RAGGED - slope)
