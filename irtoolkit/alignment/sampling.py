"""The inputs of a fit: where the film of a slide is, and tiles with their infrared on the colour grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.alignment.displacement import Displacement, UsualDisplacement, is_doubtful
from irtoolkit.alignment.film import Appearance, Film, film_reduction, measure_appearance
from irtoolkit.alignment.polarity import measure_inversion
from irtoolkit.alignment.registration import measure_displacement
from irtoolkit.alignment.resampling import Sample, align_samples
from irtoolkit.arrays import measure_together, tile_reduction, to_negative
from irtoolkit.schema import NotUsableError

SMALLEST_SIDE = 64
SMALLEST_SEEN = 52
BLOCKED_SHARE = 0.001
BRIGHT = 0.95
LEAST_AREA, MOST_AREA = 0.01, 0.8
TILES_OF_A_SLIDE = 24
TILE = 128


class SlideSample(NamedTuple):
    """Inputs of a fit from one slide: its film, the displacement of its infrared, aligned tiles, its names, and whether
    it is `inverted`, a positive made from a negative: then the tiles have the light of that negative (`to_negative`).
    """

    film: Film
    displacement: Displacement
    tiles: list[Sample]
    names: dict[str, str]
    appearance: Appearance
    inverted: bool = False


def sample_slide(slide: xr.Dataset, usual: UsualDisplacement | None = None) -> SlideSample:
    """Compute what fitting needs of a slide; `NotUsableError` if there is nothing to fit.

    If the slide gives no evidence of its displacement, or doubtful evidence of an unusual one, the `usual` displacement
    of its roll is used.
    """
    counts = slide.counts.chunk()
    _check_size(counts)
    film, samples = measure_together(film_reduction(counts), tile_reduction(counts.data))
    displacement = measure_displacement(samples, film, (counts.sizes["y"], counts.sizes["x"]))
    if usual is not None and is_doubtful(displacement, usual):
        displacement = displacement._replace(coefficient=usual.coefficient, trusted=False)
    aligned = align_samples(samples, displacement, film)
    _check_seen(aligned)
    _check_infrared(aligned)
    _check_selection(aligned)
    inverted, appearance = measure_inversion(aligned), measure_appearance(samples, film)
    tiles = [_of_negative(tile) for tile in aligned] if inverted else aligned
    return SlideSample(film, displacement, tiles, _names(slide.attrs), appearance, inverted)


def _of_negative(tile: Sample) -> Sample:
    return tile._replace(planes=np.concatenate([to_negative(tile.planes[:3]), tile.planes[3:]]))


def thin_sample(sample: SlideSample, number: int = TILES_OF_A_SLIDE) -> SlideSample:
    """At most as much of a sample as `number` tiles of 128 x 128 px hold, spread over the slide: 6.3 MB for 24."""
    if sum(tile.planes[0].size for tile in sample.tiles) <= number * TILE**2:
        return sample
    pieces = [piece for tile in sample.tiles for piece in _pieces(tile)]
    places = sorted({int((place + 0.5) * len(pieces) / number) for place in range(number)})
    chosen = [pieces[place] for place in places] if len(pieces) > number else pieces
    return sample._replace(tiles=chosen)


def _pieces(tile: Sample) -> list[Sample]:
    """A tile cut into as many tiles of 128 x 128 px as it holds, evenly spread; a smaller tile unchanged."""
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


def _check_selection(samples: Sequence[Sample]) -> None:
    """Refuse a plane of large black and white areas, as programs save selections."""
    planes = [tile.planes[3] for tile in samples]
    black = float(np.mean([_area(plane <= 1) for plane in planes]))
    white = float(np.mean([_area(plane >= 65534) for plane in planes]))
    if min(black, white) > LEAST_AREA and black + white > MOST_AREA:
        raise NotUsableError(
            "the infrared is a saved selection or mask, not infrared: it has only black and white areas; name another"
            " place for it (--infrared, in Python infrared=), or clean the scan as it was before it was edited"
            f" ({black:.0%} is black, {white:.0%} white)"
        )


def _area(marked: np.ndarray) -> float:
    """Share of the pixels in whose surroundings of 9 by 9 px all are marked."""
    return float(cv2.erode(marked.astype(np.uint8), np.ones((9, 9), np.uint8)).mean())


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
