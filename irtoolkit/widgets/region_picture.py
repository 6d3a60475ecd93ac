"""An upright picture of a slide with regions to see and draw, in stored pixels."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.backend_bases import MouseEvent
from matplotlib.patches import Rectangle
from matplotlib.widgets import RectangleSelector

from irtoolkit.files import AnyPath, read_pages
from irtoolkit.pictures import MIRRORED, TRANSPOSED, UPSIDE_DOWN, Picture
from irtoolkit.settings import Box
from irtoolkit.widgets.drawing import Drawing

EXCLUDED, DRAWN = "#00e5ff", "#ffd400"


class Frame(NamedTuple):
    """Height and width of a slide in stored pixels, and its TIFF orientation."""

    height: int
    width: int
    orientation: int = 1

    @property
    def axes(self) -> tuple[str, str]:
        """Names of the horizontal and the vertical axis of the upright slide."""
        return ("row y", "column x") if self.orientation in TRANSPOSED else ("column x", "row y")

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """Stored coordinates of the left, right, bottom and top edges of the upright slide.

        >>> Frame(20, 30).extent, Frame(20, 30, orientation=6).extent
        ((0, 30, 20, 0), (20, 0, 30, 0))
        """
        across, down = (self.height, self.width) if self.orientation in TRANSPOSED else (self.width, self.height)
        left, right = (across, 0) if self.orientation in MIRRORED else (0, across)
        bottom, top = (0, down) if self.orientation in UPSIDE_DOWN else (down, 0)
        return left, right, bottom, top

    def place(self, box: Box) -> tuple[tuple[int, int], int, int]:
        """Position of a region on these axes: its corner with the smallest coordinates, its width and its height."""
        top, left, bottom, right = box
        if self.orientation in TRANSPOSED:
            return (top, left), bottom - top, right - left
        return (left, top), right - left, bottom - top

    def between(self, one: tuple[float, float], other: tuple[float, float]) -> Box:
        """The region between two corners on these axes, in whole stored pixels.

        >>> Frame(20, 30).between((25.2, 3.1), (4.8, 40.0))
        (3, 5, 20, 25)
        """
        x, y = (sorted(pair) for pair in zip(one, other, strict=True))
        rows, columns = (x, y) if self.orientation in TRANSPOSED else (y, x)
        top, bottom = (min(max(round(edge), 0), self.height) for edge in rows)
        left, right = (min(max(round(edge), 0), self.width) for edge in columns)
        return top, left, bottom, right


def read_frame(path: AnyPath) -> Frame:
    """Read the frame of a slide from the header of its mask or healed file."""
    page = read_pages(path)[0]
    return Frame(page.height, page.width, page.number(274, 1))


class RegionPicture:
    """A drawing that shows one slide at a time.

    Parameters
    ----------
    drawn
        Called with the region that was drawn with the mouse; only a live `drawing` calls it.
    """

    def __init__(self, drawn: Callable[[Box], None]) -> None:
        self.drawing = Drawing(490, 400)
        self.axes = self.drawing.figure.add_subplot(anchor="N")
        self.frame = Frame(1, 1)
        self._drawn = drawn
        self._image = self.axes.imshow(np.zeros((1, 1, 3), np.uint8))
        self._excluded: list[Rectangle] = []
        self._region = self._add((0, 0, 1, 1), DRAWN, "--")
        self._selector = self._listen() if self.drawing.live else None

    def _listen(self) -> RectangleSelector:
        return RectangleSelector(self.axes, self._select, props={"edgecolor": DRAWN, "fill": False})

    def _select(self, press: MouseEvent, release: MouseEvent) -> None:
        edges = (press.xdata, press.ydata, release.xdata, release.ydata)
        x, y, other_x, other_y = (float(edge or 0) for edge in edges)
        self._drawn(self.frame.between((x, y), (other_x, other_y)))

    def _add(self, box: Box, colour: str, line: str = "-") -> Rectangle:
        style = {"edgecolor": colour, "linestyle": line, "linewidth": 1.5, "fill": False}
        rectangle = Rectangle(*self.frame.place(box))
        rectangle.set(**style)
        self.axes.add_patch(rectangle)
        return rectangle

    def show(self, picture: Picture, frame: Frame, excluded: Iterable[Box], region: Box | None = None) -> None:
        """Show an upright picture of a slide, its excluded regions, and the region being drawn."""
        self.frame = frame
        left, right, bottom, top = frame.extent
        self._image.set_data(picture)
        self._image.set_extent((left, right, bottom, top))
        self.axes.set(xlim=(left, right), ylim=(bottom, top))
        self.axes.set(**dict(zip(("xlabel", "ylabel"), (f"{name} (px)" for name in frame.axes), strict=True)))
        for rectangle in self._excluded:
            rectangle.remove()
        self._excluded = [self._add(box, EXCLUDED) for box in excluded]
        self.outline(region)

    def outline(self, box: Box | None) -> None:
        """Show the region being drawn, if any."""
        self._region.set_visible(box is not None)
        if box is not None:
            corner, width, height = self.frame.place(box)
            self._region.set_bounds(*corner, width, height)
        self.drawing.redraw()
