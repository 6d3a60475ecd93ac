"""Plots of one slide, and `plot_roll`, with matplotlib: each draws on the axes it is given and returns them.

Plots of a slide show it the right way up, with rows y and columns x of the stored pixels on the axes, so that the
numbers read there are those of `cleaned.isel(y=..., x=...)` and of `window`.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irtoolkit import tiles
from irtoolkit.pictures import (
    MIRRORED,
    TRANSPOSED,
    UPSIDE_DOWN,
    Picture,
    mark_mask,
    orient,
    thin,
    view_picture,
)
from irtoolkit.roll_plots import plot_roll as plot_roll
from irtoolkit.schema import INFRARED, VISIBLE
from irtoolkit.statistics import robust_centre_and_scale

Window = tuple[slice, slice]

MOST = 900
SCORE_EDGES = np.arange(-150, 151) / 10
LEAST_SCORE = -6
RESIDUAL_RANGE = 10
OUTLINES_ACROSS = 300


def preview(slide: xr.Dataset, *names: str, window: Window | None = None) -> xr.Dataset:
    """Compute once what plots of a slide show; every plot takes the result in place of the slide.

    Parameters
    ----------
    slide
        From `open_slide` or `clean_slide`. A preview is returned as it is.
    names
        The variables to keep; all but the score, which a preview would falsify, when none is named.
    window
        Slices of y and x, in stored pixels; the whole slide if None.

    Returns
    -------
    xarray.Dataset
        In memory: the variables with at most 900 rows and columns (masks reduced by their maximum, all else averaged),
        coordinates y and x in stored pixels, and `overview`, the colour of the whole slide, which sets the stretch.
    """
    if "overview" in slide:
        return slide
    chosen = slide[list(names)] if names else slide.drop_vars("score", errors="ignore")
    cut = chosen if window is None else chosen.isel(y=window[0], x=window[1])
    seen = cut.map(lambda variable: thin(variable, MOST) if "y" in variable.dims else variable)
    step = -(-max(cut.sizes["y"], cut.sizes["x"]) // MOST)
    for axis, part in zip(("y", "x"), window or (slice(None), slice(None)), strict=True):
        first = part.indices(slide.sizes[axis])[0]
        seen = seen.assign_coords({axis: first + step * (np.arange(seen.sizes[axis]) + 0.5) - 0.5})
    whole = thin(slide.counts.sel(band=list(VISIBLE)), MOST).rename(band="colour", y="overview_y", x="overview_x")
    return seen.assign(overview=whole).assign_attrs(slide.attrs, step=step).compute()


def plot_picture(slide: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the colour as scanned, stretched for viewing; a negative is shown as a positive.

    Parameters
    ----------
    slide
        From `open_slide`, `clean_slide` or `preview`; lazy slides are reduced chunk by chunk.
    ax
        Axes to draw on.
    window
        Slices of y and x in stored pixels to zoom on; colours are those of the whole slide all the same.
    """
    seen = preview(slide, "counts", window=window)
    inverted = ", negative shown as positive" if slide.attrs.get("polarity") == "negative" else ""
    _show(_coloured(seen, seen.counts), seen, ax)
    ax.set_title(f"Colour as scanned{inverted}")
    return ax


