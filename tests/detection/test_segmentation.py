import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from irtoolkit.arrays import tiles
from irtoolkit.detection.exceedances import REGION_LEVEL, measure_exceedances
from irtoolkit.detection.segmentation import fill_pinholes, join_regions, keep_regions, mask_regions

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EIGHT = np.ones((3, 3))


def plane(values):
    return xr.DataArray(da.from_array(np.asarray(values, np.float32), (7, 11)), dims=("y", "x"))


def exceedances_of(score, residual=None, grain=0.01, infrared_blur=0.0, level=REGION_LEVEL):
    score = np.asarray(score, np.float32)
    residual = 0.01 * score if residual is None else residual
    planes = {"score": score, "residual": residual, "grain": np.full(score.shape, grain), "contrast": 2 * score}
    evidence = xr.Dataset({name: plane(values) for name, values in planes.items()})
    return measure_exceedances(evidence, infrared_blur=infrared_blur, level=level)


def drawn(regions, shape):
    return mask_regions(regions, shape)[0].values


@st.composite
def sparse_masks(draw):
    shape = draw(st.integers(1, 30)), draw(st.integers(1, 40))
    density = draw(st.sampled_from([0.02, 0.15, 0.4, 0.9]))
    return np.random.default_rng(draw(st.integers(0, 10_000))).random(shape) < density


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(mask=sparse_masks())
def test_regions_are_those_of_eight_connected_labelling(mask):
    regions = join_regions(exceedances_of(np.where(mask, 5, 0)), sign=1)
    labels, count = ndimage.label(mask, EIGHT)
    assert regions.sizes["region"] == count
    found = np.zeros(mask.size, int)
    found[regions.pixel_index.values] = regions.pixel_region.values + 1
    pairs = set(zip(found.tolist(), labels.ravel().tolist(), strict=True))
    assert len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})
    areas = np.bincount(labels.ravel())[1:]
    assert sorted(regions.area.values) == sorted(areas)
    np.testing.assert_array_equal(drawn(regions, mask.shape), mask)
    assert int(mask_regions(regions, mask.shape)[1]) == count


