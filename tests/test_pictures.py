import cv2
import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.pictures import mark_mask, orient, thin, view_picture, view_plane, write_jpeg
from irtoolkit.schema import SlideError

STORED = np.array([[1, 2, 3], [4, 5, 6]])
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


def refuse(*_, **__):
    raise AssertionError("computed")


def ramp(dtype, *factors):
    """Three rows of counts from 0 to full scale, each band times its factor."""
    levels = np.linspace(0, np.iinfo(dtype).max, 256)
    return np.stack([np.tile(levels * factor, (3, 1)) for factor in factors]).astype(dtype)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_orientation_is_turned_upright(orientation):
    np.testing.assert_array_equal(orient(STORED, orientation), UPRIGHT[orientation])


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_planes_and_marks_are_turned_alike(orientation):
    counts = np.stack([STORED * 10] * 3).astype(np.uint8)
    plane = view_plane(STORED * 10, 10, 60, orientation)
    np.testing.assert_array_equal(np.argsort(plane, axis=None), np.argsort(UPRIGHT[orientation], axis=None))
    picture = view_picture(counts, orientation=orientation)
    assert picture.shape == (*plane.shape, 3)
    np.testing.assert_allclose(picture[..., 1], plane, atol=2)
    marked = mark_mask(np.zeros_like(picture), STORED == 4, (7, 8, 9), orientation=orientation, width=0, tint=1)
    np.testing.assert_array_equal(marked.any(axis=2), np.equal(UPRIGHT[orientation], 4))


def test_linear_counts_are_coded_for_a_display_and_coded_counts_are_not():
    linear = view_picture(ramp(np.uint16, 1, 1, 1))
    coded = view_picture(ramp(np.uint8, 1, 1, 1))
    assert linear[0, [0, -1], 0].tolist() == coded[0, [0, -1], 0].tolist() == [0, 255]
    assert linear[0, 128, 0] == pytest.approx(255 * (128 / 255) ** (1 / 2.2), abs=1.5)
    assert coded[0, 128, 0] == pytest.approx(128, abs=1.5)
    np.testing.assert_array_equal(view_picture(ramp(np.uint8, 1, 1, 1), gamma=1.0), linear)


def test_a_positive_keeps_its_colours_and_a_negative_loses_its_mask():
    orange = ramp(np.uint16, 0.9, 0.3, 0.1)
    positive = view_picture(orange)
    assert positive[0, -1, 0] == 255
    assert positive[0, -1, 1] == pytest.approx(255 * (1 / 3) ** (1 / 2.2), abs=2)
    negative = view_picture(np.maximum(orange, 600), polarity="negative").astype(int)
    assert (np.diff(negative[0], axis=0) <= 0).all()
    np.testing.assert_array_equal(negative[0, [1, -1]], [[255] * 3, [0] * 3])


def test_negative_is_even_in_density_and_gray_where_its_bands_are_multiples():
    counts = np.tile(np.geomspace(400, 40000, 301), (3, 4, 1)) * np.array([1, 0.5, 0.25])[:, None, None]
    picture = view_picture(counts.astype(np.uint16), polarity="negative").astype(int)
    assert np.ptp(picture, axis=2).max() <= 2
    assert picture[0, 150, 0] == pytest.approx(127.5, abs=2)


def test_specks_beyond_the_stretch_do_not_set_it():
    counts = np.full((3, 100, 100), 30000, np.uint16)
    counts[:, :, :50] = 1000
    plain = view_picture(counts)
    counts[:, 0, 0] = 65535
    np.testing.assert_array_equal(view_picture(counts)[1:], plain[1:])


def test_reference_gives_the_stretch():
    counts = ramp(np.uint16, 1, 1, 1)
    crop = counts[:, :, 100:140]
    assert view_picture(crop)[0, -1, 0] == 255
    np.testing.assert_array_equal(view_picture(crop, reference=counts), view_picture(counts)[:, 100:140])


