"""The picture's ghost in the infrared: fitted on the visible bands with blur matching, and subtracted."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations_with_replacement

import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.density import to_density
from irtoolkit.schema import VISIBLE, ModelError
from irtoolkit.statistics import blur, combine, gradient, high_pass, least_squares, robust_centre_and_scale

BLURS = (0.8, 1.4, 2.2, 3.5)
MIXED = (0.8, 1.4)
MOST_MIXED = 0.12
POINTWISE = ("1", *VISIBLE, *("*".join(pair) for pair in combinations_with_replacement(VISIBLE, 2)))
TERMS = (
    *POINTWISE,
    *("ghost", "ghost dy", "ghost dx"),
    *(f"ghost blur {sigma}" for sigma in (0, *BLURS) if sigma != 1.4),
    *(f"{band} blur {sigma}" for band in VISIBLE for sigma in BLURS),
    *(f"{band} mixed {sigma}" for band in VISIBLE for sigma in MIXED),
)
HALO = 16
SHARES = (0.0, 0.3, 0.6, 0.8, 0.9)
RIDGE = 1e-5
BLUR_PIXELS = 500_000
TRIMS = (6.0, 5.0, 4.0, 3.0, 3.0, 3.0)


def fit_crosstalk(samples: Sequence[Sequence[np.ndarray]]) -> xr.Dataset:
    """Fit infrared density on the visible densities, their blurred copies and derivatives, over one slide or a roll.

    Defects are outliers, so pixels are dropped by their residual (never by their infrared value) in rounds at
    6, 5, 4, 3 robust sigmas. Blurred copies and derivatives among the terms find the blur and a leftover
    displacement together with the crosstalk (Alard & Lupton 1998, doi:10.1086/305984). Every slide has a level of its
    own; the other coefficients are common.

    Parameters
    ----------
    samples
        For each slide its tiles (4, y, x) of counts, float32, from `align_samples`; infrared NaN where it saw no film.

    Returns
    -------
    xarray.Dataset
        `coefficient` (term), `prediction` (pointwise term) from which the blurred ghost is made, `offset` and
        `softness` (band, 16-bit counts), and the scalars `r2`, `slopes`, `blur` (px) and `sigma` (density).
    """
    dark = _black_levels([tile for slide in samples for tile in slide])
    share = min(SHARES, key=lambda share: _loss_of_offset(samples, dark, share))
    model = xr.Dataset({"offset": ("band", share * dark), "softness": ("band", 0.03 * dark + 4)})
    model = model.assign_coords(band=list(VISIBLE))
    densities = [[_densities(tile, model) for tile in slide] for slide in samples]
    model["prediction"] = ("pointwise", _fit(densities, _blurred_pointwise)[0])
    coefficient, r2, sigma = _fit(densities, partial(_all_terms, model=model))
    model["coefficient"] = ("term", coefficient)
    model = model.assign_coords(term=list(TERMS), pointwise=list(POINTWISE))
    flat = [tile for slide in densities for tile in slide]
    measured = {"r2": r2, "sigma": sigma, "slopes": _slopes(flat, model), "blur": measure_blur(flat)}
    return model.assign(measured)


def level_model(
    model: xr.Dataset, samples: Sequence[np.ndarray]
) -> tuple[xr.Dataset, list[tuple[np.ndarray, np.ndarray]]]:
    """Give a roll's model the infrared level of one slide, so that the median of its residual is zero.

    `samples` are tiles (4, y, x) of the slide from `align_samples`. Returned beside the model are each tile's residual
    (y, x) and visible density (3, y, x). A model with other terms raises `ModelError`.
    """
    if tuple(model.get("term", xr.DataArray([])).values) != TERMS:
        raise ModelError("expected a model with the terms of this version, found others; fit the roll again")
    densities = [visible_density(tile[:3], model) for tile in samples]
    residuals = [subtract_ghost(density, tile[3], model) for density, tile in zip(densities, samples, strict=True)]
    level = np.float32(np.nanmedian(np.concatenate([residual[::3, ::3].ravel() for residual in residuals])))
    coefficient = model.coefficient.copy()
    coefficient[0] += level
    pairs = [(residual - level, density) for residual, density in zip(residuals, densities, strict=True)]
    return model.assign(coefficient=coefficient), pairs


def subtract_crosstalk(visible: xr.DataArray, infrared: xr.DataArray, model: xr.Dataset) -> xr.DataArray:
    """Infrared density less what the visible bands explain of it; lazy, positive where light is blocked.

    Parameters
    ----------
    visible
        Counts (band, y, x) of R, G, B.
    infrared
        Counts (y, x) of infrared on the colour grid (`shift_infrared`).
    model
        From `fit_crosstalk`.

    Returns
    -------
    xarray.DataArray
        (y, x) float32 residual density.
    """
    kernel = partial(_residual, model=model)
    data = tiles.map_blocks(kernel, visible.data, infrared.data[None], depth=HALO, dtype=np.float32)
    return xr.DataArray(data[0], dims=("y", "x"), name="residual")


def _residual(visible: np.ndarray, infrared: np.ndarray, model: xr.Dataset) -> np.ndarray:
    return subtract_ghost(visible_density(visible, model), infrared[0], model)[None]


def subtract_ghost(density: np.ndarray, infrared: np.ndarray, model: xr.Dataset) -> np.ndarray:
    """Residual density (y, x) of infrared counts (y, x), given visible densities (3, y, x); the NumPy kernel."""
    residual = to_density(infrared)
    for value, plane in zip(model.coefficient.values.astype(np.float32), crosstalk_terms(density, model), strict=True):
        residual -= value * plane
    return residual


def visible_density(counts: np.ndarray, model: xr.Dataset) -> np.ndarray:
    """Density (3, y, x) of visible counts above the model's black levels."""
    offset, softness = model.offset.values, model.softness.values
    return np.stack([to_density(counts[i], offset[i], softness[i]) for i in range(3)])


