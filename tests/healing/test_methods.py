import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.arrays import to_sixteen_bits
from irtoolkit.healing.film_grain import measure_grain
from irtoolkit.healing.methods import heal
from irtoolkit.schema import SlideError

SHAPE = (71, 97)
FEW = 4
"""Counts of 65535 by which fast marching errs."""


def label(counts, chunks=(2, 30, 40)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})


def marked(mask, chunks=(25, 50)):
    return xr.DataArray(da.from_array(mask, chunks), dims=("y", "x"))


def spots(*places, shape=SHAPE):
    """Mask of squares of 7 px about places (y, x), cut at the frame's edges."""
    points = np.zeros(shape, np.uint8)
    points[tuple(np.transpose(places))] = 1
    return cv2.dilate(points, np.ones((7, 7), np.uint8)).astype(bool)


def noisy(level=20_000, sigma=400, seed=0, shape=SHAPE, dtype=np.uint16):
    values = np.random.default_rng(seed).normal(level, sigma, (3, *shape))
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


def grain_of(counts):
    return measure_grain([to_sixteen_bits(counts)])


EVERYWHERE = spots((20, 30), (35, 60), (0, 0), (70, 96), (0, 50), (40, 96), (70, 20))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("grainy", [False, True])
def test_pixels_outside_the_mask_are_left_bit_for_bit(dtype, grainy):
    counts = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (3, *SHAPE), dtype)
    healed = heal(label(counts), marked(EVERYWHERE), grain=grain_of(counts) if grainy else None)
    assert healed.dtype == dtype
    assert healed.dims == ("band", "y", "x")
    np.testing.assert_array_equal(healed.values[:, ~EVERYWHERE], counts[:, ~EVERYWHERE])
    assert (healed.values[:, EVERYWHERE] != counts[:, EVERYWHERE]).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_constant_picture_is_filled_with_its_constant(dtype):
    counts = np.empty((3, *SHAPE), dtype)
    counts[:] = np.array([90, 140, 201], dtype)[:, None, None]
    dusty = np.where(EVERYWHERE, dtype(3), counts)
    healed = heal(label(dusty), marked(EVERYWHERE)).values
    np.testing.assert_allclose(healed.astype(int), counts, atol=FEW if dtype == np.uint16 else 0)


def test_a_ramp_is_restored_within_a_few_counts():
    y, x = np.indices(SHAPE)
    ramp = np.stack([20_000 + 2 * y + 2 * x, 30_000 - 2 * y, 10_000 + 2 * x]).astype(np.uint16)
    mask = spots((20, 30), (35, 60), (50, 80))
    dusty = np.where(mask, np.uint16(0), ramp)
    healed = heal(label(dusty), marked(mask)).values
    assert np.abs(healed.astype(int) - ramp)[:, mask].max() <= 12
    assert np.abs(healed.astype(int) - ramp)[:, mask].mean() <= FEW


def test_defects_at_the_frames_edge_and_corners_are_filled_from_inside():
    counts = noisy(sigma=50)
    dusty = np.where(EVERYWHERE, np.uint16(500), counts)
    healed = heal(label(dusty), marked(EVERYWHERE)).values[:, EVERYWHERE]
    assert np.abs(healed.astype(int) - 20_000).max() < 1000


def test_what_lies_under_the_mask_does_not_show_in_the_fill():
    counts = noisy()
    first, second = (np.where(EVERYWHERE, np.uint16(level), counts) for level in (0, 65_535))
    grain = grain_of(counts)
    healed = [heal(label(dusty), marked(EVERYWHERE), grain=grain).values.astype(int) for dusty in (first, second)]
    np.testing.assert_allclose(*healed, atol=FEW)


def test_grain_goes_on_through_the_fill():
    counts, mask = noisy(), spots((20, 30), (35, 60), (50, 80))
    smooth, grainy = (
        heal(label(counts), marked(mask), grain=grain).values[:, mask].std() for grain in (None, grain_of(counts))
    )
    assert smooth < 250
    assert 250 < grainy < 500


def test_a_mask_that_is_true_everywhere_leaves_numbers():
    counts = noisy()
    healed = heal(label(counts), marked(np.ones(SHAPE, bool)))
    assert healed.shape == counts.shape
    np.testing.assert_array_equal(healed.values, counts)


def test_an_empty_mask_leaves_the_slide():
    counts = noisy()
    np.testing.assert_array_equal(heal(label(counts), marked(np.zeros(SHAPE, bool))).values, counts)


@pytest.mark.parametrize("method", ["copy", "none"])
def test_no_healing_returns_the_counts(method):
    counts = noisy()
    healed = heal(label(counts), marked(EVERYWHERE), method=method)
    assert healed.name == "healed"
    np.testing.assert_array_equal(healed.values, counts)


def test_an_unknown_method_is_refused_by_name():
    with pytest.raises(SlideError, match=r"auto, telea, .*'magic'"):
        heal(label(noisy()), marked(EVERYWHERE), method="magic")


def test_healing_waits_for_compute():
    def fail(_):
        raise AssertionError("computed")

    counts = label(noisy())
    lazy = counts.copy(data=counts.data.map_blocks(fail, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16)))
    healed = heal(lazy, marked(EVERYWHERE))
    assert healed.chunks is not None
    with pytest.raises(AssertionError, match="computed"):
        healed.compute()


@pytest.mark.parametrize("size", [(20, 25), (33, 300), (300, 40)])
def test_small_defects_heal_alike_wherever_the_blocks_end(block_size, size):
    shape = (201, 231)
    places = np.random.default_rng(5).integers(20, 180, (12, 2))
    counts, mask = noisy(shape=shape), spots(*places, shape=shape)
    grain = grain_of(counts)
    whole = heal(label(counts), marked(mask), grain=grain).values
    block_size(*size)
    apart = np.abs(places[:, None] - places).max(axis=2) + 99 * np.eye(len(places))
    alone = apart.min(axis=1) > 20
    compared = spots(*places[alone], shape=shape)
    assert alone.sum() >= 4
    healed = heal(label(counts), marked(mask), grain=grain).values
    np.testing.assert_array_equal(healed[:, compared], whole[:, compared])


@pytest.mark.parametrize("chunks", [(3, 71, 97), (1, 1, 97), (3, 13, 29), (2, 71, 10)])
def test_healing_does_not_depend_on_chunks(block_size, chunks):
    block_size(30, 40)
    counts = noisy()
    grain = grain_of(counts)
    first = heal(label(counts), marked(EVERYWHERE), grain=grain).values
    healed = heal(label(counts, chunks), marked(EVERYWHERE, chunks[1:]), grain=grain)
    np.testing.assert_array_equal(healed.values, first)
