"""The fit of one slide, of a roll, and of a slide of a roll: all measurements before anything is marked."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.alignment import (
    Sample,
    align_samples,
    doubtful,
    measure_agreement,
    measure_displacement,
    measure_film,
    measure_look,
    roll_displacement,
)
from irtoolkit.arrays import robust_centre_and_scale, sample_tiles
from irtoolkit.crosstalk import TERMS, adapt_model, check_terms, fit_crosstalk, fit_slide, level_model, pool_slides
from irtoolkit.detection import fit_noise
from irtoolkit.schema import ModelError, NotUsableError, SlideError

SMALLEST_SIDE = 64
SMALLEST_SEEN = 52
SILVER = 0.62
"""Slope of the infrared times the likeness of the colours above which film is silver (`docs/method.md`)."""

BLOCKED_SLOPES = 0.75
BLOCKED_SHARE = 0.001
BRIGHT = 0.95
MISFIT = 4.0
FARTHEST = 8.0
"""Misfit above which a slide is not of the roll (`docs/method.md`)."""

TILES_OF_A_ROLL = 96
"""Tiles, of all slides together, on which the constants of film and scanner are fitted."""

TILES_OF_A_SLIDE = 8
TILE = 224
NOTHING = np.zeros((0, 0))


class SlideSample(NamedTuple):
    """Inputs of a fit from one slide: its film, the displacement of its infrared, aligned tiles, and its names."""

    film: xr.DataArray
    displacement: xr.Dataset
    tiles: list[Sample]
    names: dict[str, str]
    look: dict[str, float]


def sample_slide(slide: xr.Dataset, model: xr.Dataset | None = None) -> SlideSample:
    """Compute what fitting needs of a slide; `NotUsableError` if there is nothing to fit.

    If the slide gives no evidence of its displacement, or doubtful evidence of an unusual one, the displacement of its
    roll's `model` is used.
    """
    counts = slide.counts.chunk()
    _check_size(counts)
    film = measure_film(counts)
    samples = sample_tiles(counts.data)
    displacement = measure_displacement(samples, film, (counts.sizes["y"], counts.sizes["x"]))
    if model is not None and doubtful(displacement, model):
        of_roll = {name: model[name] for name in ("shift_y", "shift_x", "displacement")}
        displacement = displacement.assign(of_roll).assign(trusted=False)
    aligned = align_samples(samples, displacement, film)
    _check_seen(aligned)
    _check_infrared(aligned)
    return SlideSample(film, displacement, aligned, _names(slide.attrs), measure_look(samples, film))


def thin_sample(sample: SlideSample, number: int = TILES_OF_A_SLIDE) -> SlideSample:
    """At most as much of a sample as `number` tiles of 224 x 224 px hold, spread over the slide: 6.4 MB for 8."""
    if sum(tile.planes[0].size for tile in sample.tiles) <= number * TILE**2:
        return sample
    pieces = [piece for tile in sample.tiles for piece in _pieces(tile)]
    places = sorted({int((place + 0.5) * len(pieces) / number) for place in range(number)})
    chosen = [pieces[place] for place in places] if len(pieces) > number else pieces
    return sample._replace(tiles=chosen)


def fit_samples(samples: Sequence[SlideSample]) -> xr.Dataset:
    """Fit the model of a roll, or of one slide, on the samples of its slides (`sample_slide`), in their order.

    One slide is fitted on all its tiles, a roll on at most 8 tiles per slide and its constants on at most 96 in all.
    """
    if not samples:
        raise SlideError("there is no usable slide to fit; give at least one")
    if len(samples) == 1:
        return fit_alone(samples[0])
    thin = [thin_sample(sample) for sample in samples]
    model = fit_crosstalk([sample.tiles for sample in _bounded(thin)])
    _check_dyes(float(model.slopes), float(model.neutral))
    fits = [fit_slide(sample.tiles, model)._replace(pixels=NOTHING) for sample in thin]
    model = pool_slides(model, fits)
    model = model.assign(roll_displacement([sample.displacement for sample in samples]))
    return _name_slides(model, samples)


def fit_to_slide(model: xr.Dataset, sample: SlideSample) -> xr.Dataset:
    """A roll's model adapted to one slide; `ModelError` if the slide is not of that roll.

    Of a model of a single slide, only the level is adapted, as it does not know how slides differ.
    """
    _check_names(model, sample.names)
    check_terms(model)
    if "information" not in model:
        return _level(model, sample.tiles)
    adapted = adapt_model(model, fit_slide(sample.tiles, model), sample.tiles)
    if float(adapted.misfit) > FARTHEST:
        raise ModelError(
            "this slide does not match the model's roll: another film or scanner? Fit it on its own, or with its own"
            f" roll (misfit {float(adapted.misfit):.1f}; 1 is usual, over {FARTHEST:.0f} is too much)"
        )
    levelled, pairs = level_model(adapted, sample.tiles)
    return fit_noise(pairs, levelled).assign(agreement=measure_agreement(pairs))


def fit_alone(sample: SlideSample, terms: Collection[str] = TERMS) -> xr.Dataset:
    """Fit the model of one slide on the named terms, with all that cleaning needs; other coefficients are 0."""
    model = fit_crosstalk([sample.tiles], terms)
    _check_dyes(float(model.slopes), float(model.neutral))
    levelled, pairs = level_model(model, sample.tiles)
    model = fit_noise(pairs, levelled).assign(spread=_spread(pairs), misfit=0.0, agreement=measure_agreement(pairs))
    return model.assign(roll_displacement([sample.displacement])).assign_attrs(_common_names([sample.names]))


def _level(model: xr.Dataset, samples: Sequence[Sample]) -> xr.Dataset:
    """Level a model for one slide; `ModelError` if it leaves over 4 times the noise that it left on its own slide."""
    levelled, pairs = level_model(model, samples)
    spread = _spread(pairs)
    if spread > MISFIT * float(model.spread):
        raise ModelError(
            "this slide does not match the model: another film or scanner? Fit it on its own, or with its own roll"
            f" (noise {spread:.3f}, that of the model {float(model.spread):.3f})"
        )
    return levelled.assign(agreement=measure_agreement(pairs))


def _bounded(samples: Sequence[SlideSample]) -> list[SlideSample]:
    """Fewer tiles of each slide, or of evenly spread slides: at most 96 together."""
    number = max(2, TILES_OF_A_ROLL // len(samples))
    step = -(-len(samples) * number // TILES_OF_A_ROLL)
    return [thin_sample(sample, number) for sample in samples[::step]]


def _pieces(tile: Sample) -> list[Sample]:
    """A tile cut into as many tiles of 224 x 224 px as it holds, evenly spread; a smaller tile unchanged."""
    height, width = tile.planes.shape[1:]
    if max(height, width) <= TILE:
        return [tile]
    rows, columns = _starts(height), _starts(width)
    y, x = tile.place
    return [
        Sample(tile.planes[:, a : a + TILE, b : b + TILE], (y[a : a + TILE], x[:, b : b + TILE]))
        for a in rows
        for b in columns
    ]


def _starts(length: int) -> list[int]:
    return [int(start) for start in np.linspace(0, max(length - TILE, 0), max(length // TILE, 1))]


def _names(attributes: dict[Any, Any]) -> dict[str, str]:
    known = {name: str(attributes.get(name, "")) for name in ("film", "scanner")}
    return known | {"source": Path(str(attributes.get("source", ""))).name}


def _common_names(names: Sequence[dict[str, str]]) -> dict[str, str]:
    """The film and the scanner that all slides name, or empty texts."""
    known = {name: {of_slide[name] for of_slide in names} for name in ("film", "scanner")}
    return {name: values.pop() if len(values) == 1 else "" for name, values in known.items()}


def _name_slides(model: xr.Dataset, samples: Sequence[SlideSample]) -> xr.Dataset:
    """The model with its slides' names and shifts, and which slides are left out of it, and why."""
    shifts = {
        f"slide_{name}": [float(sample.displacement[name]) for sample in samples] for name in ("shift_y", "shift_x")
    }
    outlier = model.weight.values == 0
    misfits = zip(outlier, model.misfit.values, strict=True)
    why = [f"fits the roll {misfit:.1f} times worse than usual" if odd else "" for odd, misfit in misfits]
    of_slides = shifts | {"outlier": outlier, "why": why}
    model = model.assign({name: ("slide", values) for name, values in of_slides.items()})
    names = [sample.names["source"] for sample in samples]
    return model.assign_coords(slide=names).assign_attrs(_common_names([sample.names for sample in samples]))


