"""A matplotlib figure inside a widget: live where ipympl is installed, else a picture that is drawn anew."""

import warnings
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import ipywidgets
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 100


class Drawing:
    """A figure, and the widget that shows it; `live` tells whether the mouse reaches the figure.

    Parameters
    ----------
    width, height
        Of the figure, in pixels of the screen.

    Examples
    --------
    >>> drawing = Drawing(300, 200)
    >>> drawing.figure.get_size_inches().tolist()
    [3.0, 2.0]
    """

    def __init__(self, width: int, height: int) -> None:
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
        self.live = find_spec("ipympl") is not None
        self.widget: Any = _live_canvas(self.figure) if self.live else _still_picture(self.figure)

    def redraw(self) -> None:
        """Show what was drawn on the figure since; the first time, its parts are given their places for good."""
        if self.figure.get_layout_engine() is not None:
            self.figure.draw_without_rendering()
            self.figure.set_layout_engine(None)
        if self.live:
            self.figure.canvas.draw_idle()
        else:
            self.widget.value = _png(self.figure)


def _live_canvas(figure: Figure) -> Any:
    backend = matplotlib.get_backend()
    from ipympl.backend_nbagg import Canvas, FigureManager

    matplotlib.use(backend)  # which importing ipympl changes
    with warnings.catch_warnings():  # ipympl 0.10 makes its toolbar in a way that traitlets warns of
        warnings.simplefilter("ignore", DeprecationWarning)
        canvas = Canvas(figure)
        FigureManager(canvas, 0)
    canvas.header_visible = canvas.footer_visible = canvas.toolbar_visible = canvas.resizable = False
    return canvas


def _still_picture(figure: Figure) -> ipywidgets.Image:
    FigureCanvasAgg(figure)
    return ipywidgets.Image(format="png")


def _png(figure: Figure) -> bytes:
    target = BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()
