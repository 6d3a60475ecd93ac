"""A widget that shows the marks while the threshold is dragged."""

import html
from dataclasses import replace
from math import isinf, isnan
from typing import Any

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.detection import Choice, count_defects, ranks_regions
from irtoolkit.pictures import Picture, encode_jpeg, mark_mask, view_picture
from irtoolkit.plots import percent, preview, rate_of, span_scores
from irtoolkit.schema import VISIBLE, SlideError
from irtoolkit.settings import THRESHOLDS, Settings
from irtoolkit.widgets.close_up import CloseUp, Regions
from irtoolkit.widgets.parts import Text, beside, round_down
from irtoolkit.widgets.pieces import read_in_pieces, with_infrared
from irtoolkit.widgets.threshold_histogram import ThresholdHistogram
from irtoolkit.widgets.trials import Trials

NUMBER = "a fixed number of sigma"
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
ROUNDING = 1e-6
"""Sigma; smaller changes of the slider are a browser's rounding, and nobody's choice."""

SAMPLED = 3
"""Every third row and column of the picture of the whole slide sets the contrast."""

WHOLE = 340
"""Height of the picture of the whole slide, in screen pixels."""

OUTLINED = 450
"""Rows or columns of that picture per pixel of outline, because a screen shows it smaller."""


class ThresholdExplorer(ipywidgets.VBox):
    """Histogram of a slide's score with a threshold to drag, and the picture with its marks.

    Attributes
    ----------
    settings
        The current settings, for `clean_slide` and `clean_archive`.
    choice
        The `Choice` of these settings on this slide.
    """

    def __init__(self, slide: xr.Dataset, settings: Settings, model: xr.Dataset | None) -> None:
        self.settings = settings
        self.choice: Choice | None = None
        self._message = Text("message")
        super().__init__([self._message])
        self.add_class("irt-threshold")
        try:
            pieces = read_in_pieces(with_infrared(slide))
            seen = preview(pieces, "counts")
            self._trials = Trials(pieces, model)
        except (SlideError, OSError) as error:
            self._message.value = html.escape(f"This slide cannot be explored: {error}")
            return
        self._pictures = _Pictures(pieces, seen, self._trials.scored.found.infrared)
        every = self._trials.choose(replace(settings, threshold="mirror", visibility=0.0))
        span = span_scores(every.possible.score.values, every.decoys.score.values)
        self.histogram = ThresholdHistogram(self._trials.histogram, span, self._drag, self._drop)
        left = ipywidgets.VBox([*self._make_controls(*span), self.histogram.drawing.widget])
        self.children = [self._message, beside(left, self._pictures.widget)]
        self._show()

    def _make_controls(self, lowest: float, highest: float) -> list[ipywidgets.Widget]:
        wide = {"style": {"description_width": "130px"}, "layout": {"width": f"{self.histogram.width}px"}}
        chosen, settings = self.settings.threshold, self.settings
        method = NUMBER if isinstance(chosen, float) else chosen
        self._method = ipywidgets.Dropdown(
            options=list(dict.fromkeys([*THRESHOLDS, method, NUMBER])), value=method, description="Method", **wide
        )
        self._number = ipywidgets.FloatSlider(
            value=min(max(chosen, lowest), highest) if isinstance(chosen, float) else lowest,
            min=lowest,
            max=highest,
            step=0.01,
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
            value=settings.visibility, max=max(10, settings.visibility), step=0.25, description="Visibility", **wide
        )
        controls = {"method": self._method, "number": self._number, "rate": self._rate, "visibility": self._visibility}
        for name, control in controls.items():
            control.add_class(f"irt-{name}")
            control.observe(self._number_changed if name == "number" else self._changed, "value")
        self._outlined = ipywidgets.Checkbox(True, description="Outline the marks", **wide)
        self._outlined.observe(lambda change: self._pictures.outline(change["new"]), "value")
        return [*controls.values(), self._outlined]

    def _drag(self, sigma: float) -> None:
        """Mark by the slider's nearest step; the slider itself waits, because a browser sends each step back late."""
        self._apply(self._nearest_step(sigma))

    def _drop(self) -> None:
        """Bring the controls to the threshold that the line was dragged to."""
        self._number.value = self.settings.threshold
        self._method.value = NUMBER

    def _nearest_step(self, sigma: float) -> float:
        return round(min(max(sigma, self._number.min), self._number.max), 2)

    def _number_changed(self, change: Any) -> None:
        if abs(change["new"] - change["old"]) < ROUNDING:
            return
        if self._method.value != NUMBER:
            self._method.value = NUMBER
        else:
            self._changed(None)

    def _changed(self, _: Any) -> None:
        self._apply(self._number.value if self._method.value == NUMBER else self._method.value)

    def _apply(self, threshold: str | float) -> None:
        rate, visibility = self._rate.value, self._visibility.value
        self.settings = replace(self.settings, threshold=threshold, false_discovery_rate=rate, visibility=visibility)
        self._show()

    def _show(self) -> None:
        """Apply the settings, and show the result."""
        settings = self.settings
        self.choice = self._trials.choose(settings)
        self._describe(self.choice)
        self.histogram.show(settings, self.choice)
        self._pictures.mark(Regions(settings, self.choice.defects, lambda: self._trials.find_unmarked(settings)))
        self._number.layout.visibility = None if ranks_regions(settings.threshold) else "hidden"
        self._rate.layout.visibility = None if settings.threshold == "mirror" else "hidden"
        if settings.threshold == "mirror" and np.isfinite(self.choice.threshold):
            self._number.unobserve(self._number_changed, "value")
            self._number.value = round_down(self.choice.threshold)
            self._number.observe(self._number_changed, "value")

    def _describe(self, choice: Choice) -> None:
        if not choice.defects.sizes["pixel"]:
            self._message.value = f"Nothing is marked: {_why_nothing(self.settings.threshold, choice.threshold)}."
            return
        marked, score = choice.defects.pixel_index.values, self._trials.scored.evidence.score
        number = count_defects(marked, score.sizes["x"])
        rate = rate_of(self._trials.scored.found.assign(fdr=choice.rate))
        self._message.value = (
            f"<b>{number:,} {'defect' if number == 1 else 'defects'} marked</b>"
            f" ({percent(marked.size / score.size)} of the slide); {_describe_false(rate, number)}."
            f" Threshold {round_down(choice.threshold):.2f} sigma."
        )


