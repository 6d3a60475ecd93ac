import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit import tiles
from irtoolkit.alignment import LIMIT, measure_shift, sample_aligned, shift_infrared, shift_plane
from irtoolkit.density import to_counts
from irtoolkit.synthetic import make_slide

FINE = 4


def label(counts, chunks=(4, 60, 90)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": ["R", "G", "B", "IR"]})


def displaced_slide(textured, shift_y, shift_x, shape=(311, 389), noise=60.0, seed=1):
    """Counts whose infrared has a tenth of the picture's density, displaced by quarters of a pixel, and noise."""
    height, width = shape
    planes = [textured(seed + band, (FINE * (height + 130), FINE * (width + 130)), 2.0 * FINE) for band in range(3)]
    down, right = round(shift_y * FINE), round(shift_x * FINE)

    def view(plane, move_y=0, move_x=0):
        corner = 65 * FINE - move_y, 65 * FINE - move_x
        return plane[corner[0] :: FINE, corner[1] :: FINE][:height, :width]

    bands = [0.7 + 0.2 * view(plane) for plane in planes]
    infrared = 0.3 + 0.02 * np.mean([view(plane, down, right) for plane in planes], axis=0)
    counts = np.stack([to_counts(density) for density in (*bands, infrared)])
    counts += noise * np.random.default_rng(seed).standard_normal(counts.shape)
    return label(np.clip(np.rint(counts), 0, 65535).astype(np.uint16))


@pytest.mark.parametrize(
    ("shift_y", "shift_x"), [(0, 0), (7, 0), (0, -11), (-5.5, 2.25), (0.75, -0.5), (31.25, -40.0), (2.5, 44.0)]
)
def test_shift_is_recovered_below_a_tenth_of_a_pixel(textured, shift_y, shift_x):
    shift = measure_shift(displaced_slide(textured, shift_y, shift_x))
    assert bool(shift.trusted)
    assert float(shift.shift_y) == pytest.approx(shift_y, abs=0.08)
    assert float(shift.shift_x) == pytest.approx(shift_x, abs=0.08)


def test_shift_beyond_the_limit_is_not_believed(textured):
    shift = measure_shift(displaced_slide(textured, LIMIT + 12, 0))
    assert not bool(shift.trusted)
    assert float(shift.shift_y) == float(shift.shift_x) == 0


@pytest.mark.parametrize("seed", range(3))
def test_shift_of_a_generated_slide(seed):
    slide = make_slide(seed, (301, 427), scanner="drifting")
    shift = measure_shift(slide.counts.chunk({"y": 77}))
    assert float(shift.shift_y) == pytest.approx(slide.attrs["shift_y"], abs=0.2)
    assert float(shift.shift_x) == pytest.approx(slide.attrs["shift_x"], abs=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_evidence(textured, seed):
    counts = displaced_slide(textured, 5, 0, seed=seed).values
    counts[3] = np.random.default_rng(seed).normal(30_000, 300, counts.shape[1:])
    shift = measure_shift(label(counts))
    assert not bool(shift.trusted)
    assert float(shift.shift_y) == float(shift.shift_x) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_nearly_black_frame_is_no_evidence(seed):
    rng = np.random.default_rng(seed)
    counts = rng.normal([[[90]], [[80]], [[85]], [[32_000]]], [[[6]], [[6]], [[6]], [[300]]], (4, 233, 301))
    shift = measure_shift(label(np.rint(counts).astype(np.uint16)))
    assert not bool(shift.trusted)
    assert float(shift.shift_y) == float(shift.shift_x) == 0


@pytest.mark.parametrize("level", [0, 30_000, 65_535])
def test_a_constant_plane_is_no_evidence(textured, level):
    counts = displaced_slide(textured, 5, 0).values
    counts[3] = level
    assert not bool(measure_shift(label(counts)).trusted)
    counts[:3], counts[3] = level, counts[0]
    assert not bool(measure_shift(label(counts)).trusted)


def test_measured_shift_does_not_depend_on_chunks(textured):
    counts = displaced_slide(textured, -5.5, 2.25).values
    first, second = (measure_shift(label(counts, chunks)) for chunks in ((4, 311, 389), (1, 17, 101)))
    assert first.identical(second)


def test_sampled_tiles_of_a_larger_slide_tell_the_same_shift(textured, monkeypatch):
    cut = tiles.sample_tiles
    monkeypatch.setattr(tiles, "sample_tiles", lambda array: cut(array, size=96, across=3))
    shift = measure_shift(displaced_slide(textured, 5.25, -3.0))
    assert bool(shift.trusted)
    assert float(shift.shift_y) == pytest.approx(5.25, abs=0.08)
    assert float(shift.shift_x) == pytest.approx(-3, abs=0.08)


def waves(y, x):
    return np.sin(2 * np.pi * (y / 23 + x / 31)) + np.cos(2 * np.pi * (y / 17 - x / 41))


@pytest.mark.parametrize(("shift_y", "shift_x"), [(0.5, 0.5), (5.4, -0.3), (-7.25, 12.9), (-0.01, 0.99)])
def test_resampling_follows_an_analytic_function(shift_y, shift_x):
    y, x = np.indices((97, 121))
    resampled = shift_plane(waves(y, x).astype(np.float32), shift_y, shift_x)
    inside = (slice(16, -16), slice(16, -16))
    np.testing.assert_allclose(resampled[inside], waves(y + shift_y, x + shift_x)[inside], atol=3e-3)


@pytest.mark.parametrize(("shift_y", "shift_x"), [(3, -2), (-5, 0), (0, 7), (0, 0), (-40, 44)])
def test_whole_pixels_are_copied_exactly(textured, shift_y, shift_x):
    plane = textured(5, (97, 121), 0.7)
    resampled = shift_plane(plane, shift_y, shift_x)
    rows = slice(max(0, -shift_y), 97 - max(0, shift_y))
    columns = slice(max(0, -shift_x), 121 - max(0, shift_x))
    moved = plane[rows.start + shift_y : rows.stop + shift_y, columns.start + shift_x : columns.stop + shift_x]
    np.testing.assert_array_equal(resampled[rows, columns], moved)


def test_resampling_keeps_a_constant_and_a_ramp():
    np.testing.assert_allclose(shift_plane(np.full((9, 13), 777, np.float32), 0.3, -0.6), 777, rtol=1e-6)
    ramp = np.add.outer(3 * np.arange(29.0), np.arange(31.0)).astype(np.float32)
    np.testing.assert_allclose(shift_plane(ramp, 0.3, -0.6)[4:-4, 4:-4], (ramp + 0.3)[4:-4, 4:-4], atol=1e-4)


@pytest.mark.parametrize(("shift_y", "shift_x"), [(5.4, 0.0), (-7.25, 12.9), (0.05, -0.05), (3.0, 0.0)])
def test_lazy_resampling_equals_the_kernel_over_many_blocks(counts, block_size, shift_y, shift_x):
    block_size(13, 11)
    shift = xr.Dataset({"shift_y": shift_y, "shift_x": shift_x})
    lazy = shift_infrared(label(counts, (3, 10, 20)), shift)
    whole = counts[3].astype(np.float32)
    expected = whole if max(abs(shift_y), abs(shift_x)) < 0.1 else shift_plane(whole, shift_y, shift_x)
    assert lazy.dims == ("y", "x")
    assert lazy.dtype == np.float32
    assert lazy.data.numblocks == (3, 5)
    seen = (slice(8, -8), slice(13, -13))
    np.testing.assert_array_equal(lazy.values[seen], expected[seen])


def test_eight_bit_infrared_becomes_sixteen_bit_counts(counts):
    shift = xr.Dataset({"shift_y": 0.0, "shift_x": 0.0})
    narrow = (counts // 257).astype(np.uint8)
    np.testing.assert_array_equal(shift_infrared(label(narrow), shift), narrow[3] * np.float32(257))
    np.testing.assert_array_equal(sample_aligned(label(narrow), shift)[0], narrow * np.float32(257))


def test_aligned_samples_leave_out_what_the_infrared_does_not_show(counts):
    shift = xr.Dataset({"shift_y": 3.0, "shift_x": -2.0})
    (tile,) = sample_aligned(label(counts), shift)
    assert tile.shape == (4, 37 - 6, 53 - 6)
    assert tile.dtype == np.float32
    np.testing.assert_array_equal(tile[:3], counts[:3, 3:-3, 3:-3])
    np.testing.assert_array_equal(tile[3], counts[3, 6:, 1:-5])


def test_a_defect_in_the_infrared_comes_to_its_place_in_colour():
    infrared = np.full((61, 83), 40_000, np.float32)
    infrared[35, 20] = 0
    moved = shift_plane(cv2.GaussianBlur(infrared, (0, 0), 2), 5.0, -3.0)
    assert np.unravel_index(moved.argmin(), moved.shape) == (30, 23)
