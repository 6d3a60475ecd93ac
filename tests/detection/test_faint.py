"""Faint damage that is excluded from the local noise."""

import cv2
import numpy as np
import pytest

from irtoolkit.detection.faint import LINE_LEVEL, exclude_blobs, raise_faint

SHAPE = (301, 407)
BAND = np.s_[140:148, 20:387]


@pytest.fixture
def noise():
    return np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)


def everywhere(value):
    return np.full(SHAPE, value, np.float32)


def left_out(score, contrast=0.0):
    return 1 - exclude_blobs(score, everywhere(1), everywhere(contrast))


def test_hardly_any_noise_is_left_out(noise):
    assert left_out(noise).mean() < 0.005


@pytest.mark.parametrize("sign", [1, -1])
def test_a_faint_band_is_left_out_on_either_side(noise, sign):
    noise[BAND] += 1.5
    taken = left_out(sign * noise)
    assert taken[BAND].mean() > 0.99
    assert taken[:130].mean() < 0.005


def test_both_sides_are_treated_alike(noise):
    noise[BAND] += 1
    np.testing.assert_array_equal(left_out(noise), left_out(-noise))


@pytest.mark.parametrize(("contrast", "share"), [(2.0, 1.0), (4.0, 0.0)])
def test_what_is_under_half_of_the_contrast_stays(contrast, share):
    score = everywhere(0)
    score[BAND] = 1.5
    assert left_out(score, contrast)[144, 40:360].mean() == share


def test_what_is_no_part_of_the_film_stays_left_out(noise):
    outside = everywhere(1)
    outside[:50] = 0
    kept = exclude_blobs(noise, outside, everywhere(0))
    assert not kept[:50].any()
    assert kept[60:].mean() > 0.99


def test_bands_that_hide_each_other_are_left_out(noise):
    bands = np.zeros(SHAPE, bool)
    for row in range(20, 280, 36):
        bands[row : row + 7, 20:387] = True
    assert left_out(noise + np.float32(1.2) * bands)[bands].mean() > 0.95


def raised(score, contrast=0.0, detail=None):
    """The score with its faint lines and blobs raised, on film whose ghost has so much contrast and this detail."""
    found = score.copy()
    raise_faint(found, everywhere(1), everywhere(contrast), everywhere(0) if detail is None else detail, (0, 0))
    return found


def leaves():
    """Detail of leaves of some 5 px, of deviation 1.3."""
    detail = cv2.GaussianBlur(np.random.default_rng(8).normal(size=SHAPE).astype(np.float32), (0, 0), 2)
    return 1.3 * detail / detail.std()


def test_a_faint_line_is_raised_to_its_ends(noise):
    noise[150:153, 100:300] += 1.5
    line = raised(noise)[150:153]
    inside = line[:, 103:297] >= LINE_LEVEL
    assert inside.mean() > 0.7
    assert (line[:, :84] >= LINE_LEVEL).sum() == (line[:, 316:] >= LINE_LEVEL).sum() == 0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(5))
def test_beside_a_blob_no_line_is_raised(seed, sign):
    """A line of 33 px into a blob of 15 px may have a mean of 5 sigma, of which one half has nearly nothing."""
    plain = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32), (0, 0), 0.7)
    plain /= plain.std()
    score = plain.copy()
    score[140:155, 200:215] += 3
    plain, found = (sign * raised(sign * each) for each in (plain, score))
    assert (found[143:152, 203:212] >= LINE_LEVEL).mean() > 0.9
    far = np.ones(SHAPE, bool)
    far[136:159, 196:219] = False
    assert not ((found >= LINE_LEVEL) & (plain < LINE_LEVEL))[far].any()


def arc(amplitude, radius=110.0):
    """A half circle, 3 px broad, on nothing."""
    y, x = np.indices(SHAPE)
    distance = np.hypot(y - 200, x - 200)
    return np.float32(amplitude) * ((np.abs(distance - radius) < 1.5) & (y < 200)).astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_long_faint_hair_is_raised_where_there_is_no_picture(noise, sign):
    """Its 33 px amount to some 4 sigmas, and three times as much to some 7."""
    hair = arc(1)
    plain, long = (sign * raised(sign * (noise + 0.9 * hair), contrast) for contrast in (2.0, 0.0))
    on_it = cv2.dilate(hair, np.ones((3, 3), np.uint8)) > 0
    middle = on_it & (np.indices(SHAPE)[0] < 150)
    assert (long[middle] >= LINE_LEVEL).mean() > 2 * (plain[middle] >= LINE_LEVEL).mean()
    assert (long[hair > 0] >= LINE_LEVEL).mean() > 0.3
    assert (np.abs(long[~cv2.dilate(hair, np.ones((9, 9), np.uint8)).astype(bool)]) >= LINE_LEVEL).mean() < 1e-4


def test_a_faint_line_across_leaves_is_raised(noise):
    """Within 4 px of a quarter of the pixels leaves have over 3 sigmas, but along the line next to nothing."""
    noise[150:153, 100:300] += 1.5
    detail = leaves()
    assert (cv2.dilate(np.abs(detail), np.ones((9, 9), np.uint8)) > 3).mean() > 0.25
    assert (raised(noise, 4.0, detail)[150:153, 100:300] >= LINE_LEVEL).mean() > 0.3


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("edge", "least", "most"), [(2.0, 0.0, 0.05), (0.4, 0.5, 1.0)])
def test_edges_of_the_picture_leave_no_lines(noise, edge, least, most, sign):
    """What is left along an edge is less than the edge; what crosses an edge at a right angle stays."""
    noise[150:153, 100:300] += 1
    along, across = everywhere(0), everywhere(0)
    along[150:153, 90:310] = sign * edge
    across[:, 180:183] = sign * 2
    line = raised(noise, 4.0, along)[150:153, 100:300] >= LINE_LEVEL
    assert least <= line.mean() <= most
    assert (raised(noise, 4.0, across)[150:153, 100:300] >= LINE_LEVEL).mean() > 0.5


def test_turned_film_has_its_lines_turned():
    """A line and its mirror image are as long: what goes on at one end goes on at the other."""
    score = np.random.default_rng(5).normal(size=(300, 390)).astype(np.float32) + 0.75 * arc(1)[:300, :390]
    found, turned = (each.copy() for each in (score, score[::-1, ::-1]))
    for each in (found, turned):
        raise_faint(each, np.ones_like(each), np.zeros_like(each), np.zeros_like(each), (0, 0))
    assert ((found >= LINE_LEVEL) != (turned[::-1, ::-1] >= LINE_LEVEL)).mean() < 1e-4
