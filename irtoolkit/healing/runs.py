"""Sums over pixels that belong together and are next to each other in an array."""

from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """Runs of neighbouring entries of an array: the first of each, and their numbers.

    >>> runs = Runs.of(np.array([0, 0, 1]))
    >>> runs.spread(runs.sum(np.array([[1.0, 2.0, 4.0]])))
    array([[3., 3., 4.]])
    """

    first: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray) -> "Runs":
        """Runs of equal labels (n,)."""
        first = np.flatnonzero(np.diff(labels, prepend=labels[:1] - 1))
        return cls(first, np.diff(first, append=labels.size))

    def sum(self, parts: np.ndarray) -> np.ndarray:
        """Sums (..., runs) of parts (..., n)."""
        return np.add.reduceat(parts, self.first, axis=-1) if self.first.size else parts[..., :0]

    def largest(self, parts: np.ndarray) -> np.ndarray:
        """Largest (..., runs) of parts (..., n)."""
        return np.maximum.reduceat(parts, self.first, axis=-1) if self.first.size else parts[..., :0]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values (..., runs), each for all entries (..., n) of its run."""
        return np.repeat(values, self.number, axis=-1)

    def select(self, runs: np.ndarray) -> "Runs":
        """Selected `runs` (bool), of an array of their entries only."""
        number = self.number[runs]
        return Runs(np.cumsum(number) - number, number)
