"""Plots of a slide's measurements: crosstalk, displacement and defects.

The palette is safe for colour-blind readers (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/), as is cividis.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LogNorm
from matplotlib.quiver import Quiver, QuiverKey
from matplotlib.ticker import LogLocator, NullFormatter

from irtoolkit.alignment import Displacement, Pieces, displacement_at
from irtoolkit.plots.crosstalk_sample import measure_crosstalk
from irtoolkit.schema import VISIBLE, SlideError

BLUE, SKY, GREEN, ORANGE, VERMILION = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
CELLS = (160, 110)
PERCENTILES = (0.1, 99.9)
FEWEST_IN_CELL = 20
LONGEST_ARROW = 0.5
"""Share of the distance between pieces."""
ABOVE = 24
"""Points between axes and title, where the key of arrows is."""
SURE = 0.3
"""Pixels; a piece with this standard error is drawn half as dark."""
NEGLIGIBLE = 0.1
"""Pixels; displacements that differ by less are called the same everywhere."""

KINDS = {"dust": (BLUE, "-"), "hair": (ORANGE, "--"), "scratch": (VERMILION, ":")}
BINS_PER_DOUBLING = 2
LONG_AXIS = 300
"""Ratio of the ends of a logarithmic axis from which on it has a number per decade."""


def plot_crosstalk(
    slide: xr.Dataset, ax: Axes, *, band: str = "R", corrected: bool = False, model: xr.Dataset | None = None
) -> Axes:
    """Draw the infrared density of the film against the density of a visible band, and the crosstalk fit.

    Shades count pixels. The line is the mean of the prediction, or of the residual, at each visible density. Defects
    are left out, as in the fit.

    Parameters
    ----------
    slide
        From `open_slide` or `clean_slide`, which is fitted here; or the result of `measure_crosstalk`.
    ax
        Axes to draw on.
    band
        ``"R"``, ``"G"`` or ``"B"``.
    corrected
        Draw the residual: the infrared minus the prediction, on an axis of the same length.
    model
        From `fit_roll`, if the slide belongs to a roll.
    """
    if band not in VISIBLE:
        raise SlideError(f"band must be one of {', '.join(VISIBLE)}, not {band!r}")
    pixels = slide if "ghost" in slide else measure_crosstalk(slide, model)
    density, infrared, ghost = (each.values for each in (pixels.density.sel(band=band), pixels.infrared, pixels.ghost))
    across = np.percentile(density, PERCENTILES)
    low, high = np.percentile(infrared, PERCENTILES)
    if corrected:
        low, high, infrared = -(high - low) / 2, (high - low) / 2, infrared - ghost
    limits = [_widened(*across), _widened(low, high)]
    count, x_edges, _ = np.histogram2d(density, infrared, CELLS, limits)
    extent = (*limits[0], *limits[1])
    norm = LogNorm(1, max(count.max(), 10))
    image = ax.imshow(count.T, origin="lower", aspect="auto", extent=extent, cmap="cividis", norm=norm)
    ax.set_facecolor(image.cmap(0.0))
    _draw_mean(ax, x_edges, density, *((infrared, "mean of the residual") if corrected else (ghost, "fit")))
    ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0, 0.03, 1)), label="pixels")
    ax.set(xlim=limits[0], ylim=limits[1], xlabel=f"density of {band} (log10)")
    ax.set(ylabel=f"{'residual' if corrected else 'infrared'} density (log10)")
    ax.set_title("After: residual" if corrected else "Before: infrared and fit")
    return ax


def _widened(low: float, high: float) -> tuple[float, float]:
    """The limits, at least 0.01 apart."""
    room = max(0.0, 0.01 - (high - low)) / 2
    return low - room, high + room


def _draw_mean(ax: Axes, edges: np.ndarray, density: np.ndarray, values: np.ndarray, label: str) -> None:
    """Draw the mean of the values in each bin of density that holds enough pixels."""
    count = np.histogram(density, edges)[0]
    mean = np.histogram(density, edges, weights=values)[0] / np.maximum(count, 1)
    drawn = np.where(count >= FEWEST_IN_CELL, mean, np.nan)
    outlined = [patheffects.withStroke(linewidth=3, foreground="white")]
    ax.plot((edges[1:] + edges[:-1]) / 2, drawn, color=VERMILION, linewidth=1.5, path_effects=outlined, label=label)
    ax.legend(loc="upper left", fontsize="small")


def plot_displacement(displacement: Displacement, ax: Axes) -> Axes:
    """Draw the displacement of the infrared measured at pieces of a slide, and the field fitted to them.

    The title states the displacement at the centre; arrows show the difference from it. The key gives their scale.
    Pieces with a large standard error are drawn faintly. Where all differ by less than 0.1 px, a sentence says so.

    Parameters
    ----------
    displacement
        From `measure_displacement`.
    ax
        Axes to draw on, in rows and columns of the stored pixels.
    """
    height, width = displacement.shape
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    ax.set(xlabel="column x (px)", ylabel="row y (px)")
    shift = displacement.coefficient[:, 0]
    error = displacement.uncertainty
    title = f"Infrared shifted by {shift[0]:+.2f} rows, {shift[1]:+.2f} columns (± {error:.2f} px)"
    text = title if displacement.trusted else "No shift could be measured: nothing is moved"
    ax.set_title(text, loc="left", pad=ABOVE)
    if displacement.pieces is not None:
        _draw_arrows(displacement, displacement.pieces, shift, ax)
    return ax


def _draw_arrows(displacement: Displacement, pieces: Pieces, shift: np.ndarray, ax: Axes) -> None:
    y, x = pieces.place.T
    field = np.stack([displacement_at(displacement, y[i : i + 1], x[i : i + 1])[:, 0, 0] for i in range(len(y))])
    strength = 1 / (1 + (pieces.error / SURE) ** 2)
    measured = pieces.move - shift
    length = np.hypot(*measured[strength >= np.median(strength)].T)
    longest = max(float(np.quantile(length, 0.9)), float(np.hypot(*(field - shift).T).max()))
    if longest < NEGLIGIBLE:
        text = f"the same everywhere (within {NEGLIGIBLE:g} px)"
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center")
        return
    reach = LONGEST_ARROW * np.sqrt(displacement.shape[0] * displacement.shape[1] / len(y))
    options = scaled(longest, reach)
    dark: dict[str, Any] = {"color": "black", "alpha": np.maximum(strength, 0.1), "width": 0.003}
    ax.quiver(x, y, *(field - shift).T[::-1], color=SKY, width=0.009, label="fitted field", **options)
    arrows = ax.quiver(x, y, *measured.T[::-1], label="measured", **dark, **options)
    add_key(ax, arrows, longest, reach, 1.04)
    ax.legend(loc="lower right", fontsize="small")


def scaled(longest: float, reach: float) -> dict[str, Any]:
    """Options of `Axes.quiver` that draw displacements of `longest` pixels as long as `reach` pixels of the axes."""
    return {"angles": "xy", "scale_units": "xy", "scale": longest / reach}


def add_key(ax: Axes, arrows: Quiver, longest: float, reach: float, height: float) -> QuiverKey:
    """Add an arrow of a round length at the left, this share of the axes above their bottom, with its length in words.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> arrows = ax.quiver([0], [0], [0.3], [0.6], **scaled(0.7, 70))
    >>> add_key(ax, arrows, 0.7, 70, 1.04).text.get_text()
    '0.5 px (drawn 100 times as long)'
    """
    power = 10.0 ** np.floor(np.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest)
    left, right = sorted(ax.get_xlim())
    tip = 0.02 + reach * length / longest / (right - left)
    label = f"{length:g} px (drawn {float(f'{reach / longest:.1g}'):,.0f} times as long)"
    return ax.quiverkey(arrows, tip, height, length, label, labelpos="E", fontproperties={"size": "small"})


def plot_defects(defects: xr.Dataset, ax: Axes, *, size: str = "length") -> Axes:
    """Draw the number of defects of each kind by size, on logarithmic axes.

    Parameters
    ----------
    defects
        From `measure_defects`; sizes are in micrometres if it was given the resolution, else in pixels.
    ax
        Axes to draw on.
    size
        ``"length"``, ``"width"`` or ``"area"``.
    """
    named = {"length": ("length_um", "µm"), "width": ("width_um", "µm"), "area": ("area_um2", "µm²")}
    if size not in named:
        raise SlideError(f"size must be one of {', '.join(named)}, not {size!r}")
    name, unit = named[size] if named[size][0] in defects.variables else (size, "px")
    sizes, kinds = defects[name].values, defects.kind.values
    edges = _doublings(sizes) if sizes.size else np.array([1.0, 2.0])
    for kind, (colour, style) in KINDS.items():
        number = np.histogram(sizes[kinds == kind], edges)[0]
        line = ax.stairs(number, edges, baseline=0.5, color=colour, label=f"{kind}: {number.sum():,}")
        line.set(linestyle=style, linewidth=2)
    ax.set(xscale="log", yscale="log", xlabel=f"{size} ({unit})", ylabel="defects", xlim=edges[[0, -1]])
    ax.set_ylim(bottom=0.7)
    number_plainly(ax.xaxis)
    number_plainly(ax.yaxis)
    ax.legend(fontsize="small")
    ax.set_title(f"Defects by {size}: {sizes.size:,}" if sizes.size else "No defects")
    return ax


def number_plainly(axis: Axis) -> None:
    """Number a logarithmic axis 1, 2, 5, 10, ..., or 1, 10, 100, ... if it is long, without powers of ten."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < LONG_AXIS * low else (1,)))
    axis.set_major_formatter("{x:,.10g}")
    axis.set_minor_formatter(NullFormatter())


def _doublings(sizes: np.ndarray) -> np.ndarray:
    """Edges of bins, two per doubling, that hold all sizes."""
    first, last = np.floor(np.log2(sizes.min())), np.ceil(np.log2(sizes.max() * 1.001))
    return 2 ** np.arange(first, last + 1 / (2 * BINS_PER_DOUBLING), 1 / BINS_PER_DOUBLING)
