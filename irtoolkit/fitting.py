"""The fit of one slide, of a roll, and of a slide of a roll: what is measured before anything is marked."""

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
"""Slope of the infrared times the share that one colour tells of another: .66 and more on 16 simulated slides of silver
film, at most .58 on 18 of Kodachrome, gray and dark ones among them."""

BLOCKED_SLOPES = 0.75
BLOCKED_SHARE = 0.001
BRIGHT = 0.95
MISFIT = 4.0
FARTHEST = 8.0
"""Misfit from which on a slide is not of the roll: on eight simulated rolls of Kodachrome at most 4.6 for their own
slides, 6 to 10 for one of another roll, 11 to 24 for E-6 and C-41, 34 and more for silver."""

TILES_OF_A_ROLL = 96
"""Tiles from which the constants of film and scanner are found, together."""

TILES_OF_A_SLIDE = 8
TILE = 224
NOTHING = np.zeros((0, 0))


class SlideSample(NamedTuple):
    """What fitting needs of a slide: where its film is, how its infrared lies, aligned tiles, its names."""

    film: xr.DataArray
    displacement: xr.Dataset
    tiles: list[Sample]
    names: dict[str, str]
    look: dict[str, float]


def sample_slide(slide: xr.Dataset, model: xr.Dataset | None = None) -> SlideSample:
    """Compute what fitting needs of a slide; `NotUsableError` if there is nothing to fit.

    Where the slide gives no evidence of its infrared's displacement, or doubtful evidence of one that no other slide of
    its roll has, that of its roll's `model` is taken.
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
    """As much of a sample as `number` tiles of 224 px a side, spread over the slide, hold at most: 6.4 MB for 8."""
    if sum(tile.planes[0].size for tile in sample.tiles) <= number * TILE**2:
        return sample
    pieces = [piece for tile in sample.tiles for piece in _pieces(tile)]
    places = sorted({int((place + 0.5) * len(pieces) / number) for place in range(number)})
    chosen = [pieces[place] for place in places] if len(pieces) > number else pieces
    return sample._replace(tiles=chosen)


def fit_samples(samples: Sequence[SlideSample]) -> xr.Dataset:
    """Fit the model of a roll, or of one slide, on the sample of each slide from `sample_slide`, in the order given.

    One slide is fitted with all its tiles. The slides of a roll give at most 8 tiles each, and at most 96 in all to
    find the constants of film and scanner on.
    """
    if not samples:
        raise SlideError("expected at least one usable slide to fit, found none")
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
    """A roll's model as it serves one slide; `ModelError` where the slide is not of that roll.

    Where the model is of a single slide it gets the level of this one, as there is nothing to tell how slides differ.
    """
    _check_names(model, sample.names)
    check_terms(model)
    if "information" not in model:
        return _level(model, sample.tiles)
    adapted = adapt_model(model, fit_slide(sample.tiles, model), sample.tiles)
    if float(adapted.misfit) > FARTHEST:
        raise ModelError(
            f"expected a slide of the roll that the model was fitted on, found one whose infrared follows the"
            f" picture otherwise (misfit {float(adapted.misfit):.1f}, where 1 is usual and {FARTHEST:.0f} too much):"
            " other film or another scanner; fit this slide by itself, or with its own roll"
        )
    levelled, pairs = level_model(adapted, sample.tiles)
    return fit_noise(pairs, levelled).assign(agreement=measure_agreement(pairs))


def fit_alone(sample: SlideSample, terms: Collection[str] = TERMS) -> xr.Dataset:
    """Fit the model of one slide on the terms named, with all that cleaning needs; the others' coefficients are 0."""
    model = fit_crosstalk([sample.tiles], terms)
    _check_dyes(float(model.slopes), float(model.neutral))
    levelled, pairs = level_model(model, sample.tiles)
    model = fit_noise(pairs, levelled).assign(spread=_spread(pairs), misfit=0.0, agreement=measure_agreement(pairs))
    return model.assign(roll_displacement([sample.displacement])).assign_attrs(_common_names([sample.names]))


def _level(model: xr.Dataset, samples: Sequence[Sample]) -> xr.Dataset:
    """Level a model for one slide; `ModelError` where it leaves 4 times the noise that it left on its own slide."""
    levelled, pairs = level_model(model, samples)
    spread = _spread(pairs)
    if spread > MISFIT * float(model.spread):
        raise ModelError(
            f"expected a slide of the roll that the model was fitted on, whose noise is {float(model.spread):.4f},"
            f" found {spread:.4f}: other film or another scanner; fit this slide by itself, or with its own roll"
        )
    return levelled.assign(agreement=measure_agreement(pairs))


def _bounded(samples: Sequence[SlideSample]) -> list[SlideSample]:
    """Fewer tiles of each slide, or of evenly spread slides, so that they are at most 96 together."""
    number = max(2, TILES_OF_A_ROLL // len(samples))
    step = -(-len(samples) * number // TILES_OF_A_ROLL)
    return [thin_sample(sample, number) for sample in samples[::step]]


def _pieces(tile: Sample) -> list[Sample]:
    """A tile cut into as many of 224 px a side as it holds, evenly spread; a smaller one as it is."""
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
    """The film and the scanner that all slides name, or an empty text."""
    said = {name: {of_slide[name] for of_slide in names} for name in ("film", "scanner")}
    return {name: values.pop() if len(values) == 1 else "" for name, values in said.items()}


def _name_slides(model: xr.Dataset, samples: Sequence[SlideSample]) -> xr.Dataset:
    """The model with its slides' names, shifts, and which of them have no part in it and why."""
    shifts = {
        f"slide_{name}": [float(sample.displacement[name]) for sample in samples] for name in ("shift_y", "shift_x")
    }
    outlier = model.weight.values == 0
    told = zip(outlier, model.misfit.values, strict=True)
    why = [f"fits the others {misfit:.1f} times worse than usual" if odd else "" for odd, misfit in told]
    of_slides = shifts | {"outlier": outlier, "why": why}
    model = model.assign({name: ("slide", values) for name, values in of_slides.items()})
    names = [sample.names["source"] for sample in samples]
    return model.assign_coords(slide=names).assign_attrs(_common_names([sample.names for sample in samples]))


def _check_names(model: xr.Dataset, names: dict[str, str]) -> None:
    for name in ("film", "scanner"):
        expected, found = model.attrs.get(name, ""), names[name]
        if expected and found and expected.casefold() != found.casefold():
            raise ModelError(
                f"expected a slide of the model's {name}, {expected}, found {found}; fit this slide by itself, or with"
                " its own roll"
            )


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
    if slopes > BLOCKED_SLOPES or slopes * neutral > SILVER:
        raise NotUsableError(
            f"expected film whose dyes let infrared through, found that the infrared follows the picture with slope"
            f" {slopes:.2f} (at most {BLOCKED_SLOPES} is usual) and that one colour tells {neutral:.2f} of another (at"
            f" most {SILVER} of slope times that): silver black-and-white film blocks infrared as dust does, so the"
            " infrared cannot tell them apart; heal this slide without infrared"
        )
