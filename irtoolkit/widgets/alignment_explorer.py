"""A widget that shows the infrared against the colour before and after alignment, and the measured displacement."""

import html

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.alignment import EVIDENCE, HIGH_PASS, Displacement, displacement_at, sample_slide, shift_infrared
from irtoolkit.arrays import high_pass, robust_centre_and_scale, to_density
from irtoolkit.model import from_dataset
from irtoolkit.pictures import Picture, view_plane
from irtoolkit.plots import NEGLIGIBLE
from irtoolkit.schema import SlideError
from irtoolkit.widgets.comparison import Comparison
from irtoolkit.widgets.displacement_map import DisplacementMap, grid_of
from irtoolkit.widgets.levels import CLOSER, Levels
from irtoolkit.widgets.parts import Text, beside
from irtoolkit.widgets.pieces import read_in_pieces, with_infrared
from irtoolkit.widgets.views import Box, Size, View, blank, stored_place, to_screen

SCANNED, ALIGNED = "infrared as scanned", "infrared aligned"
VIEWS = {
    "both as scanned": ("colour", SCANNED),
    "colour": ("colour",),
    SCANNED: (SCANNED,),
    ALIGNED: (ALIGNED,),
    "both aligned": ("colour", ALIGNED),
}
"""The views and their planes. Of two planes the first is drawn red, the second cyan; where they agree, gray."""

CONTRAST = 4.0
"""Standard deviations of the high-passed density at which a plane is black, and white."""

CLOSE = 0.5
WIDTH = 596
"""Screen pixels of the panels; the map has room beside them."""


class AlignmentExplorer(ipywidgets.VBox):
    """High-passed colour and infrared before and after alignment, beside a map of the displacement.

    Attributes
    ----------
    displacement
        From `measure_displacement`, or that of the roll if the slide shows too little; None if it cannot be measured.
    comparison
        The panels and their controls (`Comparison`); None if the slide cannot be shown.
    less_shift
        Button; whether the map shows the difference from the displacement of the middle.
    message
        The displacement in words, or why there is none.
    """

    def __init__(self, slide: xr.Dataset, model: xr.Dataset | None) -> None:
        self.message = Text("message")
        self.comparison: Comparison | None = None
        self.displacement: Displacement | None = None
        super().__init__([self.message])
        self.add_class("irt-alignment")
        try:
            self._levels, self.displacement = _align(slide, model)
        except (SlideError, OSError) as error:
            self.message.value = html.escape(f"This slide cannot be explored: {error}")
            return
        self.message.value = html.escape(describe_displacement(self.displacement))
        self._map = DisplacementMap(self.displacement, self._levels, self._go)
        self.less_shift = ipywidgets.ToggleButton(description="subtract the shift", tooltip="that of the middle")
        self.less_shift.add_class("irt-less-shift")
        self.less_shift.observe(lambda change: self._map.draw_arrows(less_shift=change["new"]), "value")
        self.comparison = Comparison(
            list(VIEWS), self._levels.shape, self._draw, self._describe, mode="side by side", width=WIDTH
        )
        right = ipywidgets.VBox([self._map.drawing.widget, self.less_shift])
        self.children = [self.message, beside(self.comparison, right)]
        self._go(*self._map.best)

    def _go(self, row: float, column: float) -> None:
        """Show a place of the upright slide."""
        if self.comparison is not None:
            self.comparison.go(View(row, column, min(self.comparison.view.step, CLOSE)))

    def _draw(self, names: list[str], view: View, size: Size) -> list[tuple[Picture, str]]:
        box, counts = self._levels.see(["counts", "infrared"], view, size)
        planes = _gray_planes(counts, view.scaled(box))
        self._map.mark(box)
        return [_draw_one(name, planes, view, box, size) for name in names]

    def _describe(self, row: int, column: int) -> str:
        assert self.displacement is not None
        y, x = stored_place(row, column, self._levels.shape, self._levels.orientation)
        down, across = displacement_at(self.displacement, np.array([y]), np.array([x]))[:, 0, 0]
        return f"y {y}, x {x}: infrared shifted by {down:+.2f} rows, {across:+.2f} columns"


