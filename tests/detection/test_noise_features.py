"""Visible traces that are added to the loss of light under a steep and blurred infrared."""

import numpy as np
import pytest
from scans import SHAPE as SCANNED
from scans import film, scan

from irtoolkit.crosstalk.regression import fit_crosstalk, level_crosstalk
from irtoolkit.detection.noise_features import LARGEST_ADDITION, add_trace, find_dark

SHAPE = (61, 83)
SPOT = np.hypot(*(np.indices(SHAPE) - np.array([30, 40])[:, None, None])) < 3
EVERYWHERE = np.ones(SHAPE, np.float32)


def noisy(seed, sigma):
    return np.random.default_rng(seed).normal(0, sigma, SHAPE).astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_spot_in_both_residual_and_ghost_is_enhanced(sign):
    lost = noisy(1, 0.01) + np.float32(sign * 0.03) * SPOT
    added = add_trace(lost, noisy(2, 0.005) + np.float32(0.8) + np.float32(sign * 0.06) * SPOT, EVERYWHERE) - lost
    assert np.median(sign * added[SPOT]) > 0.02
    assert np.abs(added[~SPOT]).mean() < 0.01


def test_a_dark_spot_of_the_picture_that_takes_no_light_of_its_own_stays_clean():
    lost = noisy(1, 0.01)
    lost[SPOT] = 0
    ghost = np.where(SPOT, np.float32(0.5), noisy(2, 0.005))
    np.testing.assert_array_equal(add_trace(lost, ghost, EVERYWHERE)[SPOT], 0)


def test_nothing_is_added_against_the_sign_nor_to_a_flat_picture():
    lost = noisy(1, 0.01)
    np.testing.assert_allclose(add_trace(lost, np.full(SHAPE, 0.7, np.float32), EVERYWHERE), lost, atol=3e-6)
    bright = np.where(SPOT, np.float32(-0.3), np.float32(0))
    lost[SPOT] = 0.05
    np.testing.assert_array_equal(add_trace(lost, bright, EVERYWHERE)[SPOT], lost[SPOT])


def test_at_most_two_and_a_half_times_the_loss_is_added_whatever_the_ghost():
    lost, ghost = noisy(1, 0.01), noisy(2, 0.3)
    assert (np.abs(add_trace(lost, ghost, EVERYWHERE) - lost) <= LARGEST_ADDITION * np.abs(lost) * 1.001).all()


def test_unknown_light_stays_unknown_and_where_all_are_candidates_nothing_is_added():
    lost = noisy(1, 0.01)
    lost[3, 5] = np.nan
    found = add_trace(lost, noisy(2, 0.01), EVERYWHERE)
    assert np.isnan(found[3, 5])
    assert np.isfinite(found).sum() == found.size - 1
    np.testing.assert_array_equal(add_trace(lost, noisy(2, 0.01), 0 * EVERYWHERE), lost)


def test_certain_defects_are_dark_and_about_their_own_size(textured):
    """Candidates are grown by 4 px and shrink by 2; the blur of .7 px adds one more at most: 12 by 16 px of 6 by 10."""
    dust = np.zeros(SCANNED, np.float32)
    dust[60:66, 80:90], dust[150:156, 200:210] = 0.3, -0.1
    tile = scan(film(textured), dust=dust)
    crosstalk, ((residual, density),) = level_crosstalk(fit_crosstalk([[tile]]), [tile])
    found = find_dark(residual, density, crosstalk)
    assert found[dust > 0].all()
    assert found.sum() <= 12 * 16
    assert not found[dust < 0].any()
