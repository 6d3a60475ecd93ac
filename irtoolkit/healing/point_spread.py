"""The infrared's blur of the defects' unknown pixels, as sparse matrices: down the columns, then along the rows."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

SHARP = 0.15
"""Blur, px, up to which it is ignored."""


class PointSpread(NamedTuple):
    """Separable blur of `n` unknown pixels at `q` samples: `down` (m, n) and `across` (q, m), and their transposes.

    Each of the `m` points between is in the row of a sample and in the column of a pixel. No row of either is empty.
    """

    down: sparse.csr_array
    across: sparse.csr_array
    up: sparse.csr_array
    back: sparse.csr_array

    @classmethod
    def of(cls, down: sparse.csr_array, across: sparse.csr_array) -> "PointSpread":
        """The blur of two matrices."""
        return cls(down, across, down.T.tocsr(), across.T.tocsr())

    def blur(self, pixels: np.ndarray) -> np.ndarray:
        """Samples (q,) of pixels (n,)."""
        return self.across @ (self.down @ pixels)

    def gather(self, samples: np.ndarray) -> np.ndarray:
        """For each pixel (n,) the sum of the samples (q,), as far as they see it: the transpose of `blur`."""
        return self.up @ (self.back @ samples)

    def squared(self) -> "PointSpread":
        """The blur whose every weight is the square: a pixel reaches a sample through one point only."""
        return PointSpread(*(matrix.power(2) for matrix in self))

    def select(self, pixels: np.ndarray) -> tuple["PointSpread", np.ndarray]:
        """The part of some pixels (n,) bool, which share no sample with the others, and their samples (q,) bool."""
        points = pixels[self.down.indices[self.down.indptr[:-1]]]
        samples = points[self.across.indices[self.across.indptr[:-1]]]
        pixel, point, sample = (np.cumsum(kept, dtype=np.int32) - 1 for kept in (pixels, points, samples))
        down, across = part(self.down, points, pixel), part(self.across, samples, point)
        return PointSpread(down, across, part(self.up, pixels, point), part(self.back, points, sample)), samples


def part(matrix: sparse.csr_array, rows: np.ndarray, number: np.ndarray) -> sparse.csr_array:
    """Selected rows (bool) of a matrix, with renumbered columns."""
    chosen = matrix[rows]
    shape = chosen.shape[0], int(number[-1]) + 1
    return sparse.csr_array((chosen.data, number[chosen.indices], chosen.indptr), shape=shape)


def reach_of(sigma: float) -> int:
    """Px to each side that a blur of `sigma` px reaches."""
    return round(2.5 * sigma) if sigma > SHARP else 0


def spread_points(number: np.ndarray, used: np.ndarray, sigma: float, side: int) -> PointSpread:
    """Gaussian blur of the unknown pixels at the samples `used` (rows, columns), squares of `side` pixels.

    `number` (y, x): index of each unknown pixel, negative elsewhere, where there is no defect.
    """
    reach = reach_of(sigma)
    offsets = np.arange(-reach, reach + side)
    kernel = np.exp(-((offsets - (side - 1) / 2) ** 2) / (2 * (max(sigma, SHARP) ** 2 + (side**2 - 1) / 12)))
    weights = (kernel / kernel.sum()).astype(np.float32)
    row, column = np.nonzero(used)
    framed = np.pad(number, reach, constant_values=-1)
    wanted = np.zeros((used.shape[0], framed.shape[1]), bool)
    for offset in offsets:
        wanted[row, side * column + reach + offset] = True
    y, x = np.nonzero(wanted)
    seen = np.stack([framed[side * y + reach + offset, x] for offset in offsets])
    reached = (seen >= 0).any(axis=0)
    point = np.full(wanted.shape, -1, np.int32)
    point[y[reached], x[reached]] = np.arange(np.count_nonzero(reached), dtype=np.int32)
    across = np.stack([point[row, side * column + reach + offset] for offset in offsets])
    pixels, points = int(number.max(initial=-1)) + 1, int(np.count_nonzero(reached))
    return PointSpread.of(_matrix(seen[:, reached], weights, pixels), _matrix(across, weights, points))


def _matrix(columns: np.ndarray, weights: np.ndarray, width: int) -> sparse.csr_array:
    """Matrix (rows, width) of a weight for each of the `columns` (weights, rows) that is not negative."""
    kept = columns.T >= 0
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    values = np.broadcast_to(weights, kept.shape)[kept]
    return sparse.csr_array((values, columns.T[kept], ends), shape=(columns.shape[1], width))
