"""A widget that shows what each group of terms contributes to the crosstalk fit."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import xarray as xr

from irtoolkit.crosstalk import GROUPS, Crosstalk
from irtoolkit.fitting import fit_alone
from irtoolkit.model import Slides, from_dataset, to_dataset
from irtoolkit.pipeline import fit_roll
from irtoolkit.plots import (
    CrosstalkSample,
    choose_terms,
    explain_pixels,
    plot_crosstalk,
    plot_residual,
    preview_residual,
    sample_crosstalk,
)
from irtoolkit.schema import VISIBLE, SlideError
from irtoolkit.widgets.drawing import Drawing
from irtoolkit.widgets.parts import Text, in_row, toggles
from irtoolkit.widgets.pieces import with_infrared

MEANING = {
    "bands": "The ghost follows the density of red, green and blue.",
    "squares and products": "The ghost follows the density along a curve, and the dyes mix (Kodachrome).",
    "lamp": "Infrared and visible light fade differently towards the corners.",
    "blurred ghost": "The infrared is blurrier, or sharper, than the colours.",
    "displaced ghost": "The infrared is still shifted by a fraction of a pixel.",
    "flare": "Stray light from the surroundings reaches dark places.",
    "blurred bands": "Each colour band has a blur of its own.",
    "mixed light": "A blur averages light, not density.",
    "detail in shadow": "In shadows fine detail is mostly noise and predicts less.",
}
LIMIT = 10
"""Residual, in units of the noise left by all terms, that is drawn black; the same for every choice of terms."""


class CrosstalkExplorer(ipywidgets.VBox):
    """Groups of terms to choose, the infrared against a visible band before and after the fit, and the residual.

    Attributes
    ----------
    terms
        Names of the chosen terms.
    shown
        The crosstalk that `choose_terms` fits to the current slide; None if it cannot be fitted.
    roll
        The model of the roll, from `fit_roll`, once it is fitted; `clean_slide` and `clean_archive` accept it.
    """

    def __init__(self, slides: Sequence[xr.Dataset], model: xr.Dataset | None) -> None:
        self.roll: xr.Dataset | None = None
        self.shown: Crosstalk | None = None
        self._slides, self._model = tuple(slides), model
        self._sampled: CrosstalkSample | None = None
        self._message, self._figures, self._table = Text("message"), ipywidgets.HTML(), ipywidgets.HTML()
        self._drawing = Drawing(940, 300)
        self._axes = self._drawing.figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
        self._make_controls()
        groups = in_row(*self._groups.values())
        choices = in_row(self._slide, self._band, self._part, self._fit_roll)
        super().__init__([self._message, choices, groups, self._figures, self._drawing.widget, self._table])
        for part, name in ((self, "crosstalk"), (self._figures, "figures"), (self._table, "roll")):
            part.add_class(f"irt-{name}")
        self._open()

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the chosen terms."""
        return tuple(term for name, box in self._groups.items() if box.value for term in GROUPS[name])

    def fit_model(self) -> xr.Dataset:
        """Fit the current slide alone on the chosen terms; `clean_slide` and `write_model` accept the model.

        Raises
        ------
        SlideError
            The slide cannot be fitted, or it is on silver film.
        """
        if self._sampled is None:
            raise SlideError("this slide cannot be fitted; choose another")
        return to_dataset(fit_alone(self._sampled.sample, self.terms))

    def _make_controls(self) -> None:
        names = [Path(str(slide.attrs.get("source", f"slide {at}"))).name for at, slide in enumerate(self._slides, 1)]
        options: list[tuple[str, int | None]] = [(name, at) for at, name in enumerate(names)]
        narrow = {"style": {"description_width": "50px"}, "layout": {"width": "260px"}}
        self._slide = ipywidgets.Dropdown(options=options or [("none", None)], description="Slide", **narrow)
        self._band = toggles("Band", VISIBLE, VISIBLE[0])
        self._part = ipywidgets.Dropdown(options=[("1", 0)], description="Part", **narrow)
        self._fit_roll = ipywidgets.Button(description="Fit the roll", disabled=len(self._slides) < 2)
        self._groups = {
            name: ipywidgets.Checkbox(
                True, description=name, tooltip=MEANING[name], indent=False, layout={"width": "170px"}
            )
            for name in GROUPS
        }
        self._slide.observe(self._open, "value")
        for control in (self._band, self._part):
            control.observe(self._draw, "value")
        for name, box in self._groups.items():
            box.observe(self._fit, "value")
            box.add_class(f"irt-{name.replace(' ', '-')}")
        self._fit_roll.on_click(self._fit_all)

    def _open(self, _: Any = None) -> None:
        """Sample the chosen slide and fit it."""
        self._sampled = self.shown = None
        self._message.value = "Computing…"
        try:
            if not self._slides:
                raise SlideError("there is no slide; give at least one")
            self._sampled = sample_crosstalk(with_infrared(self._slides[self._slide.value]), self._model)
        except (SlideError, OSError) as error:
            self._message.value = html.escape(f"This slide cannot be explored: {error}")
        shown = "" if self._sampled else "none"
        for part in (self._drawing.widget, self._figures):
            part.layout.display = shown
        if self._sampled:
            self._message.value = "Untick a group of terms to see what it explains."
            self._part.options = [(f"row {y}, column {x}", at) for at, (y, x) in enumerate(self._sampled.places())]
            self._fit()

    def _fit(self, _: Any = None) -> None:
        """Fit on the chosen terms, and draw."""
        if self._sampled is None:
            return
        self.shown = choose_terms(self._sampled, self.terms)
        fits = {"chosen terms": self.shown, "all terms": self._sampled.crosstalk}
        self._figures.value = _compare(fits, len(self.terms))
        self._draw()

    def _draw(self, _: Any = None) -> None:
        if self._sampled is None or self.shown is None:
            return
        pixels = explain_pixels(self._sampled, self.shown)
        for ax in self._axes:
            ax.clear()
        for ax, corrected in zip(self._axes, (False, True), strict=False):
            plot_crosstalk(pixels, ax, band=self._band.value, corrected=corrected)
        orientation = self._slides[self._slide.value].attrs.get("orientation", 1)
        seen = preview_residual(self._sampled, self.shown, self._part.value).assign_attrs(orientation=orientation)
        plot_residual(seen, self._axes[2], limit=LIMIT * self._sampled.crosstalk.sigma)
        self._axes[2].set_title("Residual")
        self._drawing.redraw()

    def _fit_all(self, _: Any = None) -> None:
        """Fit the roll, and list its slides."""
        self._table.value = "Fitting the roll…"
        try:
            self.roll = fit_roll(map(with_infrared, self._slides))
            self._table.value = _tabulate_roll(self.roll)
        except (SlideError, OSError) as error:
            self._table.value = html.escape(f"The roll cannot be fitted: {error}")


