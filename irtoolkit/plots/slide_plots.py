"""Pictures of one slide with matplotlib.

All show the slide upright. The axes count rows y and columns x of the stored pixels, as `cleaned.isel(y=..., x=...)`
and `window` do.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from irtoolkit.arrays import robust_centre_and_scale
from irtoolkit.pictures import MIRRORED, TRANSPOSED, UPSIDE_DOWN, Picture, mark_mask, orient, thin, view_picture
from irtoolkit.schema import BANDS, INFRARED, VISIBLE, SlideError, describe

Window = tuple[slice, slice]

LONGEST = 900
RESIDUAL_RANGE = 10
OUTLINES_ACROSS = 300
TINT = 0.7
"""Share of the marking colour in a tinted pixel."""

STYLES = ("outline", "tint")


def preview(slide: xr.Dataset, *names: str, window: Window | None = None) -> xr.Dataset:
    """Compute what plots of a slide show; every plot accepts the result in place of the slide.

    Parameters
    ----------
    slide
        From `open_slide` or `clean_slide`. A preview is returned as it is.
    names
        The variables to keep; if none is named, all except the score, which averaging would falsify.
    window
        Slices of y and x, in stored pixels; the whole slide if None.

    Returns
    -------
    xarray.Dataset
        In memory: the variables at 900 rows and columns or fewer (masks reduced by their maximum, the rest averaged),
        coordinates y and x in stored pixels, and `overview`, the colour of the whole slide, which sets the contrast.
    """
    if "overview" in slide:
        return slide
    chosen = slide[list(names)] if names else slide.drop_vars("score", errors="ignore")
    cut = chosen if window is None else chosen.isel(y=window[0], x=window[1])
    seen = cut.map(lambda variable: thin(variable, LONGEST) if "y" in variable.dims else variable)
    step = -(-max(cut.sizes["y"], cut.sizes["x"]) // LONGEST)
    for axis, part in zip(("y", "x"), window or (slice(None), slice(None)), strict=True):
        first = part.indices(slide.sizes[axis])[0]
        seen = seen.assign_coords({axis: first + step * (np.arange(seen.sizes[axis]) + 0.5) - 0.5})
    whole = thin(slide.counts.sel(band=list(VISIBLE)), LONGEST).rename(band="colour", y="overview_y", x="overview_x")
    return describe(seen.assign(overview=whole).assign_attrs(slide.attrs, step=step).compute())


def plot_picture(slide: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the colour as scanned, with its contrast stretched; a negative is shown as a positive.

    Parameters
    ----------
    slide
        From `open_slide`, `clean_slide` or `preview`.
    ax
        Axes to draw on.
    window
        Slices of y and x, in stored pixels, to zoom in on; the contrast is still that of the whole slide.
    """
    seen = preview(slide, "counts", window=window)
    inverted = ", negative shown as positive" if slide.attrs.get("polarity") == "negative" else ""
    _show(_coloured(seen, seen.counts), seen, ax)
    ax.set_title(f"Colour as scanned{inverted}")
    return ax


