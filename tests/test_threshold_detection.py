import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from irtoolkit import tiles
from irtoolkit.detection import GROW, join_regions, keep_regions, mask_regions, measure_tails
from irtoolkit.threshold import rate_above, threshold_mirror

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EIGHT = np.ones((3, 3))


def table(ranks, areas=1):
    ranks = np.asarray(ranks, float)
    return xr.Dataset({"rank": ("region", ranks), "area": ("region", np.broadcast_to(areas, ranks.shape))})


def plane(values):
    return xr.DataArray(da.from_array(np.asarray(values, np.float32), (7, 11)), dims=("y", "x"))


def tails_of(score, residual=None, grain=0.01, infrared_blur=0.0, level=GROW):
    score = np.asarray(score, np.float32)
    residual = 0.01 * score if residual is None else residual
    grain = np.full(score.shape, grain)
    return measure_tails(plane(score), plane(residual), plane(grain), infrared_blur=infrared_blur, level=level)


def drawn(regions, shape):
    return mask_regions(regions, shape)[0].values


@st.composite
def sparse_masks(draw):
    shape = draw(st.integers(1, 30)), draw(st.integers(1, 40))
    density = draw(st.sampled_from([0.02, 0.15, 0.4, 0.9]))
    return np.random.default_rng(draw(st.integers(0, 10_000))).random(shape) < density


def test_no_mirrored_region_and_many_far_candidates_admit_all():
    threshold, rate = threshold_mirror(table(np.arange(10, 60)), table([]), 0.05)
    assert GROW <= threshold <= GROW + 10
    assert 0 <= rate <= 0.05


def test_threshold_lies_above_as_many_mirrored_regions_as_the_rate_forbids():
    """Two mirrored regions and one for luck are 3 of 100; above rank 5.5 one and one are 2 of 95, under .025."""
    defects, mirrored = table(np.arange(1, 101)), table([5.5, 20.5])
    threshold, rate = threshold_mirror(defects, mirrored, 0.025)
    assert GROW + 5.5 <= threshold <= GROW + 6
    assert rate == pytest.approx(2 / 95)
    threshold, rate = threshold_mirror(defects, mirrored, 0.005)
    assert GROW + 20.5 <= threshold <= GROW + 21
    assert rate <= 0.005


def test_estimate_by_hand():
    """Of 40 defects of rank 10 and one mirrored region of rank 8, all 40 pass; the tail expects less than one more."""
    defects, mirrored = table(np.full(40, 10.0)), table([8.0])
    threshold, rate = threshold_mirror(defects, mirrored, 0.01)
    assert GROW + 8 < threshold <= GROW + 10
    assert rate == pytest.approx(np.exp(-(threshold - GROW)) / 40, rel=1e-6)
    threshold, rate = threshold_mirror(defects, mirrored, 0.05)
    assert threshold <= GROW + 8
    assert rate == pytest.approx((1 + np.exp(-(threshold - GROW))) / 40, rel=1e-6)


def test_pixels_count_as_well_as_regions():
    defects, small, large = table(np.full(40, 10.0)), table([12.0], 1), table([12.0], 9)
    assert threshold_mirror(defects, small, 0.05)[0] < np.inf
    assert threshold_mirror(defects, large, 0.05) == (np.inf, 0)


@given(
    noise=st.lists(st.floats(0, 5), max_size=30), signal=st.lists(st.floats(5, 50), max_size=30), more=st.floats(6, 99)
)
def test_more_signal_never_raises_the_threshold(noise, signal, more):
    mirrored = table(noise)
    fewer = threshold_mirror(table([*noise, *signal]), mirrored, 0.05)[0]
    assert threshold_mirror(table([*noise, *signal, more]), mirrored, 0.05)[0] <= fewer


@given(ranks=st.lists(st.integers(0, 20), min_size=1, max_size=40), noise=st.lists(st.integers(0, 20), max_size=40))
def test_an_accepted_rate_is_at_most_the_stated_one(ranks, noise):
    noise = [rank + 0.5 for rank in noise]
    threshold, rate = threshold_mirror(table(ranks), table(noise), 0.1)
    assert threshold == np.inf or 0 <= rate <= 0.1
    kept, false = GROW + np.asarray(ranks) >= threshold, GROW + np.asarray(noise) > threshold
    assert threshold == np.inf or (kept.any() and false.sum() <= 0.1 * kept.sum())


