"""What stands out as a defect does, before there is a score."""

import numpy as np
import pytest

from irtoolkit.arrays.statistics import blur
from irtoolkit.crosstalk.candidates import GROWN, box_mean, find_candidates, ghost_contrast, is_picture

SHAPE = (121, 163)
SIGMA = 0.004


def grain(seed=0):
    return np.random.default_rng(seed).normal(0, SIGMA, SHAPE).astype(np.float32)


def flat():
    """Contrast of film without a picture."""
    return np.zeros(SHAPE, np.float32)


def test_film_without_defects_has_no_candidates():
    assert not find_candidates(grain(), flat(), SIGMA).any()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", [0.5, 1.0, 4.0])
def test_a_small_spot_is_a_candidate_on_either_side_and_little_around_it(sign, level):
    """Whatever noise is stated, from half to four times what it is."""
    residual = grain()
    residual[60:64, 80:84] += sign * 0.1
    found = find_candidates(residual, flat(), level * SIGMA)
    assert found[60:64, 80:84].all()
    y, x = np.nonzero(found)
    reach = GROWN // 2 + 2
    assert (y.min(), y.max()) >= (60 - reach, 63)
    assert y.max() <= 63 + reach
    assert x.min() >= 80 - reach
    assert x.max() <= 83 + reach


def test_a_single_noisy_pixel_is_no_candidate():
    residual = grain()
    residual[60, 80] += 4 * SIGMA
    assert not find_candidates(residual, flat(), SIGMA).any()


def test_what_the_blur_leaves_of_an_edge_of_the_ghost_is_no_candidate_but_the_same_on_even_film_is():
    ghost = flat()
    ghost[:, 80:] = 0.3
    left = blur(ghost, 1.0) - blur(ghost, 1.6)
    assert np.abs(left).max() > 6 * SIGMA
    assert not find_candidates(grain() + left, ghost_contrast(blur(ghost, 1.4)), SIGMA).any()
    found = find_candidates(grain() + left, flat(), SIGMA)
    assert found[:, 78:82].mean() > 0.8


def test_dust_on_an_edge_of_the_ghost_is_a_candidate():
    ghost = flat()
    ghost[:, 80:] = 0.1
    residual = grain()
    residual[60:64, 79:83] += 0.2
    assert find_candidates(residual, ghost_contrast(blur(ghost, 1.4)), SIGMA)[60:64, 79:83].all()


def test_what_is_not_known_is_a_candidate_and_does_not_hide_what_is_beside_it():
    residual = grain()
    residual[:20] = np.nan
    residual[40:44, 80:84] += 0.1
    found = find_candidates(residual, flat(), SIGMA)
    assert found[:20].all()
    assert found[40:44, 80:84].all()
    assert not found[60:].any()


def test_the_mean_over_a_square_by_hand():
    plane = np.zeros((9, 11), np.float32)
    plane[4, 5] = 9
    expected = np.zeros((9, 11))
    expected[3:6, 4:7] = 1
    np.testing.assert_allclose(box_mean(plane, 3), expected, atol=1e-6)


def speck(density, side=4):
    plane = np.zeros(SHAPE, np.float32)
    plane[60 : 60 + side, 80 : 80 + side] = density
    return plane


@pytest.mark.parametrize(("visible", "infrared", "picture"), [(0.5, 0.45, False), (0.5, 0.1, True), (0.05, 0.0, False)])
def test_what_takes_far_more_from_the_visible_than_from_the_infrared_is_picture(visible, infrared, picture):
    assert is_picture(speck(visible), speck(infrared))[60:64, 80:84].all() == picture


def test_something_of_15_px_or_more_is_no_small_picture():
    assert is_picture(speck(0.5, 14), speck(0.0, 14)).any()
    assert not is_picture(speck(0.5, 15), speck(0.0, 15)).any()


@pytest.mark.parametrize(("picture", "contrast", "lines", "spot"), [(0, 0.1, 0, 1), (1, 0.1, 0, 0), (1, 0.0, 1, 1)])
def test_the_picture_has_part_in_the_noise_where_its_ghost_has_contrast(picture, contrast, lines, spot):
    """Lines of 12 sigma in every third row, and a spot of 12 sigma between them."""
    left, rows = grain(), np.arange(SHAPE[0]) % 9 < 3
    left[rows] += 12 * SIGMA
    left[58:62, 80:84] += 12 * SIGMA
    dark, ghost = np.zeros(SHAPE, bool), flat()
    dark[rows], ghost[rows] = picture, contrast
    found = find_candidates(left, ghost, SIGMA, dark)
    assert found[rows].mean() == pytest.approx(lines, abs=0.05)
    assert found[59:61, 81:83].mean() == spot


def test_much_dust_does_not_hide_in_the_noise_that_it_makes():
    residual = grain()
    residual[20:100:8, 20:140:8] += 0.1
    residual[21:101:8, 20:140:8] += 0.1
    residual[20:100:8, 21:141:8] += 0.1
    residual[21:101:8, 21:141:8] += 0.1
    assert find_candidates(residual, flat(), SIGMA)[20:100:8, 20:140:8].all()


def nest():
    """A residual of 5 to 50 sigmas on 100 by 140 px, as of threads upon threads, and where it is."""
    inside = np.zeros(SHAPE, bool)
    inside[10:110, 10:150] = True
    threads = np.random.default_rng(3).uniform(5 * SIGMA, 50 * SIGMA, SHAPE)
    return np.where(inside, blur(threads.astype(np.float32), 1.0), 0).astype(np.float32), inside


def test_where_dust_covers_all_the_film_around_it_is_no_noise():
    dust, inside = nest()
    assert find_candidates(grain() + dust, flat(), SIGMA)[inside].mean() > 0.95


def test_where_the_ghost_has_as_much_contrast_the_same_is_noise():
    dust, inside = nest()
    assert not find_candidates(grain() + dust, np.where(inside, 4 * dust, 0).astype(np.float32), SIGMA).any()


def test_noisy_film_beside_quiet_film_has_no_candidates():
    """Dark film has ten times the noise, of either sign: half of it is below two sigmas of quiet film."""
    residual = grain()
    residual[:, 80:] *= 10
    assert find_candidates(residual, flat(), SIGMA).mean() < 0.01
