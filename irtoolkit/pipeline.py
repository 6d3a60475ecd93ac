"""The whole chain for one slide, and the fit of a roll."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xarray as xr

from irtoolkit.alignment import SlideSample, sample_slide, shift_infrared, thin_sample, unseen_share
from irtoolkit.arrays import TASKS, from_negative, to_negative
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.detection import mark_defects, mark_given, score_infrared
from irtoolkit.fitting import fit_samples, fit_to_slide
from irtoolkit.healing import UNKNOWN, USUAL, Grain, Ratio, check_method, heal, measure_grain, measure_ratio, of_roll
from irtoolkit.model import FittedSlide, Model, Slides, from_dataset, to_dataset
from irtoolkit.schema import INFRARED, VISIBLE, NotUsableError, describe
from irtoolkit.settings import Box, Settings

Slide = TypeVar("Slide")

RATIO = ("ratio_r", "ratio_g", "ratio_b", "ratio_error", "ratio_scatter", "dust_shift_y", "dust_shift_x")
"""Names of what `measure_ratio` measures: the ratio of each band, its error, its scatter from defect to defect, and the
defects' shift."""

SAMPLED = 3
"""Every third row and column of the sampled tiles gives the centre and spread of a density."""

GRAIN_TILES = 8
"""Tiles of 128 x 128 px on which the grain is measured."""

MOST_SLIDES = 48
"""Slides that a roll is fitted on at most, evenly spread: 310 MB of tiles."""


def clean_slide(slide: xr.Dataset, *, settings: Settings | None = None, model: xr.Dataset | None = None) -> xr.Dataset:
    """Find and heal the defects of one slide.

    Parameters
    ----------
    slide
        From `open_slide`: `counts` (band, y, x), bands R, G, B, IR.
    settings
        The choices, such as `Settings(threshold=5)`; the defaults if None.
    model
        From `fit_roll` or `open_model`; if None, the slide is fitted by itself.

    Returns
    -------
    xarray.Dataset
        Images, lazy; residual and score are positive where light is blocked:

        - `counts` (band, y, x): those of the slide;
        - `infrared` (y, x) float32: 16-bit counts on the grid of the colours, NaN where not seen;
        - `residual` (y, x) float32: density; `score` (y, x) float32: sigma;
        - `mask` (y, x) bool: True at a defect;
        - `healed` (band, y, x): R, G and B filled inside the mask, everything else as in `counts`.

        Scalars; `coverage` and `defects` are lazy, the others computed. With a roll's model, `r2`, `slopes` and `sigma`
        are those of the slide's own fit:

        - `shift_y`, `shift_x`, `shift_uncertainty` (px); `aligned`: whether the slide gave evidence of its shift;
        - `unseen`, `no_data`, `holder` (shares of the frame); `unseen` includes `no_data`;
        - `blur`, `r2`, `slopes`, `sigma`: of the crosstalk; `misfit`: how far the slide's own fit is from its roll's,
          1 is usual, 0 means a slide without a roll; `own_fit`: whether the fit is its own, as without a roll;
        - `threshold`, `fdr`, `coverage`, `defects`, `largest`, `candidates`, `decoys`, `worst_y`, `worst_x`, and where
          regions are ranked `candidate_score`, `decoy_score`, `mark_y` and `mark_x`: what was marked, from how many
          (`mark_defects`);
        - `ratio_r`, `ratio_g`, `ratio_b`, `ratio_error`, `ratio_scatter`: density of the defects in the visible over
          that in infrared; `dust_shift_y`, `dust_shift_x` (px): where the infrared shows the defects beside the
          picture; all NaN unless `heal` is ``"auto"``;
        - `agreement` (`measure_agreement`); `clearest`, `densest`, `tint`, `chroma`, `clipped` (`Appearance`, densities
          of light);
        - `inverted`: whether the slide is a positive made from a negative. It is then measured in the light of that
          negative, by a usual curve.

        `residual`, `score` and `threshold` belong to the method that the settings name (`Settings` describes each):
        for ``"mirror"``, a number and the four of the histogram, the residual of the crosstalk over its noise; for
        ``"local"``, that score times the median threshold over the place's; for ``"ratio"`` the density of infrared
        over red, and for ``"raw:"`` that of the infrared, from its median and in its robust sigmas.

    Raises
    ------
    NotUsableError
        The infrared cannot show defects: constant, black, or blocked by silver; or the slide is too small.
    ModelError
        The model has other terms, or was fitted on another film.
    SlideError
        The settings heal by a program that is not installed.
    """
    settings = settings or Settings()
    check_method(settings.heal)
    scored = score_slide(slide, model)
    found = mark_slide(scored, settings)
    return describe(found.assign(healed=heal_slide(found, scored, settings)))


