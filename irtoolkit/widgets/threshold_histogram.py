"""A histogram of the score, with a threshold to drag."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import xarray as xr

from irtoolkit.detection import Choice, ranks_regions, uses_score
from irtoolkit.plots import VERMILION, draw_region_scores, draw_scores
from irtoolkit.settings import Settings
from irtoolkit.widgets.drawing import Drawing


class ThresholdHistogram:
    """The histogram of the score that a threshold applies to, and a line at the threshold.

    For a threshold that ranks regions it shows the scores of the possible defects and of the decoys, and the line can
    be dragged with the mouse. For the others it shows the score of pixels; those that cut a score of their own have no
    line.

    Parameters
    ----------
    pixels
        Histogram of the pixels' score, from `measure_histogram`.
    span
        Range of the scores of regions, in sigma.
    dragged, dropped
        Called with the sigma to which the line is dragged, and when it is let go.
    """

    def __init__(
        self,
        pixels: xr.Dataset,
        span: tuple[float, float],
        dragged: Callable[[float], None],
        dropped: Callable[[], None],
    ) -> None:
        self.width = 440
        self.drawing = Drawing(self.width, 400)
        self._pixels, self._span, self._dragged, self._dropped = pixels, span, dragged, dropped
        self._ax = self.drawing.figure.subplots()
        self._line = self._ax.axvline(np.nan)
        self._drawn: Hashable = None
        self._ranked = self._held = False
        connect = self.drawing.figure.canvas.mpl_connect
        connect("button_press_event", self._press)
        connect("motion_notify_event", self._move)
        connect("button_release_event", self._release)

    def show(self, settings: Settings, choice: Choice) -> None:
        """Show what the settings choose from, and their threshold; an infinite one has no line."""
        self._ranked = ranks_regions(settings.threshold)
        what = (settings.visibility, settings.false_discovery_rate) if self._ranked else ()
        if what != self._drawn:
            self._drawn = what
            self._draw(choice)
        threshold = settings.threshold if isinstance(settings.threshold, float) else choice.threshold
        there = uses_score(settings.threshold) and np.isfinite(threshold)
        self._line.set_xdata([threshold, threshold] if there else [np.nan, np.nan])
        self.drawing.redraw()

    def _draw(self, choice: Choice) -> None:
        self._ax.clear()
        if self._ranked:
            draw_region_scores(choice.possible.score.values, choice.decoys.score.values, self._ax, self._span)
        else:
            draw_scores(self._pixels, self._ax)
        self._ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize="small", frameon=False)
        self._ax.xaxis.label.set_fontsize("small")
        self._line = self._ax.axvline(np.nan, color=VERMILION, linewidth=2)
        self.drawing.figure.set_layout_engine("constrained")

    def _press(self, event: Any) -> None:
        self._held = self._ranked and event.inaxes is not None
        self._move(event)

    def _move(self, event: Any) -> None:
        if self._held and event.inaxes is not None:
            self._dragged(event.xdata)

    def _release(self, event: Any) -> None:
        self._move(event)
        if self._held:
            self._dropped()
        self._held = False
