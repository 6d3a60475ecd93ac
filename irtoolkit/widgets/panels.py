"""Linked panels of pictures on one drawing, moved and zoomed with the mouse; picture pixels are screen pixels."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.image import AxesImage
from matplotlib.text import Text

from irtoolkit.pictures import Picture
from irtoolkit.widgets.drawing import Drawing
from irtoolkit.widgets.views import Size, blank

GAP = 4
CAPTION = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2}


class MouseActions(NamedTuple):
    """Called on a drag (down, across), a step of the wheel (steps, down, across), and a move (down, across)."""

    drag: Callable[[float, float], None]
    wheel: Callable[[float, float, float], None]
    hover: Callable[[float, float], None]


class Panels:
    """One to six pictures side by side, all of the same size.

    Parameters
    ----------
    width, height
        Of all panels together, in screen pixels.
    actions
        Called with screen pixels; `drag` when the mouse button is released.
    """

    def __init__(self, width: int, height: int, actions: MouseActions) -> None:
        self.drawing = Drawing(width, height)
        self.drawing.figure.set_layout_engine(None)
        self._whole = height, width
        self._actions = actions
        self._shown: list[tuple[AxesImage, Text]] = []
        self._held: tuple[float, float] | None = None
        connect = self.drawing.figure.canvas.mpl_connect
        connect("button_press_event", self._press)
        connect("motion_notify_event", self._move)
        connect("button_release_event", self._release)
        connect("scroll_event", self._scroll)

    def size(self, number: int) -> Size:
        """Height and width of each of this number of panels.

        >>> Panels(604, 400, MouseActions(print, print, print)).size(2)
        (400, 300)
        """
        down, across = _grid(number)
        return (self._whole[0] + GAP) // down - GAP, (self._whole[1] + GAP) // across - GAP

    def show(self, pictures: Sequence[Picture], captions: Sequence[str]) -> None:
        """Draw pictures (y, x, 3), which have the `size` of a panel, and their captions."""
        if len(self._shown) != len(pictures):
            self._divide(len(pictures))
        height, width = self.size(len(pictures))
        for (image, text), picture, caption in zip(self._shown, pictures, captions, strict=True):
            image.set_data(picture)
            image.set_extent((0, width, height, 0))
            text.set_text(caption)
        self.drawing.redraw()

    def _divide(self, number: int) -> None:
        """Replace the panels, from the top left."""
        figure, (height, width), (full_height, full_width) = self.drawing.figure, self.size(number), self._whole
        figure.clear()
        self._shown = []
        for place in range(number):
            row, column = divmod(place, _grid(number)[1])
            left, bottom = column * (width + GAP), full_height - height - row * (height + GAP)
            ax = figure.add_axes(
                (left / full_width, bottom / full_height, width / full_width, height / full_height),
                xlim=(0, width),
                ylim=(height, 0),
            )
            ax.axis("off")
            image = ax.imshow(
                blank((height, width)), extent=(0, width, height, 0), aspect="auto", interpolation="nearest"
            )
            ax.set_autoscale_on(False)
            self._shown.append((image, ax.text(8, 8, "", va="top", fontsize=9, bbox=CAPTION)))

    def _press(self, event: Any) -> None:
        if event.inaxes is not None:
            self._held = event.x, event.y

    def _move(self, event: Any) -> None:
        """Move the pictures with the mouse; the new part of the slide is read when the button is released."""
        if self._held is not None:
            down, across = self._dragged(event)
            height, width = self.size(len(self._shown))
            for image, _ in self._shown:
                image.set_extent((across, width + across, height + down, down))
            self.drawing.redraw()
        elif event.inaxes is not None:
            self._actions.hover(event.ydata, event.xdata)

    def _release(self, event: Any) -> None:
        if self._held is not None:
            down, across = self._dragged(event)
            self._held = None
            self._actions.drag(down, across)

    def _dragged(self, event: Any) -> tuple[float, float]:
        assert self._held is not None
        x, y = self._held
        return y - event.y, event.x - x

    def _scroll(self, event: Any) -> None:
        if event.inaxes is not None:
            self._actions.wheel(event.step, event.ydata, event.xdata)


def _grid(number: int) -> Size:
    """Rows and columns of a grid of panels.

    >>> [_grid(number) for number in (1, 2, 3, 4, 5, 6)]
    [(1, 1), (1, 2), (2, 2), (2, 2), (2, 3), (2, 3)]
    """
    down = 1 if number < 3 else 2
    return down, -(-number // down)
