"""A widget that shows what a threshold marks, while it is dragged."""

import html
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.drawing import Drawing
from irtoolkit.fit_plots import VERMILION, draw_scores
from irtoolkit.marking import Choice
from irtoolkit.pictures import Picture, encode_jpeg, mark_mask, view_picture
from irtoolkit.pieces import read_in_pieces
from irtoolkit.plots import preview
from irtoolkit.schema import INFRARED, VISIBLE, SlideError
from irtoolkit.settings import THRESHOLDS, Settings
from irtoolkit.trials import Trials

NUMBER = "a number of sigma"
LEAST, MOST = 2.0, 15.0
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
TINT = 0.85
CLOSE = 300, 400
SAMPLED = 3
"""Every third row and column of the picture of the whole slide sets the stretch."""


class ThresholdExplorer(ipywidgets.VBox):
    """Histogram of a slide's score, with a threshold to drag, and the picture with what it marks.

    Attributes
    ----------
    settings
        The choices as they stand, for `clean_slide` and `clean_archive`.
    choice
        The `Choice` that these settings make on this slide.
    """

    def __init__(self, slide: xr.Dataset, settings: Settings, model: xr.Dataset | None) -> None:
        self.settings = settings
        self.choice: Choice | None = None
        self._said = ipywidgets.HTML()
        self._said.add_class("irt-said")
        super().__init__([self._said])
        self.add_class("irt-threshold")
        try:
            pieces = read_in_pieces(_with_infrared(slide))
            seen = preview(pieces, "counts")
            self._trials = Trials(pieces, model)
        except (SlideError, OSError) as error:
            self._said.value = html.escape(f"This slide cannot be explored: {error}")
            return
        self._pictures = _Pictures(pieces, seen)
        self.histogram = _Histogram(self._trials.histogram, self._drag)
        self._controls = self._make_controls()
        beside = ipywidgets.HBox([ipywidgets.VBox(self._controls), self.histogram.drawing.widget])
        self.children = [self._said, beside, self._pictures.widget]
        self._show()

    def _make_controls(self) -> list[ipywidgets.Widget]:
        wide = {"style": {"description_width": "150px"}, "layout": {"width": "480px"}}
        chosen, settings = self.settings.threshold, self.settings
        self._method = ipywidgets.Dropdown(
            options=[*THRESHOLDS, NUMBER],
            value=NUMBER if isinstance(chosen, float) else chosen,
            description="Method",
            **wide,
        )
        self._number = ipywidgets.FloatSlider(
            value=chosen if isinstance(chosen, float) else LEAST,
            min=LEAST,
            max=MOST,
            step=0.05,
            description="Threshold (sigma)",
            **wide,
        )
        self._rate = ipywidgets.SelectionSlider(
            options=sorted({*RATES, settings.false_discovery_rate}),
            value=settings.false_discovery_rate,
            description="False discovery rate",
            **wide,
        )
        self._visibility = ipywidgets.FloatSlider(
            value=settings.visibility, min=0, max=10, step=0.25, description="Visibility", **wide
        )
        controls = {"method": self._method, "number": self._number, "rate": self._rate, "visibility": self._visibility}
        for name, control in controls.items():
            control.add_class(f"irt-{name}")
            control.observe(self._number_changed if name == "number" else self._changed, "value")
        return list(controls.values())

    def _drag(self, sigma: float) -> None:
        self._number.value = min(max(sigma, LEAST), MOST)

    def _number_changed(self, _: Any) -> None:
        if self._method.value != NUMBER:
            self._method.value = NUMBER
        else:
            self._changed(None)

    def _changed(self, _: Any) -> None:
        threshold = self._number.value if self._method.value == NUMBER else self._method.value
        rate, visibility = self._rate.value, self._visibility.value
        self.settings = replace(self.settings, threshold=threshold, false_discovery_rate=rate, visibility=visibility)
        self._show()

    def _show(self) -> None:
        """Choose by the settings, and show what comes of it."""
        self.choice = self._trials.choose(self.settings)
        self._say(self.choice)
        self.histogram.move(self.choice.threshold)
        self._pictures.mark(self.choice.defects)
        if self._method.value != NUMBER and np.isfinite(self.choice.threshold):
            self._number.unobserve(self._number_changed, "value")
            self._number.value = min(max(self.choice.threshold, LEAST), MOST)
            self._number.observe(self._number_changed, "value")

    def _say(self, choice: Choice) -> None:
        if not choice.defects.sizes["pixel"]:
            self._said.value = "Nothing is marked: no defect can be told from the noise at these settings."
            return
        pixels = self._trials.scored.evidence.score.size
        self._said.value = (
            f"<b>Threshold {choice.threshold:.2f} sigma</b>: marked are {choice.defects.sizes['region']:,} regions,"
            f" {choice.defects.sizes['pixel'] / pixels:.3%} of the slide; about {choice.rate:.1%} of them are false."
        )


