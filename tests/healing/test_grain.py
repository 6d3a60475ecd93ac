import numpy as np
import pytest

from irtoolkit.arrays.statistics import blur
from irtoolkit.healing.film_grain import Grain
from irtoolkit.healing.grain import add_grain, hash_noise

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


def film(deviation, softness=0.0, shared=0.0, bands=3):
    """Grain of one deviation at every light."""
    return Grain(np.array([0.5]), np.full((1, bands), deviation), np.full(bands, softness), shared)


@pytest.mark.parametrize("sigma", [0.0, 0.6, 1.2])
def test_a_smooth_fill_gets_the_variance_and_the_correlation_of_its_surroundings(sigma):
    """`sigma`: blur of the surroundings' grain, px."""
    grain = blur(np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)[0], sigma)
    grain *= 0.02 / grain.std()
    planes = np.stack([0.5 + np.where(HOLE, 0, grain)] * 3)
    healed = add_grain(planes, HOLE, (7, 11), film(0.1, sigma))
    np.testing.assert_array_equal(healed[:, ~HOLE], planes[:, ~HOLE])
    inside = (slice(45, 75), slice(65, 105))
    for band in healed:
        high, around = (values - blur(values, 2.0) for values in (band, 0.5 + grain))
        assert high[inside].var() / around.var() == pytest.approx(1, abs=0.25)
        assert correlation(high[inside]) == pytest.approx(correlation(around), abs=0.12)


@pytest.mark.parametrize("shared", [0.0, 0.6])
@pytest.mark.parametrize(("light", "deviation"), [(0.3, 0.01), (0.7, 0.02)])
def test_a_smooth_fill_among_detail_gets_the_grain_of_the_film_at_its_light(light, deviation, shared):
    detail = np.random.default_rng(1).normal(0, 0.2, (3, *SHAPE)).astype(np.float32)
    grain = Grain(np.array([0.3, 0.7]), np.array([[0.01] * 3, [0.02] * 3]), np.zeros(3), shared)
    healed = add_grain(np.float32(light) + np.where(HOLE, 0, detail), HOLE, (7, 11), grain)
    inside = healed[:, 47:73, 67:103] - light
    assert inside.std() == pytest.approx(deviation, rel=0.1)
    assert np.corrcoef(inside.reshape(3, -1))[0, 1] == pytest.approx(shared, abs=0.1)


def test_what_has_its_grain_gets_none_and_half_is_given_half():
    grain = np.random.default_rng(2).normal(0, 0.02, (1, *SHAPE)).astype(np.float32)
    whole = film(0.1, bands=1)
    added = add_grain(grain, HOLE, (0, 0), whole) - grain
    assert added[:, HOLE].std() < 0.3 * 0.02
    smooth = np.where(HOLE, np.float32(0), grain)
    all_of_it, half = (add_grain(smooth, HOLE, (0, 0), whole._replace(strength=share))[:, HOLE] for share in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * all_of_it, atol=1e-6)


def test_no_surroundings_no_grain():
    planes = np.full((3, 20, 30), 0.5, np.float32)
    np.testing.assert_array_equal(add_grain(planes, np.ones((20, 30), bool), (0, 0), film(0.1)), planes)
