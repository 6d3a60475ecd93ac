"""Every method of `Settings.threshold`: what it marks, what it never marks, and what it says of it."""

import dask
import numpy as np
import pytest
import xarray as xr
from found import find_defects

from irtoolkit.detection.marking import NO_REGIONS, describe_marks, mark_defects, mark_given
from irtoolkit.schema import BANDS, SlideError
from irtoolkit.settings import THRESHOLDS, Settings, raw_counts
from irtoolkit.synthetic.slides import make_slide

EVERY = (*THRESHOLDS, 4.0, "raw:100")
SQUARE = (slice(100, 112), slice(200, 212))
every_threshold = pytest.mark.parametrize("threshold", EVERY)


def darken(counts, visible, infrared):
    """A slide of counts (band, y, x) whose colour and infrared keep these shares of their light in the square."""
    counts = np.array(counts, float)
    counts[:3, *SQUARE] *= visible
    counts[3, *SQUARE] *= infrared
    return xr.Dataset({"counts": (("band", "y", "x"), counts.astype(np.uint16))}, {"band": list(BANDS)})


@pytest.fixture(scope="module")
def dark_square():
    """A photograph without dust, whose infrared is at 156 of 255, and at 64 or less in a square of 12 by 12 pixels."""
    return darken(make_slide(5, (301, 427), scanner="aligned", defects=0).counts, 0.6, 0.4)


def is_marked_alone(mask, most=10):
    """Whether the square is marked and at most so many pixels more than a frame of 1 px around it."""
    return mask[SQUARE].all() and mask.sum() <= 14 * 14 + most


@pytest.mark.parametrize("threshold", [name for name in EVERY if name != "ratio"])
def test_each_method_marks_the_dark_square_and_little_else(dark_square, threshold):
    found = find_defects(dark_square, settings=Settings(threshold=threshold)).compute()
    assert is_marked_alone(found.mask.values)
    assert float(found.coverage) == found.mask.values.mean()
    assert int(found.defects) == 1
    assert found.score.values[found.mask.values].min() >= (
        3.2 if threshold in ("mirror", 4.0) else float(found.threshold)
    )
    assert found.residual.values[SQUARE].min() > 0.3


@pytest.mark.parametrize("threshold", ["otsu", 4.0, "raw:100"])
def test_a_high_threshold_has_a_low_rate(dark_square, threshold):
    assert float(find_defects(dark_square, settings=Settings(threshold=threshold)).fdr) < 0.01


def test_ratio_marks_the_dark_square_on_film_with_little_in_red_and_nothing_on_a_photograph(dark_square, textured):
    """On a photograph Otsu's threshold parts dark red from bright red, within 1 sigma."""
    settings = Settings(threshold="ratio")
    density = [*(0.005 * textured(seed, (301, 427), 4) for seed in range(3)), np.zeros((301, 427))]
    film = 40000 * 10 ** -np.stack(density) * np.random.default_rng(2).normal(1, 0.01, (4, 301, 427))
    assert is_marked_alone(find_defects(darken(film, 0.8, 0.3), settings=settings).mask.values)
    found = find_defects(dark_square, settings=settings)
    assert float(found.threshold) == np.inf
    assert not found.mask.values.any()


def evidence(infrared, score=0.0, red=30000, chunks=(7, 11)):
    """Evidence and samples of a slide: 16-bit infrared counts, score in sigma of .01 density, counts of red."""
    infrared = np.asarray(infrared, np.float32)
    score = np.broadcast_to(np.where(np.isnan(infrared), 0, score), infrared.shape).astype(np.float32)
    planes = {"infrared": infrared, "residual": score / 100, "score": score, "grain": np.full_like(score, 0.01)}
    slide = xr.Dataset({name: (("y", "x"), plane) for name, plane in planes.items()})
    visible = np.stack([np.broadcast_to(band, infrared.shape).astype(np.uint16) for band in (red, 29000, 28000)])
    slide["visible"] = ("band", "y", "x"), visible
    return slide.chunk({"y": chunks[0], "x": chunks[1]}), [np.concatenate([visible, infrared[None]]).astype(np.float32)]


