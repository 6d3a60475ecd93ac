"""Every method on pictures whose answer is known: levels, slopes, and clean pixels that stay."""

import sys
import time

import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.healing.inpainting import MAX_PIXELS, OPENCV, check_method, fill_smoothly, inpaint, inpaint_windows
from irtoolkit.healing.inpainting import _shrink as shrink
from irtoolkit.healing.methods import heal
from irtoolkit.schema import SlideError
from irtoolkit.settings import HEALING_METHODS, INPAINTING_METHODS, Settings

SHAPE = (35, 48)
LEVELS = np.array([300, 20_000, 65_000], np.float32)[:, None, None]
ROWS_OFF = {
    "telea": 4,
    "navier-stokes": 4,
    "biharmonic": 0.001,
    "gmic:inpaint_pde": 1.5,
    "gmic:inpaint_morpho": 3,
    "gmic:inpaint": 11,
    "gmic:inpaint_matchpatch": 11,
}
"""Most rows by which a fill of 11 rows of a slope may lie off; patches of the right height are nowhere to copy."""


def hole(shape=SHAPE, rows=slice(12, 23), columns=slice(18, 29)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def scratched(shape=SHAPE):
    """Mask of a scratch from edge to edge, a corner and a speck."""
    mask = hole(shape, slice(4, 8), slice(6, 11)).astype(np.uint8)
    cv2.line(mask, (0, shape[0] - 9), (shape[1], shape[0] // 2), 1, 2)
    mask[-3:, -4:] = 1
    return mask.astype(bool)


def dirty(planes, mask, under=0.0):
    return np.where(mask, np.float32(under), planes)


pytestmark = pytest.mark.usefixtures("gmic_program")


@pytest.mark.parametrize("method", INPAINTING_METHODS)
@pytest.mark.parametrize("shape", [SHAPE, (71, 33), (13, 17)])
@pytest.mark.parametrize("divisor", [1, 257])
def test_a_level_is_filled_with_itself(method, shape, divisor):
    mask = scratched(shape)
    planes = np.broadcast_to(LEVELS / divisor, (3, *shape)).astype(np.float32)
    np.testing.assert_allclose(inpaint(dirty(planes, mask), mask, method), planes, rtol=1e-5, atol=0.01)


@pytest.mark.parametrize("method", INPAINTING_METHODS)
def test_a_slope_goes_on_through_the_fill(method):
    y, x = np.indices(SHAPE, np.float32)
    slope = 20
    planes = np.stack([20_000 + slope * y, 30_000 - slope * y, 10_000 + slope * x])
    filled = inpaint(dirty(planes, hole()), hole(), method)
    assert np.abs(filled - planes).max() <= ROWS_OFF[method] * slope
    assert abs((filled - planes)[:, hole()].mean()) <= slope


@pytest.mark.parametrize("method", INPAINTING_METHODS)
@pytest.mark.parametrize("under", [0.0, 65_535.0])
def test_clean_pixels_come_back_bit_for_bit_and_what_was_masked_does_not_show(method, under):
    planes = LEVELS + np.random.default_rng(4).normal(0, 100, (3, *SHAPE)).astype(np.float32)
    mask = scratched()
    filled = inpaint(dirty(planes, mask, under), mask, method)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[:, ~mask], planes[:, ~mask])
    np.testing.assert_array_equal(filled, inpaint(dirty(planes, mask, 7.0), mask, method))
    assert np.abs(filled - LEVELS).max() < 1000


@pytest.mark.parametrize("method", INPAINTING_METHODS)
def test_a_hole_whose_rim_is_too_narrow_for_patches_is_filled_all_the_same(method):
    mask = hole((13, 17), slice(2, 11), slice(2, 15))
    planes = np.full((3, 13, 17), 20_000, np.float32)
    np.testing.assert_allclose(inpaint(dirty(planes, mask, 60_000), mask, method), planes, atol=0.1)


@pytest.mark.parametrize("method", INPAINTING_METHODS)
def test_windows_without_clean_or_without_masked_pixels_are_returned(method):
    planes = LEVELS + np.random.default_rng(4).normal(0, 100, (3, *SHAPE)).astype(np.float32)
    large = np.ones((3, 150, 151), np.float32)
    whole, empty = np.ones(SHAPE, bool), np.zeros(SHAPE, bool)
    windows = [(planes, whole), (planes, empty), (planes, hole()), (large, np.ones(large.shape[1:], bool))]
    filled = inpaint_windows(windows, method)
    np.testing.assert_array_equal(filled[0], planes)
    np.testing.assert_array_equal(filled[1], planes)
    np.testing.assert_array_equal(filled[2], inpaint(planes, hole(), method))
    np.testing.assert_array_equal(filled[3], large)
    assert inpaint_windows([], method) == []


@pytest.mark.parametrize("method", [method for method in INPAINTING_METHODS if method not in OPENCV])
def test_a_wide_hole_is_filled_in_bounded_time(method):
    shape, side = (431, 389), 300
    mask = hole(shape, slice(60, 60 + side), slice(40, 40 + side))
    assert mask.sum() > 4 * MAX_PIXELS
    y, _ = np.indices(shape, np.float32)
    planes = np.stack([20_000 + 10 * y, 30_000 - 10 * y, np.full(shape, 9000, np.float32)])
    started = time.monotonic()
    filled = inpaint(dirty(planes, mask), mask, method)
    assert time.monotonic() - started < 30
    np.testing.assert_array_equal(filled[:, ~mask], planes[:, ~mask])
    np.testing.assert_allclose(filled[2], 9000, atol=0.1)
    assert np.abs(filled - planes).max() < 10 * side
    rim = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert np.abs(filled - planes)[:, rim].mean() < 10 * 20


def test_a_wide_hole_in_a_slope_is_filled_smoothly_by_the_biharmonic():
    y, x = np.indices((331, 357), np.float32)
    planes = (20_000 + 10 * y + 5 * x)[None]
    mask = hole((331, 357), slice(50, 270), slice(60, 280))
    assert np.abs(inpaint(dirty(planes, mask), mask, "biharmonic") - planes).max() < 10 * 8


def test_a_net_too_wide_for_full_resolution_takes_the_means_between_its_meshes():
    mask = np.ones((301, 299), bool)
    mask[::4, ::4] = False
    planes = np.full((2, 301, 299), 1234.5, np.float32)
    np.testing.assert_allclose(inpaint(dirty(planes, mask), mask, "biharmonic"), planes, atol=0.01)


def test_an_unknown_method_is_refused():
    with pytest.raises(SlideError, match=r"must be one of telea, navier-stokes, .*'auto'"):
        inpaint(np.zeros((3, *SHAPE), np.float32), hole(), "auto")


def test_every_inpainting_method_is_a_choice_of_the_settings():
    assert {*INPAINTING_METHODS, "auto", "copy", "none"} == set(HEALING_METHODS)
    assert [Settings(heal=method).heal for method in HEALING_METHODS] == list(HEALING_METHODS)


def test_only_methods_of_gmic_need_gmic(no_gmic):
    for method in HEALING_METHODS:
        if method.startswith("gmic:"):
            with pytest.raises(SlideError, match="apt install gmic"):
                check_method(method)
        else:
            check_method(method)


def test_only_the_biharmonic_needs_scikit_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    for method in HEALING_METHODS:
        if method == "biharmonic":
            with pytest.raises(SlideError, match=r"not installed; .*pip install 'irtoolkit\[biharmonic\]'"):
                check_method(method)
        else:
            check_method(method)


def test_a_window_shrinks_to_the_means_of_its_clean_pixels_also_at_the_edge():
    planes = np.arange(15, dtype=np.float32).reshape(1, 3, 5)
    mask = np.zeros((3, 5), bool)
    mask[0, 0] = mask[2, 4] = True
    small, dirty_squares = shrink(planes, mask, 2)
    np.testing.assert_array_equal(small, [[[4, 5, 6.5], [10.5, 12.5, 0]]])
    np.testing.assert_array_equal(dirty_squares, [[False, False, False], [False, False, True]])


@pytest.mark.parametrize("method", INPAINTING_METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_healing_by_every_method_is_the_same_for_all_chunks(block_size, method, dtype):
    block_size(60, 70)
    shape = (101, 133)
    top = np.iinfo(dtype).max
    counts = np.random.default_rng(2).normal([[[0.3]], [[0.5]], [[0.7]]], 0.01, (3, *shape)) * top
    mask = scratched(shape)
    counts = np.where(mask, 3, counts.round()).astype(dtype)

    def healed(*chunks):
        visible = xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"))
        return heal(visible, xr.DataArray(da.from_array(mask, chunks[1:]), dims=("y", "x")), method=method).values

    first = healed(3, 101, 133)
    assert first.dtype == dtype
    np.testing.assert_array_equal(first[:, ~mask], counts[:, ~mask])
    np.testing.assert_allclose(first[:, mask].mean(axis=1) / top, [0.3, 0.5, 0.7], atol=0.02)
    np.testing.assert_array_equal(healed(1, 37, 29), first)


def test_a_missing_program_is_told_before_anything_is_computed(no_gmic):
    visible = xr.DataArray(da.zeros((3, *SHAPE), dtype=np.uint16), dims=("band", "y", "x"))
    with pytest.raises(SlideError, match="apt install gmic"):
        heal(visible, xr.DataArray(da.ones(SHAPE, dtype=bool), dims=("y", "x")), method="gmic:inpaint")


def test_a_smooth_fill_keeps_levels_and_follows_slopes_and_leaves_clean_pixels():
    y, x = np.indices(SHAPE, np.float32)
    planes, mask = np.stack([np.full(SHAPE, 7, np.float32), 2 * y, 5 - x]), scratched()
    filled = fill_smoothly(dirty(planes, mask, 1e6), mask)
    np.testing.assert_array_equal(filled[:, ~mask], planes[:, ~mask])
    np.testing.assert_allclose(filled[0], 7, rtol=1e-6)
    assert np.abs(filled - planes)[1:, hole(SHAPE, slice(4, 8), slice(6, 11))].max() < 2
    assert filled[:, -3:, -4:].min() >= planes[:, -12:, -12:].min()


@pytest.mark.parametrize("mask", [np.ones(SHAPE, bool), np.zeros(SHAPE, bool)])
def test_a_smooth_fill_of_all_or_nothing_gives_numbers(mask):
    planes = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(fill_smoothly(planes, mask), np.where(mask, 0, planes))


def test_a_smooth_fill_of_a_hole_as_large_as_the_picture_keeps_to_its_rim():
    y, x = np.indices((537, 777), np.float32)
    planes, mask = np.stack([y, x, y + x]), np.hypot(y - 260, x - 380) < 250
    filled = fill_smoothly(dirty(planes, mask, 1e6), mask)
    assert np.abs(filled - planes).max() < 80
