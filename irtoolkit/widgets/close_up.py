"""Places of a slide in turn: marked ones, least certain first, and unmarked ones, strongest first."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import NamedTuple

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.detection import connect_pixels, ranks_regions
from irtoolkit.pictures import TRANSPOSED, Picture, encode_jpeg, mark_mask, view_plane
from irtoolkit.settings import Settings
from irtoolkit.widgets.parts import Text, button
from irtoolkit.widgets.views import Box, View, stored_box, to_screen, to_upright

PANEL, GAP, STEP = (320, 218), 4, 0.5
"""Height and width of the colour and of the infrared, pixels between them, and slide pixels per picture pixel; more for
a place that needs more room."""

SIZE = PANEL[0], 2 * PANEL[1] + GAP

INFRARED_RANGE = 0.5, 99.5
"""Percentiles of the infrared around the place that are black and white."""

MARGINS = 4
"""Pixels that a widget leaves free beside its picture."""

MARKED, UNMARKED = "marked", "unmarked"


class Regions(NamedTuple):
    """The `settings`, the regions that they mark (as in `join_regions`), and `Trials.find_unmarked` for the others."""

    settings: Settings
    marked: xr.Dataset
    find_unmarked: Callable[[], xr.Dataset]


class CloseUp(ipywidgets.VBox):
    """One place in colour and in infrared, with a ring around it, and buttons for the next marked and unmarked place.

    Parameters
    ----------
    slide
        With `counts` and the attribute `orientation`.
    colour
        Turns counts (band, y, x) into an upright picture.
    infrared
        On the grid of the colours (y, x), lazy; NaN where not seen.
    """

    def __init__(self, slide: xr.Dataset, colour: Callable[[xr.DataArray], Picture], infrared: xr.DataArray) -> None:
        self._slide, self._colour, self._infrared = slide, colour, infrared
        self._orientation = int(slide.attrs.get("orientation", 1))
        stored = slide.sizes["y"], slide.sizes["x"]
        self._shape = stored[::-1] if self._orientation in TRANSPOSED else stored
        self._outlined, self._place = True, np.zeros(0, int)
        self.caption = Text("place", lines=2)
        self.image = ipywidgets.Image(format="jpeg", layout={"width": f"{SIZE[1]}px", "height": f"{SIZE[0]}px"})
        self.steps = {}
        for kind in (MARKED, UNMARKED):
            self.steps[kind] = button(f"next {kind} place", f"next-{kind}", partial(self._step, kind))
        shown = [
            ipywidgets.HBox([*self.steps.values(), ipywidgets.Label("colour | infrared")]),
            self.caption,
            self.image,
        ]
        super().__init__(shown, layout={"width": f"{SIZE[1] + MARGINS}px"})

    def show(self, regions: Regions) -> None:
        """Start with the least certain marked region."""
        self._regions = regions
        self._turns: dict[str, Iterator[tuple[str, np.ndarray]]] = {}
        self._step(MARKED)

    def _step(self, kind: str) -> None:
        if kind not in self._turns:
            self._turns[kind] = cycle(_list_places(kind, self._regions, self._slide.sizes["x"]))
        nothing = f"There is no {kind} place.", np.zeros(0, int)
        self.caption.value, self._place = next(self._turns[kind], nothing)
        self._show()

    def outline(self, outlined: bool) -> None:
        """Draw the outlines of the marks, or leave them out."""
        self._outlined = outlined
        self._show()

    def _show(self) -> None:
        self.image.value = encode_jpeg(self._draw()) if self._place.size else b""
        self.image.layout.visibility = None if self._place.size else "hidden"

    def _draw(self) -> Picture:
        place = self._box(self._place)
        view = View(0, 0, STEP).around(place, PANEL)
        box = view.box(PANEL, self._shape)
        y, x = stored_box(box, self._shape, self._orientation)
        colour = to_screen(self._colour(self._slide.counts.isel(y=y, x=x)), view.scaled(box))
        if self._outlined:
            colour = mark_mask(colour, to_screen(self._upright_mask(box), view.scaled(box), largest=True))
        infrared = to_screen(self._gray(self._infrared.isel(y=y, x=x).values), view.scaled(box))
        panels = [view.ring(view.lay(picture, box, PANEL), place) for picture in (colour, infrared)]
        return np.hstack([panels[0], np.full((PANEL[0], GAP, 3), 255, np.uint8), panels[1]])

    def _gray(self, infrared: np.ndarray) -> Picture:
        """An upright picture (y, x, 3) of stored infrared (y, x); what was not seen is black."""
        low, high = np.nanpercentile(infrared, INFRARED_RANGE) if np.isfinite(infrared).any() else (0, 1)
        gray = view_plane(np.nan_to_num(infrared), low, max(high, low + 1), self._orientation)
        return np.repeat(gray[..., None], 3, axis=2)

    def _upright(self, index: np.ndarray) -> np.ndarray:
        """Rows and columns (pixel, 2) on the upright slide."""
        places = np.stack(np.divmod(index, self._slide.sizes["x"]), axis=1)
        return to_upright(places, self._shape, self._orientation)

    def _box(self, index: np.ndarray) -> Box:
        places = self._upright(index)
        rows, columns = (slice(int(low), int(high) + 1) for low, high in zip(places.min(0), places.max(0), strict=True))
        return rows, columns

    def _upright_mask(self, box: Box) -> np.ndarray:
        """Mask of a box of the upright slide, uint8."""
        starts, stops = (np.array([getattr(side, end) for side in box]) for end in ("start", "stop"))
        places = self._upright(self._regions.marked.pixel_index.values)
        row, column = (places[((places >= starts) & (places < stops)).all(axis=1)] - starts).T
        mask = np.zeros(stops - starts, np.uint8)
        mask[row, column] = 1
        return mask


def _list_places(kind: str, regions: Regions, width: int) -> Iterator[tuple[str, np.ndarray]]:
    """Caption and pixels (flat indices) of each place; unmarked places with enough contrast come first.

    Places are counted as defects are: trimming may split a region into several.
    """
    found = regions.marked if kind == MARKED else regions.find_unmarked()
    if not found.sizes["pixel"]:
        return
    places = _split(found.pixel_index.values, width)
    first = np.searchsorted(found.pixel_index.values, [place[0] for place in places])
    owner = found.pixel_region.values[first]
    score, visibility = found.score.values[owner], found.visibility.values[owner]
    visible = visibility >= regions.settings.visibility
    order = np.argsort(score, kind="stable") if kind == MARKED else np.lexsort((-score, ~visible))
    head = f"of {len(places):,}, {'least certain' if kind == MARKED else 'strongest'} first"
    why = found.why.values[owner] if kind == UNMARKED else owner
    for at, one in enumerate(order, 1):
        known = f", score {score[one]:.2f} sigma" if ranks_regions(regions.settings.threshold) else ""
        reason = f" Left alone: {why[one]}." if kind == UNMARKED else ""
        text = f"{places[one].size:,} px, contrast {visibility[one]:.1f}{known}.{reason}"
        yield f"{kind.title()} place {at:,} {head}: {text}", places[one]


def _split(index: np.ndarray, width: int) -> list[np.ndarray]:
    """Split pixels, sorted flat indices, into 8-connected parts."""
    part, count = connect_pixels(index, width)
    order = np.argsort(part, kind="stable")
    return np.split(index[order], np.searchsorted(part[order], np.arange(1, count)))