def _why_nothing(method: str | float, threshold: float) -> str:
    """Say why a method that chose this threshold marks nothing.

    >>> _why_nothing("otsu", float("inf")), _why_nothing("otsu", 1.5)
    ('this method finds no threshold on this slide', 'nothing above its threshold, 1.50 sigma, is visible damage')
    """
    if ranks_regions(method):
        return "no defect rises above the noise at these settings"
    if isinf(threshold):
        return "this method finds no threshold on this slide"
    return f"nothing above its threshold, {round_down(threshold):.2f} sigma, is visible damage"


def _describe_false(rate: float, number: int) -> str:
    """Say how many of so many marks are probably false.

    >>> _describe_false(0.1, 12), _describe_false(0.01, 12), _describe_false(float("nan"), 12)
    ('about 1 of them is probably false', 'probably none of them is false', 'how many of them are false is not known')
    """
    if isnan(rate):
        return "how many of them are false is not known"
    false = round(rate * number)
    if not false:
        return "probably none of them is false"
    return f"about {false:,} of them {'are' if false > 1 else 'is'} probably false"


class _Pictures:
    """The whole slide with its marks outlined, and close-ups of single places."""

    def __init__(self, slide: xr.Dataset, seen: xr.Dataset, infrared: xr.DataArray) -> None:
        self._seen, self._width = seen, slide.sizes["x"]
        self._reference = seen.overview[:, ::SAMPLED, ::SAMPLED]
        self._plain = self._coloured(seen.counts)
        self._mask = np.zeros((seen.sizes["y"], seen.sizes["x"]), bool)
        layout = {"width": "100%", "height": f"{WHOLE}px", "margin": "2px 0"}
        layout |= {"object_fit": "contain", "object_position": "left"}
        self._whole = ipywidgets.Image(format="jpeg", layout=layout)
        self._outlined = True
        self.close_up = CloseUp(slide, self._coloured, infrared)
        self.widget = ipywidgets.VBox([self._whole, self.close_up], layout={"flex": "1 1 440px", "max_width": "600px"})

    def mark(self, regions: Regions) -> None:
        """Show the marks; a pixel of the reduced picture is marked if any of its pixels is."""
        y, x = np.divmod(regions.marked.pixel_index.values, self._width)
        self._mask[:] = False
        self._mask[y // self._seen.attrs["step"], x // self._seen.attrs["step"]] = True
        self._show()
        self.close_up.show(regions)

    def outline(self, outlined: bool) -> None:
        """Draw the outlines, or leave them out."""
        self._outlined = outlined
        self._show()
        self.close_up.outline(outlined)

    def _show(self) -> None:
        orientation = int(self._seen.attrs.get("orientation", 1))
        width = -(-max(self._mask.shape) // OUTLINED) if self._outlined else 0
        self._whole.value = encode_jpeg(mark_mask(self._plain, self._mask, orientation=orientation, width=width))

    def _coloured(self, counts: xr.DataArray) -> Picture:
        attrs = self._seen.attrs
        film = {"polarity": attrs.get("polarity", ""), "gamma": attrs.get("gamma")}
        visible = counts.sel(band=list(VISIBLE))
        return view_picture(visible, orientation=int(attrs.get("orientation", 1)), reference=self._reference, **film)


def explore_threshold(
    slide: xr.Dataset, *, settings: Settings | None = None, model: xr.Dataset | None = None
) -> ThresholdExplorer:
    """Show the histogram of a slide's score and the marks at a threshold, with controls for the settings.

    Drag the threshold, or choose a method. The ``settings`` of the returned widget are accepted by `clean_slide`,
    `clean_archive` and `Trials`. The slide is scored once, when the widget is made.

    Parameters
    ----------
    slide
        From `open_slide`.
    settings
        The settings to begin with; the defaults if None.
    model
        Of the slide's roll, from `fit_roll`; if None, the slide is fitted on its own.
    """
    return ThresholdExplorer(slide, settings or Settings(), model)
