"""Terms of the picture's ghost by hand, and its subtraction block by block."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scans import STEEP, film, residual_of, scan

from irtoolkit.crosstalk.ghost import (
    EDGE_BLURS,
    GROUPS,
    SHADED,
    TERMS,
    crosstalk_terms,
    ghost_density,
    lamp_terms,
    subtract_crosstalk,
)
from irtoolkit.crosstalk.regression import fit_crosstalk
from irtoolkit.detection.noise import fit_noise, score_residual

DENSEST = (1.0, 2.0, 1.5)
"""Pixels that the score's smoothing reaches."""


PREDICTION = np.arange(1.0, 11)


def ghost_at(*densities):
    return float(ghost_density(np.array(densities, np.float32)[:, None, None], PREDICTION, np.array(DENSEST))[0, 0])


def test_the_ghost_is_linear_in_the_densities_and_quadratic_in_what_they_lack_of_the_densest():
    """R lacks .5, G 1 and B, which is denser than the densest, nothing."""
    assert ghost_at(0.5, 1, 2) == 1 + 2 * 0.5 + 3 * 1 + 4 * 2 + 5 * 0.25 + 6 * 0.5 + 8 * 1


@pytest.mark.parametrize("beyond", [0.0, 0.25, 0.5, 1.0, 8.0])
def test_beyond_the_densest_film_the_ghost_goes_on_straight(beyond):
    densities = np.array(DENSEST) + beyond * np.array([1, 2, 0.5])
    assert ghost_at(*densities) == 1 + 2 * densities[0] + 3 * densities[1] + 4 * densities[2]


def test_at_the_densest_film_the_ghost_has_no_bend():
    step = 2.0**-7
    before, at, after = (ghost_at(*(np.array(DENSEST) + move)) for move in (-step, 0, step))
    assert at - before == pytest.approx(after - at, rel=6 * 36 * step / 9)
    assert after - at == 9 * step


def test_lamp_terms_by_hand():
    place = np.float32([[-1], [0.5]]), np.float32([[-0.5, 0, 1]])
    y, x, yy, yx, xx = lamp_terms(place)
    np.testing.assert_array_equal(y, [[-1] * 3, [0.5] * 3])
    np.testing.assert_array_equal(x, [[-0.5, 0, 1]] * 2)
    np.testing.assert_array_equal(yy, [[1] * 3, [0.25] * 3])
    np.testing.assert_array_equal(yx, [[0.5, 0, -1], [-0.25, 0, 0.5]])
    np.testing.assert_array_equal(xx, [[0.25, 0, 1]] * 2)


def test_every_term_but_the_level_is_in_one_group():
    grouped = [term for terms in GROUPS.values() for term in terms]
    assert sorted(("1", *grouped)) == sorted(TERMS)


def test_every_term_has_its_plane_and_detail_is_nothing_on_even_film(textured):
    tile = scan(film(textured))
    model = fit_crosstalk([[tile]])
    even = np.ones((3, 40, 50), np.float32) * np.float32([0.9, 1.0, 1.1])[:, None, None]
    place = tuple(np.zeros(side, np.float32) for side in ((40, 1), (1, 50)))
    planes = dict(zip(TERMS, crosstalk_terms(even, place, model.prediction, model.curve.densest), strict=True))
    for name, plane in planes.items():
        assert plane.shape == (40, 50), name
        assert np.ptp(plane) < 1e-5, name
        if "blur" in name or "mixed" in name or "dy" in name or "dx" in name:
            np.testing.assert_allclose(plane, 0, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(planes["flare"], 1, atol=1e-5)


def test_detail_in_shadow_is_nothing_on_bright_film_and_all_of_it_on_dense(textured):
    model, place = (
        fit_crosstalk([[scan(film(textured))]]),
        tuple(np.zeros(side, np.float32) for side in ((40, 1), (1, 50))),
    )
    detail = 0.05 * textured(3, (40, 50), 1.0)
    for level, share in ((0.05, 0), (1.35, 0.5), (3.0, 1)):
        density = np.stack(3 * [level + detail])
        planes = dict(zip(TERMS, crosstalk_terms(density, place, model.prediction, model.curve.densest), strict=True))
        shadowed = [term for term in TERMS if term.endswith(SHADED)]
        assert len(shadowed) == 22
        for term in shadowed:
            plain = planes[term.removesuffix(SHADED)]
            np.testing.assert_allclose(planes[term], share * plain, atol=0.05 * np.abs(plain).max(), err_msg=term)


def lazy(tile, chunks=(1, 50, 77)):
    """Visible and infrared counts of a tile as lazy arrays."""
    visible = xr.DataArray(da.from_array(tile.planes[:3].astype(np.uint16), chunks), dims=("band", "y", "x"))
    return visible, xr.DataArray(da.from_array(tile.planes[3], (61, 301)), dims=("y", "x"))


def quantised(tile):
    return tile._replace(planes=np.clip(np.rint(tile.planes), 0, 65535))


def edge_of(shape, width):
    outer = np.ones(shape, bool)
    outer[width:-width, width:-width] = False
    return outer


def test_lazy_subtraction_equals_the_kernel_over_many_blocks(textured, block_size):
    block_size(80, 90)
    tile = quantised(scan(film(textured), blur=1.5))
    model = fit_crosstalk([[tile]])
    subtracted = subtract_crosstalk(*lazy(tile), model)
    assert subtracted.dims == ("y", "x")
    assert subtracted.dtype == np.float32
    assert subtracted.data.numblocks == (3, 4)
    known = ~edge_of(subtracted.shape, 1 + round(EDGE_BLURS * model.blur))
    np.testing.assert_allclose(subtracted.values[known], residual_of(tile, model)[known], atol=2e-5)


@pytest.mark.parametrize(("sigma", "width"), [(0.0, 1), (1.0, 1), (1.9, 2), (3.0, 3)])
def test_along_the_edge_of_the_slide_nothing_is_known_and_nothing_is_scored(textured, block_size, sigma, width):
    """1 px and 1.5 times the blur, to the even where it is half a pixel: 1, 2.5, 3.85 and 5.5 px."""
    block_size(80, 90)
    tile = quantised(scan(film(textured), STEEP))
    model = fit_crosstalk([[tile]])._replace(blur=sigma)
    noise = fit_noise([(residual_of(tile, model), -np.log10(tile.planes[:3] / 65535))], model)
    visible, infrared = lazy(tile)
    residual = subtract_crosstalk(visible, infrared, model)
    edge = edge_of(residual.shape, width)
    np.testing.assert_array_equal(np.isnan(residual.values), edge)
    score = score_residual(residual, visible, model, noise).score
    assert not score.values[edge].any()
    assert score.values[~edge].all()
