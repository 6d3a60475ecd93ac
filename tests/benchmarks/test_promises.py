"""Scans of the benchmark of promises: dirt has the share that is asked for, scratches brighten, scenes are drawn."""

import numpy as np
import pytest

from benchmarks.dirt import draw_dirt, draw_emulsion_scratches
from benchmarks.promises import COLUMNS, list_trials, run_trial
from benchmarks.scenes import SCENES, draw_scene
from benchmarks.simulation import SCANNERS, Wear, simulate_scan

SHAPE = (101, 151)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.4])
def test_dirt_covers_the_share_that_is_asked_for(share):
    planes = np.ones((2, 301, 403), np.float32)
    draw_dirt(np.random.default_rng(1), planes, share, dpi=4000)
    covered = (planes.min(axis=0) < 0.94).mean()
    assert share <= covered <= share + 0.15
    assert planes.max() <= 1


def test_scratches_of_the_emulsion_brighten_the_film_and_are_no_damage():
    scene = draw_scene("garden", 600, np.random.default_rng(1))
    plain, worn = (simulate_scan(4, scene, SHAPE, defects=0.0, wear=Wear(scratches=number)) for number in (0, 9))
    left = draw_emulsion_scratches(np.random.default_rng(1), SHAPE, 9)
    assert 0 <= left.min() < left.max() == 1
    assert (worn.undamaged[:3].astype(int) - plain.undamaged[:3]).mean() > 50
    assert not worn.truth.any()


@pytest.mark.parametrize("name", SCENES)
def test_scenes_are_drawn_alike_for_the_same_seed(name):
    one, other = (draw_scene(name, 300, np.random.default_rng(2)).pixels for _ in range(2))
    assert one.shape == (300, 300, 3)
    np.testing.assert_array_equal(one, other)


def test_a_row_of_the_table_by_hand():
    (trial,) = list_trials(1, 1, "garden, C-41")
    row = run_trial(trial, None, SHAPE)
    assert set(COLUMNS) <= set(row)
    assert 0 <= row["f1"] <= 1
    assert row["true"] > 0


def test_photographs_on_kodachrome_are_on_every_scanner():
    trials = list_trials(1, 1, kodachromes=True)
    assert len({trial.name for trial in trials}) == 48
    assert {trial.film for trial in trials} == {"kodachrome"}
    assert {trial.scanner for trial in trials} == set(SCANNERS)
