import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from irtoolkit.detection.segmentation import REGION_LEVEL
from irtoolkit.detection.threshold import choose_by_mirror, rate_above, threshold_mirror


def table(ranks, areas=1):
    ranks = np.asarray(ranks, float)
    return xr.Dataset({"rank": ("region", ranks), "area": ("region", np.broadcast_to(areas, ranks.shape))})


def test_no_decoy_and_many_regions_of_high_rank_admit_all():
    threshold, rate = threshold_mirror(table(np.arange(10, 60)), table([]), 0.05)
    assert REGION_LEVEL <= threshold <= REGION_LEVEL + 10
    assert 0 <= rate <= 0.05


def test_the_threshold_is_above_as_many_decoys_as_the_rate_forbids():
    """Two decoys and one more are 3 of 100; above rank 5.5 one and one are 2 of 95, under .025."""
    defects, decoys = table(np.arange(1, 101)), table([5.5, 20.5])
    threshold, rate = threshold_mirror(defects, decoys, 0.025)
    assert REGION_LEVEL + 5.5 <= threshold <= REGION_LEVEL + 6
    assert rate == pytest.approx(2 / 95)
    threshold, rate = threshold_mirror(defects, decoys, 0.005)
    assert REGION_LEVEL + 20.5 <= threshold <= REGION_LEVEL + 21
    assert rate <= 0.005


def test_estimate_by_hand():
    """Of 40 defects of rank 10 and one decoy of rank 8, all 40 pass; the tail expects less than one more."""
    defects, decoys = table(np.full(40, 10.0)), table([8.0])
    threshold, rate = threshold_mirror(defects, decoys, 0.01)
    assert REGION_LEVEL + 8 < threshold <= REGION_LEVEL + 10
    assert rate == pytest.approx(np.exp(-(threshold - REGION_LEVEL)) / 40, rel=1e-6)
    threshold, rate = threshold_mirror(defects, decoys, 0.05)
    assert threshold <= REGION_LEVEL + 8
    assert rate == pytest.approx((1 + np.exp(-(threshold - REGION_LEVEL))) / 40, rel=1e-6)


def test_pixels_count_as_well_as_regions():
    defects, small, large = table(np.full(40, 10.0)), table([12.0], 1), table([12.0], 9)
    assert threshold_mirror(defects, small, 0.05)[0] < np.inf
    assert threshold_mirror(defects, large, 0.05) == (np.inf, 0)


@given(
    noise=st.lists(st.floats(0, 5), max_size=30), signal=st.lists(st.floats(5, 50), max_size=30), more=st.floats(6, 99)
)
def test_more_signal_never_raises_the_threshold(noise, signal, more):
    decoys = table(noise)
    fewer = threshold_mirror(table([*noise, *signal]), decoys, 0.05)[0]
    assert threshold_mirror(table([*noise, *signal, more]), decoys, 0.05)[0] <= fewer


@given(ranks=st.lists(st.integers(0, 20), min_size=1, max_size=40), noise=st.lists(st.integers(0, 20), max_size=40))
def test_an_accepted_rate_is_at_most_the_stated_one(ranks, noise):
    noise = [rank + 0.5 for rank in noise]
    threshold, rate = threshold_mirror(table(ranks), table(noise), 0.1)
    assert threshold == np.inf or 0 <= rate <= 0.1
    kept, false = REGION_LEVEL + np.asarray(ranks) >= threshold, REGION_LEVEL + np.asarray(noise) > threshold
    assert threshold == np.inf or (kept.any() and false.sum() <= 0.1 * kept.sum())


def test_noise_against_itself_is_not_accepted():
    ranks = np.random.default_rng(0).exponential(1, 500)
    decoys = np.random.default_rng(1).exponential(1, 500)
    assert threshold_mirror(table(ranks), table(decoys), 0.05)[0] > REGION_LEVEL + np.quantile(ranks, 0.98)


@pytest.mark.parametrize("rank", [9.0, 11.3, 50.3, 97.7])
def test_fewer_regions_than_the_reciprocal_of_the_rate_can_be_accepted_at_high_rank(rank):
    noise = np.random.default_rng(2).exponential(0.5, 30)
    threshold, rate = threshold_mirror(table([*noise, rank]), table(noise), 0.05)
    assert threshold <= REGION_LEVEL + rank
    assert rate <= 0.05
    assert (REGION_LEVEL + table([rank])["rank"] >= threshold).all()


def test_one_region_within_the_noise_is_not_accepted():
    noise = np.random.default_rng(2).exponential(0.5, 30)
    assert threshold_mirror(table([*noise, noise.max() + 0.1]), table(noise), 0.05) == (np.inf, 0)


def test_nothing_to_accept_is_infinity():
    assert threshold_mirror(table([]), table([]), 0.05) == (np.inf, 0)
    assert threshold_mirror(table([]), table([4.0, 9.0]), 0.05) == (np.inf, 0)
    assert threshold_mirror(table([1.0]), table([4.0, 9.0]), 0.05) == (np.inf, 0)


def test_regions_without_core_pixels_do_no_harm():
    threshold, rate = threshold_mirror(table([30.0, 40.0], 0), table([1.0], 0), 0.05)
    assert threshold <= REGION_LEVEL + 30
    assert np.isfinite(rate)


def test_rate_of_all_regions_by_hand():
    assert rate_above(table([1.0, 2, 3, 4], [1, 1, 1, 7]), table([1.0], 1)) == 0.25
    assert rate_above(table([1.0, 2, 3, 4], 1), table([1.0], 3)) == 0.75
    assert rate_above(table([1.0]), table([1.0, 2.0])) == 1
    assert rate_above(table([]), table([1.0])) == 0


def test_edges_of_the_picture_do_not_raise_the_threshold_elsewhere():
    """20 decoys at edges outrank all 60 defects; only the 20 false regions have their relative contrast."""
    defects = table([*np.full(60, 10.0), *np.full(20, 30.0)]).assign(
        relative_contrast=("region", [*np.ones(60), *np.full(20, 9)])
    )
    decoys = table(np.full(20, 31.0)).assign(relative_contrast=("region", np.full(20, 9)))
    kept, threshold, rate = choose_by_mirror(defects, decoys, 0.05)
    assert kept.values.tolist() == [True] * 60 + [False] * 20
    assert threshold <= REGION_LEVEL + 10
    assert rate <= 0.05
    everywhere = decoys.assign(relative_contrast=("region", np.repeat([1.0, 9.0], 10)))
    assert not choose_by_mirror(defects, everywhere, 0.05)[0].any()


@pytest.mark.parametrize(("few", "kept"), [(4, 0), (5, 5)])
def test_few_regions_of_low_contrast_are_not_split_off(few, kept):
    """One of 6 levels tried may keep four regions of noise; without a level two decoys at edges outrank all."""
    defects = table(np.full(few, 30.0)).assign(relative_contrast=("region", np.ones(few)))
    decoys = table(np.full(2, 900.0)).assign(relative_contrast=("region", np.full(2, 9.0)))
    assert int(choose_by_mirror(defects, decoys, 0.05)[0].sum()) == kept