def test_sides_of_upright_and_slanting_rectangles():
    score = np.zeros((40, 90))
    score[3:6, 5:75] = score[10:39, 80] = 9
    score[np.arange(12, 32), np.arange(12, 32)] = 9
    upright, slanting, narrow = (join_regions(exceedances_of(score), sign=1).isel(region=place) for place in (0, 2, 1))
    np.testing.assert_allclose([upright.length, upright.breadth], [70, 3], rtol=1e-6)
    np.testing.assert_allclose([narrow.length, narrow.breadth], [29, 1], rtol=1e-6)
    np.testing.assert_allclose([slanting.length, slanting.breadth], [(2 * 399 + 1) ** 0.5, 1], rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_rows_do_not_wrap_around():
    score = np.zeros((12, 17))
    score[3, 16] = score[4, 0] = score[6, 0] = score[5, 16] = 9
    assert join_regions(exceedances_of(score), sign=1).sizes["region"] == 4


@pytest.mark.usefixtures("small_blocks")
def test_regions_join_over_block_borders_straight_and_aslant():
    score = np.zeros((20, 41))
    score[2:18, 5] = 9
    score[np.arange(2, 18), 8 + np.arange(16)] = 9
    assert [len(row) for row in tiles.blocks(20, 41)] == [6, 6, 6, 6, 6]
    assert join_regions(exceedances_of(score), sign=1).sizes["region"] == 2


@pytest.mark.usefixtures("small_blocks")
def test_a_picture_of_one_column_or_one_row_joins_along_it():
    line = np.array([9, 9, 0, 9.0])
    assert join_regions(exceedances_of(line[None]), sign=1).sizes["region"] == 2
    assert join_regions(exceedances_of(line[:, None]), sign=1).sizes["region"] == 2


def test_rank_is_the_summed_excess_over_the_level():
    score = np.zeros((9, 14))
    score[2, 3:6] = 4, 10, 5
    score[6, 9] = 3.1
    regions = join_regions(exceedances_of(score), sign=1)
    np.testing.assert_allclose(regions["rank"], [19 - 3 * REGION_LEVEL], rtol=1e-6)
    np.testing.assert_allclose(join_regions(exceedances_of(score), sign=1, level=5)["rank"], [5], rtol=1e-6)


def test_the_mirrored_score_gives_the_decoys():
    score = np.random.default_rng(3).normal(0, 3, (41, 53))
    one, other = (join_regions(exceedances_of(sign * score), sign=sign) for sign in (1, -1))
    assert one.sizes["region"] > 20
    np.testing.assert_array_equal(one.pixel_index, other.pixel_index)
    for name in ("rank", "area", "visibility"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_exceedances_hold_every_pixel_at_the_level_in_row_order():
    score = np.random.default_rng(4).normal(0, 3, (41, 53)).astype(np.float32)
    exceedances = exceedances_of(score)
    beyond = np.flatnonzero(np.abs(score) >= np.float32(REGION_LEVEL))
    np.testing.assert_array_equal(exceedances["index"], beyond)
    np.testing.assert_array_equal(exceedances.score, score.ravel()[beyond])
    np.testing.assert_allclose(exceedances.residual, 0.01 * score.ravel()[beyond], rtol=1e-6)
    assert (exceedances.height, exceedances.width) == (41, 53)


def speck(sigma, peak, shape=(61, 71)):
    y, x = np.indices(shape)
    return peak * np.exp(-((y - 30) ** 2 + (x - 35) ** 2) / (2 * sigma**2))


def test_visibility_of_a_sharp_gaussian_speck_by_hand():
    """A peak of .2 and sigma 3: sum .2 * 2 pi 9 = 11.3, area 4 pi 9 = 113, so 11.3 / sqrt(113) / .01 = 106."""
    residual = speck(3, 0.2)
    regions = join_regions(exceedances_of(residual * 1e4, residual), sign=1)
    np.testing.assert_allclose(regions.visibility, [0.2 * 2 * np.pi * 9 / np.sqrt(4 * np.pi * 9) / 0.01], rtol=0.02)


def test_visibility_takes_the_blur_of_the_infrared_out_of_the_area():
    """The same speck behind an infrared blur of 2 px was of variance 5: as much density on 4 pi 5 = 63 px."""
    residual = speck(3, 0.2)
    regions = join_regions(exceedances_of(residual * 1e4, residual, infrared_blur=2.0), sign=1)
    np.testing.assert_allclose(regions.visibility, [0.2 * 2 * np.pi * 9 / np.sqrt(4 * np.pi * 5) / 0.01], rtol=0.03)


def test_visibility_falls_with_grain():
    residual = speck(3, 0.2)
    quiet, loud = (
        join_regions(exceedances_of(residual * 1e4, residual, grain=grain), sign=1) for grain in (0.01, 0.05)
    )
    np.testing.assert_allclose(quiet.visibility, 5 * loud.visibility, rtol=1e-5)


def test_every_region_is_at_least_of_visibility_nought():
    score = np.zeros((9, 14))
    score[4, 4] = 8
    assert float(join_regions(exceedances_of(score, residual=-0.01 * score), sign=1).visibility[0]) >= 0


def test_only_the_core_of_a_blurred_speck_is_marked_but_all_of_a_sharp_one():
    residual = speck(3, 0.2)
    score = residual * 1000
    sharp, soft = (join_regions(exceedances_of(score, residual, infrared_blur=blur), sign=1) for blur in (0.0, 2.0))
    assert int(sharp.area[0]) == (score >= REGION_LEVEL).sum()
    assert 0 < int(soft.area[0]) < int(sharp.area[0])
    assert set(soft.pixel_index.values) < set(sharp.pixel_index.values)
    assert float(soft["rank"][0]) == float(sharp["rank"][0])


def test_kept_regions_keep_their_pixels_and_are_numbered_anew():
    score = np.zeros((9, 14))
    score[1, 1:3], score[4, 4], score[7, 7:12] = 5, 9, 4
    regions = join_regions(exceedances_of(score), sign=1)
    kept = keep_regions(regions, regions.area >= 2)
    np.testing.assert_array_equal(kept.area, [2, 5])
    np.testing.assert_array_equal(kept.pixel_region, [0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(drawn(kept, score.shape), (score == 5) | (score == 4))
    assert keep_regions(kept, kept["rank"] > 99).sizes == {"pixel": 0, "region": 0}


@given(mask=sparse_masks())
@FEW
def test_a_pixel_is_filled_where_its_four_neighbours_are_marked(mask):
    """Against a convolution that counts them; beyond the slide nothing is marked."""
    regions = join_regions(exceedances_of(10.0 * mask), sign=1)
    filled = fill_pinholes(regions, mask.shape[1])
    marked = drawn(regions, mask.shape)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    expected = marked | (ndimage.convolve(marked.astype(int), cross, mode="constant") == 4)
    np.testing.assert_array_equal(drawn(filled, mask.shape), expected)
    labels = ndimage.label(expected, EIGHT)[0].ravel()[filled.pixel_index.values]
    assert len(set(zip(labels, filled.pixel_region.values, strict=True))) == labels.max(initial=0)


@pytest.mark.usefixtures("small_blocks")
def test_a_score_without_exceedances_gives_an_empty_lazy_mask():
    for sign in (1, -1):
        regions = join_regions(exceedances_of(np.zeros((9, 14))), sign=sign)
        mask, number = mask_regions(regions, (9, 14))
        assert regions.sizes["region"] == 0
        assert mask.chunks is not None
        assert mask.dtype == bool
        assert not mask.values.any()
        assert int(number) == 0
