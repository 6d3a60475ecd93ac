"""Pixels of a slide's tiles on which a fit is made: a level, terms, and the infrared, evenly spread."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.arrays import blur, compute_each, even_step, shrink
from irtoolkit.crosstalk.candidates import check_enough
from irtoolkit.crosstalk.levels import SMOOTHED
from irtoolkit.crosstalk.pointwise import lamp_terms, pointwise_terms

BORDER = 12
"""Pixels along the sides of a tile that no fit uses (docs/method.md)."""

Planes = Callable[[Sample], Iterator[np.ndarray]]


def smooth_terms(tile: Sample, densest: np.ndarray, blurred: float, scale: int = 1) -> Iterator[np.ndarray]:
    """Level, terms and infrared, equally sharp, of means of `scale` by `scale` px."""
    height, width = (length // scale for length in tile.planes.shape[1:])
    sigmas = [float(np.hypot(SMOOTHED, blurred))] * 3 + [SMOOTHED]
    planes = tile.planes[:, : scale * height, : scale * width]
    smooth = np.stack([_smooth(plane, sigma, scale) for plane, sigma in zip(planes, sigmas, strict=False)])
    y, x = tile.place
    yield planes[4, ::scale, ::scale]
    yield from pointwise_terms(smooth[:3], densest)
    yield from lamp_terms((y[: scale * height : scale], x[:, : scale * width : scale]))
    yield smooth[3]


def _smooth(plane: np.ndarray, sigma: float, scale: int) -> np.ndarray:
    """A plane blurred by `sigma` px, of means of `scale` by `scale` px, which have part of that blur."""
    return blur(shrink(plane, scale), float(np.sqrt(sigma**2 - (scale**2 - 1) / 12)) / scale)


def join_pixels(densities: Sequence[Sequence[Sample]], planes: Planes, pixels: int, scale: int = 1) -> np.ndarray:
    """Some `pixels` (planes, pixel) of the `planes` of all slides; every slide's means are made those of all.

    The planes of a tile have every `scale`-th of its rows and columns.
    """
    samples = [_sample_pixels(slide, planes, pixels // len(densities), scale) for slide in densities]
    common = np.mean([part.mean(axis=1) for part in samples], axis=0)
    return np.concatenate([part + (common - part.mean(axis=1))[:, None] for part in samples], axis=1)


def _sample_pixels(densities: Sequence[Sample], planes: Planes, pixels: int, scale: int) -> np.ndarray:
    """Pixels of one slide, as of `join_pixels`, evenly spread."""
    border = BORDER // scale
    inside = (slice(border, -border), slice(border, -border))
    shapes = [tile.planes[0, ::scale, ::scale][inside].shape for tile in densities]
    step = even_step(shapes, pixels)

    def picked(tile: Sample) -> np.ndarray:
        return np.stack([plane[inside].ravel()[::step] for plane in planes(tile)])

    joined = np.concatenate(compute_each(picked, densities), axis=1)
    known = joined[:, np.isfinite(joined[0]) & np.isfinite(joined[-1])]
    check_enough(known.shape[1], "fit the infrared on")
    return known