def test_noise_against_itself_is_not_accepted():
    ranks = np.random.default_rng(0).exponential(1, 500)
    mirrored = np.random.default_rng(1).exponential(1, 500)
    assert threshold_mirror(table(ranks), table(mirrored), 0.05)[0] > GROW + np.quantile(ranks, 0.98)


@pytest.mark.parametrize("rank", [9.0, 11.3, 50.3, 97.7])
def test_fewer_candidates_than_the_reciprocal_of_the_rate_can_be_accepted_far_out(rank):
    noise = np.random.default_rng(2).exponential(0.5, 30)
    threshold, rate = threshold_mirror(table([*noise, rank]), table(noise), 0.05)
    assert threshold <= GROW + rank
    assert rate <= 0.05
    assert (GROW + table([rank])["rank"] >= threshold).all()


def test_one_candidate_within_the_noise_is_not_accepted():
    noise = np.random.default_rng(2).exponential(0.5, 30)
    assert threshold_mirror(table([*noise, noise.max() + 0.1]), table(noise), 0.05) == (np.inf, 0)


def test_nothing_to_accept_is_infinity():
    assert threshold_mirror(table([]), table([]), 0.05) == (np.inf, 0)
    assert threshold_mirror(table([]), table([4.0, 9.0]), 0.05) == (np.inf, 0)
    assert threshold_mirror(table([1.0]), table([4.0, 9.0]), 0.05) == (np.inf, 0)


def test_regions_whose_every_pixel_is_rim_do_no_harm():
    threshold, rate = threshold_mirror(table([30.0, 40.0], 0), table([1.0], 0), 0.05)
    assert threshold <= GROW + 30
    assert np.isfinite(rate)


def test_rate_of_all_regions_by_hand():
    assert rate_above(table([1.0, 2, 3, 4], [1, 1, 1, 7]), table([1.0], 1)) == 0.25
    assert rate_above(table([1.0, 2, 3, 4], 1), table([1.0], 3)) == 0.75
    assert rate_above(table([1.0]), table([1.0, 2.0])) == 1
    assert rate_above(table([]), table([1.0])) == 0


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(mask=sparse_masks())
def test_regions_are_those_of_eight_connected_labelling(mask):
    regions = join_regions(tails_of(np.where(mask, 5, 0)), sign=1)
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


@pytest.mark.usefixtures("small_blocks")
def test_rows_do_not_wrap_around():
    score = np.zeros((12, 17))
    score[3, 16] = score[4, 0] = score[6, 0] = score[5, 16] = 9
    assert join_regions(tails_of(score), sign=1).sizes["region"] == 4


@pytest.mark.usefixtures("small_blocks")
def test_regions_join_over_block_borders_straight_and_aslant():
    score = np.zeros((20, 41))
    score[2:18, 5] = 9
    score[np.arange(2, 18), 8 + np.arange(16)] = 9
    assert [len(row) for row in tiles.blocks(20, 41)] == [5, 5, 5, 5]
    assert join_regions(tails_of(score), sign=1).sizes["region"] == 2


@pytest.mark.usefixtures("small_blocks")
def test_a_picture_of_one_column_or_one_row_joins_along_it():
    line = np.array([9, 9, 0, 9.0])
    assert join_regions(tails_of(line[None]), sign=1).sizes["region"] == 2
    assert join_regions(tails_of(line[:, None]), sign=1).sizes["region"] == 2


def test_rank_is_the_summed_excess_over_the_level():
    score = np.zeros((9, 14))
    score[2, 3:6] = 4, 10, 5
    score[6, 9] = 3.1
    regions = join_regions(tails_of(score), sign=1)
    np.testing.assert_allclose(regions["rank"], [19 - 3 * GROW], rtol=1e-6)
    np.testing.assert_allclose(join_regions(tails_of(score), sign=1, level=5)["rank"], [5], rtol=1e-6)


