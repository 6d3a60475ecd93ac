"""Pixels of a slide's tiles on which a fit is made: a level, terms, and the infrared, evenly spread."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import blur, compute_each, even_step
from irtoolkit.crosstalk.candidates import check_enough
from irtoolkit.crosstalk.levels import SMOOTHED
from irtoolkit.crosstalk.pointwise import lamp_terms, pointwise_terms

BORDER = 12
"""Pixels along the sides of a tile that no fit uses (docs/method.md)."""

Planes = Callable[[Sample], Iterator[np.ndarray]]


def smooth_terms(tile: Sample, densest: np.ndarray, blurred: float) -> Iterator[np.ndarray]:
    """Level, terms and infrared, equally sharp, of a tile of densities."""
    alike = blur_alike(tile.planes[:4], blurred)
    yield tile.planes[4]
    yield from pointwise_terms(alike[:3], densest)
    yield from lamp_terms(tile.place)
    yield alike[3]


def blur_alike(planes: Iterable[np.ndarray], blurred: float, before: float = 0.0, scale: int = 1) -> np.ndarray:
    """R, G, B and infrared, which is `blurred` by so many px more, equally sharp.

    Planes of means of `scale` by `scale` px have been blurred by `before` px.
    """
    sigmas = [float(np.hypot(SMOOTHED, blurred))] * 3 + [SMOOTHED]
    smooth = (blur(plane, (sigma**2 - before**2) ** 0.5 / scale) for plane, sigma in zip(planes, sigmas, strict=True))
    return np.stack(list(smooth))


def join_pixels(slides: Sequence[Sequence[Sample]], planes: Planes, pixels: int) -> np.ndarray:
    """Some `pixels` (planes, pixel) of the `planes` of all slides' tiles, joined as by `join_slides`."""
    return join_slides([sample_pixels(slide, planes, pixels // len(slides)) for slide in slides])


def join_slides(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Samples (planes, pixel) of several slides as those of one: every slide's means are made those of all."""
    common = np.mean([part.mean(axis=1) for part in samples], axis=0)
    return np.concatenate([part + (common - part.mean(axis=1))[:, None] for part in samples], axis=1)


def sample_pixels(tiles: Sequence[Sample], planes: Planes, pixels: int, border: int = BORDER) -> np.ndarray:
    """Some `pixels` (planes, pixel) of the `planes` of a slide's tiles, evenly spread.

    Pixels in the `border` are left out, and those whose first or last plane is not known.
    """
    inside = (slice(border, -border), slice(border, -border))
    step = even_step([tile.planes[0][inside].shape for tile in tiles], pixels)

    def picked(tile: Sample) -> np.ndarray:
        return np.stack([plane[inside].ravel()[::step] for plane in planes(tile)])

    joined = np.concatenate(compute_each(picked, tiles), axis=1)
    known = joined[:, np.isfinite(joined[0]) & np.isfinite(joined[-1])]
    check_enough(known.shape[1], "fit the infrared on")
    return known
