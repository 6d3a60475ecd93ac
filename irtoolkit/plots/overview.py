"""A slide at a glance: six plots on one figure."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from irtoolkit.plots.score_plots import plot_histogram, plot_scores
from irtoolkit.plots.slide_plots import (
    Window,
    plot_healed,
    plot_infrared,
    plot_mask,
    plot_picture,
    plot_residual,
    preview,
)


def plot_slide(cleaned: xr.Dataset, *, window: Window | None = None) -> Figure:
    """Draw six plots of a slide on a new pyplot figure.

    Parameters
    ----------
    cleaned
        From `clean_slide`.
    window
        Slices of y and x, in stored pixels, to zoom in on; the histogram of the score shows the whole slide.
    """
    seen = preview(cleaned, window=window)
    figure, axes = plt.subplots(2, 3, figsize=(15, 7.6), layout="compressed")
    pictures: tuple[Any, ...] = (plot_picture, plot_infrared, plot_residual, plot_mask, plot_healed)
    for plot, ax in zip(pictures, axes.flat, strict=False):
        plot(seen, ax)
    if "candidate_score" in cleaned:
        plot_scores(cleaned, axes.flat[-1])
    else:
        plot_histogram(cleaned, axes.flat[-1], methods=())
    figure.suptitle(_headline(cleaned))
    return figure


def _headline(cleaned: xr.Dataset) -> str:
    """Name of the slide and its main measurements."""
    origin = [Path(str(cleaned.attrs.get("source", ""))).name, cleaned.attrs.get("film"), cleaned.attrs.get("scanner")]
    down, across = (round(float(cleaned[name]), 1) + 0.0 for name in ("shift_y", "shift_x"))
    shift = f"infrared shifted by {down:+.1f} rows and {across:+.1f} columns"
    blur = f"blurrier than the colour by {float(cleaned.blur):.1f} px"
    return ", ".join(filter(None, origin)) + f"\n{shift}, {blur}; residual noise {float(cleaned.sigma):.4f}"
