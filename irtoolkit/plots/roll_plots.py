"""Plot of one measured quantity along the slides of a roll."""

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from irtoolkit.model import OneSlide, Slides, from_dataset
from irtoolkit.plots.fit_plots import BLUE, GREEN, ORANGE, VERMILION
from irtoolkit.schema import SlideError


class Curve(NamedTuple):
    """A quantity of the slides, and how it is drawn."""

    values: Callable[[Slides], np.ndarray]
    label: str
    colour: str
    marker: str


FIGURES = {
    "shift": (
        "shift of the infrared (px)",
        (
            Curve(attrgetter("shift_y"), "rows down", BLUE, "o"),
            Curve(attrgetter("shift_x"), "columns right", ORANGE, "s"),
        ),
    ),
    "r2": ("R² (share explained by the colour)", (Curve(attrgetter("pooled.r2"), "", BLUE, "o"),)),
    "slopes": ("slopes (infrared density per colour density)", (Curve(attrgetter("pooled.slopes"), "", BLUE, "o"),)),
    "sigma": ("residual noise (density)", (Curve(attrgetter("pooled.sigma"), "", BLUE, "o"),)),
    "ratio": (
        "ratio of the defects (density in colour over infrared)",
        (
            Curve(lambda slides: slides.ratios[:, 0], "red", VERMILION, "o"),
            Curve(lambda slides: slides.ratios[:, 1], "green", GREEN, "s"),
            Curve(lambda slides: slides.ratios[:, 2], "blue", BLUE, "^"),
        ),
    ),
    "misfit": ("misfit (1 is usual)", (Curve(attrgetter("pooled.misfit"), "", BLUE, "o"),)),
}
"""The quantities: label of the axis, and curves."""


def plot_roll(model: xr.Dataset, ax: Axes, *, figure: str = "shift") -> Axes:
    """Draw one quantity for each slide of a roll, with the median (dotted); outliers are crosses with a name.

    The values come from each slide's own fit. Outliers count neither in the roll's model nor in the median.

    Parameters
    ----------
    model
        From `fit_roll` of two or more slides, or from `open_model`.
    ax
        Axes to draw on.
    figure
        ``"shift"`` (px, rows and columns), ``"r2"``, ``"slopes"``, ``"sigma"`` (density), ``"ratio"``
        (a gap where a slide shows no defect to measure) or ``"misfit"``.

    Raises
    ------
    SlideError
        The model is of a single slide, or the figure is unknown.
    """
    slides = from_dataset(model).basis
    if isinstance(slides, OneSlide) or figure not in FIGURES:
        raise SlideError(
            f"only the model of a roll can be drawn, and one of {', '.join(FIGURES)}, not {figure!r} of a model with"
            f" {model.sizes.get('slide', 'no')} slides"
        )
    label, curves = FIGURES[figure]
    used, outlier = (np.flatnonzero(chosen) for chosen in (~slides.outlier, slides.outlier))
    for curve in curves:
        values = curve.values(slides)
        ax.plot(used + 1, values[used], color=curve.colour, marker=curve.marker, label=curve.label)
        ax.axhline(np.nanmedian(values[used]), color=curve.colour, linestyle=":", linewidth=1)
        ax.plot(outlier + 1, values[outlier], "X", color=VERMILION, markersize=10)
    _name_outliers(slides, ax, curves[0].values(slides))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="slide of the roll", ylabel=label, xlim=(0.5, len(slides.names) + 0.5))
    ax.margins(y=0.2)
    if len(curves) > 1:
        ax.legend()
    return ax


def _name_outliers(slides: Slides, ax: Axes, values: np.ndarray) -> None:
    """Write the name of each outlier above its cross, towards the middle of the plot."""
    for place in np.flatnonzero(slides.outlier):
        ax.annotate(
            slides.names[place],
            (place + 1, values[place]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="right" if place > len(slides.names) / 2 else "left",
            color=VERMILION,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1},
        )
