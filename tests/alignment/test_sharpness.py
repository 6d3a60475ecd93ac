"""The blur of infrared against colour."""

import numpy as np
import pytest
from scans import SHAPE, STEEP, film, scan

from irtoolkit.alignment.sharpness import LARGEST, measure_blur
from irtoolkit.arrays.density import to_density


def densities(density, **made):
    """Densities (4, y, x) of R, G, B and the infrared that a scanner sees of a film."""
    return to_density(scan(density, STEEP, **made).planes)


@pytest.mark.parametrize("sigma", [0.0, 0.6, 0.8, 1.0, 1.9, 2.75, 3.0])
def test_known_blur_is_recovered(textured, sigma):
    measured = measure_blur([densities(film(textured), blur=sigma)])
    assert measured == pytest.approx(sigma, abs=0.2)


@pytest.mark.parametrize("sigma", [0.8, 1.9, 3.0])
def test_a_blur_beyond_half_a_pixel_is_measured_to_a_tenth(textured, sigma):
    measured = measure_blur([densities(film(textured, seed), blur=sigma, seed=seed) for seed in (1, 5, 9)])
    assert measured == pytest.approx(sigma, abs=0.1)


def test_infrared_that_is_not_known_takes_no_part(textured):
    planes = densities(film(textured), blur=1.9)
    planes[3, :60] = np.nan
    planes[3, 150:153, 100:110] = np.nan
    assert measure_blur([planes]) == pytest.approx(1.9, abs=0.1)
    assert measure_blur([np.full((4, *SHAPE), np.nan, np.float32), planes]) == pytest.approx(1.9, abs=0.1)


def test_where_nothing_is_known_there_is_no_blur(textured):
    planes = densities(film(textured))
    planes[3] = np.nan
    assert measure_blur([planes]) == 0


def test_blur_of_planes_without_continuous_detail_is_a_number():
    y, x = np.indices(SHAPE)
    checks = np.float32((y + x) % 2)
    single = np.zeros(SHAPE, np.float32)
    single[99, 99] = 1
    for infrared in (checks, single, np.zeros(SHAPE, np.float32)):
        assert 0 <= measure_blur([np.stack([checks, checks, checks, infrared])]) <= LARGEST
