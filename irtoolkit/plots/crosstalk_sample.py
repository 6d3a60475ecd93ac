"""What a fit of the picture's ghost is made on, pixel by pixel, and fits on a choice of its terms."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.alignment import Sample, SlideSample, sample_slide, thin_sample
from irtoolkit.arrays import combine
from irtoolkit.crosstalk import (
    TERMS,
    Crosstalk,
    clean_densities,
    fit_crosstalk,
    fit_terms,
    measure_slopes,
    sample_terms,
    subtract_ghost,
    visible_density,
)
from irtoolkit.fitting import fit_to_slide
from irtoolkit.model import from_dataset
from irtoolkit.schema import VISIBLE


class CrosstalkSample(NamedTuple):
    """Film of one slide without its defects: the slide's `sample`, the `crosstalk` fitted on all terms, the `densities`
    of its tiles, and the `pixels` (level, terms and infrared density, pixel) of `sample_terms`.
    """

    sample: SlideSample
    crosstalk: Crosstalk
    densities: list[Sample]
    pixels: np.ndarray

    def parts(self) -> list[Sample]:
        """Up to eight pieces of the slide, of at most 224 px a side, to look at."""
        return thin_sample(self.sample).tiles

    def places(self) -> list[tuple[int, int]]:
        """First row and column, in stored pixels, of each of the `parts`."""
        return [(int(y[0]), int(x[0])) for y, x in map(self.indices, self.parts())]

    def indices(self, part: Sample) -> list[np.ndarray]:
        """Rows and columns, in stored pixels, of a part."""
        sides = zip(part.place, self.sample.displacement.shape, strict=True)
        return [np.rint((at.ravel() + 1) * (side - 1) / 2) for at, side in sides]


def sample_crosstalk(slide: xr.Dataset, model: xr.Dataset | None = None) -> CrosstalkSample:
    """Compute what the crosstalk of a slide is fitted on, silver included.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        From `fit_roll` or `open_model`; the slide is fitted by itself if None.

    Raises
    ------
    NotUsableError
        The slide is too small, or its infrared is constant or black.
    ModelError
        The model is not of this slide's roll.
    """
    known = None if model is None else from_dataset(model)
    sample = sample_slide(slide, known and known.displacement)
    fitted = fit_crosstalk([sample.tiles]) if known is None else fit_to_slide(known, sample).crosstalk
    densities = clean_densities(sample.tiles, fitted)
    pixels = sample_terms([densities], fitted.prediction, fitted.curve.densest)
    return CrosstalkSample(sample, fitted, densities, pixels)


def choose_terms(sampled: CrosstalkSample, terms: Collection[str]) -> Crosstalk:
    """Fit the slide on the terms named, and the level, under the constants of its model.

    Terms that are left out have the coefficient 0; `r2`, `slopes` and `sigma` are of this fit. The blurred ghost among
    the terms remains that of all pointwise terms.
    """
    fit, known = fit_terms(sampled.pixels, terms), sampled.crosstalk
    slopes, _ = measure_slopes(sampled.densities, fit.coefficient, known.prediction, known.curve.densest)
    chosen = known._replace(coefficient=fit.coefficient, standard_error=fit.error)
    return chosen._replace(r2=fit.r2, slopes=slopes, sigma=fit.sigma)


def explain_pixels(sampled: CrosstalkSample, crosstalk: Crosstalk) -> xr.Dataset:
    """Densities of the sampled film and what a fit, such as that of `choose_terms`, makes of them.

    Returns
    -------
    xarray.Dataset
        `density` (band, pixel) of R, G, B; `infrared` (pixel), density; and `ghost` (pixel), the infrared density that
        the fit predicts. What is left is their difference.
    """
    terms, infrared = sampled.pixels[1:-1], sampled.pixels[-1]
    visible = terms[[TERMS.index(band) for band in VISIBLE]]
    ghost = combine(crosstalk.coefficient, terms)
    planes = {"density": (("band", "pixel"), visible), "infrared": ("pixel", infrared), "ghost": ("pixel", ghost)}
    return xr.Dataset(planes, {"band": list(VISIBLE)})


def preview_residual(sampled: CrosstalkSample, crosstalk: Crosstalk, part: int) -> xr.Dataset:
    """Compute what a fit leaves of the infrared in one of the `parts` of a slide, for `plot_residual`."""
    tile = sampled.parts()[part]
    residual = subtract_ghost(visible_density(tile.planes[:3], crosstalk.curve), tile.planes[3], tile.place, crosstalk)
    y, x = sampled.indices(tile)
    seen = {"residual": (("y", "x"), residual), "overview": 0}
    return xr.Dataset(seen, {"y": y, "x": x}, {"step": 1})


def measure_crosstalk(slide: xr.Dataset, model: xr.Dataset | None = None) -> xr.Dataset:
    """Sample a slide's film, without its defects, and what its fitted model predicts: `explain_pixels` of all terms.

    Parameters and errors as of `sample_crosstalk`.
    """
    sampled = sample_crosstalk(slide, model)
    return explain_pixels(sampled, sampled.crosstalk)
