"""The whole chain for one slide, and the fit of a roll."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.alignment import measure_displacement
from irtoolkit.crosstalk import fit_crosstalk, level_model
from irtoolkit.displacement import Sample, align_samples, median_displacement, shift_infrared, unseen_share
from irtoolkit.film import measure_film
from irtoolkit.ghost import subtract_crosstalk
from irtoolkit.healing import heal
from irtoolkit.marking import mark_defects
from irtoolkit.noise import fit_noise, score_residual
from irtoolkit.schema import INFRARED, VISIBLE, ModelError, NotUsableError, SlideError
from irtoolkit.settings import Settings
from irtoolkit.statistics import robust_centre_and_scale

SMALLEST_SIDE = 64
SMALLEST_SEEN = 52
SILVER_SLOPES = 0.55
SILVER_NEUTRAL = 0.9
BLOCKED_SLOPES = 0.75
BLOCKED_SHARE = 0.001
BRIGHT = 0.95
MISFIT = 4.0


class SlideSample(NamedTuple):
    """What fitting needs of a slide: where its film is, how its infrared lies, and aligned tiles of its counts."""

    film: xr.DataArray
    displacement: xr.Dataset
    tiles: list[Sample]


def clean_slide(slide: xr.Dataset, *, settings: Settings | None = None, model: xr.Dataset | None = None) -> xr.Dataset:
    """Find and heal the defects of one slide.

    Parameters
    ----------
    slide
        From `open_slide`: `counts` (band, y, x), bands R, G, B, IR.
    settings
        The choices of the run; the defaults if None.
    model
        From `fit_roll` or `open_model`; if None, the slide is fitted by itself.

    Returns
    -------
    xarray.Dataset
        What `find_defects` returns, and `healed` (band, y, x): R, G and B filled inside the mask and the counts' own
        everywhere else, IR as it is. Lazy.

    Raises
    ------
    NotUsableError
        The infrared cannot show defects: constant, black, or blocked by silver; or the slide is too small.
    ModelError
        The model has other terms, or was fitted on other film.
    """
    settings = settings or Settings()
    found, fitted = find_with_model(slide, settings=settings, model=model)
    return found.assign(healed=heal_slide(found, fitted, settings=settings))


def heal_slide(found: xr.Dataset, model: xr.Dataset, *, settings: Settings) -> xr.DataArray:
    """Heal the colour bands inside `mask`; lazy, (band, y, x) with the infrared, unchanged, last.

    `found` and `model`, fitted to the slide, are those of `find_with_model`.
    """
    counts = found.counts
    evidence = {"infrared": found.infrared, "model": model}
    visible = heal(counts.sel(band=list(VISIBLE)), found.mask, method=settings.heal, grain=settings.grain, **evidence)
    return xr.concat([visible, counts.sel(band=[INFRARED])], dim="band").rename("healed")


def find_defects(slide: xr.Dataset, *, settings: Settings, model: xr.Dataset | None = None) -> xr.Dataset:
    """Find the defects of one slide; everything of `clean_slide` but the healing.

    Returns
    -------
    xarray.Dataset
        `counts`; `infrared` (y, x) float32, 16-bit counts on the colour grid, NaN where not seen; `residual` (density)
        and `score` (sigma), both (y, x) float32 and positive where light is blocked;
        `mask` (y, x) bool, True = defect; the lazy scalars `coverage` and `defects`; and as numbers `shift_y`,
        `shift_x`, `shift_uncertainty` (px), `unseen`, `holder` (share of the frame), `blur`, `r2`, `slopes`, `sigma`,
        `threshold`, `fdr`, and `aligned` (whether the slide gave evidence of its shift). All arrays are lazy.

        `residual`, `score` and `threshold` are those of the method that the settings name (`Settings` says what each
        does): with ``"mirror"``, a number and the four of the histogram the crosstalk's residual over its noise; with
        ``"local"`` that score times the median threshold over the place's; with ``"ratio"`` the density of infrared
        over red, and with ``"raw:"`` that of the infrared, from its median and in its robust sigmas.
    """
    return find_with_model(slide, settings=settings, model=model)[0]


def find_with_model(
    slide: xr.Dataset, *, settings: Settings, model: xr.Dataset | None = None
) -> tuple[xr.Dataset, xr.Dataset]:
    """What `find_defects` returns, and the model as it was fitted to this slide."""
    counts = slide.counts.chunk()
    sample = sample_slide(slide, model)
    fitted = fit_samples([sample]) if model is None else _model_for(sample.tiles, model)
    visible = counts.sel(band=list(VISIBLE))
    infrared = shift_infrared(counts, sample.displacement, sample.film)
    residual = subtract_crosstalk(visible, infrared, fitted)
    scored = score_residual(residual, visible, fitted)
    evidence = scored.assign(visible=visible, infrared=infrared, residual=residual.fillna(0))
    planes = [tile.planes for tile in sample.tiles]
    optics = {"infrared_blur": float(fitted.blur), "exponent": float(fitted.exponent)}
    marked = mark_defects(evidence, planes, settings, **optics)
    measured: dict[str, float | bool] = {name: float(fitted[name]) for name in ("blur", "r2", "slopes", "sigma")}
    names = ("shift_y", "shift_x", "shift_uncertainty")
    measured |= {name: float(sample.displacement[name]) for name in names}
    measured |= {"aligned": bool(sample.displacement.trusted), "unseen": unseen_share(sample.displacement)}
    measured["holder"] = 1 - float(sample.film.mean())
    found = xr.Dataset({"counts": counts, "infrared": infrared}, attrs=slide.attrs)
    return found.assign(measured).merge(marked), fitted


def fit_roll(slides: Iterable[xr.Dataset]) -> xr.Dataset:
    """Fit one crosstalk and noise model for the slides of a roll, each with its own shift and infrared level.

    Parameters
    ----------
    slides
        From `open_slide`; one after another is read, and only a sample of each is kept.

    Returns
    -------
    xarray.Dataset
        The model: coefficients of the terms and of the noise, and `r2`, `slopes`, `blur` and `sigma`.

    Raises
    ------
    NotUsableError
        A slide's infrared cannot show defects, or the roll is silver film.
    """
    return fit_samples([sample_slide(slide) for slide in slides])


def sample_slide(slide: xr.Dataset, model: xr.Dataset | None = None) -> SlideSample:
    """Compute what fitting needs of a slide; `NotUsableError` if there is nothing to fit.

    Where the slide gives no evidence of its infrared's displacement, that of its roll's `model` is taken.
    """
    counts = slide.counts.chunk()
    _check_size(counts)
    film = measure_film(counts)
    samples = tiles.sample_tiles(counts.data)
    displacement = measure_displacement(samples, film, (counts.sizes["y"], counts.sizes["x"]))
    if model is not None and not displacement.trusted:
        displacement = displacement.assign({name: model[name] for name in ("shift_y", "shift_x", "displacement")})
    aligned = align_samples(samples, displacement, film)
    _check_seen(aligned)
    _check_infrared(aligned)
    return SlideSample(film, displacement, aligned)


def fit_samples(samples: Sequence[SlideSample]) -> xr.Dataset:
    """Fit the model of a roll, or of one slide, on the sample of each slide from `sample_slide`."""
    if not samples:
        raise SlideError("expected at least one usable slide to fit, found none")
    model = fit_crosstalk([sample.tiles for sample in samples])
    _check_dyes(float(model.slopes), float(model.neutral))
    levelled = [level_model(model, sample.tiles) for sample in samples]
    model = fit_noise([pair for _, pairs in levelled for pair in pairs], levelled[0][0])
    model = model.assign(spread=float(np.median([_spread(pairs) for _, pairs in levelled])))
    return model.assign(median_displacement([sample.displacement for sample in samples if sample.displacement.trusted]))


def _model_for(samples: Sequence[Sample], model: xr.Dataset) -> xr.Dataset:
    """Level a roll's model for one slide; `ModelError` where it leaves 4 times the noise that it left on its roll."""
    levelled, pairs = level_model(model, samples)
    spread = _spread(pairs)
    if spread > MISFIT * float(model.spread):
        raise ModelError(
            f"expected a slide of the roll that the model was fitted on, whose noise is {float(model.spread):.4f},"
            f" found {spread:.4f}: other film or another scanner; fit this slide by itself, or with its own roll"
        )
    return levelled


