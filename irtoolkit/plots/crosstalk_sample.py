"""The pixels that the crosstalk of a slide is fitted on, and fits on some of the terms."""

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
from irtoolkit.schema import VISIBLE, describe


class CrosstalkSample(NamedTuple):
    """Defect-free film of one slide: its `sample`, the `crosstalk` fitted on all terms, the `densities` of its tiles,
    and the `pixels` (level, terms and infrared density, pixel) of `sample_terms`.
    """

    sample: SlideSample
    crosstalk: Crosstalk
    densities: list[Sample]
    pixels: np.ndarray

    def parts(self) -> list[Sample]:
        """Up to eight tiles of the slide for display, at most 128 px high and wide."""
        return thin_sample(self.sample, 8).tiles

    def places(self) -> list[tuple[int, int]]:
        """First row and column of each of the `parts`, in stored pixels."""
        return [(int(y[0]), int(x[0])) for y, x in map(self.indices, self.parts())]

    def indices(self, part: Sample) -> list[np.ndarray]:
        """Rows and columns of a part, in stored pixels."""
        sides = zip(part.place, self.sample.displacement.shape, strict=True)
        return [np.rint((at.ravel() + 1) * (side - 1) / 2) for at, side in sides]


def sample_crosstalk(slide: xr.Dataset, model: xr.Dataset | None = None) -> CrosstalkSample:
    """Sample the film of a slide and fit its crosstalk; silver film is not refused.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        From `fit_roll` or `open_model`; if None, the slide is fitted on its own.

    Raises
    ------
    NotUsableError
        The slide is too small, or its infrared is constant or black.
    ModelError
        The model does not match the slide.
    """
    known = None if model is None else from_dataset(model)
    sample = sample_slide(slide, known and known.displacement)
    fitted = fit_crosstalk([sample.tiles]) if known is None else fit_to_slide(known, sample).crosstalk
    densities = clean_densities(sample.tiles, fitted)
    pixels = sample_terms([densities], fitted.prediction, fitted.curve)
    return CrosstalkSample(sample, fitted, densities, pixels)


def choose_terms(sampled: CrosstalkSample, terms: Collection[str]) -> Crosstalk:
    """Fit the slide on the named terms and the level; all other constants stay those of its model.

    Terms that are left out have the coefficient 0; `r2`, `slopes` and `sigma` are of this fit. The blurred ghost is
    always computed from all pointwise terms.
    """
    fit, known = fit_terms(sampled.pixels, terms), sampled.crosstalk
    slopes, _ = measure_slopes(sampled.densities, fit.coefficient, known.prediction, known.curve.densest)
    chosen = known._replace(coefficient=fit.coefficient, standard_error=fit.error)
    return chosen._replace(r2=fit.r2, slopes=slopes, sigma=fit.sigma)


def explain_pixels(sampled: CrosstalkSample, crosstalk: Crosstalk) -> xr.Dataset:
    """Return the densities of the sampled film and the infrared predicted by a fit.

    Returns
    -------
    xarray.Dataset
        `density` (band, pixel) of R, G, B; `infrared` (pixel), density; and `ghost` (pixel), the infrared density that
        the fit predicts. The residual is `infrared` minus `ghost`.
    """
    terms, infrared = sampled.pixels[1:-1], sampled.pixels[-1]
    visible = terms[[TERMS.index(band) for band in VISIBLE]]
    ghost = combine(crosstalk.coefficient, terms)
    planes = {"density": (("band", "pixel"), visible), "infrared": ("pixel", infrared), "ghost": ("pixel", ghost)}
    return describe(xr.Dataset(planes, {"band": list(VISIBLE)}))


def preview_residual(sampled: CrosstalkSample, crosstalk: Crosstalk, part: int) -> xr.Dataset:
    """Compute the residual of a fit in one of the `parts` of a slide, for `plot_residual`."""
    tile = sampled.parts()[part]
    residual = subtract_ghost(visible_density(tile.planes[:3], crosstalk.curve), tile.planes[3], tile.place, crosstalk)
    y, x = sampled.indices(tile)
    seen = {"residual": (("y", "x"), residual), "overview": 0}
    return describe(xr.Dataset(seen, {"y": y, "x": x}, {"step": 1}))


def measure_crosstalk(slide: xr.Dataset, model: xr.Dataset | None = None) -> xr.Dataset:
    """Sample the defect-free film of a slide and predict its infrared: `explain_pixels` with all terms.

    Parameters and errors are those of `sample_crosstalk`.
    """
    sampled = sample_crosstalk(slide, model)
    return explain_pixels(sampled, sampled.crosstalk)