def mark(slide, threshold, visibility=0.0):
    settings = Settings(threshold=threshold, visibility=visibility)
    return mark_defects(*slide, settings, infrared_blur=0.0)


COUNTS = [[40000, 40000, 40000, 40000, 41000, 39000], [40000, 34695, 34694, 34438, np.nan, 300], [40000] * 6]


@pytest.mark.parametrize(("number", "less"), [(135, 3), (34695, 3), (34694, 2), (34438, 1), (1, 0), (1.5, 1), (300, 0)])
def test_raw_marks_what_has_fewer_counts(number, less):
    """135 of 255 are 34,695 of 65,535; 1 and 1.5 are 257 and 385.5."""
    found = mark(evidence(COUNTS), f"raw:{number}").compute()
    limit = number if number > 255 else 257 * number
    np.testing.assert_array_equal(found.mask, np.less(COUNTS, limit))
    assert found.mask.sum() == less


def test_raw_level_by_hand():
    """Of as many 9,000 as 10,000 and 11,000 the middle deviation is log10(1.1); 5,000 lies log10(2) from 10,000."""
    infrared = np.tile(np.repeat([9000, 10000, 11000], 3), (10, 1))
    found = mark(evidence(infrared), "raw:5000").compute()
    scale = 1.4826 * np.log10(1.1)
    assert float(found.threshold) == pytest.approx(np.log10(2) / scale, rel=1e-3)
    assert found.residual.values[0, 0] == pytest.approx(-np.log10(0.9), rel=1e-3)
    np.testing.assert_allclose(found.score, found.residual / scale, rtol=1e-3)
    assert int(found.defects) == float(found.fdr) == 0


@pytest.mark.parametrize("number", [10000, 12000, 255])
def test_raw_over_the_films_level_marks_all_that_is_darker_and_says_so(number):
    infrared = np.random.default_rng(1).normal(10000, 100, (40, 50))
    infrared[5:9] = np.nan
    found = mark(evidence(infrared), f"raw:{number}").compute()
    np.testing.assert_array_equal(found.mask, infrared < raw_counts(f"raw:{number}"))
    assert float(found.fdr) == 1
    assert float(found.threshold) == pytest.approx(0, abs=0.05)


def test_ratio_by_hand():
    """Infrared over red is a quarter where the infrared alone is dark, and as elsewhere where both are."""
    film = np.random.default_rng(3).normal(20000, 200, (30, 40))
    infrared, red = film.copy(), np.full(film.shape, 20000)
    infrared[:3, :3] /= 4
    infrared[20:, 30:] /= 4
    red[20:, 30:] //= 4
    found = mark(evidence(infrared, red=red), "ratio").compute()
    expected = np.zeros(film.shape, bool)
    expected[:3, :3] = True
    np.testing.assert_array_equal(found.mask, expected)
    np.testing.assert_allclose(found.residual[:3, :3], np.log10(4), atol=0.02)
    assert 5 < float(found.threshold) < 50


