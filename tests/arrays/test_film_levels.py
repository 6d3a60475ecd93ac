"""The centre of film in its levels of density, whatever dust there is."""

import numpy as np
import pytest

from irtoolkit.arrays import film_centre, film_level, level_offset

RNG = np.random.default_rng(3)


def test_the_level_by_hand():
    """Of 0 to 11, a quarter closest together is 4.0, 4.1, 4.2: its centre; below it are 0 to 3, whose median is 2."""
    values = np.array([0, 1, 2, 3, 4.0, 4.1, 4.2, 6, 7, 8, 9, 10])
    centre, sigma = film_level(values)
    assert centre == pytest.approx(4.1)
    assert sigma == pytest.approx(1.4826 * (4.1 - 2))


@pytest.mark.parametrize("dirty", [0.0, 0.3, 0.6])
def test_dust_moves_neither_level_nor_sigma_of_film(dirty):
    film = RNG.normal(0.2, 0.01, 20_000)
    dust = 0.2 + RNG.exponential(0.3, round(20_000 * dirty / (1 - dirty)))
    centre, sigma = film_level(np.concatenate([film, dust]))
    assert centre == pytest.approx(0.2, abs=0.004)
    assert sigma == pytest.approx(0.01, rel=0.2)


def test_dead_pixels_of_one_number_are_not_taken_for_film_without_noise():
    values = np.r_[np.full(30, 4.8), RNG.normal(0.2, 0.01, 70)]
    assert film_level(values) == pytest.approx((np.median(values), 1.4826 * np.median(abs(values - np.median(values)))))


def test_the_steadier_centre_by_hand():
    """The centre of 0 to 10 but 5.1 is at first 4.05, sigma 3.04; 2 to 7 are within it, whose mean is 4.52; then all
    from 2 to 7 stay."""
    values = np.array([0, 1, 2, 3, 4.0, 4.1, 6, 7, 8, 9, 10])
    centre, sigma = film_level(values)
    near = values[abs(values - centre) <= sigma]
    assert film_centre(values)[1] == sigma
    assert near.min() <= film_centre(values)[0] <= near.max()


def test_the_centre_is_nearer_that_of_film_than_the_shortest_interval():
    many = RNG.normal(0.2, 0.01, (200, 1_000))
    steady, first = (np.std([find(values)[0] for values in many]) for find in (film_centre, film_level))
    assert steady < first / 2


@pytest.mark.parametrize("dirty", [0.0, 0.3])
def test_the_offset_is_that_of_the_levels_that_are_off(dirty):
    """Three tenths of the samples are 4 of the film's sigmas too high or too low; dust does not count."""
    level = RNG.uniform(0, 1, 40_000)
    residual = RNG.normal(0, 0.01, level.size) + (RNG.random(level.size) < dirty) * RNG.exponential(0.3, level.size)
    for sign in (-1, 1):
        off = residual + sign * 4 * film_level(residual)[1] * (level > 0.7)
        assert level_offset(off, level) == pytest.approx(1.2, abs=0.1)
    assert level_offset(residual, level) < 0.15
