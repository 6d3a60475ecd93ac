"""The planes of a slide for display, upright: an overview in memory, and windows read from the file."""

from collections.abc import Iterable
from math import ceil, sqrt
from typing import Any

import cv2
import numpy as np
import xarray as xr
from dask.base import compute

from irtoolkit.arrays import blocks
from irtoolkit.detection import connect_pixels
from irtoolkit.pictures import TRANSPOSED, orient
from irtoolkit.widgets.pieces import PIECE, read_in_pieces
from irtoolkit.widgets.views import Box, Size, View, stored_box

OVERVIEW_PIXELS = 8e6
COMPUTED_PIXELS = 2e6
"""Most pixels of the overview, and of a window that must be computed (a few seconds of work)."""

READ_STEPS = 4
"""Most tasks per chunk of a lazy plane that is only read; computed planes have many more."""

CLOSER = "go closer; it is computed only for a small area"
"""Caption of a plane that must be computed and is too large in this view."""


def is_read(plane: xr.DataArray) -> bool:
    """Whether a plane is in memory or only read from files, and therefore cheap."""
    return plane.chunks is None or len(plane.__dask_graph__()) <= READ_STEPS * plane.data.npartitions


class Levels:
    """The planes of a slide for display, from an overview in memory or window by window.

    Parameters
    ----------
    slide
        `counts` and any other variables of `clean_slide`, in memory or lazy. Counts of an opened file are read in small
        pieces.

    Attributes
    ----------
    shape
        Height and width of the upright slide.
    orientation
        TIFF orientation of the stored pixels.
    step
        Slide pixels per pixel of the overview, which has about 8 million at most.
    overviewed
        Rows and columns of the overview, in whole squares of `step` pixels.
    """

    def __init__(self, slide: xr.Dataset) -> None:
        self.slide = read_in_pieces(slide)
        self.orientation = int(slide.attrs.get("orientation", 1))
        stored = slide.counts.sizes["y"], slide.counts.sizes["x"]
        self.shape: Size = stored[::-1] if self.orientation in TRANSPOSED else stored
        self.step = ceil(sqrt(stored[0] * stored[1] / OVERVIEW_PIXELS))
        height, width = (length // self.step * self.step for length in self.shape)
        self.overviewed: Box = slice(0, height), slice(0, width)
        self._overview: dict[str, np.ndarray] = {}
        self._computed: dict[str, tuple[Box, np.ndarray]] = {}

    def see(self, names: Iterable[str], view: View, size: Size) -> tuple[Box, dict[str, np.ndarray]]:
        """The box that a panel of this size shows, and its planes (`read`) at the resolution that the view needs."""
        coarse = self.step == 1 or view.step >= self.step
        box = view.box(size, self.shape, self.step if coarse else 1)
        return box, self.read(names, box, coarse=coarse)

    def read(self, names: Iterable[str], box: Box, *, coarse: bool) -> dict[str, np.ndarray]:
        """Planes (y, x) or (y, x, band) of an upright box, by name.

        Missing planes are left out, as are planes that must be computed if the box has over 2 million pixels.

        Parameters
        ----------
        names
            Variables of the slide.
        box
            Rows and columns; whole squares of `step` pixels if coarse.
        coarse
            Whether planes may come from the overview, averaged over squares of `step` pixels.
        """
        known = [name for name in dict.fromkeys(names) if name in self.slide]
        ready = [name for name in known if is_read(self.slide[name])]
        area = (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
        others = [name for name in known if name not in ready and area <= COMPUTED_PIXELS]
        read = self._from_overview(ready, box) if coarse else self._from_slide(ready, box)
        return read | self._from_blocks(others, box)

    def _from_overview(self, names: list[str], box: Box) -> dict[str, np.ndarray]:
        missing = [name for name in names if name not in self._overview]
        (planes,) = compute([self._reduced(self.slide[name]) for name in missing])
        self._overview |= dict(zip(missing, self._upright(planes), strict=True))
        part = tuple(slice(side.start // self.step, ceil(side.stop / self.step)) for side in box)
        return {name: self._overview[name][part] for name in names}

    def _reduced(self, plane: xr.DataArray) -> Any:
        step = self.step
        if step == 1:
            return plane
        y, x = stored_box(self.overviewed, self.shape, self.orientation)
        cut = plane.isel(y=y, x=x)
        if cut.chunks is None:
            return _average(cut.values, step)
        rows = cut.chunk({axis: max(1, length // step) * step for axis, length in zip("yx", PIECE, strict=True)}).data
        sizes = (*rows.chunks[:-2], *(tuple(n // step for n in side) for side in rows.chunks[-2:]))
        return rows.map_blocks(_average, step, chunks=sizes, dtype=plane.dtype)

    def _from_slide(self, names: list[str], box: Box) -> dict[str, np.ndarray]:
        y, x = stored_box(box, self.shape, self.orientation)
        (planes,) = compute([self.slide[name].isel(y=y, x=x) for name in names])
        return dict(zip(names, self._upright(planes), strict=True))

    def _from_blocks(self, names: list[str], box: Box) -> dict[str, np.ndarray]:
        """Computed planes of a box; the whole blocks around the last box are kept in memory."""
        y, x = stored_box(box, self.shape, self.orientation)
        missing = [name for name in names if not _holds(self._computed.get(name), (y, x))]
        around = _whole_blocks((y, x), (self.slide.sizes["y"], self.slide.sizes["x"]))
        (planes,) = compute([self.slide[name].data[..., *around] for name in missing])
        self._computed |= {name: (around, plane) for name, plane in zip(missing, planes, strict=True)}
        return dict(zip(names, self._upright([_cut(*self._computed[name], (y, x)) for name in names]), strict=True))

    def _upright(self, planes: Iterable[Any]) -> list[np.ndarray]:
        """Turn stored planes (y, x) and (band, y, x) upright, as (y, x) and (y, x, band)."""
        arrays = map(np.asarray, planes)
        return [orient(np.moveaxis(plane, 0, -1) if plane.ndim == 3 else plane, self.orientation) for plane in arrays]


def _average(plane: np.ndarray, step: int) -> np.ndarray:
    """Average squares of a plane (y, x) or planes (band, y, x); a square of a mask is True if any of its pixels is."""
    if plane.dtype == bool:
        return cv2.dilate(plane.view(np.uint8), np.ones((step, step), np.uint8), anchor=(0, 0))[::step, ::step] > 0
    size = plane.shape[-1] // step, plane.shape[-2] // step
    bands = [cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in plane.reshape(-1, *plane.shape[-2:])]
    return np.reshape(bands, (*plane.shape[:-2], *size[::-1])).astype(plane.dtype, copy=False)


def _whole_blocks(box: Box, shape: Size) -> Box:
    """The union of the processing blocks that a stored box touches."""
    grid = blocks(*shape)
    sides = [rows[0][0] for rows in grid], [block[1] for block in grid[0]]
    touched = [
        [part for part in parts if part.start < side.stop and part.stop > side.start]
        for side, parts in zip(box, sides, strict=True)
    ]
    rows, columns = (slice(parts[0].start, parts[-1].stop) for parts in touched)
    return rows, columns


def _holds(computed: tuple[Box, np.ndarray] | None, box: Box) -> bool:
    return computed is not None and all(
        outer.start <= inner.start and inner.stop <= outer.stop for outer, inner in zip(computed[0], box, strict=True)
    )


def _cut(around: Box, plane: np.ndarray, box: Box) -> np.ndarray:
    """Cut a box from a plane that covers the box `around`."""
    y, x = (slice(side.start - outer.start, side.stop - outer.start) for side, outer in zip(box, around, strict=True))
    return plane[..., y, x]


def locate_defects(mask: np.ndarray) -> xr.Dataset:
    """Find the 8-connected regions of a mask (y, x), the largest first.

    Returns
    -------
    xarray.Dataset
        On dimension `defect`: `area` (px), and the half-open box `top`, `left`, `bottom`, `right` (px).

    Examples
    --------
    >>> mask = np.zeros((9, 20), bool)
    >>> mask[4, 5:8] = mask[2, 15] = True
    >>> defects = locate_defects(mask)
    >>> defects.area.values.tolist(), defects.left.values.tolist(), defects.right.values.tolist()
    ([3, 1], [5, 15], [8, 16])
    """
    index = np.flatnonzero(mask)
    region, count = connect_pixels(index, mask.shape[1])
    y, x = np.divmod(index, mask.shape[1])
    area = np.bincount(region, minlength=count)
    columns = {"area": area}
    for low, high, place, length in (("top", "bottom", y, mask.shape[0]), ("left", "right", x, mask.shape[1])):
        columns[low], columns[high] = np.full(count, length), np.zeros(count, int)
        np.minimum.at(columns[low], region, place)
        np.maximum.at(columns[high], region, place + 1)
    order = np.argsort(-area, kind="stable")
    return xr.Dataset({name: ("defect", column[order]) for name, column in columns.items()})
