"""How far the visible light under a defect can be trusted: errors of each pixel, and one that a whole defect shares."""

from typing import NamedTuple

import numpy as np

from irtoolkit.healing.runs import Runs

OFFSET_ERROR = 80.0
"""Standard error of the black level, in counts."""

DENSE = 2.0
"""Natural density above which the infrared measures the density worse and worse; from three times that it no longer
does."""


class RatioError(NamedTuple):
    """Standard errors of the ratio at a defect: `shared` by all its pixels, which its rim can correct, and `uneven`, of
    each pixel by itself.
    """

    shared: float
    uneven: float


class VisibleData(NamedTuple):
    """Inverse covariance of the visible data of R, G, B at `n` pixels.

    `precision` (3, n): 1 over the variance of each pixel's own error; `shared` (3, n): what the error that a defect
    shares takes from it, by the Woodbury identity (doi:10.1137/1031049); `defect`: the pixels of each defect.
    """

    precision: np.ndarray
    shared: np.ndarray
    defect: Runs

    def weigh(self, error: np.ndarray) -> np.ndarray:
        """Inverse covariance times an error (3, n)."""
        return self.precision * error - self.shared * self.defect.spread(self.defect.sum(self.shared * error))

    def diagonal(self) -> np.ndarray:
        """Diagonal (3, n) of the inverse covariance."""
        return self.precision - self.shared**2

    def select(self, pixels: np.ndarray) -> "VisibleData":
        """The data of some pixels (n,) bool, which share no defect with the others."""
        kept = self.defect.select(pixels[self.defect.first])
        return VisibleData(self.precision[:, pixels], self.shared[:, pixels], kept)


def weigh_visible(
    noise: np.ndarray, steepness: np.ndarray, density: np.ndarray, error: RatioError, defect: np.ndarray
) -> VisibleData:
    """Weigh the visible data under defects of natural `density` (n,); the others as of `posterior.System`.

    >>> one = np.ones((3, 2))
    >>> data = weigh_visible(one, 1e9 * one, np.ones(2), RatioError(1.0, 0.0), np.zeros(2, int))
    >>> data.weigh(one).round(3)[0]
    array([0.333, 0.333])
    """
    black = (OFFSET_ERROR * (1 - np.exp(-density))) ** 2 / steepness**2
    dense = (error.shared**2 + error.uneven**2) * (density / DENSE) ** 8
    precision = 1 / (noise + black + (error.uneven**2 + dense) * density**2 + np.float32(1e-8))
    common = np.float32(error.shared) * density
    pixels = Runs.of(defect)
    known = 1 + pixels.spread(pixels.sum(precision * common**2))
    return VisibleData(precision, precision * common / np.sqrt(known), pixels)
