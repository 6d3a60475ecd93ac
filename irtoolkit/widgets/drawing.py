"""A matplotlib figure in a widget: live with ipympl, otherwise a still picture that is drawn again."""

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
    """A figure and the widget that shows it; `live` is True if the figure receives mouse events.

    Parameters
    ----------
    width, height
        Of the figure, in screen pixels.

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
        """Show the current figure; the first call also fixes its layout."""
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

    matplotlib.use(backend)  # importing ipympl changes the backend
    with warnings.catch_warnings():  # traitlets warns about the toolbar of ipympl 0.10
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
