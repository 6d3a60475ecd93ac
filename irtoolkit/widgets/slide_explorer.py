"""A widget with linked, zoomable views of a slide: colour, infrared, residual, score, mask and healed."""

import html
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.pictures import Picture, mark_mask, orient, view_picture, view_plane
from irtoolkit.plots import RESIDUAL_RANGE, percent
from irtoolkit.schema import INFRARED, VISIBLE, SlideError
from irtoolkit.widgets.comparison import Comparison
from irtoolkit.widgets.levels import CLOSER, Levels, locate_defects
from irtoolkit.widgets.parts import Text, button, in_row, toggles
from irtoolkit.widgets.views import Box, Size, View, blank, stored_place, to_screen

VARIABLES = {
    "colour": "counts",
    "infrared": "counts",
    "residual": "residual",
    "score": "score",
    "mask": "mask",
    "healed": "healed",
}
"""The views, and the variable of a cleaned slide that each shows."""

OVERLAYS = ("off", "outline", "tint")
TINT = 0.6
SCORE_RANGE = 10.0
REFERENCE_SIDE = 300


class Display(NamedTuple):
    """How planes become pictures: sample of the colour (band, y, x), ranges of infrared and residual, and film."""

    reference: np.ndarray
    infrared: tuple[float, float]
    residual: float
    film: dict[str, Any]


class SlideExplorer(ipywidgets.VBox):
    """Views of a cleaned slide with its marks, and buttons that step through its defects.

    Attributes
    ----------
    comparison
        The panels and their controls (`Comparison`); None if the slide cannot be shown.
    defects
        From `locate_defects`, largest first, in rows and columns of the upright slide.
    overlay
        ``"off"``, ``"outline"`` or ``"tint"``.
    message
        Name, size and marks of the slide, or why it cannot be shown.
    """

    def __init__(self, cleaned: xr.Dataset) -> None:
        self.message = Text("message")
        self.comparison: Comparison | None = None
        super().__init__([self.message])
        self.add_class("irt-slide")
        try:
            self._open(cleaned)
        except (SlideError, OSError) as error:
            self.message.value = html.escape(f"This slide cannot be explored: {error}")
            return
        self._chosen = -1
        self._ringed: Box | None = None
        self._make_controls()
        names = [name for name, variable in VARIABLES.items() if variable in cleaned]
        if INFRARED not in cleaned.band.values:
            names.remove("infrared")
        mode = "side by side" if "healed" in names else "one"
        self.comparison = Comparison(names, self._levels.shape, self._draw, self._describe, mode=mode)
        self.children = [self.message, self.comparison, self._controls]
        self.message.value = html.escape(_about(cleaned, self.defects))
        self.comparison.refresh()

    def _open(self, cleaned: xr.Dataset) -> None:
        """Read the overview, and compute the mask."""
        marks = cleaned.mask.values if "mask" in cleaned else np.zeros(cleaned.counts.shape[1:], bool)
        slide = cleaned.drop_vars("healed", errors="ignore").assign(mask=(("y", "x"), marks))
        if "healed" in cleaned:
            slide = slide.assign(healed=cleaned.healed.sel(band=list(VISIBLE)).rename(band="colour"))
        self._levels = Levels(slide)
        self.defects = locate_defects(orient(marks, self._levels.orientation))
        self._display = _choose_display(self._levels, cleaned)
        self._seen: tuple[Box, dict[str, np.ndarray]] = ((slice(0), slice(0)), {})

    def _make_controls(self) -> None:
        self.overlay = toggles("Overlay", OVERLAYS, "outline")
        self.overlay.observe(self._change_overlay, "value")
        self.overlay.add_class("irt-overlay")
        buttons = [
            button("previous defect", "previous", lambda: self.show_defect(self._chosen - 1)),
            button("next defect", "next", lambda: self.show_defect(self._chosen + 1)),
        ]
        for one in buttons:
            one.disabled = not self.defects.sizes["defect"]
        self._which = ipywidgets.Label()
        self._controls = in_row(self.overlay, *buttons, self._which)

    def _change_overlay(self, _: Any) -> None:
        if self.comparison is not None:
            self.comparison.refresh()

    def show_defect(self, number: int) -> None:
        """Go to a defect, 0 being the largest, and draw a ring around it; the numbers wrap around."""
        if self.comparison is None or not self.defects.sizes["defect"]:
            return
        self._chosen = max(number, -1) % self.defects.sizes["defect"]
        defect = {name: int(value) for name, value in self.defects.isel(defect=self._chosen).items()}
        self._ringed = slice(defect["top"], defect["bottom"]), slice(defect["left"], defect["right"])
        self._which.value = f"defect {self._chosen + 1} of {self.defects.sizes['defect']:,}: {defect['area']:,} px"
        view = self.comparison.view
        self.comparison.go(view._replace(step=min(view.step, 1.0)).around(self._ringed, self.comparison.size))

    def _draw(self, names: list[str], view: View, size: Size) -> list[tuple[Picture, str]]:
        box, planes = self._seen = self._levels.see(
            [*(VARIABLES[name] for name in names), "counts", "mask"], view, size
        )
        return [self._draw_one(name, planes, view, box, size) for name in names]

    def _draw_one(
        self, name: str, planes: dict[str, np.ndarray], view: View, box: Box, size: Size
    ) -> tuple[Picture, str]:
        if VARIABLES[name] not in planes:
            return blank(size), f"{name}: {CLOSER}"
        scaled = view.scaled(box)
        picture = picture_of(name, planes[VARIABLES[name]], self._display, scaled)
        if name != "mask" and self.overlay.value != "off":
            marks = to_screen(planes["mask"].view(np.uint8), scaled, largest=True)
            outlined = self.overlay.value == "outline"
            picture = mark_mask(picture, marks, width=int(outlined), tint=0 if outlined else TINT)
        panel = view.lay(np.broadcast_to(np.atleast_3d(picture), (*scaled, 3)), box, size)
        ringed = self._ringed if self.overlay.value != "off" else None
        return panel if ringed is None else view.ring(panel, ringed), name

    def _describe(self, row: int, column: int) -> str:
        """Stored y and x, and the values there of the planes on the panels."""
        box, planes = self._seen
        if not all(side.start <= place < side.stop for side, place in zip(box, (row, column), strict=True)):
            return "outside"
        y, x = stored_place(row, column, self._levels.shape, self._levels.orientation)
        there = {name: plane[_index(plane, box, (row, column))] for name, plane in planes.items()}
        step = round((box[0].stop - box[0].start) / len(planes["counts"]))
        over = f" (means of {step} x {step} px)" if step > 1 else ""
        return f"y {y}, x {x}: " + ", ".join(_format(name, value) for name, value in there.items()) + over


