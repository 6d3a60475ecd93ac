import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage import filters

from irtoolkit.detection.histogram import (
    EDGES,
    measure_histogram,
    measure_local_histograms,
    spread_threshold,
    threshold_local,
    threshold_otsu,
    threshold_slope,
    threshold_triangle,
    threshold_yen,
)

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 40))
WIDTH = 0.05
CENTRES = EDGES + WIDTH / 2
FIND = {"otsu": threshold_otsu, "yen": threshold_yen, "triangle": threshold_triangle, "slope": threshold_slope}
every_method = pytest.mark.parametrize("find", FIND.values(), ids=FIND)


def histogram(counts):
    return xr.Dataset({"count": ("bin", np.asarray(counts).astype(np.int64))}, {"edge": ("bin", EDGES)})


def spikes(pixels):
    """Histogram of so many pixels at the lower edges of bins."""
    counts = np.zeros(len(EDGES), int)
    for place, number in pixels.items():
        counts[np.searchsorted(EDGES, place)] = number
    return histogram(counts)


def noise(pixels):
    """Expected counts of a normal distribution of deviation 1."""
    return pixels * WIDTH * np.exp(-(CENTRES**2) / 2) / np.sqrt(2 * np.pi)


def dust(pixels, lowest, highest=30.0):
    """Pixels spread evenly over scores."""
    inside = (lowest < CENTRES) & (highest > CENTRES)
    return pixels * inside / inside.sum()


def plane(values, chunks=(7, 11)):
    return xr.DataArray(da.from_array(np.asarray(values, np.float32), chunks), dims=("y", "x"))


def test_histogram_by_hand():
    """A score on an edge counts above it, those beyond the ends in the outer bins, and 0 is not counted."""
    measured = measure_histogram(plane([[0.0, 0.01, -0.01, 0.25], [-99.0, np.inf, 0.25, 39.99]]))
    assert measured["count"].dtype == np.int64
    occupied = measured.isel(bin=measured["count"].values > 0)
    np.testing.assert_array_equal(occupied["count"], [1, 1, 1, 2, 2])
    np.testing.assert_array_equal(occupied.edge, [-12, -0.05, 0, 0.25, 39.95])


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(shape=SHAPES, chunks=SHAPES, across=st.integers(1, 6))
def test_counts_are_those_of_numpy_for_all_chunks(shape, chunks, across):
    score = np.random.default_rng(sum(shape)).normal(0, 8, shape).astype(np.float32)
    measured = measure_local_histograms(plane(score, chunks), across=across)
    down, right = measured.sizes["tile_y"], measured.sizes["tile_x"]
    tile_y, tile_x = np.arange(shape[0]) * down // shape[0], np.arange(shape[1]) * right // shape[1]
    for y, x in np.ndindex(down, right):
        expected = np.histogram(score[tile_y == y][:, tile_x == x], np.r_[-np.inf, EDGES[1:], np.inf])[0]
        np.testing.assert_array_equal(measured["count"][y, x], expected)
    whole = measure_histogram(plane(score, chunks))
    np.testing.assert_array_equal(whole["count"], measured["count"].sum(("tile_y", "tile_x")))


def test_sub_regions_are_nearly_square_and_know_their_centres():
    measured = measure_local_histograms(plane(np.ones((40, 60))), across=6)
    np.testing.assert_array_equal(measured["count"].sum("bin"), np.full((4, 6), 100))
    np.testing.assert_allclose(measured.y, 4.5 + 10 * np.arange(4))
    np.testing.assert_allclose(measured.x, 4.5 + 10 * np.arange(6))


def test_otsu_by_hand():
    """Of 8 pixels at 0, one at 4, one at 10: 9 x (10 - 4 / 9)^2 = 822 after 4, 8 x 2 x 7^2 = 784 before it.

    Of two at 4: 10 x (10 - 8 / 10)^2 = 846 after them, 8 x 3 x 6^2 = 864 before them.
    """
    assert threshold_otsu(spikes({0: 9, 10: 1})) == pytest.approx(5 + WIDTH / 2)
    assert threshold_otsu(spikes({0: 8, 4: 1, 10: 1})) == pytest.approx(7 + WIDTH / 2)
    assert threshold_otsu(spikes({0: 8, 4: 2, 10: 1})) == pytest.approx(2 + WIDTH / 2)


@pytest.mark.parametrize("name", ["otsu", "yen"])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_otsu_and_yen_are_those_of_scikit_image(name, share):
    """It names the centre of the last bin below the threshold."""
    slide = histogram(noise(1e6) + dust(share * 1e6, 2))
    expected = getattr(filters, f"threshold_{name}")(hist=(slide["count"].values.astype(float), CENTRES)) + WIDTH / 2
    assert FIND[name](slide) == (pytest.approx(expected) if expected >= 1 else np.inf)


def test_yen_does_not_lose_a_tail_of_one_pixel_in_100_000():
    assert threshold_yen(histogram(noise(6e7) + (CENTRES > 6))) == pytest.approx(5.1, abs=0.2)


