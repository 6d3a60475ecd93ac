"""Regions in which nothing is marked."""

import numpy as np
import pytest
from scipy.ndimage import label

import irtoolkit as irt

SHAPE = (161, 221)
BOX = (20, 30, 121, 150)


@pytest.fixture(scope="module")
def dusty_slide():
    return irt.make_slide(2, SHAPE, scanner="plustek", defects=300, roll=1)


def test_defects_that_an_excluded_region_cuts_are_counted_as_what_is_left(dusty_slide):
    whole = irt.clean_slide(dusty_slide)
    rows = np.flatnonzero(whole.mask.values.any(axis=1))
    part = irt.clean_slide(dusty_slide, settings=irt.Settings(excluded=[[0, 0, rows[0] + 1, 10**6]]))
    assert int(part.defects) == label(part.mask.values, np.ones((3, 3)))[1] > 0
    assert int(part.mask.sum()) == int(whole.mask[rows[0] + 1 :].sum()) < int(whole.mask.sum())
    assert float(part.threshold) == float(whole.threshold)
    assert float(part.fdr) == float(whole.fdr)
    everywhere = irt.clean_slide(dusty_slide, settings=irt.Settings(excluded=[BOX, [0, 0, 10**9, 10**9]]))
    assert (int(everywhere.defects), float(everywhere.coverage)) == (0, 0.0)
    beyond = irt.clean_slide(dusty_slide, settings=irt.Settings(excluded=[[10**6, 0, 10**7, 5]]))
    np.testing.assert_array_equal(beyond.mask, whole.mask)
