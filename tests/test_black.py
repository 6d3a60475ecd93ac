"""Curve, black level and flare found from what the infrared needs of them."""

import numpy as np
import pytest

from irtoolkit.black import CODED, LINEAR, find_black

SHAPE = (61, 97)


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
    model = find_black(tiles_of(darkest), lambda model: worse * CODED if float(model.exponent) == CODED else 1.0)
    assert float(model.exponent) == exponent


@pytest.mark.parametrize(("darkest", "light"), [(200, 200.0), (6000, 65535 * (6000 / 65535) ** 2.2)])
def test_the_best_share_of_the_darkest_light_is_the_black_level(darkest, light):
    model = find_black(tiles_of(darkest), lambda model: 1 + abs(float(model.offset[0]) / light - 0.6))
    np.testing.assert_allclose(model.offset, 0.6 * light, rtol=0.02)
    assert float(model.flare) == 0


@pytest.mark.parametrize(("saved", "flare"), [(0.05, 0.02), (0.03, 0.0)])
def test_flare_must_save_four_percent(saved, flare):
    model = find_black(tiles_of(200), lambda model: 1 - saved * (abs(float(model.flare) - 0.02) < 0.005))
    assert float(model.flare) == flare
