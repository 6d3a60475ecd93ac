"""The fit of one slide, of a roll, and of a slide of a roll: all measurements before anything is marked."""

from collections.abc import Collection, Sequence
from contextlib import suppress

import numpy as np

from irtoolkit.alignment import Sample, SlideSample, measure_agreement, thin_sample, usual_displacement
from irtoolkit.arrays import compute_each, robust_centre_and_scale
from irtoolkit.crosstalk import (
    BLOCKED_SLOPES,
    SILVER,
    TERMS,
    Crosstalk,
    adapt_crosstalk,
    fit_crosstalk,
    fit_slide,
    level_crosstalk,
    looks_like_silver,
    offset_at_levels,
    pool_slides,
)
from irtoolkit.detection import find_dark, fit_noise
from irtoolkit.healing import Ratio, fit_ratio, weigh_tile
from irtoolkit.model import FittedSlide, Model, OneSlide, Slides
from irtoolkit.schema import ModelError, NotUsableError, SlideError

NOISIER = 4.0
"""Residual on another slide over that on the model's own from which on they are not of one roll."""

FARTHEST = 8.0
"""Misfit above which a slide is not of the roll (`docs/method.md`)."""

OFFSET, LESS = 0.2, 0.3
"""Offset at levels of density, sigmas, above which a roll's film may not be the slide's, and the share of it that the
slide's own fit may leave to replace the roll's (docs/method.md)."""

LEAST_WEIGHT = 0.1
"""Share of the largest weight in a roll under which a slide's defects are not used for the roll's ratio: with another
slide's infrared, picture passes for defects."""

TILES_OF_A_ROLL = 288
"""Tiles, of all slides together, on which the constants of film and scanner are fitted."""

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]
"""Residual (y, x) and visible density (3, y, x) of each tile."""

NOTHING, NO_RATIO = np.zeros((0, 0)), (np.nan, np.nan, np.nan)


def fit_samples(samples: Sequence[SlideSample]) -> Model:
    """Fit the model of a roll, or of one slide, on the samples of its slides (`sample_slide`), in their order.

    One slide is fitted on all its tiles, a roll on at most 24 tiles per slide and its constants on at most 288 in all.
    """
    if not samples:
        raise SlideError("there is no usable slide to fit; give at least one")
    if len(samples) == 1:
        return fit_alone(samples[0])
    thin = [thin_sample(sample) for sample in samples]
    few = _bounded(thin)
    crosstalk = fit_crosstalk([sample.tiles for sample in few])
    _check_dyes(crosstalk.slopes, crosstalk.neutral)
    fits = [fit_slide(sample.tiles, crosstalk)._replace(pixels=NOTHING) for sample in thin]
    crosstalk, pooled = pool_slides(crosstalk, fits)
    names = tuple(sample.names["source"] for sample in samples)
    down, right = np.transpose([sample.displacement.shift for sample in samples])
    ratio, ratios = _measure_ratios(few, crosstalk, pooled.weight)
    slides = Slides(pooled, names, down, right, ratio, ratios)
    return _named(crosstalk, slides, samples)


def _measure_ratios(
    samples: Sequence[SlideSample], crosstalk: Crosstalk, weight: np.ndarray
) -> tuple[Ratio, np.ndarray]:
    """Ratio of the defects of a roll, and of each slide (slide, band), NaN for one without any; `weight` (slide,) is
    the share that each has in the roll.
    """
    rows, used = [_weigh_slide(sample, crosstalk) for sample in samples], weight > LEAST_WEIGHT * weight.max()
    known = np.concatenate([slide for slide, counts in zip(rows, used, strict=True) if counts])
    each = [fit_ratio(slide[:, :3], slide[:, 3]).bands if len(slide) else NO_RATIO for slide in rows]
    return fit_ratio(known[:, :3], known[:, 3]), np.array(each)