def plot_bands(slide: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw R, G, B and infrared as scanned in four panels, each from its 0.1 % point (black) to its 99.9 % (white).

    Parameters as in `plot_picture`; the panels are insets of `ax`.
    """
    seen = preview(slide, "counts", window=window)
    orientation = int(seen.attrs.get("orientation", 1))
    for panel, band in zip(_panels(ax, 2), BANDS, strict=True):
        counts = seen.counts.sel(band=band).values
        low, high = np.percentile(counts, [0.1, 99.9])
        _show(orient(counts, orientation), seen, panel, cmap="gray", vmin=low, vmax=high)
        _name(panel, f"{band}: {low:,.0f} to {high:,.0f} counts")
    ax.set_title("Bands as scanned")
    return ax


def plot_infrared(slide: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the infrared as scanned, in counts; defects are dark, and the ghost of the picture shows.

    Parameters as in `plot_picture`.
    """
    seen = preview(slide, "counts", window=window)
    infrared = seen.counts.sel(band=INFRARED)
    low, high = np.percentile(infrared, [0.1, 99.9])
    _show_plane(infrared, seen, ax, "infrared (counts)", cmap="gray", vmin=low, vmax=high)
    ax.set_title("Infrared as scanned: defects are dark")
    return ax


def plot_residual(cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None, limit: float | None = None) -> Axes:
    """Draw the residual, the infrared density that the colour does not explain; it is dark where light is blocked.

    Parameters as in `plot_picture`, from `clean_slide`. White is -`limit` and black is +`limit` of density, by default
    10 robust standard deviations of the residual shown.
    """
    seen = preview(cleaned, "residual", window=window)
    limit = limit or RESIDUAL_RANGE * (robust_centre_and_scale(seen.residual.values)[1] or 1.0)
    _show_plane(seen.residual, seen, ax, "density (log10)", cmap="gray_r", vmin=-limit, vmax=limit)
    ax.set_title("Residual: infrared minus the ghost of the picture")
    return ax


def plot_mask(
    cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None, style: Literal["outline", "tint"] = "outline"
) -> Axes:
    """Draw the mask over the picture as scanned; the numbers in the title are of the whole slide.

    Parameters as in `plot_picture`, from `clean_slide`. ``"outline"`` draws around the marked pixels, ``"tint"``
    colours them; any other style is a `SlideError`.
    """
    if style not in STYLES:
        raise SlideError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
    seen = preview(cleaned, "counts", "mask", "coverage", "defects", window=window)
    width = max(1, round(max(seen.mask.shape) / OUTLINES_ACROSS)) if style == "outline" else 0
    picture, orientation = _coloured(seen, seen.counts), int(seen.attrs.get("orientation", 1))
    marked = mark_mask(picture, seen.mask, orientation=orientation, width=width, tint=0.0 if width else TINT)
    _show(marked, seen, ax)
    ax.set_title(f"Mask (whole slide: defects {int(seen.defects):,}, marked {percent(float(seen.coverage))})")
    return ax


def plot_healed(cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None) -> Axes:
    """Draw the healed colour with the contrast of the picture as scanned. Parameters as in `plot_picture`."""
    seen = preview(cleaned, "healed", window=window)
    _show(_coloured(seen, seen.healed), seen, ax)
    ax.set_title("Healed")
    return ax


def plot_before_after(
    cleaned: xr.Dataset, ax: Axes, *, window: Window | None = None, side_by_side: bool = False
) -> Axes:
    """Draw the picture before and after healing: the left half before, the right half after; or both whole.

    Parameters as in `plot_picture`, from `clean_slide`. With `side_by_side` both are drawn whole, as insets of `ax`.
    """
    seen = preview(cleaned, "counts", "healed", window=window)
    before, after = _coloured(seen, seen.counts), _coloured(seen, seen.healed)
    if side_by_side:
        for panel, picture, name in zip(_panels(ax, 1), (before, after), ("before", "after"), strict=True):
            _show(picture, seen, panel)
            _name(panel, name)
    else:
        middle = before.shape[1] // 2
        image = _show(np.concatenate([before[:, :middle], after[:, middle:]], axis=1), seen, ax)
        left, right = image.get_extent()[:2]
        ax.axvline(left + (right - left) * middle / before.shape[1], color="white", linewidth=1)
        _name(ax, "before")
        _name(ax, "after", right=True)
    ax.set_title("Before and after")
    return ax


def percent(share: float) -> str:
    """Write a share in per cent with two digits, and at most three decimals.

    >>> percent(0.02862), percent(0.00051), percent(1.0), percent(1e-9)
    ('2.9 %', '0.051 %', '100 %', '0 %')
    """
    return f"{round(float(f'{100 * share:.2g}'), 3):g} %"


def _panels(ax: Axes, rows: int) -> Sequence[Axes]:
    """Insets of the axes in rows of two, with shared scales; only the outer ones are labelled."""
    ax.set_axis_off()
    panels: list[Axes] = []
    for place in range(2 * rows):
        bounds = (0.51 * (place % 2), 0.52 * (rows - 1 - place // 2), 0.49, 1 if rows == 1 else 0.48)
        shared: dict[str, Any] = {"sharex": panels[0], "sharey": panels[0]} if panels else {}
        panels.append(ax.inset_axes(bounds, **shared))
        first, last = place % 2 == 0, place // 2 == rows - 1
        panels[-1].tick_params(labelleft=first, labelbottom=last)
        panels[-1].yaxis.label.set_visible(first)
        panels[-1].xaxis.label.set_visible(last)
        panels[-1].set_anchor(("N" if place // 2 or rows == 1 else "S") + ("E" if first else "W"))
    return panels


def _name(ax: Axes, name: str, *, right: bool = False) -> None:
    """Write a name in an upper corner of a picture."""
    box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 2}
    place, side = (0.985, "right") if right else (0.015, "left")
    ax.text(place, 0.975, name, transform=ax.transAxes, ha=side, va="top", color="white", fontsize="small", bbox=box)


def _coloured(seen: xr.Dataset, counts: xr.DataArray) -> Picture:
    """Picture of the colour bands with the contrast of the whole slide."""
    return view_picture(
        counts.sel(band=list(VISIBLE)),
        polarity=seen.attrs.get("polarity", ""),
        orientation=int(seen.attrs.get("orientation", 1)),
        gamma=seen.attrs.get("gamma"),
        reference=seen.overview,
    )


def _show_plane(plane: xr.DataArray, seen: xr.Dataset, ax: Axes, label: str, **options: Any) -> None:
    """Draw a (y, x) plane and its colour bar."""
    image = _show(orient(plane.values, int(seen.attrs.get("orientation", 1))), seen, ax, **options)
    ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0, 0.03, 1)), label=label)


def _show(upright: np.ndarray, seen: xr.Dataset, ax: Axes, **options: Any) -> Any:
    """Draw an upright array, with stored rows and columns on the axes."""
    orientation, half = int(seen.attrs.get("orientation", 1)), seen.attrs["step"] / 2
    down, across = ((name, *(seen[name].values[[0, -1]] + (-half, half))) for name in ("y", "x"))
    if orientation in TRANSPOSED:
        down, across = across, down
    top, bottom = down[:0:-1] if orientation in UPSIDE_DOWN else down[1:]
    left, right = across[:0:-1] if orientation in MIRRORED else across[1:]
    labels = {"y": "row y (px)", "x": "column x (px)"}
    ax.set(xlabel=labels[across[0]], ylabel=labels[down[0]])
    return ax.imshow(upright, extent=(left, right, bottom, top), **options)
