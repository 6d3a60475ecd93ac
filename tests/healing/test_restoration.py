"""Division and rebuilding of film whose damage and whose infrared are known."""

import cv2
import numpy as np
import pytest

from irtoolkit.alignment import frame_place
from irtoolkit.crosstalk import POINTWISE, TERMS, Crosstalk, FilmCurve
from irtoolkit.healing.inpainting import inpaint
from irtoolkit.healing.ratio import Ratio
from irtoolkit.healing.restoration import _pair_neighbours, _squares, restore

SHAPE = (91, 133)
PLACE = frame_place((0, 0), SHAPE, SHAPE)
LEVEL = 0.3
RATIOS = np.array([1.08, 1.09, 1.11])[:, None, None]


def crosstalk_of(slope=0.0, offset=100.0, blur=0.0):
    """Crosstalk of linear film whose infrared density is .3 and `slope` times the mean visible density."""
    coefficient = np.zeros(len(TERMS))
    coefficient[:4] = LEVEL, slope / 3, slope / 3, slope / 3
    curve = FilmCurve(1.0, np.full(3, offset / 0.9), np.zeros(3), np.full(3, 4.0), 0.0, np.full(3, 9.0))
    prediction, error = np.zeros(len(POINTWISE)), np.zeros(len(TERMS))
    return Crosstalk(curve, prediction, coefficient, error, slope, 0.0, np.hypot(blur, 0.8), 0.005, 1.0)


def picture(textured, level=20_000.0, contrast=0.3):
    detail = contrast * textured(3, SHAPE, 5) + 0.02 * textured(4, SHAPE, 0.7)
    return level * np.exp(np.stack([detail, 0.9 * detail - 0.2, 0.8 * detail - 0.4])).astype(np.float32)


def blob(peak, sigma=5.0):
    """Density (y, x), natural, of two round defects."""
    y, x = np.indices(SHAPE)
    near, far = (np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2)) for row, column in ((45, 40), (50, 95)))
    return (peak * (near + far)).astype(np.float32)


def scanned(clean, density, slope=0.0, offset=100.0, blur=0.0, noise=15.0):
    """Visible counts and infrared counts of a picture under defects."""
    rng = np.random.default_rng(5)
    counts = clean * np.exp(-RATIOS * density) + offset + rng.normal(0, noise, clean.shape)
    ghost = LEVEL + slope * np.mean(-np.log10((clean + offset) / 65535), axis=0)
    light = 10**-ghost * np.exp(-density)
    light = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    infrared = 65535 * light * (1 + rng.normal(0, 0.005, SHAPE))
    return counts.astype(np.float32), infrared.astype(np.float32)


def decibels(found, wanted, where):
    codes = [(np.maximum(counts, 0) / 65535) ** (1 / 2.2) for counts in (found, wanted)]
    return -10 * np.log10(((codes[0] - codes[1])[:, where] ** 2).mean())


@pytest.mark.parametrize(("blur", "slope"), [(0.0, 0.0), (0.0, 0.2), (2.0, 0.0)])
def test_half_transparent_dust_is_divided_out_where_filling_loses_the_picture(textured, blur, slope):
    clean, density = picture(textured), blob(0.6)
    counts, infrared = scanned(clean, density, slope, blur=blur)
    mask = density > 0.04
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of(slope, blur=blur))
    np.testing.assert_array_equal(restored[:, ~mask], counts[:, ~mask])
    filled = inpaint(counts, mask, "telea")
    assert decibels(restored, clean + 100, mask) > decibels(filled, clean + 100, mask) + 8


@pytest.mark.parametrize("ratio", [0.8, 1.4])
def test_where_the_ratio_is_wrong_the_rim_corrects_it(textured, ratio):
    """A ratio wrong by .29 or -.31 would leave .17 of the light too much or too little in the middle."""
    clean, density = picture(textured, contrast=0.02), blob(0.6)
    counts, infrared = scanned(clean * np.exp((RATIOS - ratio) * density), density)
    mask = density > 0.04
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of(), ratio=Ratio((1.08, 1.09, 1.11), 0.2, 0.1))
    wrong = np.log(restored / (clean + 100))[:, density > 0.4]
    assert np.abs(wrong.mean()) < 0.06
    assert np.abs(wrong).mean() < 0.07


