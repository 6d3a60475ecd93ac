"""A widget that shows what each kind of term does to the fit of the picture's ghost."""

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
from irtoolkit.widgets.pieces import with_infrared

MEANING = {
    "bands": "The ghost follows the density of red, green and blue.",
    "squares and products": "It does so along a curve, and the dyes mix: Kodachrome.",
    "lamp": "Infrared and visible light fall off differently towards the corners.",
    "blurred ghost": "The infrared is blurrier, or sharper, than the colours.",
    "displaced ghost": "The infrared is still displaced by a part of a pixel.",
    "flare": "Light from the surroundings reaches dark places.",
    "blurred bands": "Each colour band has a blur of its own.",
    "mixed light": "A blur averages light, not density.",
    "detail in shadow": "In shadow fine detail is mostly noise, and tells less.",
}
LIMIT = 10
"""Sigmas, left by all terms, at which the residual is drawn black; the same for every choice."""


class CrosstalkExplorer(ipywidgets.VBox):
    """Terms to choose, the infrared against a visible band before and after the fit on them, and what is left of it.

    Attributes
    ----------
    terms
        Names of the terms chosen.
    shown
        The crosstalk as `choose_terms` fits it on those terms to the slide shown; None where it cannot be fitted.
    roll
        The model of the roll, from `fit_roll`, once it is fitted; `clean_slide` and `clean_archive` take it.
    """

    def __init__(self, slides: Sequence[xr.Dataset], model: xr.Dataset | None) -> None:
        self.roll: xr.Dataset | None = None
        self.shown: Crosstalk | None = None
        self._slides, self._model = tuple(slides), model
        self._sampled: CrosstalkSample | None = None
        self._said, self._figures, self._table = (ipywidgets.HTML() for _ in range(3))
        self._drawing = Drawing(1160, 370)
        self._axes = self._drawing.figure.subplots(1, 3, gridspec_kw={"wspace": 0.12})
        self._make_controls()
        groups = ipywidgets.HBox(list(self._groups.values()), layout={"flex_flow": "row wrap"})
        choices = ipywidgets.HBox([self._slide, self._band, self._part, self._fit_roll])
        super().__init__([self._said, choices, groups, self._figures, self._drawing.widget, self._table])
        for part, name in (
            (self, "crosstalk"),
            (self._said, "said"),
            (self._figures, "figures"),
            (self._table, "roll"),
        ):
            part.add_class(f"irt-{name}")
        self._open()

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms chosen."""
        return tuple(term for name, box in self._groups.items() if box.value for term in GROUPS[name])

    def fit_model(self) -> xr.Dataset:
        """Fit the slide shown by itself on the terms chosen, as `clean_slide` and `write_model` take it.

        Raises
        ------
        SlideError
            The slide cannot be fitted, or its film is silver.
        """
        if self._sampled is None:
            raise SlideError("expected a slide that can be fitted; choose another")
        return to_dataset(fit_alone(self._sampled.sample, self.terms))

    def _make_controls(self) -> None:
        names = [Path(str(slide.attrs.get("source", f"slide {at}"))).name for at, slide in enumerate(self._slides, 1)]
        options: list[tuple[str, int | None]] = [(name, at) for at, name in enumerate(names)]
        self._slide = ipywidgets.Dropdown(options=options or [("none", None)], description="Slide")
        self._band = ipywidgets.ToggleButtons(
            options=VISIBLE, description="Band", style={"button_width": "40px"}, layout={"width": "auto"}
        )
        self._part = ipywidgets.Dropdown(options=[("1", 0)], description="Part")
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
        """Sample the slide chosen, and fit it."""
        self._sampled = self.shown = None
        self._said.value = "Computing…"
        try:
            if not self._slides:
                raise SlideError("expected at least one slide, found none")
            self._sampled = sample_crosstalk(with_infrared(self._slides[self._slide.value]), self._model)
        except (SlideError, OSError) as error:
            self._said.value = html.escape(f"This slide cannot be explored: {error}")
        shown = "" if self._sampled else "none"
        for part in (self._drawing.widget, self._figures):
            part.layout.display = shown
        if self._sampled:
            self._said.value = "Leave out kinds of terms, and see what they explain."
            self._part.options = [(f"row {y}, column {x}", at) for at, (y, x) in enumerate(self._sampled.places())]
            self._fit()

    def _fit(self, _: Any = None) -> None:
        """Fit on the terms chosen, and draw."""
        if self._sampled is None:
            return
        self.shown = choose_terms(self._sampled, self.terms)
        fits = {"terms chosen": self.shown, "all terms": self._sampled.crosstalk}
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
        """Fit the roll, and tell of its slides."""
        self._table.value = "Fitting the roll…"
        try:
            self.roll = fit_roll(map(with_infrared, self._slides))
            self._table.value = _tell_roll(self.roll)
        except (SlideError, OSError) as error:
            self._table.value = html.escape(f"The roll cannot be fitted: {error}")


def explore_crosstalk(
    slides: xr.Dataset | Sequence[xr.Dataset], *, model: xr.Dataset | None = None
) -> CrosstalkExplorer:
    """Show what each kind of term does to the fit of the picture's ghost, slide by slide, and fit the roll.

    Parameters
    ----------
    slides
        One or more, from `open_slide`.
    model
        From `fit_roll`, whose curve, black levels and flare are then taken; each slide's own if None.
    """
    return CrosstalkExplorer([slides] if isinstance(slides, xr.Dataset) else slides, model)


def _compare(fits: dict[str, Crosstalk], terms: int) -> str:
    """A table of what fits explain and leave."""
    rows = [(name, f"{max(fit.r2, 0):.4f}", f"{fit.sigma:.4f}", f"{fit.slopes:+.3f}") for name, fit in fits.items()]
    head = (f"fit ({terms} terms chosen)", "R² (share explained)", "sigma left (density)", "sum of slopes")
    return _tabulate("What the fit explains, and what it leaves", head, rows)


def _tell_roll(model: xr.Dataset) -> str:
    """A table of the slides of a roll, each by its own fit, and why some were refused."""
    known = from_dataset(model)
    rows = _rows(known.basis) if isinstance(known.basis, Slides) else []
    refused = [(Path(slide).name, *[""] * 4, reason) for slide, reason in model.attrs.get("refused", {}).items()]
    head = ("slide", "R² (share explained)", "sigma left (density)", "sum of slopes", "misfit (1 is usual)", "")
    told = f"The roll: sum of slopes {known.crosstalk.slopes:+.3f}"
    return _tabulate(told, head, rows + refused)


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