def _check_names(model: xr.Dataset, names: dict[str, str]) -> None:
    for name in ("film", "scanner"):
        expected, found = model.attrs.get(name, ""), names[name]
        if expected and found and expected.casefold() != found.casefold():
            raise ModelError(
                f"another {name} than the model's; fit the slide on its own or with its roll ({found}, not {expected})"
            )


def _spread(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Robust sigma of the residuals of a slide's tiles, with defects and rare places."""
    residuals = np.concatenate([residual.ravel() for residual, _ in pairs])
    return robust_centre_and_scale(residuals[np.isfinite(residuals)])[1]


def _check_size(counts: xr.DataArray) -> None:
    height, width = counts.sizes["y"], counts.sizes["x"]
    if min(height, width) < SMALLEST_SIDE:
        raise NotUsableError(
            "the slide is too small to measure its noise; scan at a higher resolution"
            f" (at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, found {height} x {width})"
        )


def _check_seen(samples: Sequence[Sample]) -> None:
    seen = np.isfinite(samples[0].planes[3]) if len(samples) == 1 else np.ones((SMALLEST_SEEN, SMALLEST_SEEN), bool)
    height, width = int(seen.any(axis=1).sum()), int(seen.any(axis=0).sum())
    if min(height, width) < SMALLEST_SEEN:
        raise NotUsableError(
            "colour and infrared share too little of the frame; scan at a higher resolution"
            f" (at least {SMALLEST_SEEN} x {SMALLEST_SEEN} pixels in both, found {height} x {width})"
        )


def _check_infrared(samples: Sequence[Sample]) -> None:
    infrared = np.concatenate([tile.planes[3].ravel() for tile in samples])
    infrared = infrared[np.isfinite(infrared)]
    low, high = float(infrared.min()), float(infrared.max())
    if low == high:
        raise NotUsableError(
            f"the infrared is constant; scan again with infrared, or open another plane as infrared (all are {low:.0f})"
        )
    bright = float(np.quantile(infrared, BRIGHT))
    if bright < BLOCKED_SHARE * 65535:
        raise NotUsableError(
            "hardly any infrared light came through the film: it blocks infrared, as silver does, or the scan was not"
            f" exposed; scan again, or heal without infrared (brightest parts: {bright:.0f} of 65535 counts)"
        )


def _check_dyes(slopes: float, neutral: float) -> None:
    """Refuse silver: infrared that follows the picture, and bands that are alike; those of Kodachrome are less so."""
    if slopes > BLOCKED_SLOPES or slopes * neutral > SILVER:
        raise NotUsableError(
            "this looks like silver black-and-white film, which blocks infrared as dust does; heal it without infrared"
            f" (the infrared follows the picture with slope {slopes:.2f}, at most {BLOCKED_SLOPES} is usual; the"
            f" colours are alike by {neutral:.2f}, and at most {SILVER} is usual for the product)"
        )