def test_opaque_dust_is_rebuilt_no_worse_than_by_filling(textured):
    clean, density = picture(textured, contrast=0.1), np.where(blob(1.0) > 0.4, np.float32(8), 0)
    counts, infrared = scanned(clean, density)
    mask = cv2.dilate((density > 0).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of())
    filled = inpaint(counts, mask, "telea")
    assert decibels(restored, clean + 100, mask) > decibels(filled, clean + 100, mask) - 1


def test_a_dark_frame_does_not_get_worse(textured):
    clean, density = picture(textured, level=60.0), blob(0.8)
    counts, infrared = scanned(clean, density)
    mask = density > 0.04
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of())
    assert decibels(restored, clean + 100, mask) >= decibels(counts, clean + 100, mask)


def test_film_without_a_defect_under_the_mask_stays_nearly_as_it_is(textured):
    clean = picture(textured)
    counts, infrared = scanned(clean, np.zeros(SHAPE, np.float32))
    mask = blob(1.0) > 0.1
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of())
    assert np.abs(restored / counts - 1)[:, mask].max() < 0.05


def test_where_the_infrared_sees_nothing_the_surroundings_fill(textured):
    clean, density = picture(textured, contrast=0.1), np.where(blob(1.0) > 0.4, np.float32(8), 0)
    counts, infrared = scanned(clean, density)
    infrared[:, 70:] = np.nan
    mask = cv2.dilate((density > 0).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    restored = restore(counts, infrared, mask, PLACE, crosstalk_of())
    assert np.isfinite(restored).all()
    assert (restored[:, mask & (np.indices(SHAPE)[1] > 70)] > 5_000).all()


@pytest.mark.parametrize("mask", [np.ones(SHAPE, bool), np.indices(SHAPE)[0] < 3])
def test_masks_without_surroundings_give_numbers(textured, mask):
    counts, infrared = scanned(picture(textured), blob(0.5))
    assert np.isfinite(restore(counts, infrared, mask, PLACE, crosstalk_of())).all()


def test_a_defect_is_restored_alike_whether_the_other_is_wanted_or_not(textured):
    clean, density = picture(textured), blob(0.6)
    counts, infrared = scanned(clean, density, blur=2.0)
    mask = density > 0.04
    wanted = mask & (np.indices(SHAPE)[1] < 68)
    both, one = (restore(counts, infrared, mask, PLACE, crosstalk_of(blur=2.0), part) for part in (None, wanted))
    np.testing.assert_array_equal(one[:, ~wanted], counts[:, ~wanted])
    np.testing.assert_allclose(one[:, wanted], both[:, wanted], rtol=1e-3)


def test_nothing_wanted_changes_nothing(textured):
    counts, infrared = scanned(picture(textured), blob(0.5))
    restored = restore(counts, infrared, blob(0.5) > 0.04, PLACE, crosstalk_of(), np.zeros(SHAPE, bool))
    np.testing.assert_array_equal(restored, counts)


def test_masked_pixels_that_are_not_wanted_are_no_rim():
    number, light = np.array([[-1, 0, 1, -2]], np.int32), np.full((3, 1, 4), 5, np.float32)
    differences, boundary, weight = _pair_neighbours(number, light, np.full((1, 4), 4, np.float32))
    np.testing.assert_array_equal(differences.toarray(), [[1, 0], [-1, 1]])
    np.testing.assert_array_equal(boundary, [[5, 0]] * 3)
    np.testing.assert_array_equal(weight, [0.25, 0.25])


def test_squares_are_whole_and_list_their_pixels():
    squares = _squares(np.arange(15).reshape(3, 5), 2)
    np.testing.assert_array_equal(squares[:, 0], [[0, 2], [1, 3], [5, 7], [6, 8]])
    assert squares.shape == (4, 1, 2)
