"""Fits of film under dust: the answer is that of the film, however much dust there is."""

import numpy as np
import pytest

from irtoolkit.arrays import dust_prevails, film_sigma, fit_trimmed

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dirty", [0.0, 0.2, 0.4])
def test_slopes_are_those_of_film_however_much_dust_there_is(dirty):
    """Dust darkens the visible, too, at its own place in the picture; its level is that of its surroundings."""
    level = RNG.uniform(0, 2, 30_000)
    dust = (RNG.random(level.size) < dirty) * RNG.exponential(0.4, level.size)
    visible, infrared = level + 1.1 * dust, 0.04 * level + dust + RNG.normal(0, 0.005, level.size)
    fit = fit_trimmed(np.stack([np.ones(level.size), visible, infrared]), level)
    assert fit.coefficient == pytest.approx([0, 0.04], abs=0.006)
    left = infrared - fit.coefficient[0] - fit.coefficient[1] * visible
    assert film_sigma(left, level) == pytest.approx(fit.sigma)
    assert fit.sigma == pytest.approx(0.005, rel=0.3)


def test_a_level_of_dust_alone_is_an_outlier():
    """The infrared of film rises by at most .75 of the visible; to the densest tenth it rises here by far more."""
    level = np.sort(RNG.uniform(0, 1, 20_000))
    infrared = 0.1 * level + RNG.normal(0, 0.005, level.size) + 0.6 * (level > 0.9)
    fit = fit_trimmed(np.stack([np.ones(level.size), level, infrared]), level)
    assert fit.coefficient == pytest.approx([0, 0.1], abs=0.01)


def stained(dirty, slope, extent=0.4):
    """Joined terms and values, and levels that are those of dust and film together, as under stains."""
    rng = np.random.default_rng(8)
    film = 0.3 + extent * rng.random(15_000)
    dust = (rng.random(film.size) < dirty) * rng.exponential(0.3, film.size)
    visible, infrared = film + 1.1 * dust, slope * film + dust + rng.normal(0, 0.004, film.size)
    return np.stack([np.ones(film.size), visible, infrared]), visible


@pytest.mark.parametrize("dirty", [0.5, 0.6, 0.7])
def test_where_dust_prevails_the_fit_with_one_level_is_that_of_film(dirty):
    joined, level = stained(dirty, 0.04)
    assert dust_prevails(joined, level)
    assert fit_trimmed(joined, level).coefficient[1] > 0.5
    assert fit_trimmed(joined, np.zeros_like(level)).coefficient == pytest.approx([0, 0.04], abs=0.005)


@pytest.mark.parametrize(("dirty", "slope", "extent"), [(0.0, 0.04, 0.4), (0.1, 0.04, 2.0), (0.0, 0.5, 2.0)])
def test_on_clean_and_on_steep_film_dust_does_not_prevail(dirty, slope, extent):
    assert not dust_prevails(*stained(dirty, slope, extent))


def test_dust_does_not_prevail_where_something_is_brighter_than_film():
    """What else is brighter than the fit with one level, by over 3 sigma, shows that it is not the film's."""
    joined, level = stained(0.5, 0.04)
    joined[2, :100] -= 0.05
    assert not dust_prevails(joined, level)


@pytest.mark.parametrize(("dirty", "sigma"), [(0.5, 0.005), (0.7, 0.006)])
def test_under_much_faint_dust_the_slope_is_that_of_film_and_sigma_hardly_too_large(dirty, sigma):
    """Half of the dust blocks five sigmas of film on average, a tenth less than one."""
    rng = np.random.default_rng(9)
    film = 0.3 + 0.4 * rng.random(30_000)
    dust = (rng.random(film.size) < dirty) * rng.exponential(rng.choice([0.02, 0.3], film.size))
    visible, infrared = film + 1.1 * dust, 0.04 * film + dust + rng.normal(0, 0.004, film.size)
    fit = fit_trimmed(np.stack([np.ones(film.size), visible, infrared]), np.zeros(film.size), start=np.zeros(2))
    assert fit.coefficient == pytest.approx([0, 0.04], abs=0.006)
    assert 0.0036 < fit.sigma < sigma


def test_film_without_noise_and_with_one_level_is_fitted_exactly():
    visible = np.linspace(0, 1, 500)
    fit = fit_trimmed(np.stack([np.ones(500), visible, 0.2 + 0.3 * visible]), np.zeros(500), start=np.zeros(2))
    assert fit.coefficient == pytest.approx([0.2, 0.3], abs=1e-3)
    assert fit.sigma < 1e-3


@pytest.mark.parametrize(("start", "detail", "tolerance"), [([0, 1, 0], 0.0, 0.03), ([0, 0, 0], 0.8, 0.1)])
def test_from_a_start_near_the_film_detail_that_could_follow_the_dust_is_not_fitted(start, detail, tolerance):
    """Terms are the level, the ghost of film under dust, and detail that only dust has."""
    rng = np.random.default_rng(9)
    film, noise = 0.3 + 1.5 * rng.random(30_000), rng.normal(0, 0.004, 30_000)
    dust = (rng.random(film.size) < 0.5) * rng.exponential(0.1, film.size)
    visible = film + 1.1 * dust
    terms = [np.ones(film.size), 0.1 * visible, 1.1 * dust + rng.normal(0, 0.02, film.size)]
    joined = np.stack([*terms, 0.1 * film + dust + noise])
    fit = fit_trimmed(joined, np.zeros(film.size), start=np.array(start, float))
    assert fit.coefficient == pytest.approx([0, 1, detail], abs=tolerance)


def shaded(dirty, seed=9):
    """Film with ten times the noise in its darker half, `dirty` of it under dust that the visible shows too."""
    rng = np.random.default_rng(seed)
    film = 0.3 + 1.5 * rng.random(30_000)
    noise = np.where(film > 1.05, 0.04, 0.004) * rng.standard_normal(film.size)
    dust = (rng.random(film.size) < dirty) * rng.exponential(0.3, film.size)
    visible = film + 1.1 * dust
    return np.stack([np.ones(film.size), visible, 0.3 * film + dust + noise]), film


def test_noisy_shadows_are_not_taken_for_dust():
    joined, level = shaded(0.0)
    with_start, without = (fit_trimmed(joined, level, start=start) for start in (np.array([0, 0.3]), None))
    np.testing.assert_array_equal(with_start.coefficient, without.coefficient)


def test_where_there_is_much_dust_it_is_weighed_in_every_level():
    joined, level = shaded(0.4)
    with_start, without = (fit_trimmed(joined, level, start=start) for start in (np.array([0, 0.3]), None))
    assert with_start.coefficient == pytest.approx([0, 0.3], abs=0.01)
    assert abs(without.coefficient[1] - 0.3) > 0.015
    assert 0.004 < with_start.sigma < 0.04