class Scored(NamedTuple):
    """A slide before anything is marked: what was `found` so far, the lazy `evidence` and the `samples` from which
    `mark_defects` marks, the `crosstalk` fitted to it, what is known of the `ratio` of its defects, and its `grain`.
    """

    found: xr.Dataset
    evidence: xr.Dataset
    samples: list[np.ndarray]
    crosstalk: Crosstalk
    ratio: Ratio
    grain: Grain

    @property
    def optics(self) -> dict[str, Any]:
        """The crosstalk and its blur, as `mark_defects` takes them."""
        return {"infrared_blur": self.crosstalk.blur, "crosstalk": self.crosstalk}


def score_slide(slide: xr.Dataset, model: xr.Dataset | None = None) -> Scored:
    """Sample, align, fit, subtract and score a slide; parameters and errors as of `clean_slide`."""
    known = None if model is None else from_dataset(model)
    counts = slide.counts.chunk()
    sample = sample_slide(slide, known and known.displacement)
    fitted = fit_to_slide(known, sample)
    visible = counts.sel(band=slice(VISIBLE[0], VISIBLE[-1]))
    if sample.inverted:
        visible = xr.apply_ufunc(to_negative, visible, dask="parallelized", output_dtypes=[np.float32])
    infrared = shift_infrared(counts, sample.displacement, sample.film)
    evidence = score_infrared(visible, infrared, fitted.crosstalk, fitted.noise)
    evidence = evidence.assign(visible=visible, infrared=infrared)
    found = xr.Dataset({"counts": counts, "infrared": infrared}, attrs=slide.attrs).assign(_measured(sample, fitted))
    thin = [tile.planes[:, ::SAMPLED, ::SAMPLED].copy() for tile in sample.tiles]
    return Scored(found, evidence, thin, fitted.crosstalk, _known_ratio(known), _measured_grain(sample))


def _measured_grain(sample: SlideSample) -> Grain:
    """The grain of the slide as it was scanned."""
    tiles = [tile.planes[:3] for tile in thin_sample(sample, GRAIN_TILES).tiles]
    return measure_grain([from_negative(tile) for tile in tiles] if sample.inverted else tiles)


def _known_ratio(model: Model | None) -> Ratio:
    """The ratio of a slide's defects as far as its roll's model knows it."""
    return of_roll(model.basis.ratio) if model and isinstance(model.basis, Slides) else UNKNOWN


def _measured(sample: SlideSample, fitted: FittedSlide) -> dict[str, float | bool]:
    """The figures of a slide, by the names of the table's columns."""
    crosstalk, appearance, displacement = fitted.crosstalk, sample.appearance, sample.displacement
    down, right = displacement.shift
    return {
        **{name: getattr(crosstalk, name) for name in ("blur", "r2", "slopes", "sigma")},
        **{name: getattr(fitted, name) for name in ("misfit", "agreement", "own_fit")},
        **{"shift_y": down, "shift_x": right, "shift_uncertainty": displacement.uncertainty},
        **{"aligned": displacement.trusted, "unseen": unseen_share(displacement, sample.film)},
        **{"no_data": sample.film.lacking, "holder": sample.film.holder, "inverted": sample.inverted},
        **{"clipped": appearance.clipped},
        **{name: crosstalk.curve.exponent * value for name, value in appearance._asdict().items() if name != "clipped"},
    }


def mark_slide(scored: Scored, settings: Settings, marked: np.ndarray | None = None) -> xr.Dataset:
    """Mark the defects of a scored slide and measure their ratio: everything of `clean_slide` but the healing.

    `marked` (y, x) bool are marks of one's own, which are taken as they are, but for the excluded regions.
    """
    if marked is None:
        marks = mark_defects(scored.evidence, scored.samples, settings, **scored.optics)
    else:
        marks = mark_given(scored.evidence, _without(marked, settings.excluded))
    found = scored.found.merge(marks)
    return found.assign(_ratio_columns(found, scored, settings))