def explore_crosstalk(
    slides: xr.Dataset | Sequence[xr.Dataset], *, model: xr.Dataset | None = None
) -> CrosstalkExplorer:
    """Show what each group of terms contributes to the crosstalk fit of a slide, and fit the roll.

    Parameters
    ----------
    slides
        One or more, from `open_slide`.
    model
        From `fit_roll`; its curve, black levels and flare are used. If None, each slide's own are used.
    """
    return CrosstalkExplorer([slides] if isinstance(slides, xr.Dataset) else slides, model)


def _compare(fits: dict[str, Crosstalk], terms: int) -> str:
    """A table of fits: share explained and residual noise."""
    rows = [(name, f"{max(fit.r2, 0):.4f}", f"{fit.sigma:.4f}", f"{fit.slopes:+.3f}") for name, fit in fits.items()]
    head = (f"fit ({terms} terms chosen)", "R² (share explained)", "residual noise (density)", "slopes")
    return _tabulate("Share explained and residual noise", head, rows)


def _tabulate_roll(model: xr.Dataset) -> str:
    """A table of the slides of a roll with each slide's own fit, and reasons for outliers and refusals."""
    known = from_dataset(model)
    rows = _rows(known.basis) if isinstance(known.basis, Slides) else []
    refused = [(Path(slide).name, *[""] * 4, reason) for slide, reason in model.attrs.get("refused", {}).items()]
    head = ("slide", "R² (share explained)", "residual noise (density)", "slopes", "misfit (1 is usual)", "remark")
    caption = f"The roll: slopes {known.crosstalk.slopes:+.3f}"
    return _tabulate(caption, head, rows + refused)


def _rows(slides: Slides) -> list[tuple[str, ...]]:
    figures = (getattr(slides.pooled, name) for name in ("r2", "sigma", "slopes", "misfit"))
    return [
        (name, f"{r2:.4f}", f"{sigma:.4f}", f"{slopes:+.3f}", f"{misfit:.1f}", why)
        for name, why, r2, sigma, slopes, misfit in zip(slides.names, slides.why, *figures, strict=True)
    ]


def _tabulate(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table border="1" cellpadding="4"><caption>{caption}</caption><tr>{cells}</tr>{lines}</table>'