def _spread(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Robust sigma of the residuals of a slide's tiles, those of defects and of rare places among them."""
    residuals = np.concatenate([residual.ravel() for residual, _ in pairs])
    return robust_centre_and_scale(residuals[np.isfinite(residuals)])[1]


def _check_size(counts: xr.DataArray) -> None:
    height, width = counts.sizes["y"], counts.sizes["x"]
    if min(height, width) < SMALLEST_SIDE:
        raise NotUsableError(
            f"expected a slide of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, found {height} x {width};"
            " noise cannot be measured on fewer: scan at a higher resolution"
        )


def _check_seen(samples: Sequence[Sample]) -> None:
    seen = np.isfinite(samples[0].planes[3]) if len(samples) == 1 else np.ones((SMALLEST_SEEN, SMALLEST_SEEN), bool)
    height, width = int(seen.any(axis=1).sum()), int(seen.any(axis=0).sum())
    if min(height, width) < SMALLEST_SEEN:
        raise NotUsableError(
            f"expected at least {SMALLEST_SEEN} x {SMALLEST_SEEN} pixels seen in colour and infrared, found {height} x"
            f" {width} between their displaced frames; scan at a higher resolution"
        )


def _check_infrared(samples: Sequence[Sample]) -> None:
    infrared = np.concatenate([tile.planes[3].ravel() for tile in samples])
    infrared = infrared[np.isfinite(infrared)]
    low, high = float(infrared.min()), float(infrared.max())
    if low == high:
        raise NotUsableError(
            f"expected an infrared plane that varies, found the constant {low:.0f};"
            " scan again with the infrared channel on, or name the right plane with infrared="
        )
    bright = float(np.quantile(infrared, BRIGHT))
    if bright < BLOCKED_SHARE * 65535:
        raise NotUsableError(
            f"expected infrared light through the film, found {bright:.0f} of 65535 counts in its brightest parts;"
            " the film blocks infrared (as silver does), or the infrared was not exposed"
        )


def _check_dyes(slopes: float, neutral: float) -> None:
    """Refuse silver: infrared that follows the picture, and three bands that are one; Kodachrome is not so neutral."""
    if slopes > BLOCKED_SLOPES or (slopes > SILVER_SLOPES and neutral > SILVER_NEUTRAL):
        raise NotUsableError(
            f"expected film whose dyes let infrared through, found that the infrared follows the picture with slope"
            f" {slopes:.2f} (over {SILVER_SLOPES}) and that one colour tells {neutral:.2f} of another: silver"
            " black-and-white film blocks infrared as dust does, so the infrared cannot tell them apart; heal this"
            " slide without infrared"
        )
