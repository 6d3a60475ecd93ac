"""A map of the displacement of a slide's infrared."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from irtoolkit.alignment import Displacement, displacement_at
from irtoolkit.plots import NEGLIGIBLE, add_key, scaled
from irtoolkit.widgets.drawing import Drawing
from irtoolkit.widgets.levels import Levels
from irtoolkit.widgets.views import Box, to_upright

ACROSS = 7
LONGER = 270
LEFT, RIGHT, TOP, BOTTOM = 60, 15, 30, 115
"""Pixels of the screen: the longer side of the slide on the map, and the margins; the key is below it."""

UNIT = 0.1
"""Length of an arrow, as a share of the longer side, that 90 % of the arrows do not exceed."""

SURE, FAINT = 0.3, 0.1
"""Standard error in pixels at which an arrow is half as dark, and the lowest darkness."""

FITTED, BLUE = "fitted", "#56b4e9"


class DisplacementMap:
    """Arrows over the upright slide: the displacement of each piece and the fitted field; a click goes to a place.

    Parameters
    ----------
    displacement
        From `measure_displacement`.
    levels
        The slide.
    go
        Called with the row and column of a click on the upright slide.
    """

    def __init__(self, displacement: Displacement, levels: Levels, go: Callable[[float, float], None]) -> None:
        self._shape, self._orientation, self._displacement = levels.shape, levels.orientation, displacement
        tall, wide = (round(LONGER * side / max(levels.shape)) for side in levels.shape)
        height, width = tall + TOP + BOTTOM, wide + LEFT + RIGHT
        self.drawing = Drawing(width, height)
        self.drawing.figure.set_layout_engine(None)
        self._ax = self.drawing.figure.add_axes((LEFT / width, BOTTOM / height, wide / width, tall / height))
        self._below = 60 / tall
        self._window = Rectangle((0, 0), 0, 0, fill=False, edgecolor="C3")
        self.drawing.figure.canvas.mpl_connect("button_press_event", lambda event: self._click(event, go))
        self.draw_arrows(less_shift=False)

    @property
    def best(self) -> tuple[float, float]:
        """Row and column of the piece with the smallest error; the middle if there are no pieces."""
        if self._displacement.pieces is None:
            return self._shape[0] / 2, self._shape[1] / 2
        piece = int(self._displacement.pieces.error.argmin())
        row, column = self._upright_places()[piece].tolist()
        return row, column

    def _upright_places(self) -> np.ndarray:
        field = self._displacement
        if field.pieces is not None:
            stored = field.pieces.place
        else:
            stored = np.stack(np.meshgrid(*grid_of(field), indexing="ij"), axis=-1).reshape(-1, 2)
        return to_upright(stored, self._shape, self._orientation)

    def draw_arrows(self, *, less_shift: bool) -> None:
        """Draw all arrows, optionally minus the displacement of the middle; arrows with a large error are faint.

        A key states their scale. Where all are under 0.05 px, a sentence takes their place.
        """
        ax, field = self._ax, self._displacement
        ax.clear()
        height, width = self._shape
        ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xlabel="column (px)", ylabel="row (px)")
        title = "Displacement, minus that of the middle" if less_shift else "Displacement of the infrared"
        ax.set_title(title, fontsize=10)
        ax.add_patch(self._window)
        arrows = _arrows(field, less_shift)
        longest = max(float(np.quantile(np.hypot(*vectors.T), 0.9)) for vectors in arrows.values())
        if longest < NEGLIGIBLE:
            text = "the same everywhere" if less_shift else "no displacement"
            ax.text(0.5, 0.5, f"{text}\n(within {NEGLIGIBLE:g} px)", transform=ax.transAxes, ha="center", va="center")
        else:
            self._draw_arrows(arrows, longest, UNIT * max(height, width))
        self.drawing.redraw()

    def _draw_arrows(self, arrows: dict[str, np.ndarray], longest: float, reach: float) -> None:
        """Draw displacements of `longest` pixels as long as `reach` pixels of the slide, and a key."""
        places, ax = self._upright_places(), self._ax
        for name, vectors in arrows.items():
            down, across = to_upright(vectors, (1, 1), self._orientation).T
            style = {"color": BLUE, "width": 0.01} if name == FITTED else self._piece_style()
            drawn = ax.quiver(places[:, 1], places[:, 0], across, down, label=name, **scaled(longest, reach), **style)
        add_key(ax, drawn, longest, reach, -self._below)
        ax.legend(loc="upper left", bbox_to_anchor=(0, -self._below), ncols=2, fontsize=8, frameon=False)

    def _piece_style(self) -> dict[str, Any]:
        assert self._displacement.pieces is not None
        strength = 1 / (1 + (self._displacement.pieces.error / SURE) ** 2)
        return {"color": "black", "alpha": np.maximum(strength, FAINT), "width": 0.004}

    def mark(self, box: Box) -> None:
        """Draw a frame around the part on the panels."""
        rows, columns = box
        self._window.set_bounds(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        self.drawing.redraw()

    def _click(self, event: Any, go: Callable[[float, float], None]) -> None:
        if event.inaxes is not None:
            go(event.ydata, event.xdata)


def _arrows(field: Displacement, less_shift: bool) -> dict[str, np.ndarray]:
    """Displacements (place, 2) in y and x: of the fitted field, and of each piece if there are any."""
    if field.pieces is not None:
        y, x = field.pieces.place.T
        fitted = np.array([displacement_at(field, y[i : i + 1], x[i : i + 1])[:, 0, 0] for i in range(len(y))])
        arrows = {FITTED: fitted, "measured": field.pieces.move}
    else:
        arrows = {FITTED: displacement_at(field, *grid_of(field)).reshape(2, -1).T}
    middle = field.coefficient[:, 0] if less_shift else 0
    return {name: vectors - middle for name, vectors in arrows.items()}


def grid_of(displacement: Displacement) -> tuple[np.ndarray, np.ndarray]:
    """Seven rows and seven columns, in stored pixels, evenly spread over the slide."""
    rows, columns = (np.linspace(0, side - 1, ACROSS) for side in displacement.shape)
    return rows, columns
