import numpy as np
import pytest

from irtoolkit.arrays.statistics import blur
from irtoolkit.healing.film_grain import (
    COARSE,
    CODED,
    DEVIATION,
    FINE,
    FINE_TO_MIDDLE,
    MIDDLE,
    SOFTNESS,
    gamma_coded,
    measure_grain,
)
from irtoolkit.healing.grain import hash_noise

SHAPE = (181, 223)


def counts(planes):
    """16-bit counts (band, y, x) of gamma-coded light, 0 to 1."""
    return (65535 * np.clip(planes, 0, 1) ** CODED).astype(np.float32)


def noise(seed, softness=0.0, shape=SHAPE):
    """Noise (band, y, x) whose detail below `COARSE` has deviation .01."""
    soft = np.stack([blur(band, softness) for band in hash_noise(shape, (999 * seed, 0), 3)])
    detail = soft - np.stack([blur(band, COARSE) for band in soft])
    return 0.01 * soft / detail.std()


def test_soft_noise_is_as_the_table_states():
    noise = hash_noise((1500, 1500), (0, 0), 1)[0]
    for softness, ratio, deviation in zip(SOFTNESS, FINE_TO_MIDDLE, DEVIATION, strict=True):
        soft = blur(noise, softness)
        fine, middle = soft - blur(soft, FINE), blur(soft, FINE) - blur(soft, MIDDLE)
        assert fine.std() / middle.std() == pytest.approx(ratio, rel=0.02)
        assert (soft - blur(soft, COARSE)).std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("softness", [0.0, 0.8, 1.3])
def test_strength_and_softness_of_grain_are_measured(softness):
    grain = measure_grain([counts(0.4 + noise(seed, softness)) for seed in range(3)])
    assert grain.deviation == pytest.approx(0.01, rel=0.15)
    assert grain.softness == pytest.approx(softness, abs=0.1)
    assert grain.shared == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("shared", [0.3, 1.0])
def test_what_the_bands_have_in_common_is_measured(shared):
    common, own = noise(1)[:1], noise(2)
    grain = measure_grain([counts(0.4 + np.sqrt(shared) * common + np.sqrt(1 - shared) * own)])
    assert grain.shared == pytest.approx(shared, abs=0.06)


def test_grain_has_a_strength_for_each_light():
    dark, bright = (counts(light + factor * noise(seed)) for light, factor, seed in ((0.2, 1, 1), (0.7, 2, 2)))
    grain = measure_grain([dark, bright])
    np.testing.assert_allclose(
        grain.at(np.array([0.1, 0.2, 0.7, 0.9])).mean(axis=1), [0.01, 0.01, 0.02, 0.02], rtol=0.12
    )


def test_twigs_are_no_grain():
    """Twigs fill three fifths of the slide, and change the film thirty times as much as its grain does; what is calm
    decides, and limits the grain even at lights that only the twigs' edges have."""
    column = np.arange(SHAPE[1])
    twigs = blur(
        np.where((column > 90) & (column % 9 < 4), np.float32(-0.3), np.float32(0))[None] + np.zeros(SHAPE, np.float32),
        1.0,
    )
    grain = measure_grain([counts(0.6 + twigs + noise(1, 0.8))])
    assert grain.at(np.array(0.6)) == pytest.approx(0.01, rel=0.25)
    assert grain.deviation.max() < 0.03
    assert grain.softness == pytest.approx(0.8, abs=0.15)
    assert grain.shared < 0.2


def test_film_without_grain_has_none():
    grain = measure_grain([np.full((3, *SHAPE), 20_000, np.float32)])
    assert grain.deviation == pytest.approx(0, abs=1e-6)


def test_bands_that_are_flat_at_unlike_lights_have_numbers():
    planes = 0.4 + noise(1)
    planes[0, :90], planes[1, 90:] = 0.2, 0.9
    grain = measure_grain([counts(planes)])
    assert all(np.isfinite(part).all() for part in grain)


@pytest.mark.parametrize("shape", [(1, 64, 65), (3, 67, 91)])
def test_small_tiles_of_any_number_of_bands_are_measured(shape):
    grain = measure_grain([counts(0.4 + noise(3, shape=shape[1:])[: shape[0]])])
    assert grain.deviation.shape[1] == len(grain.softness) == shape[0]
    assert grain.deviation.mean(axis=0) == pytest.approx(0.01, rel=0.2)


def test_light_is_coded_by_its_exponent():
    np.testing.assert_allclose(gamma_coded(counts(np.array([0.0, 0.25, 1.0]))), [0, 0.25, 1], atol=1e-6)
