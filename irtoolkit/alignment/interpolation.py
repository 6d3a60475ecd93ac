"""Resampling of a plane along small, slowly varying displacements."""

from itertools import pairwise, product

import cv2
import numpy as np

from irtoolkit.alignment.displacement import Displacement, displacement_at
from irtoolkit.arrays import gradient

REACH = 4
"""Taps of Lanczos' kernel on either side (Duchon 1979, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2)."""

LARGEST_REST, SMALLEST_CELL = 0.1, 32
"""Displacement, px, that is left to the slope of the resampled plane, with an error of its square; and the side, px, of
the smallest cells, where displacements change so fast that more is left."""


def resample(plane: np.ndarray, displacement: Displacement, start: tuple[int, int]) -> np.ndarray:
    """A piece (y, x) of a slide, float32, that begins at `start`, read where its displacement is; NaN out of the piece.

    The slide is cut into cells of nearly one displacement. Each is resampled by Lanczos' kernel of eight taps at that
    of its middle, which keeps thin minima, and what is left of the displacement is made up by the slope.

    >>> from irtoolkit.alignment.displacement import constant_displacement
    >>> resample(np.float32([[1, 2, 3]]), constant_displacement(0, 1, (1, 3)), (0, 0))
    array([[ 2.,  3., nan]], dtype=float32)
    """
    moved, side = np.full_like(plane, np.nan), _cell_side(displacement)
    for spans in product(*(_cells(*span, side) for span in zip(start, plane.shape, strict=True))):
        places = [first + np.arange(span.start, span.stop) for first, span in zip(start, spans, strict=True)]
        middles = [(place[:1] // side + 0.5) * side if side else place[:1] for place in places]
        middle = displacement_at(displacement, *middles)[:, 0, 0]
        whole = np.floor(middle).astype(int).tolist()
        source = [_within(span, by, length) for span, by, length in zip(spans, whole, plane.shape, strict=True)]
        if all(span.start < span.stop for span in source):
            target = tuple(slice(span.start - by, span.stop - by) for span, by in zip(source, whole, strict=True))
            kept = [slice(t.start - span.start, t.stop - span.start) for t, span in zip(target, spans, strict=True)]
            moves = displacement_at(displacement, *(place[part] for place, part in zip(places, kept, strict=True)))
            moved[target] = _resample_piece(plane, source, middle - whole, moves - middle[:, None, None])
    return moved


def _cell_side(displacement: Displacement) -> int:
    """Side, px, of the cells in which displacements differ little from the middle one; 0 where all are the same."""
    rows, columns = (np.arange(length) for length in displacement.shape)
    along = (displacement_at(displacement, *places) for places in ((rows, columns[:1]), (rows[:1], columns)))
    steepest = sum(float(np.abs(np.diff(moves.reshape(2, -1))).max(initial=0)) for moves in along)
    return max(SMALLEST_CELL, int(2 * LARGEST_REST / steepest)) if steepest else 0


def _cells(first: int, length: int, side: int) -> list[slice]:
    """Parts of a piece that begins at `first`, each within one cell."""
    if not side:
        return [slice(0, length)]
    edges = [0, *range(side - first % side, length, side), length]
    return [slice(*pair) for pair in pairwise(edges)]


def _within(span: slice, by: int, length: int) -> slice:
    """A span moved by whole pixels, as far as it is within the plane."""
    return slice(max(span.start + by, 0), min(span.stop + by, length))


def _resample_piece(plane: np.ndarray, source: list[slice], fraction: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The plane at `source` plus a fraction of a pixel, and a small rest (2, y, x) that differs from place to place."""
    margin = REACH + 1
    wide = [slice(max(span.start - margin, 0), span.stop + margin) for span in source]
    inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(source, wide, strict=True))
    down, across = (_lanczos(float(part)) for part in fraction)
    anchor = (REACH - 1, REACH - 1)
    fine = cv2.sepFilter2D(plane[*wide], cv2.CV_32F, across, down, anchor=anchor, borderType=cv2.BORDER_REFLECT_101)
    if not rest.any():
        return fine[inner]
    slope_y, slope_x = (slope[inner] for slope in gradient(fine))
    return np.asarray(fine[inner] + rest[0] * slope_y + rest[1] * slope_x)


def _lanczos(fraction: float) -> np.ndarray:
    """Weights of the pixels from 3 before to 4 after a place that is a fraction of a pixel beyond one."""
    distance = np.arange(1 - REACH, REACH + 1) - fraction
    weights = np.sinc(distance) * np.sinc(distance / REACH)
    return (weights / weights.sum()).astype(np.float32)
