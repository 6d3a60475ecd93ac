"""Where the infrared shows defects, from slides whose defects' shift is known."""

import numpy as np
import pytest
from scipy import ndimage
from test_ratio import SHAPE, TRUE, defects, measured, scanned
from test_restoration import crosstalk_of, decibels

from irtoolkit.alignment import frame_place
from irtoolkit.healing.dust_shift import LEAST_EVIDENCE, fit_shift
from irtoolkit.healing.ratio import Ratio
from irtoolkit.healing.restoration import restore

SHIFT = (0.3, -0.2)


def shifted(textured, density, blur=0.0):
    """Film, counts, and the infrared that shows the defects .3 px lower and .2 px further left."""
    film, counts, _ = scanned(textured, density, TRUE)
    aside = ndimage.shift(density, SHIFT, order=3)
    return film, counts, scanned(textured, aside, TRUE, blur)[2]


@pytest.mark.parametrize(("blur", "tolerance"), [(0.0, 0.04), (2.0, 0.1)])
def test_a_known_shift_is_recovered(textured, blur, tolerance):
    density = defects(45)
    _, counts, infrared = shifted(textured, density, blur)
    np.testing.assert_allclose(measured(counts, infrared, density > 0.02, blur).shift, SHIFT, atol=tolerance)


def test_defects_in_their_place_have_no_shift(textured):
    density = defects(45)
    _, counts, infrared = scanned(textured, density, TRUE)
    assert measured(counts, infrared, density > 0.02).shift == (0.0, 0.0)


def test_one_defect_is_no_evidence_and_many_are():
    one = np.array([[0.3, -0.2, 0.25, 0.25]])
    assert fit_shift(one) == (0.0, 0.0)
    np.testing.assert_allclose(fit_shift(np.tile(one, (40, 1))), SHIFT, rtol=0.1)


def test_defects_that_tell_nothing_do_not_count():
    told, silent = np.tile([0.3, -0.2, 0.25, 0.25], (40, 1)), np.tile([0, 0, np.inf, np.inf], (40, 1))
    assert fit_shift(np.concatenate([told, silent])) == fit_shift(told)


def test_evidence_is_what_chance_exceeds_on_one_slide_in_seven():
    squares = (np.random.default_rng(1).standard_normal((2, 100_000)) ** 2).sum(axis=0)
    assert (squares > LEAST_EVIDENCE).mean() == pytest.approx(np.exp(-2), abs=0.004)


def test_healing_where_the_infrared_shows_the_defects_beats_healing_beside_them(textured):
    density = defects(45)
    film, counts, infrared = shifted(textured, density)
    mask, place = density > 0.02, frame_place((0, 0), SHAPE, SHAPE)
    beside, there = (
        restore(counts.astype(np.float32), infrared, mask, place, crosstalk_of(), ratio=ratio)
        for ratio in (Ratio((1.5, 1.55, 1.6), 0.05, 0.1), Ratio((1.5, 1.55, 1.6), 0.05, 0.1, SHIFT))
    )
    assert decibels(there, film, mask) > decibels(beside, film, mask) + 1