def _without(marked: np.ndarray, excluded: Sequence[Box]) -> np.ndarray:
    """Marks without those in the excluded regions."""
    kept = marked.copy()
    for top, left, bottom, right in excluded:
        kept[top:bottom, left:right] = False
    return kept


def _ratio_columns(found: xr.Dataset, scored: Scored, settings: Settings) -> dict[str, float]:
    """The ratio of the defects by the names of `RATIO`, NaN where healing does not use it."""
    if settings.heal != "auto":
        return dict.fromkeys(RATIO, float("nan"))
    ratio = measure_ratio(scored.evidence.visible, found.mask, found.infrared, scored.crosstalk, scored.ratio)
    return dict(zip(RATIO, (*ratio.bands, ratio.error, ratio.scatter, *ratio.shift), strict=True))


def _ratio_of(found: xr.Dataset) -> Ratio:
    """The ratio of a marked slide; the usual one where it was not measured."""
    red, green, blue, error, scatter, down, right = (float(found.get(name, np.nan)) for name in RATIO)
    return Ratio((red, green, blue), error, scatter, (down, right)) if np.isfinite(error) else USUAL


def heal_slide(found: xr.Dataset, scored: Scored, settings: Settings) -> xr.DataArray:
    """Heal the colour bands of a marked slide inside `mask`; lazy, (band, y, x) with the infrared, unchanged, last."""
    counts, known = found.counts, {"infrared": found.infrared, "crosstalk": scored.crosstalk, "ratio": _ratio_of(found)}
    known["grain"] = scored.grain._replace(strength=settings.grain) if settings.grain else None
    known["inverted"] = bool(found.get("inverted", False))
    visible = heal(counts.sel(band=list(VISIBLE)), found.mask, method=settings.heal, **known)
    infrared = counts.sel(band=[INFRARED])
    infrared.data = infrared.data.rechunk((1, *visible.data.chunks[1:]), method=TASKS)
    return xr.concat([visible, infrared], dim="band").rename("healed")


def fit_roll(slides: Iterable[xr.Dataset]) -> xr.Dataset:
    """Fit one model for the slides of a roll: film and scanner are constants of the roll, level and shift are not.

    Parameters
    ----------
    slides
        From `open_slide`, in the roll's order; at most 48, evenly spread, are read one after another, and only a sample
        of each is kept.

    Returns
    -------
    xarray.Dataset
        The model. Of the roll:

        - `coefficient` and `standard_error` (term); `slopes`; `blur` (px);
        - `exponent`, `flare`, `flare_blur` (px), `offset` (16-bit counts of light);
        - `ratio_bands` (band), `ratio_error`, `ratio_scatter`: density of its defects in the visible over that in
          infrared.

        Of each slide, on `slide`, named by the files:

        - `slide_shift_y`, `slide_shift_x` (px), `slide_r2`, `slide_slopes`, `slide_sigma`: of its own fit;
        - `slide_ratios` (slide, band): NaN where no defect shows it;
        - `misfit` (1 is usual), `weight` in the roll, `outlier`, `why`.

        The attribute `refused` lists the slides that could not be used, with the reason. A model of one slide has its
        noise instead of values of the slides.

    Raises
    ------
    NotUsableError
        No slide's infrared can show defects, or the roll is silver film.
    """
    chosen = spread(list(enumerate(slides)))
    samples, refused = [], {}
    for place, slide in chosen:
        try:
            sample = sample_slide(slide)
        except NotUsableError as error:
            if len(chosen) == 1:
                raise
            refused[str(slide.attrs.get("source", place))] = str(error)
        else:
            samples.append(sample if len(chosen) == 1 else thin_sample(sample))
    if refused and not samples:
        raise NotUsableError(next(iter(refused.values())))
    return to_dataset(fit_samples(samples)).assign_attrs(refused=refused)


def spread(slides: Sequence[Slide]) -> list[Slide]:
    """The slides of a roll that it is fitted on: at most 48, evenly spread from the first to the last.

    >>> [slide for slide in spread(range(95))][:3]
    [0, 2, 4]
    """
    places = np.linspace(0, len(slides) - 1, min(len(slides), MOST_SLIDES))
    return [slides[place] for place in np.floor(places).astype(int).tolist()]
