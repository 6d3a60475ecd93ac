"""Terms of the picture's ghost by hand, and their subtraction."""

import numpy as np
import pytest
from scans import film, residual_of, scan

from irtoolkit.arrays import to_density
from irtoolkit.crosstalk.curve import visible_density
from irtoolkit.crosstalk.ghost import GROUPS, SHADED, TERMS, crosstalk_terms
from irtoolkit.crosstalk.pointwise import ghost_density, lamp_density, lamp_terms
from irtoolkit.crosstalk.regression import fit_crosstalk

DENSEST = (1.0, 2.0, 1.5)
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
    planes = dict(zip(TERMS, crosstalk_terms(even, place, model.prediction, model.curve), strict=True))
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
        planes = dict(zip(TERMS, crosstalk_terms(density, place, model.prediction, model.curve), strict=True))
        shadowed = [term for term in TERMS if term.endswith(SHADED)]
        assert len(shadowed) == 19
        for term in shadowed:
            plain = planes[term.removesuffix(SHADED)]
            np.testing.assert_allclose(planes[term], share * plain, atol=0.05 * np.abs(plain).max(), err_msg=term)


def test_the_density_of_the_lamp_is_the_sum_of_its_terms():
    place = np.float32([[-1], [0.5]]), np.float32([[-0.5, 0, 1]])
    coefficient = np.array([0.3, -0.2, 0.05, 0.4, -0.1])
    expected = sum(value * plane for value, plane in zip(coefficient, lamp_terms(place), strict=True))
    np.testing.assert_allclose(lamp_density(place, coefficient), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(232, 300), (233, 301), (61, 46)])
def test_the_subtraction_is_the_sum_of_all_terms_times_their_coefficients(textured, shape):
    """Details are summed before they are enlarged and before their references are taken off; rounding differs."""
    tile = scan(film(textured, shape=shape))
    model = fit_crosstalk([[scan(film(textured))]])
    coefficient = np.random.default_rng(4).normal(0, 0.1, len(TERMS))
    density = visible_density(tile.planes[:3], model.curve)
    planes = crosstalk_terms(density, tile.place, model.prediction, model.curve)
    expected = to_density(tile.planes[3]) - sum(value * plane for value, plane in zip(coefficient, planes, strict=True))
    np.testing.assert_allclose(residual_of(tile, model._replace(coefficient=coefficient)), expected, atol=2e-5)