def _weigh_slide(sample: SlideSample, crosstalk: Crosstalk) -> np.ndarray:
    """Ratios and errors (defect, 4) of the certain defects on a slide's tiles."""
    levelled, pairs = level_crosstalk(crosstalk, sample.tiles)

    def weigh(item: tuple[Sample, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        tile, pair = item
        return weigh_tile(tile, find_dark(*pair, levelled), levelled)

    return np.concatenate(compute_each(weigh, zip(sample.tiles, pairs, strict=True)))


def fit_to_slide(model: Model | None, sample: SlideSample) -> FittedSlide:
    """A roll's model adapted to one slide, or the slide's own fit without a model.

    The slide's own fit also replaces the model where the roll's film curve, which is not adapted, fits some of its
    densities badly. Of a model of a single slide, only the level is adapted, as it does not know how slides differ.
    `ModelError` if the slide is not of that roll.
    """
    if model is None:
        return _fit_by_itself(sample, TERMS)[0]
    _check_names(model, sample.names)
    if isinstance(model.basis, OneSlide):
        return _level(model.crosstalk, model.basis, sample.tiles)
    fit = fit_slide(sample.tiles, model.crosstalk)
    adapted, misfit = adapt_crosstalk(model.crosstalk, model.basis.pooled, fit, sample.tiles)
    if misfit > FARTHEST:
        raise ModelError(
            "this slide does not match the model's roll: another film or scanner? Fit it on its own, or with its own"
            f" roll (misfit {misfit:.1f}; 1 is usual, over {FARTHEST:.0f} is too much)"
        )
    levelled, pairs = level_crosstalk(adapted, sample.tiles)
    closer = _closer_fit(sample, offset_at_levels(pairs))
    return _with_noise(*closer or (levelled, pairs), misfit, own_fit=closer is not None)


def _closer_fit(sample: SlideSample, offset: float) -> tuple[Crosstalk, Pairs] | None:
    """The slide's own fit where its roll's leaves so large an offset, and the slide's own a far smaller one."""
    if offset <= OFFSET:
        return None
    with suppress(NotUsableError):
        own = _fit_crosstalk(sample, TERMS)
        if offset_at_levels(own[1]) < LESS * offset:
            return own
    return None


def fit_alone(sample: SlideSample, terms: Collection[str] = TERMS) -> Model:
    """Fit the model of one slide on the named terms, with all that cleaning needs; other coefficients are 0."""
    fitted, spread = _fit_by_itself(sample, terms)
    return _named(fitted.crosstalk, OneSlide(fitted.noise, spread), [sample])


def _fit_by_itself(sample: SlideSample, terms: Collection[str]) -> tuple[FittedSlide, float]:
    """The fit of a slide, and the spread of its residual."""
    levelled, pairs = _fit_crosstalk(sample, terms)
    return _with_noise(levelled, pairs, 0.0, own_fit=True), _spread(pairs)


def _fit_crosstalk(sample: SlideSample, terms: Collection[str]) -> tuple[Crosstalk, Pairs]:
    """The crosstalk of a slide alone, levelled, and its tiles' residuals and densities."""
    crosstalk = fit_crosstalk([sample.tiles], terms)
    _check_dyes(crosstalk.slopes, crosstalk.neutral)
    return level_crosstalk(crosstalk, sample.tiles)


def _with_noise(levelled: Crosstalk, pairs: Pairs, misfit: float, *, own_fit: bool) -> FittedSlide:
    return FittedSlide(levelled, fit_noise(pairs, levelled), misfit, measure_agreement(pairs), own_fit)


def _level(crosstalk: Crosstalk, basis: OneSlide, samples: Sequence[Sample]) -> FittedSlide:
    """Level the fit of one slide for another; `ModelError` if it leaves over 4 times the noise that it left there."""
    levelled, pairs = level_crosstalk(crosstalk, samples)
    spread = _spread(pairs)
    if spread > NOISIER * basis.spread:
        raise ModelError(
            "this slide does not match the model: another film or scanner? Fit it on its own, or with its own roll"
            f" (noise {spread:.3f}, that of the model {basis.spread:.3f})"
        )
    return FittedSlide(levelled, basis.noise, 0.0, measure_agreement(pairs), own_fit=False)


def _bounded(samples: Sequence[SlideSample]) -> list[SlideSample]:
    """Fewer tiles of each slide, or of evenly spread slides: at most 288 together."""
    number = max(6, TILES_OF_A_ROLL // len(samples))
    step = -(-len(samples) * number // TILES_OF_A_ROLL)
    return [thin_sample(sample, number) for sample in samples[::step]]


def _named(crosstalk: Crosstalk, basis: OneSlide | Slides, samples: Sequence[SlideSample]) -> Model:
    """The model with the usual displacement, and the film and scanner that all slides name."""
    named = [{sample.names[name] for sample in samples} for name in ("film", "scanner")]
    film, scanner = (names.pop() if len(names) == 1 else "" for names in named)
    return Model(crosstalk, usual_displacement([sample.displacement for sample in samples]), basis, film, scanner)


def _check_names(model: Model, names: dict[str, str]) -> None:
    for name, expected in (("film", model.film), ("scanner", model.scanner)):
        found = names[name]
        if expected and found and expected.casefold() != found.casefold():
            raise ModelError(
                f"another {name} than the model's; fit the slide on its own or with its roll ({found}, not {expected})"
            )


def _spread(pairs: Pairs) -> float:
    """Robust sigma of the residuals of a slide's tiles, with defects and rare places."""
    residuals = np.concatenate([residual.ravel() for residual, _ in pairs])
    return robust_centre_and_scale(residuals[np.isfinite(residuals)])[1]


def _check_dyes(slopes: float, neutral: float) -> None:
    if looks_like_silver(slopes, neutral):
        raise NotUsableError(
            "this looks like silver black-and-white film, which blocks infrared as dust does; heal it without infrared"
            f" (the infrared follows the picture with slope {slopes:.2f}, at most {BLOCKED_SLOPES} is usual; the"
            f" colours are alike by {neutral:.2f}, and at most {SILVER} is usual for the product)"
        )
