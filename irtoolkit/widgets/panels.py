"""Linked panels of pictures on one drawing: each pixel of a picture is one of the screen; the mouse drags and turns."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.image import AxesImage
from matplotlib.text import Text

from irtoolkit.pictures import Picture
from irtoolkit.widgets.drawing import Drawing
from irtoolkit.widgets.views import Size, blank

GAP = 4
CAPTION = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2}


class Hands(NamedTuple):
    """What is called when the mouse drags (down, across), turns its wheel at, or rests on a pixel of a panel."""

    drag: Callable[[float, float], None]
    wheel: Callable[[float, float, float], None]
    rest: Callable[[float, float], None]


class Panels:
    """One to six pictures side by side, all of one size.

    Parameters
    ----------
    width, height
        Of all of them together, in pixels of the screen.
    hands
        Called with pixels of the screen: `drag` when the button is let go, `wheel` with the turns, 1 being one forward.
    """

    def __init__(self, width: int, height: int, hands: Hands) -> None:
        self.drawing = Drawing(width, height)
        self.drawing.figure.set_layout_engine(None)
        self._whole = height, width
        self._hands = hands
        self._shown: list[tuple[AxesImage, Text]] = []
        self._held: tuple[float, float] | None = None
        connect = self.drawing.figure.canvas.mpl_connect
        connect("button_press_event", self._press)
        connect("motion_notify_event", self._move)
        connect("button_release_event", self._release)
        connect("scroll_event", self._scroll)

    def size(self, number: int) -> Size:
        """Height and width of each of so many panels.

        >>> Panels(604, 400, Hands(print, print, print)).size(2)
        (400, 300)
        """
        down, across = _grid(number)
        return (self._whole[0] + GAP) // down - GAP, (self._whole[1] + GAP) // across - GAP

    def show(self, pictures: Sequence[Picture], captions: Sequence[str]) -> None:
        """Draw pictures (y, x, 3) of the size that so many panels have, and what each of them is."""
        if len(self._shown) != len(pictures):
            self._divide(len(pictures))
        height, width = self.size(len(pictures))
        for (image, text), picture, caption in zip(self._shown, pictures, captions, strict=True):
            image.set_data(picture)
            image.set_extent((0, width, height, 0))
            text.set_text(caption)
        self.drawing.redraw()

    def _divide(self, number: int) -> None:
        """Make the panels anew, from the top left."""
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
        """Take the pictures along while they are dragged; what comes into sight is read when they are let go."""
        if self._held is not None:
            down, across = self._dragged(event)
            height, width = self.size(len(self._shown))
            for image, _ in self._shown:
                image.set_extent((across, width + across, height + down, down))
            self.drawing.redraw()
        elif event.inaxes is not None:
            self._hands.rest(event.ydata, event.xdata)

    def _release(self, event: Any) -> None:
        if self._held is not None:
            down, across = self._dragged(event)
            self._held = None
            self._hands.drag(down, across)

    def _dragged(self, event: Any) -> tuple[float, float]:
        assert self._held is not None
        x, y = self._held
        return y - event.y, event.x - x

    def _scroll(self, event: Any) -> None:
        if event.inaxes is not None:
            self._hands.wheel(event.step, event.ydata, event.xdata)


def _grid(number: int) -> Size:
    """Rows and columns of so many panels.

    >>> [_grid(number) for number in (1, 2, 3, 4, 5, 6)]
    [(1, 1), (1, 2), (2, 2), (2, 2), (2, 3), (2, 3)]
    """
    down = 1 if number < 3 else 2
    return down, -(-number // down)