@pytest.mark.parametrize("value", [0, 65535])
@pytest.mark.parametrize("polarity", ["positive", "negative"])
def test_a_constant_slide_has_a_picture(value, polarity):
    assert view_picture(np.full((3, 5, 7), value, np.uint16), polarity=polarity).shape == (5, 7, 3)


@pytest.mark.parametrize("counts", [np.zeros((4, 5, 6), np.uint16), np.zeros((3, 5, 6), np.float32)])
def test_what_is_no_colour_is_refused(counts):
    with pytest.raises(SlideError, match="uint8 or uint16 counts of R, G, B"):
        view_picture(counts)


def test_outline_lies_just_outside_of_what_is_marked():
    gray = np.full((5, 6), 100, np.uint8)
    mask = np.zeros((5, 6), bool)
    mask[2, 2:4] = True
    marked = mark_mask(gray, mask, (255, 0, 0))
    red = [[0] * 6, [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 0], [0] * 6]
    np.testing.assert_array_equal((marked == (255, 0, 0)).all(axis=2), np.array(red, bool))
    assert (marked[2, 2:4] == 100).all()
    assert (gray == 100).all()


def test_tint_blends_inside_only():
    picture = np.full((3, 4, 3), 100, np.uint8)
    mask = np.zeros((3, 4), bool)
    mask[1, 1] = True
    marked = mark_mask(picture, mask, (200, 0, 100), width=0, tint=0.5)
    assert marked[1, 1].tolist() == [150, 50, 100]
    assert (marked != 100).any(axis=2).sum() == 1


def test_mask_of_another_size_is_refused():
    with pytest.raises(SlideError, match="cover the same pixels"):
        mark_mask(np.zeros((5, 6, 3), np.uint8), np.zeros((6, 5), bool))


@pytest.mark.parametrize("place", [(0, 0), (20, 33), (36, 52)])
def test_single_specks_do_not_vanish(place):
    mask = np.zeros((37, 53), bool)
    mask[place] = True
    thinned = thin(xr.DataArray(mask, dims=("y", "x")), longest=10)
    assert thinned.dtype == bool
    assert thinned.shape == (7, 9)
    assert np.argwhere(thinned.values).tolist() == [[place[0] // 6, place[1] // 6]]


def test_squares_are_averaged_and_completed_at_the_edge():
    plane = xr.DataArray(np.array([[0, 2, 4], [2, 4, 8], [10, 20, 31]], np.uint8), dims=("y", "x"))
    thinned = thin(plane, longest=2)
    np.testing.assert_array_equal(thinned, [[2, 6], [15, 31]])
    assert thinned.dtype == np.uint8
    assert thinned.attrs["step"] == 2
    assert thin(plane, longest=3).identical(plane.assign_attrs(step=1))


def test_lazy_counts_stay_lazy_and_are_reduced_piece_by_piece(counts):
    large = np.tile(counts, (1, 40, 2))
    lazy = xr.DataArray(da.from_array(large, chunks=(3, 441, -1)), dims=("band", "y", "x"))
    with dask.config.set(scheduler=refuse):
        thinned = thin(lazy, longest=300)
    step = thinned.attrs["step"]
    assert step == 5
    assert max(thinned.chunks[1]) * step <= 512
    in_memory = xr.DataArray(large, dims=("band", "y", "x"))
    np.testing.assert_array_equal(thinned.compute(scheduler="synchronous"), thin(in_memory, longest=300))


def test_jpeg_replaces_an_earlier_one_and_keeps_thin_coloured_lines(tmp_path):
    picture = np.full((64, 80, 3), 90, np.uint8)
    picture[20, 5:70] = (255, 0, 200)
    path = tmp_path / "Größe 写真.jpg"
    path.write_bytes(b"earlier")
    assert write_jpeg(path, picture) == path
    seen = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert np.abs(seen[20, 10:60] - (255, 0, 200)).max() < 40
    assert np.abs(seen[40:] - 90).max() <= 3
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
