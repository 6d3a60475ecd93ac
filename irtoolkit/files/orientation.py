"""TIFF orientations (tag 274), and how a plane with one maps to the grid of a plane with another."""

from typing import NamedTuple

import numpy as np


class Turn(NamedTuple):
    """A change of grid: the axes are swapped, then rows run upwards, then columns run to the left.

    >>> Turn(transposed=True, mirrored=True).apply(np.array([[1, 2, 3], [4, 5, 6]])).tolist()
    [[4, 1], [5, 2], [6, 3]]
    """

    transposed: bool = False
    upside_down: bool = False
    mirrored: bool = False

    def apply(self, plane: np.ndarray) -> np.ndarray:
        """Turn an array (y, x, ...); a view."""
        turned = plane.swapaxes(0, 1) if self.transposed else plane
        return turned[:: -1 if self.upside_down else 1, :: -1 if self.mirrored else 1]

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a turned plane of this size."""
        return (width, height) if self.transposed else (height, width)

    @property
    def inverse(self) -> "Turn":
        """The turn that undoes this one."""
        flips = (self.upside_down, self.mirrored)
        return Turn(self.transposed, *(flips[::-1] if self.transposed else flips))

    def then(self, other: "Turn") -> "Turn":
        """Give this turn followed by another."""
        down, across = self.upside_down, self.mirrored
        if other.transposed:
            down, across = across, down
        transposed = self.transposed != other.transposed
        return Turn(transposed, down != other.upside_down, across != other.mirrored)

    def source(self, y: range, x: range, height: int, width: int) -> tuple[range, range]:
        """Rows and columns of a plane of this size that a box of the turned plane shows."""
        rows, columns = self.shape(height, width)
        if self.upside_down:
            y = range(rows - y.stop, rows - y.start)
        if self.mirrored:
            x = range(columns - x.stop, columns - x.start)
        return (x, y) if self.transposed else (y, x)


AS_STORED = Turn()

_UPRIGHT = {
    1: AS_STORED,
    2: Turn(mirrored=True),
    3: Turn(upside_down=True, mirrored=True),
    4: Turn(upside_down=True),
    5: Turn(transposed=True),
    6: Turn(transposed=True, mirrored=True),
    7: Turn(transposed=True, upside_down=True, mirrored=True),
    8: Turn(transposed=True, upside_down=True),
}


def turn_between(orientation: int, other: int) -> Turn:
    """The turn that brings a plane of one orientation (1 to 8) onto the stored grid of a plane of another.

    >>> turn_between(6, 6)
    Turn(transposed=False, upside_down=False, mirrored=False)
    """
    return _UPRIGHT[orientation].then(_UPRIGHT[other].inverse)