def crosstalk_terms(density: np.ndarray, model: xr.Dataset) -> Iterator[np.ndarray]:
    """Planes (y, x) of each regressor, in the order of `TERMS`, of visible densities (3, y, x).

    The mixed terms tell how much a scanner's blur, which averages light and not density, hides of fine detail: blurred
    density less the density of blurred light. They are cut at .12, beyond which hard edges would be extrapolated.
    """
    yield from _pointwise_terms(density)
    sharp = ghost_density(density, model)
    light = np.power(np.float32(10), -sharp)
    ghost = -np.log10(blur(light, 1.4))
    yield ghost
    yield from gradient(ghost)
    yield sharp - ghost
    for sigma in BLURS:
        if sigma != 1.4:
            yield -np.log10(blur(light, sigma)) - ghost
    mixed = []
    for band in density:
        smooth = {sigma: blur(band, sigma) for sigma in BLURS}
        for plane in smooth.values():
            yield plane - band
        mixed.append((np.power(np.float32(10), -band), smooth))
    for light, smooth in mixed:
        for sigma in MIXED:
            yield np.minimum(smooth[sigma] + np.log10(blur(light, sigma)), np.float32(MOST_MIXED))


def ghost_density(density: np.ndarray, model: xr.Dataset) -> np.ndarray:
    """Infrared density (y, x) that the visible densities (3, y, x) predict pixel by pixel, before any blur."""
    ghost = np.zeros(density.shape[1:], np.float32)
    for value, plane in zip(model.prediction.values.astype(np.float32), _pointwise_terms(density), strict=True):
        ghost += value * plane
    return ghost


def _pointwise_terms(density: np.ndarray) -> Iterator[np.ndarray]:
    yield np.ones(density.shape[1:], np.float32)
    yield from density
    for first, second in combinations_with_replacement(range(3), 2):
        yield density[first] * density[second]


