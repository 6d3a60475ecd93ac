import numpy as np
import pytest

from irtoolkit.arrays.statistics import blur
from irtoolkit.healing.grain import COARSE, DEVIATION, FINE, FINE_TO_MIDDLE, MIDDLE, SOFTNESS, add_grain, hash_noise

SHAPE = (121, 173)
HOLE = np.zeros(SHAPE, bool)
HOLE[40:80, 60:110] = True


def correlation(noise):
    return float((noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean())


def test_noise_is_normal_and_pixels_do_not_know_of_each_other():
    noise, other = hash_noise((700, 900), (123, 4567), 2)
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert (np.abs(noise) > 2).mean() == pytest.approx(0.0455, abs=0.006)
    assert abs(correlation(noise)) < 0.01
    assert abs(correlation(noise.T)) < 0.01
    assert abs((noise * other).mean()) < 0.01


def test_noise_belongs_to_the_place_on_the_slide():
    whole = hash_noise((50, 60), (1000, 2000), 2)
    np.testing.assert_array_equal(hash_noise((20, 30), (1010, 2020), 2), whole[:, 10:30, 20:50])


def test_soft_noise_is_as_the_table_states():
    noise = hash_noise((1500, 1500), (0, 0), 1)[0]
    for softness, ratio, deviation in zip(SOFTNESS, FINE_TO_MIDDLE, DEVIATION, strict=True):
        soft = blur(noise, softness)
        fine, middle = soft - blur(soft, FINE), blur(soft, FINE) - blur(soft, MIDDLE)
        assert fine.std() / middle.std() == pytest.approx(ratio, rel=0.02)
        assert (soft - blur(soft, COARSE)).std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("sigma", [0.0, 0.6, 1.2])
def test_a_smooth_fill_gets_the_variance_and_the_correlation_of_its_surroundings(sigma):
    """`sigma`: blur of the surroundings' grain, px."""
    grain = blur(np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)[0], sigma)
    grain *= 0.02 / grain.std()
    planes = np.stack([0.5 + np.where(HOLE, 0, grain)] * 3)
    healed = add_grain(planes, HOLE, (7, 11), 1.0)
    np.testing.assert_array_equal(healed[:, ~HOLE], planes[:, ~HOLE])
    inside = (slice(45, 75), slice(65, 105))
    for band in healed:
        high, around = (values - blur(values, 2.0) for values in (band, 0.5 + grain))
        assert high[inside].var() / around.var() == pytest.approx(1, abs=0.25)
        assert correlation(high[inside]) == pytest.approx(correlation(around), abs=0.12)


def test_what_has_its_grain_gets_none_and_half_is_given_half():
    grain = np.random.default_rng(2).normal(0, 0.02, (1, *SHAPE)).astype(np.float32)
    added = add_grain(grain, HOLE, (0, 0), 1.0) - grain
    assert added[:, HOLE].std() < 0.3 * 0.02
    smooth = np.where(HOLE, np.float32(0), grain)
    whole, half = (add_grain(smooth, HOLE, (0, 0), strength)[:, HOLE] for strength in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * whole, atol=1e-6)


def test_no_surroundings_no_grain():
    planes = np.full((3, 20, 30), 0.5, np.float32)
    np.testing.assert_array_equal(add_grain(planes, np.ones((20, 30), bool), (0, 0), 1.0), planes)


def test_among_twigs_a_fill_gets_the_grain_of_calm_film_and_not_the_detail_of_the_twigs():
    """Twigs fill all but the left 45 of 173 columns, and change the film thirty times as much as its grain does."""
    grain = 0.01 * np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    column = np.arange(SHAPE[1])
    twigs = np.where((column > 45) & (column % 8 < 4), np.float32(-0.3), np.float32(0))
    planes = np.stack([np.where(HOLE, 0.5, 0.5 + grain + twigs)] * 3).astype(np.float32)
    added = (add_grain(planes, HOLE, (7, 11), 1.0) - planes)[:, HOLE]
    assert 0.005 < added.std() < 0.015
