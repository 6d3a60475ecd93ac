import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.alignment.displacement import (
    Displacement,
    constant_displacement,
    displacement_at,
    fit_displacement,
    largest_displacement,
    usual_displacement,
)
from irtoolkit.alignment.film import Film
from irtoolkit.alignment.resampling import align_samples, shift_infrared, unseen_share
from irtoolkit.arrays.samples import Tile

SHAPE = (3000, 4000)
BENT = np.array([[5.4, 0.3, 0.9, 0.4, -0.2], [-1.2, -0.9, 0.3, 0, 0]])
"""A shift, stretched by 3e-4, turned by .05 degrees, and drifting along the rows."""


def label(counts, chunks=(4, 60, 90)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": ["R", "G", "B", "IR"]})


def shifted(shift_y, shift_x, shape=(37, 53)):
    return constant_displacement(shift_y, shift_x, shape)


def film_everywhere(shape):
    return Film(np.ones([length // 8 + 1 for length in shape], bool))


def resampled(plane, displacement, chunks=(4, 60, 90)):
    """The infrared `plane` (y, x) of a slide, brought onto the colour grid."""
    counts = np.stack([np.zeros_like(plane)] * 3 + [plane])
    return shift_infrared(label(counts, chunks), displacement, film_everywhere(plane.shape)).values


def measured_places(coefficient, number=7, noise=0.0, known=100.0, seed=0):
    """Places on a grid, the displacements that a field has there, and equal information about all."""
    sides = [(np.arange(number) + 0.5) / number * length - 0.5 for length in SHAPE]
    places = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    field = Displacement(np.array(coefficient), SHAPE)
    moves = np.array([displacement_at(field, place[:1], place[1:])[:, 0, 0] for place in places], float)
    moves += noise * np.random.default_rng(seed).standard_normal(moves.shape)
    return places, moves, np.tile(known * np.eye(2), (len(places), 1, 1))


def test_a_field_by_hand():
    field = Displacement(np.array([[1, 2, 4, 8, 16], [-1, 0, 0.5, 0, 0]]), (1001, 2001))
    assert field.shift == (1, -1)
    move_y, move_x = displacement_at(field, np.array([500, 0]), np.array([1000, 2000]))
    np.testing.assert_allclose(move_y, [[1, 5], [1 - 1 + 2 - 2, 1 - 1 + 4 + 2 - 2]])
    np.testing.assert_allclose(move_x, [[-1, -0.5], [-1, -0.5]])
    assert largest_displacement(field) == 1 + 1 + 4 + 2 + 2
    assert largest_displacement(constant_displacement(0, 0, (1001, 2001))) == 0


def test_a_field_is_recovered_exactly():
    fitted = fit_displacement(*measured_places(BENT), SHAPE)
    np.testing.assert_allclose(fitted.coefficient, BENT, atol=1e-5)
    assert fitted.shape == SHAPE


@pytest.mark.parametrize(
    ("coefficient", "error"),
    [
        ([[5.4, 0, 0, 0, 0], [-1.2, 0, 0, 0, 0]], 0.1 / 7),
        ([[5.4, 0.3, 0.9, 0, 0], [-1.2, -0.9, 0.3, 0, 0]], 0.1 / 7),
        (BENT, 0.1 / np.sqrt(21)),
    ],
    ids=["shift", "rotation", "bend"],
)
def test_the_error_is_that_of_equal_measurements(coefficient, error):
    """49 of .1 px have a mean of .1 / 7; a parabola through 7 equal steps has 7 / 3 of its variance in the middle."""
    assert fit_displacement(*measured_places(coefficient), SHAPE).uncertainty == pytest.approx(error, rel=1e-3)


def test_a_shift_alone_gets_no_other_terms():
    for seed in range(5):
        places = measured_places([[5.4, 0, 0, 0, 0], [-1.2, 0, 0, 0, 0]], noise=0.1, seed=seed)
        fitted = fit_displacement(*places, SHAPE)
        assert not fitted.coefficient[:, 1:].any()
        np.testing.assert_allclose(fitted.coefficient[:, 0], [5.4, -1.2], atol=0.05)


def test_a_rotation_beside_it_does_not_hide_a_bend_or_blow_up_the_error():
    straight, bend = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0.0]]), np.array([[0, 0, 0, 0.4, -0.2], [0, 0, 0, 0, 0]])
    rotation = np.array([[0, 0, 3.0, 0, 0], [0, -3.0, 0, 0, 0]])
    for drift in (straight, bend):
        alone, turned = (
            fit_displacement(*measured_places(drift + more, noise=0.1), SHAPE) for more in (straight, rotation)
        )
        np.testing.assert_allclose(turned.coefficient[0, 3:], alone.coefficient[0, 3:], atol=0.01)
        assert turned.uncertainty == pytest.approx(alone.uncertainty, rel=0.1)


def test_what_moves_no_corner_by_a_tenth_of_a_pixel_is_left_out():
    for turned, kept in ((0.02, False), (0.08, True)):
        rotation = [[5.4, 0, turned, 0, 0], [-1.2, -turned, 0, 0, 0]]
        fitted = fit_displacement(*measured_places(rotation, known=1e6), SHAPE)
        assert fitted.coefficient[:, 1:].any() == kept


def test_a_tenth_of_the_places_may_be_wrong():
    places, moves, information = measured_places(BENT, noise=0.05)
    moves[::10] += [30, -20]
    fitted = fit_displacement(places, moves, information, SHAPE)
    corners = np.array([0, SHAPE[0] - 1]), np.array([0, SHAPE[1] - 1])
    truth = Displacement(BENT, SHAPE)
    np.testing.assert_allclose(displacement_at(fitted, *corners), displacement_at(truth, *corners), atol=0.25)


def test_few_places_tell_a_shift_alone():
    places, moves, information = measured_places(BENT, number=3)
    fitted = fit_displacement(places, moves, information, SHAPE)
    assert not fitted.coefficient[:, 1:].any()


def test_places_that_tell_nothing_have_no_error():
    places, moves, information = measured_places(BENT)
    fitted = fit_displacement(places, moves, 0 * information, SHAPE)
    assert fitted.uncertainty == np.inf
    assert not fitted.coefficient.any()


def test_the_median_of_fields_by_hand():
    fields = [Displacement(np.full((2, 5), value), SHAPE) for value in (1.0, 2.0, 9.0)]
    median = usual_displacement([field._replace(trusted=True, uncertainty=0.1) for field in fields])
    np.testing.assert_array_equal(median.coefficient, 2)
    assert not usual_displacement([]).coefficient.any()


def waves(y, x):
    return 30_000 + 8_000 * (np.sin(2 * np.pi * (y / 23 + x / 31)) + np.cos(2 * np.pi * (y / 17 - x / 41)))


@pytest.mark.parametrize(
    ("coefficient", "most"),
    [
        ([[0.5, 0, 0, 0, 0], [0.5, 0, 0, 0, 0]], 9),
        ([[-7.25, 0, 0, 0, 0], [12.75, 0, 0, 0, 0]], 80),
        ([[5.4, 3, 9, 2, -8], [-1.2, -9, 3, 0, 0]], 180),
    ],
)
def test_resampling_follows_an_analytic_function(coefficient, most):
    """Waves of 32,000 counts from crest to trough; places are rounded to 1/32 px, which tells in the last field."""
    shape = 211, 263
    y, x = np.indices(shape)
    field = Displacement(np.array(coefficient, float), shape)
    moved = resampled(np.rint(waves(y, x)).astype(np.uint16), field)
    move_y, move_x = displacement_at(field, np.arange(shape[0]), np.arange(shape[1]))
    inside = (slice(20, -20), slice(20, -20))
    np.testing.assert_allclose(moved[inside], waves(y + move_y, x + move_x)[inside], atol=most)


@pytest.mark.parametrize(("shift_y", "shift_x"), [(3, -2), (-5, 0), (0, 7), (0, 0), (-30, 44)])
def test_whole_pixels_are_copied_exactly_and_nothing_is_seen_beyond_the_frame(counts, shift_y, shift_x):
    moved = resampled(counts[3], shifted(shift_y, shift_x))
    rows = slice(max(0, -shift_y), 37 - max(0, shift_y))
    columns = slice(max(0, -shift_x), 53 - max(0, shift_x))
    source = counts[3, rows.start + shift_y : rows.stop + shift_y, columns.start + shift_x : columns.stop + shift_x]
    np.testing.assert_array_equal(moved[rows, columns], source)
    assert np.isnan(moved).sum() == 37 * 53 - source.size
    assert unseen_share(shifted(shift_y, shift_x)) == pytest.approx(1 - source.size / (37 * 53))


@pytest.mark.parametrize("coefficient", [[[2.5, 0, 0, 0, 0], [-3.25, 0, 0, 0, 0]], 4 * BENT])
def test_what_lies_outside_the_infrareds_frame_is_nan_and_nothing_else(textured, block_size, coefficient):
    block_size(90, 110)
    shape = 211, 263
    field = Displacement(np.array(coefficient, float), shape)
    moved = resampled((30_000 + 900 * textured(1, shape, 2)).astype(np.uint16), field)
    y, x = np.indices(shape) + displacement_at(field, np.arange(shape[0]), np.arange(shape[1]))
    outside = np.max([-y, y - (shape[0] - 1), -x, x - (shape[1] - 1)], axis=0)
    assert np.isnan(moved)[outside > 1 / 64].all()
    assert not np.isnan(moved)[outside <= 0].any()
    assert np.isnan(moved).mean() == pytest.approx(unseen_share(field), abs=1e-4)
    assert moved.dtype == np.float32


def test_under_a_tenth_of_a_pixel_nothing_is_resampled(counts):
    np.testing.assert_array_equal(resampled(counts[3], shifted(0.09, -0.09)), counts[3])
    assert unseen_share(shifted(0.09, -0.09)) == 0


def test_resampling_keeps_a_constant():
    moved = resampled(np.full((37, 53), 777, np.uint16), shifted(0.3, -0.6))
    np.testing.assert_allclose(moved[:-1, 1:], 777, rtol=1e-6)


@pytest.mark.parametrize("chunks", [(1, 17, 23), (4, 80, 120), (2, 211, 3)])
def test_chunks_change_no_bit_and_blocks_round_a_place_at_most_otherwise(textured, block_size, chunks):
    """A place in a block is a float32 that remapping rounds to 1/32 px; a few lie half-way."""
    plane = (30_000 + 900 * textured(1, (211, 263), 2)).astype(np.uint16)
    field = Displacement(BENT, plane.shape)
    whole = resampled(plane, field, (4, *plane.shape))
    np.testing.assert_array_equal(resampled(plane, field, chunks), whole)
    block_size(70, 90)
    other = resampled(plane, field, chunks)
    np.testing.assert_allclose(other, whole, atol=20)
    assert ((other != whole) & np.isfinite(whole)).mean() < 2e-4


@pytest.mark.parametrize("part", np.arange(0, 1, 0.1).round(1))
def test_a_line_of_one_pixel_keeps_its_depth(part):
    """.619 at half a pixel, where it lies on two pixels; linear interpolation would leave .5."""
    plane = np.full((61, 61), 40_000, np.uint16)
    plane[30] = 10_000
    for dark, field in ((plane, shifted(part, 5.5, (61, 61))), (plane.T, shifted(5.5, part, (61, 61)))):
        moved = resampled(np.ascontiguousarray(dark), field)
        lines = moved[15:45, 15:45].min(axis=0 if dark is plane else 1)
        assert (40_000 - lines).min() >= 0.61 * 30_000


def test_eight_bit_infrared_becomes_sixteen_bit_counts(counts):
    narrow = (counts // 257).astype(np.uint8)
    film, still = film_everywhere((37, 53)), shifted(0, 0)
    np.testing.assert_array_equal(shift_infrared(label(narrow), still, film), narrow[3] * np.float32(257))
    (tile,) = align_samples([Tile(0, 0, narrow)], still, film)
    np.testing.assert_array_equal(tile.planes, narrow * np.float32(257), strict=True)


def test_where_colour_or_infrared_saw_the_holder_is_nan(counts):
    film = film_everywhere((37, 53))
    film.cells[0] = False
    still, down = (shift_infrared(label(counts), shifted(move, 0), film).values for move in (0, 3))
    np.testing.assert_array_equal(np.isnan(still), np.arange(37)[:, None] < 8 + np.zeros(53))
    np.testing.assert_array_equal(down[8:-3], counts[3, 11:])
    assert np.isnan(down[[*range(8), -3, -2, -1]]).all()


def test_aligned_tiles_are_pieces_of_the_aligned_slide(textured):
    planes = np.stack([30_000 + 900 * textured(band, (211, 263), 2) for band in range(4)]).astype(np.uint16)
    film, field = film_everywhere((211, 263)), Displacement(BENT, (211, 263))
    film.cells[:4, :6] = False
    whole = shift_infrared(label(planes), field, film).values
    corners = [(0, 0), (30, 60), (131, 183)]
    pieces = [Tile(y, x, planes[:, y : y + 80, x : x + 80]) for y, x in corners]
    for (y, x), tile in zip(corners, align_samples(pieces, field, film), strict=True):
        for side, first, half in zip(tile.place, (y, x), (105, 131), strict=True):
            np.testing.assert_allclose(side.ravel(), np.arange(first, first + 80) / half - 1, atol=1e-6)
        np.testing.assert_array_equal(tile.planes[:3], planes[:3, y : y + 80, x : x + 80])
        inside = (slice(5, -11), slice(7, -7))
        np.testing.assert_allclose(tile.planes[3][inside], whole[y : y + 80, x : x + 80][inside], atol=20)
        assert np.isnan(tile.planes[3, -5:]).all()


def test_a_defect_in_the_infrared_comes_to_its_place_in_colour():
    infrared = np.full((61, 83), 40_000, np.float32)
    infrared[35, 20] = 0
    moved = resampled(cv2.GaussianBlur(infrared, (0, 0), 2).astype(np.uint16), shifted(5.0, -3.0, (61, 83)))
    assert np.unravel_index(np.nanargmin(moved), moved.shape) == (30, 23)
