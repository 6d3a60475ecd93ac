"""The ratio of visible to infrared density, from defects whose ratio is known."""

import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from test_restoration import crosstalk_of, decibels

from irtoolkit.alignment import Sample, frame_place
from irtoolkit.healing.ratio import POSSIBLE, UNKNOWN, USUAL, Ratio, fit_ratio, measure_ratio, of_roll, weigh_tile
from irtoolkit.healing.restoration import restore

SHAPE = (331, 403)
TRUE = np.array([1.5, 1.55, 1.6])
LEVEL = 0.3


def defects(spacing):
    """Density (y, x), natural, of round defects on a grid."""
    points = np.zeros(SHAPE, np.float32)
    points[40:-30:spacing, 40:-30:spacing] = 1
    return 0.4 * np.minimum(12 * np.pi * cv2.GaussianBlur(points, (0, 0), 2.5), 1)


def scanned(textured, density, ratio, blur=0.0):
    """Film without defects (3, y, x), counts and infrared of a smooth picture under defects."""
    rng = np.random.default_rng(5)
    film = 20_000 * np.exp(0.1 * textured(3, SHAPE, 9) * np.array([1, 0.9, 0.8])[:, None, None])
    counts = film * np.exp(-ratio[:, None, None] * density) + 100 + rng.normal(0, 15, film.shape)
    light = np.float32(10**-LEVEL) * np.exp(-density)
    light = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    return film + 100, counts.astype(np.uint16), (65535 * light * (1 + rng.normal(0, 0.005, SHAPE))).astype(np.float32)


def measured(counts, infrared, mask, blur=0.0, chunks=(3, 100, 90)):
    planes = [da.from_array(plane, chunks[-plane.ndim :]) for plane in (counts, mask, infrared)]
    visible = xr.DataArray(planes[0], dims=("band", "y", "x"))
    flat = [xr.DataArray(plane, dims=("y", "x")) for plane in planes[1:]]
    return measure_ratio(visible, *flat, crosstalk_of(blur=blur))


@pytest.mark.parametrize("blur", [0.0, 2.0])
@pytest.mark.parametrize("true", [0.5 * TRUE, TRUE])
def test_a_known_ratio_is_recovered(textured, true, blur):
    density = defects(45)
    _, counts, infrared = scanned(textured, density, true, blur)
    ratio = measured(counts, infrared, density > 0.02, blur)
    np.testing.assert_allclose(ratio.bands, true, atol=0.12)
    assert ratio.error < 0.1


def test_the_ratio_is_the_same_for_all_chunks(textured):
    density = defects(45)
    _, counts, infrared = scanned(textured, density, TRUE)
    assert measured(counts, infrared, density > 0.02) == measured(
        counts, infrared, density > 0.02, chunks=(1, 331, 403)
    )


@pytest.mark.parametrize("true", [0.5 * TRUE, TRUE])
def test_a_known_ratio_is_recovered_from_a_tile(textured, true):
    density = defects(45)
    _, counts, infrared = scanned(textured, density, true)
    tile = Sample(np.concatenate([counts, infrared[None]]).astype(np.float32), frame_place((0, 0), SHAPE, SHAPE))
    weighed = weigh_tile(tile, density > 0.02, crosstalk_of())
    assert len(weighed) == 6 * 8
    np.testing.assert_allclose(np.median(weighed[:, :3], axis=0), true, atol=0.12)


def test_a_tile_without_defects_has_no_ratios(textured):
    _, counts, infrared = scanned(textured, np.zeros(SHAPE, np.float32), TRUE)
    tile = Sample(np.concatenate([counts, infrared[None]]).astype(np.float32), frame_place((0, 0), SHAPE, SHAPE))
    assert weigh_tile(tile, np.zeros(SHAPE, bool), crosstalk_of()).shape == (0, 4)


def test_without_defects_the_ratio_is_the_rolls():
    """The error is that of the roll and the difference of .12 between slides: .13 from .05 and .12."""
    ratio = fit_ratio(np.empty((0, 3)), np.empty(0), of_roll(Ratio((1.5, 1.6, 1.7), 0.05, 0.12)))
    assert ratio.bands == pytest.approx((1.5, 1.6, 1.7))
    assert ratio.error == pytest.approx(0.13)


def test_many_defects_of_a_slide_outweigh_its_roll():
    known = of_roll(Ratio((1.5, 1.5, 1.5), 0.02, 0.1))
    far, usual = (fit_ratio(np.full((200, 3), 1.0), np.full(200, 0.2), before).bands[1] for before in (known, UNKNOWN))
    assert far == pytest.approx(usual, abs=0.03) == pytest.approx(1.0, abs=0.03)


def test_without_defects_the_prior_holds(textured):
    _, counts, infrared = scanned(textured, np.zeros(SHAPE, np.float32), TRUE)
    ratio = measured(counts, infrared, np.zeros(SHAPE, bool))
    np.testing.assert_allclose(ratio.bands, USUAL.bands)
    assert ratio.error == pytest.approx(0.35)


def test_a_few_uncertain_defects_hardly_move_the_prior():
    ratio = fit_ratio(np.full((3, 3), 2.0), np.full(3, 1.5))
    np.testing.assert_allclose(ratio.bands, USUAL.bands, atol=0.2)
    assert ratio.error > 0.3


def test_outliers_do_not_move_the_ratio():
    rng = np.random.default_rng(2)
    bands = np.concatenate([1.3 + rng.normal(0, 0.15, (60, 1)) + np.zeros(3), np.full((10, 3), 8.0)])
    ratio = fit_ratio(bands, np.full(70, 0.18))
    np.testing.assert_allclose(ratio.bands, 1.3, atol=0.1)


def test_the_scatter_from_defect_to_defect_is_told():
    rng = np.random.default_rng(3)
    same, different = (1.2 + rng.normal(0, sigma, (200, 1)) + np.zeros(3) for sigma in (0.02, 0.3))
    assert fit_ratio(same, np.full(200, 0.16)).scatter < 0.1 < 0.2 < fit_ratio(different, np.full(200, 0.16)).scatter


def test_healing_with_the_true_ratio_beats_the_usual_one(textured):
    density = defects(45)
    film, counts, infrared = scanned(textured, density, TRUE)
    mask, place = density > 0.02, frame_place((0, 0), SHAPE, SHAPE)
    usual, true = (
        restore(counts.astype(np.float32), infrared, mask, place, crosstalk_of(), ratio=ratio)
        for ratio in (USUAL, Ratio((1.5, 1.55, 1.6), 0.05, 0.1))
    )
    assert decibels(true, film, mask) > decibels(usual, film, mask) + 3


def test_marks_that_are_no_dust_give_the_least_possible_ratio_and_a_model_that_can_be_read():
    negative = fit_ratio(np.full((200, 3), -0.8), np.full(200, 0.15))
    assert negative.bands == (POSSIBLE[0],) * 3
