"""Planes at half and quarter resolution."""

import numpy as np
import pytest

from irtoolkit.arrays.shrinking import HALF, QUARTER, blur_shrunk, enlarge, enlarge_nearest, shrink
from irtoolkit.arrays.statistics import blur

SIZES = ((40, 52), (41, 55), (43, 54))


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("step", [HALF, QUARTER, 3])
def test_what_is_even_stays_so_and_the_size_comes_back(shape, step):
    even = np.full(shape, 0.7, np.float32)
    small = shrink(even, step)
    assert small.shape == tuple(-(-length // step) for length in shape)
    np.testing.assert_allclose(enlarge(small, shape, step), even, rtol=1e-6)
    np.testing.assert_allclose(enlarge_nearest(small, shape, step), even, rtol=1e-6)


def test_a_slope_keeps_its_place():
    """Means of 4 px are those of their middle, 1.5 px from the first; interpolation is exact between them."""
    slope = np.tile(np.arange(48, dtype=np.float32), (8, 1))
    for step in (HALF, QUARTER):
        inner = enlarge(shrink(slope, step), slope.shape, step)[:, 4:-4]
        np.testing.assert_allclose(inner, slope[:, 4:-4], atol=1e-4)


@pytest.mark.parametrize(("sigma", "step"), [(2.0, HALF), (3.5, HALF), (6.0, QUARTER), (12.0, QUARTER)])
def test_a_blur_of_a_shrunk_plane_is_nearly_that_of_the_plane(sigma, step):
    """Of noise as sharp as a scan, blurred by 1 px: between .01 and .056."""
    noise = blur(np.random.default_rng(1).normal(size=(200, 240)).astype(np.float32), 1.0)
    whole = blur(noise, sigma)
    half = enlarge(blur_shrunk(shrink(noise, step), sigma, step), noise.shape, step)
    inner = (slice(40, -40), slice(40, -40))
    assert np.std((half - whole)[inner]) < 0.06 * np.std(whole[inner])
    assert np.std(half[inner]) == pytest.approx(np.std(whole[inner]), rel=0.02)