def test_triangle_by_hand():
    """Under the line from (0, 100) to (40, 0), in bins, the corner (30, 10) is the farthest: 25 - 10."""
    places = np.round(CENTRES / WIDTH - 0.5)
    slide = histogram(np.interp(places, [-1, 0, 30, 40, 41], [0, 100, 10, 1, 0]))
    assert threshold_triangle(slide) == pytest.approx(31 * WIDTH)
    assert threshold_triangle(slide.assign_coords(edge=slide.edge - 1)) == np.inf


@pytest.mark.parametrize("lowest", [2.0, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("pixels", [100_000, 1_000_000, 60_000_000])
def test_slope_is_left_where_the_contamination_begins_on_slides_of_any_size(lowest, pixels):
    slide = histogram(np.random.default_rng(5).poisson(noise(pixels) + dust(pixels, lowest, 12)))
    assert lowest - 0.1 <= threshold_slope(slide) <= lowest + 0.1


def test_slope_does_not_trip_over_one_or_two_lucky_bins():
    slide = noise(1e6)
    slide[(CENTRES > 3) & (CENTRES < 3.2)] *= 9
    assert threshold_slope(histogram(slide)) == np.inf
    slide[(CENTRES > 3) & (CENTRES < 3.3)] *= 9
    assert threshold_slope(histogram(slide)) == pytest.approx(3.0)


def test_symmetric_noise_has_no_threshold():
    slide = histogram(np.random.default_rng(9).poisson(noise(1e6)))
    assert threshold_otsu(slide) == np.inf
    assert threshold_slope(slide) == np.inf


@every_method
@pytest.mark.parametrize("pixels", [{}, {0: 1}, {0: 10**9}, {-12: 5}, {0: 3, 0.05: 3}, {-3: 9, 0: 1}])
@pytest.mark.parametrize("bins", [1, 3, len(EDGES)])
def test_a_histogram_that_tells_nothing_gives_infinity(find, pixels, bins):
    slide = spikes(pixels).isel(bin=slice(bins))
    assert find(slide) == np.inf


@every_method
@FEW
@given(places=st.dictionaries(st.integers(-240, 799), st.integers(1, 10**7), max_size=50))
def test_thresholds_are_never_below_one_sigma_or_undefined(find, places):
    slide = spikes({place / 20: number for place, number in places.items()})
    assert find(slide) >= 1


def local(counts):
    """Histograms of sub-regions, counts (tile_y, tile_x, bin)."""
    centres = {axis: (f"tile_{axis}", np.arange(len(counts[0]) if axis == "x" else len(counts))) for axis in "yx"}
    return xr.Dataset({"count": (("tile_y", "tile_x", "bin"), np.int64(counts))}, {"edge": ("bin", EDGES), **centres})


def test_large_sub_regions_have_their_own_thresholds():
    counts = [[noise(1e6) + dust(1e6, lowest, 12) for lowest in row] for row in ((2, 3, 4), (5, 6, 7))]
    found = threshold_local(local(counts))
    np.testing.assert_allclose(found, [[2, 3, 4], [5, 6, 7]], atol=0.1)


def test_small_sub_regions_are_drawn_to_the_median_around_them():
    """3,000 of the 30,000 pixels that are enough: a tenth of its own 8, and nine tenths of the others' 4."""
    counts = np.zeros((3, 3, len(EDGES)))
    counts[:] = spikes({0: 40_000, 8: 40_000})["count"]
    counts[1, 1] = spikes({0: 1_500, 16: 1_500})["count"]
    found = threshold_local(local(counts), find=threshold_otsu)
    assert float(found[1, 1]) == pytest.approx(0.1 * 8 + 0.9 * 4 + WIDTH / 2)
    assert float(found[0, 0]) == pytest.approx(4 + WIDTH / 2)


def test_sub_regions_that_tell_nothing_take_their_neighbours_threshold_or_the_slides():
    counts = np.zeros((1, 5, len(EDGES)))
    counts[0, 0] = spikes({0: 40_000, 8: 40_000})["count"]
    found = threshold_local(local(counts), find=threshold_otsu)
    np.testing.assert_allclose(found, 4 + WIDTH / 2)
    assert (threshold_local(local(0 * counts), find=threshold_otsu) == np.inf).all()


def placed(thresholds, y, x):
    return xr.DataArray(thresholds, {"y": ("tile_y", y), "x": ("tile_x", x)}, ("tile_y", "tile_x"))


@pytest.mark.usefixtures("small_blocks")
def test_spread_threshold_is_bilinear_and_lazy():
    spread = spread_threshold(placed([[2.0, 4.0], [6.0, 12.0]], [2.0, 6.0], [4.0, 14.0]), (9, 21))
    assert spread.chunks is not None
    assert spread.dtype == np.float32
    y, x = np.clip((np.arange(9)[:, None] - 2) / 4, 0, 1), np.clip((np.arange(21) - 4) / 10, 0, 1)
    np.testing.assert_allclose(spread, 2 + 4 * y + 2 * x + 4 * x * y, rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_spread_threshold_is_infinite_only_where_an_infinite_one_has_a_share():
    spread = spread_threshold(placed([[3.0, 3.0, np.inf]], [0.0], [2.0, 6.0, 10.0]), (4, 13))
    np.testing.assert_array_equal(spread, np.tile(np.where(np.arange(13) <= 6, 3, np.inf), (4, 1)))