def plot_infrared(slide: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the infrared as scanned, in counts: defects are dark, and so is the ghost of the picture.

    Parameters as in `plot_picture`.
    """
    seen = preview(slide, "counts", window=window)
    infrared = seen.counts.sel(band=INFRARED)
    low, high = np.percentile(infrared, [0.1, 99.9])
    _show_plane(infrared, seen, ax, "infrared (counts)", cmap="gray", vmin=low, vmax=high)
    ax.set_title("Infrared as scanned: defects dark")
    return ax


def plot_residual(cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the infrared density that the colour does not explain, positive (dark) where light is blocked.

    Black and white lie 10 sigma of the residual as shown on either side of zero. Parameters as in `plot_picture`, from
    `clean_slide`.
    """
    seen = preview(cleaned, "residual", window=window)
    limit = RESIDUAL_RANGE * (robust_centre_and_scale(seen.residual.values)[1] or 1.0)
    _show_plane(seen.residual, seen, ax, "density (log10)", cmap="gray_r", vmin=-limit, vmax=limit)
    ax.set_title("Residual: infrared less the ghost of the picture")
    return ax


def plot_score_histogram(cleaned: xr.Dataset, ax: Axes) -> Axes:
    """Draw how many pixels have which score, with what noise would do, and the threshold.

    Noise goes to both sides alike, defects only to the right: where the right side rises above its mirror, the left
    side drawn over it, there are defects. Scores above 15 sigma are counted in the last bin; pixels without infrared,
    whose score is 0, are left out.

    Parameters
    ----------
    cleaned
        From `clean_slide`, not a preview; the score is computed in bands of rows, at full resolution.
    ax
        Axes to draw on.
    """
    pixels = _score_histogram(cleaned.score)
    width = SCORE_EDGES[1] - SCORE_EDGES[0]
    centres = SCORE_EDGES[:-1] + width / 2
    right = centres > 0
    normal = pixels.sum() * width * np.exp(-(centres**2) / 2) / np.sqrt(2 * np.pi)
    ax.stairs(pixels, SCORE_EDGES, fill=True, color="0.8", label="this slide")
    ax.plot(
        centres[right],
        np.where(pixels[::-1] > 0, pixels[::-1], np.nan)[right],
        color="C0",
        label="its bright side, mirrored",
    )
    ax.plot(centres, normal, color="C2", linestyle="--", label="standard normal")
    threshold = float(cleaned.threshold)
    if np.isfinite(threshold):
        ax.axvline(threshold, color="C3", label=f"threshold {threshold:.2f} sigma")
    ax.set(yscale="log", ylim=(0.5, 30 * pixels.max()), xlim=(LEAST_SCORE, SCORE_EDGES[-1]))
    ax.set(
        xlabel="score (sigma), positive where light is blocked",
        ylabel=f"pixels in {width:.1f} sigma",
    )
    ax.set_title(f"Score: {float(cleaned.fdr):.1%} of what is marked is expected to be false")
    ax.set_xticks([-5, 0, 5, 10, 15], ["-5", "0", "5", "10", "15+"])
    ax.legend(loc="upper right", fontsize="small")
    return ax


def plot_mask(cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the outlines of the mask over the picture as scanned; the title counts the whole slide.

    Parameters as in `plot_picture`, from `clean_slide`.
    """
    seen = preview(cleaned, "counts", "mask", "coverage", "defects", window=window)
    orientation = int(seen.attrs.get("orientation", 1))
    width = max(1, round(max(seen.mask.shape) / OUTLINES_ACROSS))
    _show(mark_mask(_coloured(seen, seen.counts), seen.mask, orientation=orientation, width=width), seen, ax)
    ax.set_title(f"Mask (whole slide: defects {int(seen.defects):,}, coverage {float(seen.coverage):.2%})")
    return ax


def plot_healed(cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the healed colour with the stretch of the picture as scanned. Parameters as in `plot_picture`."""
    seen = preview(cleaned, "healed", window=window)
    _show(_coloured(seen, seen.healed), seen, ax)
    ax.set_title("Healed")
    return ax


def plot_slide(cleaned: xr.Dataset, *, window: Window | None = None) -> Figure:
    """Draw all six plots of a slide on one new figure of pyplot.

    Parameters
    ----------
    cleaned
        From `clean_slide`.
    window
        Slices of y and x in stored pixels to zoom on; the histogram is of the whole slide.
    """
    seen = preview(cleaned, window=window)
    figure, axes = plt.subplots(2, 3, figsize=(15, 7.6), layout="compressed")
    pictures = (plot_picture, plot_infrared, plot_residual, plot_mask, plot_healed)
    for plot, ax in zip(pictures, axes.flat, strict=False):
        plot(seen, ax)
    plot_score_histogram(cleaned, axes.flat[-1])
    figure.suptitle(_headline(cleaned))
    return figure


def _headline(cleaned: xr.Dataset) -> str:
    """Name of the slide and what was measured on it."""
    origin = [Path(str(cleaned.attrs.get("source", ""))).name, cleaned.attrs.get("film"), cleaned.attrs.get("scanner")]
    down, across = (round(float(cleaned[name]), 1) + 0.0 for name in ("shift_y", "shift_x"))
    shift = f"infrared shifted by {down:+.1f} rows and {across:+.1f} columns"
    blur = f"blurrier by {float(cleaned.blur):.1f} px"
    return ", ".join(filter(None, origin)) + f"\n{shift}, {blur}; residual noise {float(cleaned.sigma):.4f} density"


def _score_histogram(score: xr.DataArray) -> np.ndarray:
    """Pixels per bin of `SCORE_EDGES`, counted in bands of rows."""
    return np.sum(tiles.reduce_blocks(_band_histogram, score.chunk().data[None]), axis=0)


def _band_histogram(score: np.ndarray, *, start: int) -> np.ndarray:  # noqa: ARG001
    inside = np.clip(score[score != 0], SCORE_EDGES[0], SCORE_EDGES[-1])
    return np.histogram(inside, SCORE_EDGES)[0]


def _coloured(seen: xr.Dataset, counts: xr.DataArray) -> Picture:
    """Picture of the colour bands with the stretch of the whole slide."""
    return view_picture(
        counts.sel(band=list(VISIBLE)),
        polarity=seen.attrs.get("polarity", ""),
        orientation=int(seen.attrs.get("orientation", 1)),
        gamma=seen.attrs.get("gamma"),
        reference=seen.overview,
    )


def _show_plane(plane: xr.DataArray, seen: xr.Dataset, ax: Axes, label: str, **options: Any) -> None:
    """Draw a (y, x) plane with a scale beside it."""
    image = _show(orient(plane.values, int(seen.attrs.get("orientation", 1))), seen, ax, **options)
    ax.figure.colorbar(image, ax=ax, label=label)


def _show(upright: np.ndarray, seen: xr.Dataset, ax: Axes, **options: Any) -> Any:
    """Draw an array that is the right way up, with stored rows and columns on the axes."""
    orientation, half = int(seen.attrs.get("orientation", 1)), seen.attrs["step"] / 2
    down, across = ((name, *(seen[name].values[[0, -1]] + (-half, half))) for name in ("y", "x"))
    if orientation in TRANSPOSED:
        down, across = across, down
    top, bottom = down[:0:-1] if orientation in UPSIDE_DOWN else down[1:]
    left, right = across[:0:-1] if orientation in MIRRORED else across[1:]
    labels = {"y": "row y (px)", "x": "column x (px)"}
    ax.set(xlabel=labels[across[0]], ylabel=labels[down[0]])
    return ax.imshow(upright, extent=(left, right, bottom, top), **options)
