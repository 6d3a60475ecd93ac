"""Film and dust as a mixture: which samples are film, and how much dust there is."""

import numpy as np
import pytest
from scipy.stats import exponnorm, norm

from irtoolkit.arrays import Dust, chance_of_film, measure_dust


def test_the_chance_is_that_of_bayes_with_the_densities_of_scipy():
    residual, sigma, dust = np.linspace(-0.05, 0.3, 15), 0.01, Dust(0.3, 0.2)
    film = 0.7 * norm.pdf(residual, 0, sigma)
    dusty = 0.3 * exponnorm.pdf(residual, dust.depth / sigma, 0, sigma)
    np.testing.assert_allclose(chance_of_film(residual, sigma, dust), film / (film + dusty), rtol=1e-3)


def test_the_chance_falls_from_bright_to_dark_and_knows_each_samples_sigma():
    dark = np.linspace(-0.2, 5, 50)
    chance = chance_of_film(dark, 0.01, Dust(0.5, 0.2))
    assert (np.diff(chance) <= 0).all()
    assert chance[0] > 0.99
    assert chance[-1] < 1e-9
    sharp, noisy = chance_of_film(np.full(2, 0.05), np.array([0.01, 0.05]), Dust(0.5, 0.2))
    assert sharp < 0.01 < 0.5 < noisy


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_share_and_depth_are_found_from_far_off(share):
    rng = np.random.default_rng(5)
    dusty = rng.random(40_000) < share
    residual = rng.normal(0, 0.01, dusty.size) + dusty * rng.exponential(0.2, dusty.size)
    dust = Dust(0.3, 0.05)
    for _ in range(40):
        dust = measure_dust(residual, 0.01, chance_of_film(residual, 0.01, dust))
    assert dust.share == pytest.approx(share, rel=0.1)
    assert dust.depth == pytest.approx(0.2, rel=0.1)


def test_film_without_dust_has_next_to_none():
    residual = np.random.default_rng(6).normal(0, 0.01, 40_000)
    dust = Dust(0.3, 0.05)
    for _ in range(40):
        dust = measure_dust(residual, 0.01, chance_of_film(residual, 0.01, dust))
    assert dust.share < 0.01
