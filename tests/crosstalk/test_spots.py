"""Spots that may be dust: as dark in the visible as in the infrared."""

import numpy as np
import pytest
from scans import SHAPE, scan, sky, specks

from benchmarks.cases import as_slide
from benchmarks.promises import list_trials, make_trial
from irtoolkit.crosstalk.levels import find_spots, with_level, without_spots
from irtoolkit.pipeline import score_slide

SPOT = np.s_[100:108, 150:158]


@pytest.mark.parametrize(("of_visible", "found"), [(0.04, False), (0.1, True), (0.15, True), (0.4, False)])
def test_a_spot_is_dust_if_visible_and_infrared_lose_about_the_same(of_visible, found):
    visible, infrared = (np.random.default_rng(seed).normal(0, 0.002, SHAPE).astype(np.float32) for seed in (1, 2))
    visible[SPOT] += np.float32(of_visible)
    infrared[SPOT] += np.float32(0.1)
    spots = find_spots(visible, infrared)
    assert spots[SPOT].all() == spots[SPOT].any() == found
    assert spots.sum() <= 20 * 20


def test_spots_have_no_level_and_film_keeps_its_own(textured):
    dust = np.zeros(SHAPE, np.float32)
    dust[SPOT] = 0.2
    tile = with_level(scan(sky(textured), dust=dust), 0.0)
    level = without_spots(tile, 0.0).planes[4]
    assert np.isnan(level[SPOT]).all()
    assert np.isnan(level).mean() < 0.02
    np.testing.assert_array_equal(level[np.isfinite(level)], tile.planes[4][np.isfinite(level)])


def test_a_tile_that_is_mostly_spots_is_kept(textured):
    tile = with_level(scan(sky(textured), dust=specks(1, share=0.2)), 0.0)
    np.testing.assert_array_equal(without_spots(tile, 0.0).planes[4], tile.planes[4])


@pytest.mark.parametrize(("name", "seed", "clean"), [("kite", 3, 0.54), ("branches", 5, 0.46)])
def test_dust_does_not_set_the_slope_of_a_picture_of_few_colours(name, seed, clean):
    """The film of a kite before the sky and of gray branches has these slopes when it is clean; by their dust the kite
    had .84, and the branches .79, as silver has.
    """
    (trial,) = [trial for trial in list_trials(seed, 1, name) if trial.name == name]
    slide = as_slide(make_trial(trial, None, (577, 865)))
    assert score_slide(slide).optics["crosstalk"].slopes == pytest.approx(clean, abs=0.06)