def _index(plane: np.ndarray, box: Box, place: tuple[int, int]) -> tuple[int, ...]:
    """Index of a row and column of the slide in a plane that covers a box."""
    sides = zip(box, place, plane.shape, strict=False)
    return tuple((there - side.start) * length // (side.stop - side.start) for side, there, length in sides)


def _format(name: str, value: Any) -> str:
    match name:
        case "mask":
            return "defect" if value else "no defect"
        case "residual":
            return f"residual {value:.3f}"
        case "score":
            return f"score {value:.1f} sigma"
    bands = " ".join(f"{band} {count}" for band, count in zip((*VISIBLE, INFRARED), value, strict=False))
    return bands if name == "counts" else f"healed {bands}"


def picture_of(name: str, plane: np.ndarray, display: Display, size: Size) -> Picture:
    """Draw an upright plane as a view: a picture (y, x, 3), or gray (y, x), of this size."""
    if name in ("colour", "healed"):
        bands = np.moveaxis(to_screen(np.ascontiguousarray(plane[..., :3]), size), -1, 0)
        return view_picture(bands, reference=display.reference, **display.film)
    if name == "infrared":
        return view_plane(to_screen(np.ascontiguousarray(plane[..., 3]), size), *display.infrared)
    if name == "mask":
        return view_plane(to_screen(plane.view(np.uint8), size, largest=True), 0, 1)
    limit = SCORE_RANGE if name == "score" else display.residual
    return view_plane(to_screen(plane.astype(np.float32), size, largest=name == "score"), limit, -limit)


def _choose_display(levels: Levels, cleaned: xr.Dataset) -> Display:
    whole = (
        slice(0, levels.shape[0] // levels.step * levels.step),
        slice(0, levels.shape[1] // levels.step * levels.step),
    )
    counts = levels.read(["counts"], whole, coarse=True)["counts"]
    thin = max(1, max(counts.shape) // REFERENCE_SIDE)
    sample = counts[::thin, ::thin]
    low, high = np.percentile(sample[..., -1], [0.1, 99.9])
    film = {"polarity": cleaned.attrs.get("polarity", ""), "gamma": cleaned.attrs.get("gamma")}
    residual = RESIDUAL_RANGE * (float(cleaned.get("sigma", 0)) or 0.01)
    return Display(np.moveaxis(sample[..., :3], -1, 0), (low, max(high, low + 1)), residual, film)


def _about(cleaned: xr.Dataset, defects: xr.Dataset) -> str:
    """Name and size of the slide, and its marks."""
    name = str(cleaned.attrs.get("source", "")).replace("\\", "/").rsplit("/", 1)[-1]
    height, width = cleaned.counts.shape[1:]
    about = f"{name or 'slide'}, {height} x {width} px. "
    if "mask" not in cleaned:
        return about + "It has no mask; open it with open_cleaned, or clean it with clean_slide."
    number, share = defects.sizes["defect"], percent(float(defects.area.sum()) / (height * width))
    marks = f"{number:,} {'defect' if number == 1 else 'defects'} marked ({share} of the slide)."
    return about + (marks if number else "No defects are marked.")


def explore_slide(cleaned: xr.Dataset) -> SlideExplorer:
    """Show a cleaned slide at any zoom: colour, infrared, residual, score, mask and healed, one by one or linked.

    It opens with the colour as scanned beside the healed picture, if there is one.
    Drag to move and turn the mouse wheel to zoom; the buttons do the same from the keyboard. Lazy planes are computed
    only for the part in view, the mask once.

    Parameters
    ----------
    cleaned
        From `clean_slide`, or from `open_cleaned` if its files are written; views of missing variables are left out.
    """
    return SlideExplorer(cleaned)