def _align(slide: xr.Dataset, model: xr.Dataset | None) -> tuple[Levels, Displacement]:
    """The slide with its infrared on the colour grid, and the displacement that was used."""
    near = read_in_pieces(with_infrared(slide))
    sample = sample_slide(near, None if model is None else from_dataset(model).displacement)
    infrared = shift_infrared(near.counts.chunk(), sample.displacement, sample.film)
    return Levels(near.assign(infrared=infrared)), sample.displacement


def _gray_planes(planes: dict[str, np.ndarray], scaled: Size) -> dict[str, Picture]:
    """High-passed densities as gray pictures of this size; places that block more light are darker."""
    visible, infrared = planes["counts"][..., :3], planes["counts"][..., 3]
    densities = {"colour": to_density(visible).mean(axis=2), SCANNED: to_density(infrared)}
    if "infrared" in planes:
        densities[ALIGNED] = to_density(_filled(planes["infrared"]))
    passed = {name: high_pass(density, HIGH_PASS) for name, density in densities.items()}
    limits = {name: CONTRAST * (robust_centre_and_scale(plane)[1] or 1.0) for name, plane in passed.items()}
    return {name: view_plane(to_screen(plane, scaled), limits[name], -limits[name]) for name, plane in passed.items()}


def _filled(infrared: np.ndarray) -> np.ndarray:
    """The infrared, with its median outside its frame."""
    seen = infrared[np.isfinite(infrared)]
    return np.nan_to_num(infrared, nan=float(np.median(seen)) if seen.size else 0.0)


def _draw_one(name: str, planes: dict[str, Picture], view: View, box: Box, size: Size) -> tuple[Picture, str]:
    wanted = VIEWS[name]
    if not set(wanted) <= set(planes):
        return blank(size), f"{name}: {CLOSER}"
    first, second = planes[wanted[0]], planes[wanted[-1]]
    return view.lay(np.stack([first, second, second], axis=2), box, size), name


def describe_displacement(displacement: Displacement) -> str:
    """Describe the shift of the infrared, its uncertainty, and how much it varies over the slide."""
    evidence = f"evidence {displacement.evidence:.0f} sigma, {EVIDENCE:.0f} needed"
    if not displacement.coefficient.any() and not displacement.trusted:
        return f"Too little detail to measure the shift of the infrared ({evidence}). Nothing is shifted."
    down, across = displacement.shift
    shift = f"{down:+.2f} rows and {across:+.2f} columns"
    if not displacement.trusted:
        return f"Too little detail to measure the shift of the infrared ({evidence}). The roll's is used: {shift}."
    error, change = displacement.uncertainty, _largest_change(displacement)
    elsewhere = "the same everywhere" if change < NEGLIGIBLE else f"up to {change:.2f} px more or less elsewhere"
    return f"The infrared is shifted by {shift} (± {error:.2f} px), {elsewhere}."


def _largest_change(displacement: Displacement) -> float:
    """Largest difference along y or x, in pixels, from the displacement of the middle."""
    field = displacement_at(displacement, *grid_of(displacement))
    return float(np.abs(field - displacement.coefficient[:, 0, None, None]).max())


def explore_alignment(slide: xr.Dataset, *, model: xr.Dataset | None = None) -> AlignmentExplorer:
    """Compare the infrared of a slide with its colour before and after alignment, with a map of the displacement.

    Where both are shown, the colour is red and the infrared cyan: details that coincide are gray, and details that are
    dark in the infrared alone are red. Click on the map to go to a place.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        Of the slide's roll, from `fit_roll`; its displacement is used if the slide shows too little to measure one.
    """
    return AlignmentExplorer(slide, model)
