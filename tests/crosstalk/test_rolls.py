import numpy as np
import pytest
from scans import SHAPE, SLOPES, film, residual_of, scan

from irtoolkit.crosstalk.curve import FilmCurve
from irtoolkit.crosstalk.ghost import POINTWISE, TERMS, Crosstalk, ghost_density
from irtoolkit.crosstalk.regression import fit_crosstalk, level_crosstalk
from irtoolkit.crosstalk.rolls import (
    SHARED,
    SlideFit,
    adapt_crosstalk,
    fit_slide,
    measure_misfit,
    pool_slides,
    within_film,
)

SEEDS = (1, 7, 9, 11)
SILVER = (0.4, 0.3, 0.2)


@pytest.fixture(scope="module")
def roll(textured):
    """Four slides of one film, and one of silver in their midst."""
    slides = [[scan(film(textured, seed), level=0.1 + 0.03 * seed, seed=seed)] for seed in SEEDS]
    return [*slides[:2], [scan(film(textured, 3), SILVER, seed=3)], *slides[2:]]


@pytest.fixture(scope="module")
def constants(roll):
    return fit_crosstalk([slide for place, slide in enumerate(roll) if place != 2])


@pytest.fixture(scope="module")
def fits(roll, constants):
    return [fit_slide(slide, constants) for slide in roll]


@pytest.fixture(scope="module")
def pooling(constants, fits):
    return pool_slides(constants, fits)


def told(size, coefficient):
    """A slide that tells every coefficient but the first equally well, and their value is `coefficient`."""
    number = len(TERMS) - 1
    return SlideFit(
        size * np.eye(number),
        np.full(number, size * coefficient),
        np.zeros(number + 2),
        0.9,
        0.1,
        0.01,
        np.zeros((0, 0)),
    )


def crosstalk_of(coefficient, prediction=None, densest=(9.0, 9.0, 9.0)):
    """Crosstalk with these coefficients on film as dense as `densest`."""
    curve = FilmCurve(1.0, np.zeros(3), np.zeros(3), np.ones(3), 0.0, np.array(densest))
    return Crosstalk(curve, prediction, coefficient, np.zeros(len(TERMS)), *[0.0] * 5)


EMPTY = crosstalk_of(np.zeros(len(TERMS)))


def test_each_slide_tells_its_own_slopes(fits):
    for place, fit in enumerate(fits):
        assert fit.slopes == pytest.approx(sum(SILVER if place == 2 else SLOPES), abs=0.01)


def test_a_slide_of_other_film_has_no_part_in_its_roll(pooling, fits, constants):
    model, pooled = pooling
    assert pooled.misfit.argmax() == 2
    assert pooled.misfit[2] > 6
    assert pooled.weight[2] == 0
    assert pooled.weight.sum() == pytest.approx(1)
    without, _ = pool_slides(constants, fits[:2] + fits[3:])
    np.testing.assert_allclose(model.coefficient, without.coefficient, rtol=1e-6, atol=1e-9)


def test_the_misfit_of_a_slide_can_be_had_from_the_model(pooling, fits):
    model, pooled = pooling
    for place in (0, 1, 3, 4):
        assert measure_misfit(model.coefficient, pooled, fits[place]) == pytest.approx(pooled.misfit[place], rel=0.05)
    assert measure_misfit(model.coefficient, pooled, fits[2]) > 6


def test_slides_that_tell_as_much_count_as_much():
    model, pooled = pool_slides(EMPTY, [told(4.0, 0.0), told(4.0, 1.0)])
    shared = [TERMS.index(term) for term in SHARED]
    np.testing.assert_allclose(model.coefficient[shared], 0.5, rtol=1e-3)
    np.testing.assert_allclose(pooled.weight, 0.5)


