"""Core of defects without what a blurred infrared adds around them, nearby and farther off, and its fragments."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.detection.exceedances import measure_exceedances
from irtoolkit.detection.segmentation import join_regions

SHAPE = (61, 97)


def lazy(values):
    return xr.DataArray(da.from_array(np.asarray(values, np.float32), (23, 31)), dims=("y", "x"))


def core_of(residual, infrared_blur):
    """Core (y, x) bool where the score, 100 a density, reaches the level."""
    planes = {"score": 100 * residual, "residual": residual, "grain": np.full(SHAPE, 0.01), "contrast": residual}
    evidence = xr.Dataset({name: lazy(values) for name, values in planes.items()})
    exceedances = measure_exceedances(evidence, infrared_blur=infrared_blur)
    core = np.zeros(SHAPE, bool)
    core.ravel()[exceedances["index"].values] = exceedances.core.values
    return core


def stripe(densities):
    """Density (y, x) that changes along x alone."""
    return np.broadcast_to(np.float32(densities), SHAPE)


def steps(peak, rim, distance):
    """A line of 5 px of density `peak` at 40 to 44, and a rim from 2 px beside it to this distance from its edge."""
    columns = np.zeros(SHAPE[1])
    columns[40:45], columns[47 : 45 + distance] = peak, rim
    return stripe(columns)


@pytest.mark.parametrize("sigma", [0.0, 0.9])
def test_with_a_sharp_infrared_all_is_core(sigma):
    residual = steps(0.5, 0.04, 12)
    np.testing.assert_array_equal(core_of(residual, sigma), residual > 0)


@pytest.mark.parametrize(("rim", "kept"), [(0.06, False), (0.12, True)])
def test_the_core_loses_a_quarter_of_the_largest_loss_within_4_px(rim, kept):
    """.5 takes .684 of the light, a quarter of which is .171, a density of .081."""
    core = core_of(steps(0.5, rim, 4), 2.0)
    assert core[:, 41:44].all()
    assert core[:, 48].all() == kept
    assert core[:, 48].any() == kept


@pytest.mark.parametrize(("rim", "kept"), [(0.033, False), (0.05, True)])
def test_the_core_loses_an_eighth_of_the_largest_loss_within_four_blurs(rim, kept):
    """.12 of .684 is .082, a density of .037; with a blur of 2 px it reaches 8 px, with one of 3 px 12."""
    for sigma, reach in ((2.0, 8), (3.0, 12)):
        core = core_of(steps(0.5, rim, 30), sigma)
        assert (core[:, 44 + 6 : 44 + reach - 1] == kept).all()
        assert core[:, 44 + reach + 2 : 70].all()


def test_each_sign_has_its_own_core():
    """A dark line beside a bright one: each is measured against its own side."""
    columns = np.zeros(SHAPE[1])
    columns[40:45], columns[47:50] = 0.5, -0.05
    assert core_of(stripe(columns), 2.0)[:, 48].all()


def test_block_borders_do_not_show_in_the_core(block_size):
    residual = np.random.default_rng(0).exponential(0.1, SHAPE).astype(np.float32)
    whole = core_of(residual, 2.0)
    block_size(20, 30)
    np.testing.assert_array_equal(core_of(residual, 2.0), whole)


def joined(core, scored):
    """Regions of a score that is 9 at `scored`, of which `core` is core."""
    index = np.flatnonzero(scored)
    columns = {
        "score": np.full(index.size, 9.0),
        "residual": np.full(index.size, 0.1),
        "grain": np.full(index.size, 1.0),
        "contrast": np.full(index.size, 1.0),
    }
    exceedances = xr.Dataset({name: ("pixel", values) for name, values in columns.items()})
    exceedances = exceedances.assign(index=("pixel", index), core=("pixel", core.ravel()[index]))
    return join_regions(exceedances.assign_attrs(height=SHAPE[0], width=SHAPE[1], infrared_blur=2.0), sign=1)


def marked(regions):
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[regions.pixel_index.values] = True
    return mask


def test_specks_under_4_px_beside_a_larger_core_of_their_region_are_dropped():
    scored, core = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    scored[20:40, 20:60] = True
    core[25:30, 25:31] = True
    core[35, 40:43] = core[22, 50] = True
    large = core.copy()
    large[35, 40:43] = large[22, 50] = False
    regions = joined(core, scored)
    np.testing.assert_array_equal(marked(regions), large)
    assert int(regions.area[0]) == 30


def test_pieces_of_4_px_and_lone_specks_stay():
    scored, core = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    scored[20:40, 20:60] = core[25:30, 25:31] = core[35:37, 40:42] = True
    scored[50, 10:20] = core[50, 12] = True
    scored[5:9, 70:80] = core[6, 71:73] = core[6, 75:77] = True
    regions = joined(core, scored)
    np.testing.assert_array_equal(marked(regions), core)
    assert sorted(regions.area.values) == [1, 4, 34]


def test_dropping_specks_leaves_rank_and_visibility():
    scored, core = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    scored[20:40, 20:60] = core[25:30, 25:31] = True
    plain = joined(core, scored)
    core[35, 40:43] = True
    for name in ("rank", "visibility", "visible_area"):
        np.testing.assert_array_equal(joined(core, scored)[name], plain[name])
