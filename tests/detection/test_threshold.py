import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from irtoolkit.detection.ranking import NULL_REGIONS, null_share
from irtoolkit.detection.threshold import FEW, known_rate, rate_above, rate_from, threshold_mirror


def table(scores, areas=1):
    scores = np.asarray(scores, float)
    return xr.Dataset({"score": ("region", scores), "area": ("region", np.broadcast_to(areas, scores.shape))})


def test_many_defects_without_a_decoy_are_all_kept():
    scores = np.linspace(4.3, 9, 50)
    assert threshold_mirror(table(scores), table([]), 0.05) == 4.3


def test_the_threshold_is_above_as_many_decoys_as_the_rate_forbids():
    """Two decoys are 2 of 100 defects, beyond .015; above the first one, one of 60 is still too much; then none."""
    defects, decoys = table(np.arange(100) / 10 + 10), table([13.95, 15.95])
    assert threshold_mirror(defects, decoys, 0.025) == 10
    assert threshold_mirror(defects, decoys, 0.0175) == pytest.approx(14)
    assert threshold_mirror(defects, decoys, 0.01) == pytest.approx(16)


def test_rate_by_hand():
    """Of 40 defects and one decoy of sigma 9 the null adds nothing to speak of; at 4.5 a third of a region."""
    defects, decoys = table(np.full(40, 9.0)), table([9.0])
    assert rate_from(defects, decoys, np.array([9.0])) == pytest.approx(1 / 40, rel=1e-6)
    share = null_share(np.array([4.5]))
    assert share == pytest.approx(3.4e-6 / NULL_REGIONS, rel=0.01)
    assert rate_from(defects, decoys, np.array([4.5])) == pytest.approx((1 + share) / 40)
    assert rate_from(defects, decoys, np.array([9.5])) == 0


def test_pixels_count_as_well_as_regions():
    defects, small, large = table(np.full(40, 8.0)), table([9.0], 1), table([9.0], 9)
    assert threshold_mirror(defects, small, 0.05) == 8
    assert threshold_mirror(defects, large, 0.05) == np.inf


@pytest.mark.parametrize(("score", "kept"), [(4.4, False), (5.5, True)])
def test_a_single_region_is_kept_where_the_pooled_null_hardly_reaches(score, kept):
    assert (threshold_mirror(table([score]), table([]), 0.05) == score) == kept


@pytest.mark.parametrize(("scores", "kept"), [([4.5], False), ([4.7], True), ([4.7] * 4, True), ([4.5] * 7, False)])
def test_of_few_regions_on_steep_film_a_quarter_of_a_false_one_is_allowed(scores, kept):
    """At 4.7 sigma a sixth of a region of the pooled null is expected, at 4.5 four tenths."""
    defects = table(scores).assign_attrs(slopes=0.4)
    assert (threshold_mirror(defects, table([]), 0.05) == scores[0]) == kept
    assert threshold_mirror(defects, table([9.0]), 0.05) == np.inf


@given(
    noise=st.lists(st.floats(4.2, 6), max_size=30), signal=st.lists(st.floats(5, 9), max_size=30), more=st.floats(6, 9)
)
def test_more_signal_never_raises_the_threshold(noise, signal, more):
    decoys = table(noise)
    fewer = threshold_mirror(table([*noise, *signal]), decoys, 0.05)
    assert threshold_mirror(table([*noise, *signal, more]), decoys, 0.05) <= fewer


@given(scores=st.lists(st.floats(4, 9), min_size=1, max_size=40), noise=st.lists(st.floats(4, 9), max_size=40))
def test_a_kept_set_has_at_most_the_stated_rate(scores, noise):
    defects, decoys = table(scores), table(noise)
    threshold = threshold_mirror(defects, decoys, 0.1)
    kept, false = np.asarray(scores) >= threshold, np.asarray(noise) >= threshold
    assert threshold == np.inf or (kept.any() and false.sum() <= 0.1 * kept.sum())
    assert threshold == np.inf or rate_from(defects, decoys, np.array([threshold])) <= 0.1


def test_noise_against_itself_is_hardly_kept():
    noise = 4.2 + np.random.default_rng(0).exponential(0.3, (2, 500))
    kept = noise[0] >= threshold_mirror(table(noise[0]), table(noise[1]), 0.05)
    assert kept.sum() <= 10


def test_one_huge_decoy_does_not_silence_a_slide():
    """The score of a region saturates, so that a decoy outranks no more than what scores as high."""
    defects, decoys = table([*np.full(50, 6.0), *np.full(20, 5.0)]), table([7.0])
    assert threshold_mirror(defects, decoys, 0.05) == 5


def test_nothing_to_keep_is_infinity():
    assert threshold_mirror(table([]), table([]), 0.05) == np.inf
    assert threshold_mirror(table([]), table([4.0, 9.0]), 0.05) == np.inf
    assert threshold_mirror(table([5.0]), table([6.0, 9.0]), 0.05) == np.inf


def test_regions_without_core_pixels_do_no_harm():
    defects, decoys = table(np.full(30, 7.0), 0), table([4.5], 0)
    assert threshold_mirror(defects, decoys, 0.05) == 7
    assert np.isfinite(rate_from(defects, decoys, np.array([7.0]))).all()


def test_rate_of_all_regions_by_hand():
    assert rate_above(table([1.0, 2, 3, 4], [1, 1, 1, 7]), table([1.0], 1)) == 0.25
    assert rate_above(table([1.0, 2, 3, 4], 1), table([1.0], 3)) == 0.75
    assert rate_above(table([1.0]), table([1.0, 2.0])) == 1
    assert rate_above(table([]), table([1.0])) == 0


@pytest.mark.parametrize(
    ("number", "slopes", "known"),
    [(0, 0.3, True), (1, 0.3, False), (FEW - 1, 0.3, False), (FEW, 0.3, True), (1, 0.05, True)],
)
def test_of_few_defects_on_steep_film_the_rate_is_not_known(number, slopes, known):
    rate = known_rate(0.04, table([5.0] * number).assign_attrs(slopes=slopes))
    assert rate == 0.04 if known else np.isnan(rate)