def test_the_mirror_of_the_score_gives_the_mirrored_regions():
    score = np.random.default_rng(3).normal(0, 3, (41, 53))
    one, other = (join_regions(tails_of(sign * score), sign=sign) for sign in (1, -1))
    assert one.sizes["region"] > 20
    np.testing.assert_array_equal(one.pixel_index, other.pixel_index)
    for name in ("rank", "area", "visibility"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_tails_hold_every_pixel_at_the_level_in_row_order():
    score = np.random.default_rng(4).normal(0, 3, (41, 53)).astype(np.float32)
    tails = tails_of(score)
    beyond = np.flatnonzero(np.abs(score) >= np.float32(GROW))
    np.testing.assert_array_equal(tails["index"], beyond)
    np.testing.assert_array_equal(tails.score, score.ravel()[beyond])
    np.testing.assert_allclose(tails.residual, 0.01 * score.ravel()[beyond], rtol=1e-6)
    assert (tails.height, tails.width) == (41, 53)
    assert int(tails.histogram.sum()) == score.size


def speck(sigma, peak, shape=(61, 71)):
    y, x = np.indices(shape)
    return peak * np.exp(-((y - 30) ** 2 + (x - 35) ** 2) / (2 * sigma**2))


def test_visibility_of_a_sharp_gaussian_speck_by_hand():
    """A peak of .2 and sigma 3: sum .2 * 2 pi 9 = 11.3, area 4 pi 9 = 113, so 11.3 / sqrt(113) / .01 = 106."""
    residual = speck(3, 0.2)
    regions = join_regions(tails_of(residual * 1e4, residual), sign=1)
    np.testing.assert_allclose(regions.visibility, [0.2 * 2 * np.pi * 9 / np.sqrt(4 * np.pi * 9) / 0.01], rtol=0.02)


def test_visibility_takes_the_blur_of_the_infrared_out_of_the_area():
    """The same speck behind an infrared blur of 2 px was of variance 5: as much density on 4 pi 5 = 63 px."""
    residual = speck(3, 0.2)
    regions = join_regions(tails_of(residual * 1e4, residual, infrared_blur=2.0), sign=1)
    np.testing.assert_allclose(regions.visibility, [0.2 * 2 * np.pi * 9 / np.sqrt(4 * np.pi * 5) / 0.01], rtol=0.03)


def test_visibility_falls_with_grain():
    residual = speck(3, 0.2)
    quiet, loud = (join_regions(tails_of(residual * 1e4, residual, grain=grain), sign=1) for grain in (0.01, 0.05))
    np.testing.assert_allclose(quiet.visibility, 5 * loud.visibility, rtol=1e-5)


def test_every_region_is_at_least_of_visibility_nought():
    score = np.zeros((9, 14))
    score[4, 4] = 8
    assert float(join_regions(tails_of(score, residual=-0.01 * score), sign=1).visibility[0]) >= 0


def test_only_the_core_of_a_blurred_speck_is_marked_but_all_of_a_sharp_one():
    residual = speck(3, 0.2)
    score = residual * 1000
    sharp, soft = (join_regions(tails_of(score, residual, infrared_blur=blur), sign=1) for blur in (0.0, 2.0))
    assert int(sharp.area[0]) == (score >= GROW).sum()
    assert 0 < int(soft.area[0]) < int(sharp.area[0])
    assert set(soft.pixel_index.values) < set(sharp.pixel_index.values)
    assert float(soft["rank"][0]) == float(sharp["rank"][0])


def test_kept_regions_keep_their_pixels_and_are_numbered_anew():
    score = np.zeros((9, 14))
    score[1, 1:3], score[4, 4], score[7, 7:12] = 5, 9, 4
    regions = join_regions(tails_of(score), sign=1)
    kept = keep_regions(regions, regions.area >= 2)
    np.testing.assert_array_equal(kept.area, [2, 5])
    np.testing.assert_array_equal(kept.pixel_region, [0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(drawn(kept, score.shape), (score == 5) | (score == 4))
    assert keep_regions(kept, kept["rank"] > 99).sizes == {"pixel": 0, "region": 0}


@pytest.mark.usefixtures("small_blocks")
def test_a_score_without_tails_gives_an_empty_lazy_mask():
    for sign in (1, -1):
        regions = join_regions(tails_of(np.zeros((9, 14))), sign=sign)
        mask, number = mask_regions(regions, (9, 14))
        assert regions.sizes["region"] == 0
        assert mask.chunks is not None
        assert mask.dtype == bool
        assert not mask.values.any()
        assert int(number) == 0