def specks(shape):
    """Mask of squares of 4 by 4 pixels, 60 pixels apart."""
    place = [np.arange(length) % 60 // 4 == 7 for length in shape]
    return place[0][:, None] & place[1]


def test_local_follows_noise_that_is_three_times_larger_in_one_half():
    shape = 600, 1200
    noise = np.where(np.arange(1200) < 600, 1.0, 3.0)
    dust = specks(shape)
    score = noise * (np.random.default_rng(4).normal(size=shape) + 8 * dust)
    slide = evidence(np.full(shape, 40000.0), score, chunks=(300, 1200))
    local, slope = (mark(slide, threshold).compute() for threshold in ("local", "slope"))
    assert local.mask.values[dust].mean() > 0.85
    assert local.mask.values[~dust].mean() < 1e-3
    assert slope.mask.values[:, 600:][~dust[:, 600:]].mean() > 0.1
    np.testing.assert_array_equal(local.mask, local.score >= local.threshold)
    assert float(local.fdr) < 0.05 < float(slope.fdr)


@pytest.mark.parametrize("threshold", ["otsu", "yen", "slope", "local"])
def test_a_histogram_that_tells_nothing_marks_nothing_and_reads_no_further(threshold):
    score = np.random.default_rng(5).uniform(-0.9, 0.9, (60, 80))
    slide, samples = evidence(np.full(score.shape, 40000.0), score)
    found = mark((slide.drop_vars("grain"), samples), threshold)
    assert float(found.threshold) == np.inf
    assert float(found.fdr) == float(found.coverage) == int(found.defects) == 0
    assert not found.mask.values.any()
    np.testing.assert_array_equal(found.score, slide.score)


@pytest.fixture(scope="module")
def dusty():
    """Infrared with a strip that is not known, score and red of 41 rows and 67 columns, in chance order."""
    chance = np.random.default_rng(6)
    dust = chance.random((41, 67)) < 0.03
    infrared = 40000 * 10 ** -(chance.normal(0, 0.01, dust.shape) + 0.2 * dust)
    infrared[:, 30:34] = np.nan
    return infrared, chance.normal(size=dust.shape) + 20 * dust, 40000 * 10 ** -chance.normal(0, 0.01, dust.shape)


@pytest.mark.parametrize("threshold", [*EVERY, "raw:255"])
def test_what_is_not_known_is_never_marked(dusty, block_size, threshold):
    block_size(15, 25)
    found = mark(evidence(*dusty), threshold).compute()
    assert found.mask.values.any()
    assert not found.mask.values[:, 30:34].any()
    assert not found.score.values[:, 30:34].any()
    assert not found.residual.values[:, 30:34].any()


@every_threshold
def test_every_chunking_gives_the_same_bits(dusty, block_size, threshold):
    block_size(15, 25)
    results = []
    for number, chunks in enumerate(((41, 67), (1, 67), (13, 5), ((1, 39, 1), (60, 7)))):
        with dask.config.set(scheduler="threads", num_workers=1 + number % 2):
            results.append(mark(evidence(*dusty, chunks=chunks), threshold).compute())
    assert all(result.identical(results[0]) for result in results[1:])


@pytest.mark.parametrize(("threshold", "marked"), [(1.0, 3), (15.0, 0)])
def test_what_could_be_marked_is_counted_whatever_is_marked(threshold, marked):
    """Three dark and two bright pixels of 10 sigma, apart from each other."""
    score = np.random.default_rng(7).normal(0, 0.5, (60, 80))
    score[10, [10, 20, 30]], score[20, [10, 20]] = 10, -10
    found = mark(evidence(np.full(score.shape, 40000.0), score), threshold)
    assert (int(found.candidates), int(found.decoys), int(found.defects.compute())) == (3, 2, marked)
    assert (float(found.worst_y), float(found.worst_x)) in {(10.0, column) for column in (10.0, 20.0, 30.0)}
    assert (found.candidate_score.shape, found.decoy_score.shape) == ((3,), (2,))
    assert (found.candidate_score < 15).all()


def test_marks_are_in_order_of_their_scores_and_of_equal_ones_the_larger_is_first():
    """Of these regions 2 is the least certain; 0 and 3 are equally certain, 3 is larger; 1 has no pixels left."""
    pixels = {"pixel_index": ("pixel", [3, 4, 13, 14, 15, 40]), "pixel_region": ("pixel", [0, 0, 3, 3, 3, 2])}
    marks = describe_marks(xr.Dataset({**pixels, "score": ("region", [9.0, 1.0, 5.0, 9.0])}), (30, 10))
    assert marks["mark_y"] == ("mark", pytest.approx([4, 1, 0]))
    assert marks["mark_x"] == ("mark", pytest.approx([0, 4, 4]))
    assert marks["largest"] == 3 / 300
    none = describe_marks(NO_REGIONS, (30, 10))
    assert (len(none["mark_y"][1]), len(none["mark_x"][1]), none["largest"]) == (0, 0, 0)


@every_threshold
def test_every_mark_has_a_pixel_in_the_mask(dusty, threshold):
    found = mark(evidence(*dusty), threshold).compute()
    assert found.sizes["mark"] > 1
    assert found.mask.values[found.mark_y.values, found.mark_x.values].all()


def test_marks_of_ones_own_have_a_pixel_each_the_largest_first():
    marked = np.zeros((40, 50), bool)
    marked[10, 20], marked[30:33, 5:8] = True, True
    found = mark_given(evidence(np.full(marked.shape, 40000.0))[0], marked)
    assert (found.mark_y.values.tolist(), found.mark_x.values.tolist()) == ([31, 10], [6, 20])


def test_where_pixels_are_cut_no_score_of_regions_is_returned(dusty):
    assert "candidate_score" in mark(evidence(*dusty), "mirror")
    assert not {"candidate_score", "decoy_score"} & set(mark(evidence(*dusty), "triangle"))


@every_threshold
def test_planes_stay_lazy(dusty, threshold):
    found = mark(evidence(*dusty), threshold)
    assert all(dask.is_dask_collection(found[name]) for name in ("residual", "score", "mask", "coverage", "defects"))
    assert not any(dask.is_dask_collection(found[name]) for name in ("threshold", "fdr"))


def test_pixels_count_in_the_rate(dusty):
    """Regions are pixels and pairs, so that the rate of both is close."""
    found = mark(evidence(*dusty), "triangle").compute()
    score, threshold = found.score.values, float(found.threshold)
    pixels = (1 + (score <= -threshold).sum()) / (score >= threshold).sum()
    assert 0 < pixels <= float(found.fdr) < 1.5 * pixels


@pytest.mark.parametrize(("length", "marked"), [(2, 0), (3, 3)])
def test_the_smallest_mark_has_three_pixels(length, marked):
    score = np.zeros((41, 67))
    score[20, 30 : 30 + length] = 9
    slide, samples = evidence(np.where(score, 20000.0, 40000.0), score)
    assert mark((slide, samples), 3.2, visibility=1.0).mask.values.sum() == marked


def test_visibility_leaves_out_what_cannot_be_seen(dusty):
    slide = evidence(*dusty)
    assert not mark(slide, "otsu", visibility=1e4).mask.values.any()
    assert float(mark(slide, "triangle", visibility=1e4).fdr) == 0


@pytest.mark.parametrize("threshold", ["zero", "", "Otsu", "0.5", 0.99, "inf", float("nan"), -4, [3.2], "local:4"])
def test_what_is_no_threshold_is_refused_with_what_is_one(threshold):
    with pytest.raises(
        SlideError, match=r"mirror, otsu, yen, triangle, slope, local, ratio, a number of sigma \(1 or more\)"
    ):
        Settings(threshold=threshold)


@pytest.mark.parametrize("threshold", ["raw:", "raw:0", "raw:-3", "raw:65536", "raw:nan", "raw:many"])
def test_raw_counts_out_of_range_are_refused(threshold):
    counts = rf"raw:NUMBER \(infrared counts above 0, at most 65535\), not '{threshold}'"
    with pytest.raises(SlideError, match=counts):
        Settings(threshold=threshold)


@pytest.mark.parametrize(("given", "kept"), [("3.5", 3.5), (4, 4.0), ("raw:135", "raw:135"), ("local", "local")])
def test_numbers_may_be_texts(given, kept):
    assert Settings(threshold=given).threshold == kept
