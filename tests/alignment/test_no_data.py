"""Rows, columns and corners of the infrared that hold no data are neither searched nor healed."""

import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.alignment import sample_slide, shift_infrared
from irtoolkit.alignment.displacement import constant_displacement
from irtoolkit.alignment.film import measure_film
from irtoolkit.alignment.no_data import NoData, join_runs, measure_runs
from irtoolkit.alignment.resampling import unseen_share
from irtoolkit.pipeline import clean_slide

SHAPE = 301, 427
BANDS = ["R", "G", "B", "IR"]


def label(counts, chunks=(4, 100, 200)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": BANDS})


def film_counts(seed=0, shape=SHAPE, kind=np.uint16):
    """Counts (4, y, x) of grainy film."""
    levels = np.reshape([30_000, 25_000, 20_000, 40_000], (4, 1, 1))
    counts = levels + np.random.default_rng(seed).normal(0, 900, (4, *shape))
    return (counts // 257).astype(kind) if kind is np.uint8 else counts.astype(kind)


def lacking(counts, chunks=(4, 100, 200)):
    """Where (y, x) the infrared is found to hold no data."""
    found = measure_film(label(counts, chunks)).no_data
    height, width = counts.shape[1:]
    return np.zeros((height, width), bool) if found is None else found.at(np.arange(height)[:, None], np.arange(width))


def cut_corner(wide, high, shape=SHAPE):
    """The corner at the top left that a straight line cuts off."""
    y, x = np.indices(shape)
    return x / wide + y / high < 1


ROWS, COLUMNS = np.indices(SHAPE)
PLACES = {
    "last row": ROWS == 300,
    "row within": ROWS == 117,
    "last rows": ROWS >= 281,
    "first columns": COLUMNS < 7,
    "rows and columns": (ROWS < 3) | (COLUMNS >= 420) | (COLUMNS == 90),
    "corner": cut_corner(213, 6.5),
    "corners of a turned picture": cut_corner(410, 11)
    | cut_corner(410, 11)[::-1, ::-1]
    | cut_corner(8, 290)[::-1]
    | cut_corner(8, 290)[:, ::-1],
    "row that ends early": (ROWS == 300) | ((ROWS == 299) & (COLUMNS >= 160)),
    "corner beside empty columns": (COLUMNS < 9) | (cut_corner(120, 40) & (COLUMNS < 120)),
}


@pytest.mark.parametrize("kind", [np.uint16, np.uint8])
@pytest.mark.parametrize("value", [0, 65_535])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_places_without_data_are_found_to_the_pixel(place, value, kind):
    counts = film_counts(kind=kind)
    counts[3, place] = min(value, np.iinfo(kind).max)
    np.testing.assert_array_equal(lacking(counts), place)


@pytest.mark.parametrize("value", [0, 65_535])
def test_what_is_clipped_within_the_picture_is_film(value):
    counts = film_counts()
    y, x = np.indices(SHAPE)
    blob, cloud = (y - 150) ** 2 + (x - 200) ** 2 < 60**2, (y - 10) ** 2 + (x + 9) ** 2 < 40**2
    counts[3, blob | cloud | ((y > 200) & (x < 426))] = value
    counts[3, -2:] = value
    assert not lacking(counts).any()


@pytest.mark.parametrize("value", [0, 30_000, 65_535])
def test_a_constant_infrared_lacks_nothing(value):
    counts = film_counts()
    counts[3] = value
    assert measure_film(label(counts)).no_data is None


def test_the_answer_does_not_depend_on_chunks_or_blocks(block_size):
    counts, place = film_counts(), PLACES["corners of a turned picture"] | PLACES["rows and columns"]
    counts[3, place] = 0
    whole = lacking(counts)
    np.testing.assert_array_equal(lacking(counts, (1, 7, 101)), whole)
    block_size(90, 110)
    np.testing.assert_array_equal(lacking(counts), whole)


def test_runs_of_parts_are_those_of_the_whole():
    lines = np.random.default_rng(1).integers(0, 2, (60, 9)) * (np.arange(60)[:, None] > 5)
    parts = [measure_runs(lines[:, :2]), measure_runs(lines[:, 2:3]), measure_runs(lines[:, 3:])]
    for joined, whole in zip(join_runs(parts, [2, 1, 6]), measure_runs(lines), strict=True):
        np.testing.assert_array_equal(joined, whole)


def test_no_data_grows_by_as_much_on_all_sides():
    place = (ROWS == 40) | (COLUMNS == 90) | cut_corner(50, 30) | cut_corner(60, 20)[::-1, ::-1]
    left = np.where(ROWS[:, 0] == 40, 427, cut_corner(50, 30).sum(axis=1))
    no_data = NoData(left, cut_corner(60, 20)[::-1, ::-1].sum(axis=1), COLUMNS[0] == 90)
    np.testing.assert_array_equal(no_data.at(ROWS, COLUMNS), place)
    wide = cv2.dilate(place.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(no_data.grown(4).at(ROWS, COLUMNS), wide)


@pytest.mark.parametrize(("down", "right", "beside"), [(0, 0, 1), (5, -3, 4)])
def test_pixels_that_would_read_from_no_data_are_nan(down, right, beside, block_size):
    """Infrared of row y lies at y + 5: row 200, which has no data, is read from rows 191 to 199 by eight taps."""
    counts = film_counts()
    counts[3, 200] = counts[3, :, 30] = 0
    film, field = measure_film(label(counts)), constant_displacement(down, right, SHAPE)
    moved = shift_infrared(label(counts), field, film).values
    y, x = ROWS + down, COLUMNS + right
    outside = (y < 0) | (y > 300) | (x < 0) | (x > 426)
    unknown = outside | (np.abs(y - 200) <= beside) | (np.abs(x - 30) <= beside)
    np.testing.assert_array_equal(np.isnan(moved), unknown)
    np.testing.assert_array_equal(moved[~unknown], counts[3, y[~unknown], x[~unknown]])
    assert unseen_share(field, film) == pytest.approx(unknown.mean())
    block_size(90, 110)
    np.testing.assert_array_equal(shift_infrared(label(counts, (1, 30, 70)), field, film).values, moved)


def test_an_opaque_holder_without_infrared_is_holder_and_not_told_as_lacking():
    counts = film_counts()
    counts[:3, :, :40], counts[3, :, :40] = 100, 0
    film = measure_film(label(counts))
    assert not film.cells[:, :5].any()
    assert film.cells[:, 7:].all()
    assert film.lacking == 0
    assert unseen_share(constant_displacement(0, 0, SHAPE), film) == 0


def test_a_slide_with_rows_without_data_is_cleaned_as_one_that_ends_there(plustek_slide):
    counts = plustek_slide.counts.values.copy()
    counts[3, -20:] = 65_535
    given, ended = (xr.Dataset({"counts": label(planes)}) for planes in (counts, counts[:, :-20]))
    found, short = clean_slide(given), clean_slide(ended)
    for name in ("mask", "score"):
        assert not found[name].values[-20:].any(), name
    np.testing.assert_array_equal(found.healed.values[:, -20:], counts[:, -20:])
    assert float(found.no_data) == pytest.approx(20 / 301)
    assert float(found.unseen) >= float(found.no_data)
    for name in ("shift_y", "shift_x", "blur", "slopes"):
        assert float(found[name]) == pytest.approx(float(short[name]), abs=0.1), name
    assert float(found.sigma) == pytest.approx(float(short.sigma), rel=0.1)
    upper = slice(0, 301 - 20 - 14)
    marked, expected = found.mask.values[upper], short.mask.values[upper]
    assert (marked & expected).sum() > 0.9 * max(marked.sum(), expected.sum())


def test_a_row_without_data_leaves_registration_and_appearance_as_they_are(plustek_slide):
    counts = plustek_slide.counts.values.copy()
    counts[3, 150] = 65_535
    found, usual = (sample_slide(xr.Dataset({"counts": label(each)})) for each in (counts, plustek_slide.counts.values))
    np.testing.assert_allclose(found.displacement.shift, usual.displacement.shift, atol=0.05)
    np.testing.assert_allclose(found.appearance, usual.appearance)


def test_runs_do_not_keep_the_pixels_in_memory():
    """A view would hold every block of the slide until the film is found."""
    assert all(part.base is None for part in measure_runs(np.ones((3, 5), np.uint16)))