def measure_blur(densities: Sequence[np.ndarray]) -> float:
    """Gaussian sigma, in pixels, by which the infrared is blurrier than the visible bands.

    Of 0 to 4 px the one at which blurred visible detail best explains infrared detail, between steps by a parabola in
    its variance.

    `densities` are (4, y, x) tiles with infrared last, aligned.
    """
    densities = densities[:: max(1, sum(tile[0].size for tile in densities) // BLUR_PIXELS)]
    sigmas = np.arange(0, 4.1, 0.25)
    infrared = np.concatenate([high_pass(tile[3], 5)[HALO:-HALO, HALO:-HALO].ravel() for tile in densities])
    low, high = np.nanquantile(infrared, [0.005, 0.995])
    keep = (infrared >= low) & (infrared <= high)
    values = infrared[keep].astype(np.float64)
    errors = np.array([_error_of_blur(densities, keep, values, sigma) for sigma in sigmas])
    best = int(np.clip(errors.argmin(), 1, len(sigmas) - 2))
    variances, nearby = sigmas[best - 1 : best + 2] ** 2, errors[best - 1 : best + 2]
    bend, slope, _ = np.polyfit(variances, nearby, 2)
    lowest = -slope / (2 * bend) if bend > 0 else variances[nearby.argmin()]
    return float(np.sqrt(np.clip(lowest, variances[0], variances[2])))


def _error_of_blur(densities: Sequence[np.ndarray], keep: np.ndarray, values: np.ndarray, sigma: float) -> float:
    bands = [
        [high_pass(blur(band, sigma), 5)[HALO:-HALO, HALO:-HALO].ravel() for band in tile[:3]] for tile in densities
    ]
    terms = np.vstack([np.ones(len(values)), np.concatenate(bands, axis=1)[:, keep]])
    return float(((values - combine(least_squares(terms, values, RIDGE), terms)) ** 2).mean())


def _densities(tile: np.ndarray, model: xr.Dataset) -> np.ndarray:
    return np.concatenate([visible_density(tile[:3], model), to_density(tile[3])[None]])


def _black_levels(samples: Sequence[np.ndarray]) -> np.ndarray:
    smooth = [np.stack([blur(band, 3.0)[::3, ::3].ravel() for band in tile[:3]]) for tile in samples]
    return np.quantile(np.concatenate(smooth, axis=1), 0.0005, axis=1)


def _loss_of_offset(samples: Sequence[Sequence[np.ndarray]], dark: np.ndarray, share: float) -> float:
    model = xr.Dataset({"offset": ("band", share * dark), "softness": ("band", 0.03 * dark + 4)})
    densities = [[_densities(tile, model) for tile in slide] for slide in samples]
    return _fit(densities, _blurred_pointwise, pixels=40_000)[2]


def _blurred_pointwise(density: np.ndarray) -> Iterator[np.ndarray]:
    smooth = np.stack([blur(plane, 1.5) for plane in density])
    yield from _pointwise_terms(smooth[:3])
    yield smooth[3]


def _all_terms(density: np.ndarray, model: xr.Dataset) -> Iterator[np.ndarray]:
    yield from crosstalk_terms(density[:3], model)
    yield density[3]


def _fit(
    densities: Sequence[Sequence[np.ndarray]], planes: Callable[..., Iterator[np.ndarray]], pixels: int = 150_000
) -> tuple[np.ndarray, float, float]:
    """Coefficients, R2 and robust sigma of a trimmed fit of the last plane on the others."""
    samples = [_sample_pixels(slide, planes, pixels // len(densities)) for slide in densities]
    common = np.concatenate(samples, axis=1).mean(axis=1)
    levelled = np.concatenate([part + (common - part.mean(axis=1))[:, None] for part in samples], axis=1)
    terms, values = levelled[:-1], levelled[-1]
    keep = np.ones(len(values), bool)
    for trim in TRIMS:
        coefficient = least_squares(terms[:, keep], values[keep], RIDGE)
        residual = values - combine(coefficient, terms)
        centre, sigma = robust_centre_and_scale(residual)
        keep = np.abs(residual - centre) <= trim * sigma
    explained = 1 - residual[keep].var() / max(values[keep].var(), 1e-20)
    return coefficient, float(explained), sigma


def _sample_pixels(
    densities: Sequence[np.ndarray], planes: Callable[..., Iterator[np.ndarray]], pixels: int
) -> np.ndarray:
    inner = [density[0, HALO:-HALO, HALO:-HALO].size for density in densities]
    step = max(1, sum(inner) // pixels)
    inside = (slice(HALO, -HALO), slice(HALO, -HALO))
    tiles_of_pixels = [np.stack([plane[inside].ravel()[::step] for plane in planes(density)]) for density in densities]
    sampled = np.concatenate(tiles_of_pixels, axis=1).astype(np.float64)
    return sampled[:, np.isfinite(sampled[-1])]


def _slopes(densities: Sequence[np.ndarray], model: xr.Dataset) -> float:
    pixels = np.concatenate([tile[:3].reshape(3, -1)[:, ::101] for tile in densities], axis=1)[:, None]
    coefficient = model.coefficient.values
    weights = coefficient[: len(POINTWISE)] + coefficient[len(POINTWISE)] * model.prediction.values
    moved = (np.stack(list(_pointwise_terms(pixels + move)))[:, 0] for move in (-0.01, 0.01))
    before, after = (combine(weights, terms) for terms in moved)
    return float((after - before).mean() / 0.02)