def test_a_slide_that_tells_all_counts_no_more_than_the_scatter_between_slides_allows():
    """Information 99, 1, 1 and 1, typically 25.5; scatter 30 / 25.5; inverse variances 1 / (1 / size + scatter)."""
    model, pooled = pool_slides(EMPTY, [told(99.0, 1.0), *[told(1.0, 0.0)] * 3])
    scatter = 30 / 25.5
    weights = 1 / (1 / np.array([99.0, 1.0, 1.0, 1.0]) + scatter)
    shared = [TERMS.index(term) for term in SHARED]
    np.testing.assert_allclose(model.coefficient[shared], weights[0] / weights.sum(), rtol=1e-3)
    np.testing.assert_allclose(model.standard_error[shared], weights.sum() ** -0.5, rtol=1e-3)
    np.testing.assert_allclose(pooled.weight, weights / weights.sum(), rtol=1e-4)


def test_the_slides_own_terms_are_not_the_rolls():
    model, _ = pool_slides(EMPTY, [told(4.0, 1.0), told(4.0, 1.0)])
    own = [place for place, term in enumerate(TERMS) if term not in SHARED]
    assert [TERMS[place] for place in own] == [
        *("1", "lamp y", "lamp x", "lamp y*y", "lamp y*x", "lamp x*x"),
        *("ghost dy", "ghost dx"),
    ]
    assert not model.coefficient[own].any()


def test_a_slide_without_a_picture_has_the_ghost_of_its_roll(pooling, textured):
    """Film of one gray with grain of .01 and large dust, whose own fit would take the dust for the picture."""
    rng = np.random.default_rng(5)
    blank = np.full((3, *SHAPE), 0.9, np.float32) + rng.normal(0, 0.01, (3, *SHAPE)).astype(np.float32)
    dust = np.zeros(SHAPE, np.float32)
    dust[60:100, 60:100] = 0.3
    tiles = [scan(blank, level=0.2, dust=dust)]
    model, pooled = pooling
    adapted, _ = adapt_crosstalk(model, pooled, fit_slide(tiles, model), tiles)
    adapted, _ = level_crosstalk(adapted, tiles)
    residual = residual_of(tiles[0], adapted)
    assert float(np.median(residual[65:95, 65:95])) == pytest.approx(0.3 * (1 - sum(SLOPES)), abs=0.03)
    assert abs(float(np.median(residual[:50]))) < 0.003


def test_a_slide_that_shows_its_own_ghost_keeps_it(pooling, textured):
    tiles = [scan(film(textured, 21), (0.07, 0.02, -0.01), seed=21)]
    model, pooled = pooling
    fit = fit_slide(tiles, model)
    adapted, misfit = adapt_crosstalk(model, pooled, fit, tiles)
    adapted, _ = level_crosstalk(adapted, tiles)
    assert residual_of(tiles[0], adapted)[16:-16, 16:-16].std() == pytest.approx(0.002, rel=0.1)
    assert adapted.slopes == fit.slopes == pytest.approx(0.08, abs=0.01)
    assert misfit == measure_misfit(model.coefficient, pooled, fit)


def test_the_ghost_is_the_same_up_to_the_densest_film_and_straight_beyond():
    rng = np.random.default_rng(1)
    prediction, coefficient = rng.normal(size=len(POINTWISE)), rng.normal(size=len(TERMS))
    model = crosstalk_of(coefficient, prediction, (3.0, 3.2, 3.4))
    narrow = within_film(model, model.curve._replace(densest=np.array([1.5, 1.6, 1.7])))

    def ghost(density, crosstalk):
        return ghost_density(density, crosstalk.prediction, crosstalk.curve.densest)

    inside = rng.uniform(0, 1.5, (3, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(ghost(inside, narrow), ghost(inside, model), rtol=1e-4, atol=1e-4)
    line = np.linspace(2, 3, 11, dtype=np.float32)[None, None].repeat(3, axis=0)
    np.testing.assert_allclose(np.diff(ghost(line, narrow), 2), 0, atol=1e-5)
    assert np.abs(np.diff(ghost(line, model), 2)).max() > 1e-3
