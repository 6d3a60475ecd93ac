"""Slides and cleaned slides, opened so that a small window is cheap to read."""

import xarray as xr

from irtoolkit.arrays import from_reader
from irtoolkit.files import AnyPath, Layout, SlideReader, find_layout, find_slide, label_counts, open_page
from irtoolkit.schema import DIMENSIONS, INFRARED, VISIBLE, NoInfraredError, SlideError, describe

PIECE = 240, 960
"""Rows and columns that are read together."""


def open_cleaned(
    source: AnyPath, mask: AnyPath, healed: AnyPath | None = None, *, infrared: AnyPath | int | None = None
) -> xr.Dataset:
    """Open a cleaned slide from its files; nothing is computed.

    Parameters
    ----------
    source, infrared
        The slide, as in `open_slide`.
    mask, healed
        Its ``*_mask.tif`` and, if there is one, its ``*_clean.tif``.

    Returns
    -------
    xarray.Dataset
        As from `clean_slide`: `counts`, lazy; `mask`, in memory; and `healed`, lazy, if its file is given.

    Raises
    ------
    FileNotFoundError, LayoutError, NoInfraredError
        A file is missing or damaged, or the slide has no infrared.
    SlideError
        The mask or the healed slide differs from the slide in height or width.
    """
    layout = find_slide(source, infrared)
    slide = label_counts(layout, _counts_in_pieces(layout))
    marks = open_page(mask)[:, :, 0] > 0
    _check_size(marks.shape[:2], layout, mask)
    slide = describe(slide.assign(mask=(("y", "x"), marks)))
    if healed is None:
        return slide
    picture = find_layout(healed)
    _check_size((picture.height, picture.width), layout, healed)
    visible = xr.DataArray(_counts_in_pieces(picture)[: len(VISIBLE)], {"band": list(VISIBLE)})
    return describe(slide.assign(healed=xr.concat([visible, slide.counts.sel(band=[INFRARED])], dim="band")))


def with_infrared(slide: xr.Dataset) -> xr.Dataset:
    """Return the slide if it has an infrared band; otherwise raise `NoInfraredError`."""
    if INFRARED not in slide.get("band", xr.DataArray([])).values:
        raise NoInfraredError("the slide has no infrared; open it with irt.open_slide")
    return slide


def _check_size(found: tuple[int, ...], layout: Layout, path: AnyPath) -> None:
    if found != (layout.height, layout.width):
        raise SlideError(
            f"{path}: this file is not of the slide's size; give the file that was written for this slide"
            f" ({found[0]} x {found[1]} pixels, not {layout.height} x {layout.width})"
        )


def _counts_in_pieces(layout: Layout) -> xr.Variable:
    """Counts in pieces of about 240 x 960 pixels, or of whole strips or rows of tiles."""
    reader = SlideReader(layout)
    planes = [*layout.visible, *([layout.infrared] if layout.infrared else [])]
    rows = max(open_page(plane.path, plane.page).natural_rows for plane in planes)
    tall, wide = (PIECE[0], PIECE[1]) if rows == 1 else (-(-PIECE[0] // rows) * rows, layout.width)
    chunks = reader.shape[:1], _split(layout.height, tall), _split(layout.width, wide)
    return xr.Variable(DIMENSIONS, from_reader(reader, chunks, f"look-{reader.identity}"))


def _split(length: int, longest: int) -> tuple[int, ...]:
    return tuple(min(longest, length - start) for start in range(0, length, longest))


def read_in_pieces(slide: xr.Dataset) -> xr.Dataset:
    """Read the counts in small pieces if they are those of the file named in the attributes."""
    source = slide.attrs.get("source", "")
    if slide.counts.chunks is None or not source:
        return slide
    layout = find_layout(source)
    if slide.counts.data.name != f"open-slide-{SlideReader(layout).identity}":
        return slide
    return slide.assign(counts=slide.counts.copy(data=_counts_in_pieces(layout).data))
