"""A widget that shows where the infrared lies against the colour, before and after it is shifted, and what tells it."""

import html

import ipywidgets
import numpy as np
import xarray as xr

from irtoolkit.alignment import EVIDENCE, HIGH_PASS, Displacement, displacement_at, sample_slide, shift_infrared
from irtoolkit.arrays import high_pass, robust_centre_and_scale, to_density
from irtoolkit.model import from_dataset
from irtoolkit.pictures import Picture, view_plane
from irtoolkit.schema import SlideError
from irtoolkit.widgets.comparison import Comparison
from irtoolkit.widgets.displacement_map import DisplacementMap, grid_of
from irtoolkit.widgets.levels import CLOSER, Levels
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
"""The views, and the planes that each shows; of two the first is red, the second cyan, and what they share is gray."""

CONTRAST = 4.0
"""Sigma of a plane's high-passed density that is black, and white."""

CLOSE = 0.5


class AlignmentExplorer(ipywidgets.VBox):
    """Colour and infrared, high-passed, before and after the shift, beside a map of the displacement.

    Attributes
    ----------
    displacement
        From `measure_displacement`, or of the roll where the slide tells none; None where nothing can be measured.
    comparison
        The panels and what moves them (`Comparison`); None where the slide cannot be shown.
    apart
        Whether the map leaves out the displacement of the middle, so that what differs from it can be seen.
    said
        What is said of the displacement.
    """

    def __init__(self, slide: xr.Dataset, model: xr.Dataset | None) -> None:
        self.said = ipywidgets.HTML()
        self.said.add_class("irt-said")
        self.comparison: Comparison | None = None
        self.displacement: Displacement | None = None
        super().__init__([self.said])
        self.add_class("irt-alignment")
        try:
            self._levels, self.displacement = _align(slide, model)
        except (SlideError, OSError) as error:
            self.said.value = html.escape(f"The alignment of this slide cannot be explored: {error}")
            return
        self.said.value = html.escape(tell_displacement(self.displacement))
        self._map = DisplacementMap(self.displacement, self._levels, self._go)
        self.apart = ipywidgets.ToggleButton(description="less the shift", tooltip="Leave out what all arrows share")
        self.apart.add_class("irt-apart")
        self.apart.observe(lambda change: self._map.draw_arrows(less_shift=change["new"]), "value")
        self.comparison = Comparison(list(VIEWS), self._levels.shape, self._draw, self._describe, mode="side by side")
        self.children = [self.said, self.comparison, self.apart, self._map.drawing.widget]
        self._go(*self._map.best)

    def _go(self, row: float, column: float) -> None:
        """Look at a place of the upright slide."""
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
        return f"y {y}, x {x}: infrared at y {down:+.2f}, x {across:+.2f} from there"


def _align(slide: xr.Dataset, model: xr.Dataset | None) -> tuple[Levels, Displacement]:
    """The slide with its infrared on the colour grid, and the displacement by which it was brought there."""
    near = read_in_pieces(with_infrared(slide))
    sample = sample_slide(near, None if model is None else from_dataset(model).displacement)
    infrared = shift_infrared(near.counts.chunk(), sample.displacement, sample.film)
    return Levels(near.assign(infrared=infrared)), sample.displacement


def _gray_planes(planes: dict[str, np.ndarray], scaled: Size) -> dict[str, Picture]:
    """High-passed densities as gray pictures of this size, dark where more light is blocked."""
    visible, infrared = planes["counts"][..., :3], planes["counts"][..., 3]
    densities = {"colour": to_density(visible).mean(axis=2), SCANNED: to_density(infrared)}
    if "infrared" in planes:
        densities[ALIGNED] = to_density(_filled(planes["infrared"]))
    passed = {name: high_pass(density, HIGH_PASS) for name, density in densities.items()}
    limits = {name: CONTRAST * (robust_centre_and_scale(plane)[1] or 1.0) for name, plane in passed.items()}
    return {name: view_plane(to_screen(plane, scaled), limits[name], -limits[name]) for name, plane in passed.items()}


def _filled(infrared: np.ndarray) -> np.ndarray:
    """The infrared with the median of what was seen where its frame has ended."""
    seen = infrared[np.isfinite(infrared)]
    return np.nan_to_num(infrared, nan=float(np.median(seen)) if seen.size else 0.0)


def _draw_one(name: str, planes: dict[str, Picture], view: View, box: Box, size: Size) -> tuple[Picture, str]:
    wanted = VIEWS[name]
    if not set(wanted) <= set(planes):
        return blank(size), f"{name}: {CLOSER}"
    first, second = planes[wanted[0]], planes[wanted[-1]]
    return view.lay(np.stack([first, second, second], axis=2), box, size), name


def tell_displacement(displacement: Displacement) -> str:
    """Say in words where the infrared lies against the colour, how sure that is, and what is done about it."""
    evidence = f"evidence of {displacement.evidence:.0f} sigma, where {EVIDENCE:.0f} are needed"
    if not displacement.coefficient.any() and not displacement.trusted:
        return f"The slide does not tell where its infrared lies ({evidence}), so nothing is corrected."
    down, across = displacement.shift
    lies = f"infrared at (y {down:+.2f}, x {across:+.2f}) shows what the colour shows at (y, x)"
    if not displacement.trusted:
        return f"The slide does not tell where its infrared lies ({evidence}); after its roll, {lies}."
    error, change = displacement.uncertainty, _largest_change(displacement)
    sure = f"give or take {error:.2f} px ({evidence})"
    return f"In the middle {lies}, {sure}; elsewhere it differs by up to {change:.2f} px."


def _largest_change(displacement: Displacement) -> float:
    """Largest difference along y or x, in pixels, between the displacement of a place and that of the middle."""
    field = displacement_at(displacement, *grid_of(displacement))
    return float(np.abs(field - displacement.coefficient[:, 0, None, None]).max())


def explore_alignment(slide: xr.Dataset, *, model: xr.Dataset | None = None) -> AlignmentExplorer:
    """Show where a slide's infrared lies against its colour, before and after it is shifted, and what tells it.

    Where both are shown colour is red and infrared cyan: what lies in the same place is gray, and what is dark in the
    infrared alone is red. Click on the map to look there.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        Of the slide's roll, from `fit_roll`: its displacement is taken where the slide tells none.
    """
    return AlignmentExplorer(slide, model)
