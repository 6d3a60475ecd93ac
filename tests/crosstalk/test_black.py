"""Curve, black level and flare found from what the infrared needs of them."""

import numpy as np
import pytest

from irtoolkit.arrays.density import to_density
from irtoolkit.crosstalk.black import CODED, LINEAR, find_black, limit_to_film
from irtoolkit.crosstalk.curve import visible_density

SHAPE = (61, 97)


def flat(model):
    return 0.0


def tiles_of(darkest):
    """A ramp of counts (3, y, x) from `darkest` to 40000 with a dark corner, the same in every band."""
    ramp = np.linspace(darkest, 40000, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    ramp[:20, :30] = darkest
    return [np.stack([ramp] * 3)]


@pytest.mark.parametrize(
    ("darkest", "worse", "exponent"),
    [(150, 0.1, LINEAR), (3000, 1.0, CODED), (3000, 1.02, CODED), (3000, 1.05, LINEAR)],
)
def test_a_file_is_coded_where_its_blacks_are_bright_and_the_fit_is_no_worse(darkest, worse, exponent):
    model = find_black(tiles_of(darkest), lambda model: worse * CODED if model.exponent == CODED else 1.0, flat)
    assert model.exponent == exponent


@pytest.mark.parametrize(("darkest", "light"), [(200, 200.0), (6000, 65535 * (6000 / 65535) ** 2.2)])
def test_the_best_share_of_the_darkest_light_is_the_black_level(darkest, light):
    model = find_black(tiles_of(darkest), lambda model: 1 + abs(float(model.offset[0]) / light - 0.6), flat)
    np.testing.assert_allclose(model.offset, 0.6 * light, rtol=0.02)
    assert model.flare == 0


@pytest.mark.parametrize(("saved", "flare"), [(0.05, 0.02), (0.03, 0.0)])
def test_flare_must_save_four_percent(saved, flare):
    model = find_black(tiles_of(200), lambda model: 1 - saved * (abs(model.flare - 0.02) < 0.005), flat)
    assert model.flare == flare


def black_corner(size):
    """One tile (4, y, x) of gray film, 200 px a side, with a square of black film and a speck that is darker."""
    tile = np.full((4, 200, 200), 5000, np.uint16)
    tile[:, :size, :size] = 150
    tile[:, 150:156, 150:156] = 20
    return [tile]


@pytest.mark.parametrize(("size", "slope", "limited"), [(40, 0.3, True), (16, 0.3, False), (40, 0.05, False)])
def test_no_film_exceeds_the_densest_where_it_is_common_and_the_infrared_follows_it(size, slope, limited):
    tiles = black_corner(size)
    model = find_black(tiles, lambda model: 1.0 + float(model.offset[0]), lambda _: slope)
    speck = visible_density(tiles[0][:3, 152:154, 152:154], model)
    film = float(to_density(np.array([150]), 0.0, float(model.softness[0])).item())
    assert speck.max() == pytest.approx(film + 0.1, abs=0.02) if limited else speck.min() > film + 0.5
    np.testing.assert_allclose(visible_density(tiles[0][:3, 4:12, 4:12], model), film, atol=0.02)


def test_a_slide_of_a_roll_has_its_own_densest_film_and_the_maximum_of_the_roll():
    level = np.full((1, *SHAPE), 9.0, np.float32)
    dark, bright, darker = (np.concatenate([tiles_of(darkest)[0], level]) for darkest in (150, 1500, 15))
    roll = find_black([dark], lambda _: 1.0, lambda _: 0.3)._replace(maximum=np.array([3.3, 9.0, 3.4]))
    limited = limit_to_film([bright], roll)
    np.testing.assert_array_equal(limited.maximum, roll.maximum)
    assert (limited.densest < roll.densest - 0.9).all()
    np.testing.assert_array_equal(limit_to_film([darker], roll).densest, roll.densest)