class _Histogram:
    """The counts of the score, the mirror of its bright side, and the threshold, which the mouse drags."""

    def __init__(self, histogram: xr.Dataset, dragged: Callable[[float], None]) -> None:
        self.drawing = Drawing(520, 400)
        ax = self.drawing.figure.subplots()
        draw_scores(histogram, ax)
        ax.legend(loc="upper right", fontsize="small")
        self._line = ax.axvline(np.nan, color=VERMILION, linewidth=2)
        self._held, self._dragged = False, dragged
        connect = self.drawing.figure.canvas.mpl_connect
        connect("button_press_event", self._press)
        connect("motion_notify_event", self._move)
        connect("button_release_event", self._release)

    def move(self, threshold: float) -> None:
        """Draw the threshold at so many sigma; an infinite one is not seen."""
        self._line.set_xdata([threshold, threshold] if np.isfinite(threshold) else [np.nan, np.nan])
        self.drawing.redraw()

    def _press(self, event: Any) -> None:
        self._held = event.inaxes is not None
        self._move(event)

    def _move(self, event: Any) -> None:
        if self._held and event.inaxes is not None:
            self._dragged(event.xdata)

    def _release(self, event: Any) -> None:
        self._move(event)
        self._held = False


class _Pictures:
    """The slide with what is marked laid over it, and at full size the marked region that scores least."""

    def __init__(self, slide: xr.Dataset, seen: xr.Dataset) -> None:
        self._slide, self._seen = slide, seen
        self._reference = seen.overview[:, ::SAMPLED, ::SAMPLED]
        self._whole, self._least = ipywidgets.Image(format="jpeg"), ipywidgets.Image(format="jpeg")
        titles = "Marked on the whole slide", f"The least certain of them, {CLOSE[1]} by {CLOSE[0]} px"
        self.widget = ipywidgets.HBox(
            [
                ipywidgets.VBox([ipywidgets.Label(title), image])
                for title, image in zip(titles, self._images, strict=True)
            ]
        )
        self._plain = self._coloured(seen.counts)

    @property
    def _images(self) -> tuple[ipywidgets.Image, ipywidgets.Image]:
        return self._whole, self._least

    def mark(self, defects: xr.Dataset) -> None:
        """Show the pixels of regions of `choose_regions`."""
        y, x = np.divmod(defects.pixel_index.values, self._slide.sizes["x"])
        mask = np.zeros((self._seen.sizes["y"], self._seen.sizes["x"]), bool)
        mask[y // self._seen.attrs["step"], x // self._seen.attrs["step"]] = True
        self._show(self._whole, self._plain, mask, width=0, tint=TINT)
        if not y.size:
            self._least.value = b""
            return
        first = np.flatnonzero(defects.pixel_region.values == np.argmin(defects["rank"].values))[0]
        top, left = (
            min(max(int(place[first]) - long // 2, 0), max(self._slide.sizes[axis] - long, 0))
            for place, axis, long in zip((y, x), ("y", "x"), CLOSE, strict=True)
        )
        part = self._slide.counts.isel(y=slice(top, top + CLOSE[0]), x=slice(left, left + CLOSE[1]))
        mask = np.zeros((part.sizes["y"], part.sizes["x"]), bool)
        inside = (y >= top) & (y < top + mask.shape[0]) & (x >= left) & (x < left + mask.shape[1])
        mask[y[inside] - top, x[inside] - left] = True
        self._show(self._least, self._coloured(part), mask, width=1)

    def _coloured(self, counts: xr.DataArray) -> Picture:
        attrs = self._seen.attrs
        looks = {"polarity": attrs.get("polarity", ""), "gamma": attrs.get("gamma")}
        visible = counts.sel(band=list(VISIBLE))
        return view_picture(visible, orientation=self._orientation, reference=self._reference, **looks)

    @property
    def _orientation(self) -> int:
        return int(self._seen.attrs.get("orientation", 1))

    def _show(
        self, image: ipywidgets.Image, plain: Picture, mask: np.ndarray, *, width: int, tint: float = 0.0
    ) -> None:
        marked = mark_mask(plain, mask, orientation=self._orientation, width=width, tint=tint)
        image.value = encode_jpeg(marked)


def _with_infrared(slide: xr.Dataset) -> xr.Dataset:
    if INFRARED not in slide.get("band", xr.DataArray([])).values:
        raise SlideError("expected the bands R, G, B and IR, found no infrared; open the slide with irt.open_slide")
    return slide


def explore_threshold(
    slide: xr.Dataset, *, settings: Settings | None = None, model: xr.Dataset | None = None
) -> ThresholdExplorer:
    """Show the histogram of a slide's score and what a threshold marks, and let both be changed.

    Drag the threshold, or choose a method; ``.settings`` of what is returned are the choices, to be given to
    `clean_slide`, `clean_archive` or `Trials`. The slide is scored once, when this is called.

    Parameters
    ----------
    slide
        From `open_slide`.
    settings
        The choices to begin with; the defaults if None.
    model
        Of the slide's roll, from `fit_roll`; if None, the slide is fitted by itself.
    """
    return ThresholdExplorer(slide, settings or Settings(), model)
