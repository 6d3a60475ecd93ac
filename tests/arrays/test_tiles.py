import threading
from functools import partial
from itertools import pairwise

import cv2
import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irtoolkit.arrays import samples, tiles

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def split(draw, length):
    """Chunk sizes that add up to a length."""
    cuts = draw(st.lists(st.integers(1, length - 1), max_size=4, unique=True)) if length > 1 else []
    edges = [0, *sorted(cuts), length]
    return tuple(stop - start for start, stop in pairwise(edges))


@st.composite
def chunked_planes(draw, planes=2):
    """Counts (planes, y, x) and the same in odd chunks."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 61))
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 1000, (planes, height, width), np.uint16)
    return values, da.from_array(values, tuple(split(draw, size) for size in values.shape))


def blur_and_add(first, second, depth):
    """Means over 2 depth + 1 rows and columns of the first array's planes, plus the second's first plane."""
    side = 2 * depth + 1
    kernel = np.ones((side, side), np.float32)
    border = cv2.BORDER_REPLICATE
    sums = [cv2.filter2D(plane.astype(np.float32), cv2.CV_32F, kernel, borderType=border) for plane in first]
    return np.stack(sums) + second[:1]


class CountingReader:
    """A (band, y, x) array that counts how often each of its pixels is read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.reads = np.zeros(values.shape, int)
        self.lock = threading.Lock()

    def __getitem__(self, key):
        with self.lock:
            self.reads[key] += 1
        return self.values[key]


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_blocks_cover_the_slide_once_in_order_and_begin_at_multiples_of_four(height, width):
    """Of at most 5 by 9 px, they have 4 by 8; the last ones have what is left."""
    seen, areas, corners = np.zeros((height, width), int), [], []
    for row in tiles.blocks(height, width):
        for rows, columns in row:
            seen[rows, columns] += 1
            areas.append((rows.stop - rows.start, columns.stop - columns.start))
            corners.append((rows.start, columns.start))
    assert (seen == 1).all()
    assert corners == sorted(corners)
    assert (np.array(corners) % 4 == 0).all()
    assert areas[0] == (min(height, 4), min(width, 8))
    assert (np.max(areas, axis=0) <= (4, 8)).all()


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(pair=chunked_planes(), depth=st.integers(0, 9))
def test_map_blocks_equals_the_kernel_on_the_whole(pair, depth):
    values, chunked = pair

    def kernel(first, second):
        """Sums over 2 depth + 1 rows, and over as many columns, plus the second array; zero outside."""
        padded = np.pad(first.astype(np.float32), ((0, 0), (depth, depth), (depth, depth)))
        rows, columns = first.shape[1:]
        steps = range(2 * depth + 1)
        down = sum(padded[:, step : step + rows, depth : depth + columns] for step in steps)
        return down + sum(padded[:, depth : depth + rows, step : step + columns] for step in steps) + second

    mapped = tiles.map_blocks(kernel, chunked, chunked[1:], depth=depth, dtype=np.float32, planes=2)
    assert mapped.shape == values.shape
    assert mapped.dtype == np.float32
    np.testing.assert_array_equal(mapped.compute(), kernel(values, values[1:]))


@pytest.mark.usefixtures("small_blocks")
def test_map_blocks_of_a_filter_with_a_halo_is_exact_over_block_borders(counts):
    chunked = da.from_array(counts, (1, 5, 17))
    mapped = tiles.map_blocks(lambda *p: blur_and_add(*p, 2), chunked, chunked[3:], depth=2, dtype=np.float32, planes=4)
    assert mapped.numblocks == (1, 10, 7)
    np.testing.assert_array_equal(mapped.compute(), blur_and_add(counts, counts[3:], 2))


@pytest.mark.usefixtures("small_blocks")
def test_map_blocks_without_enough_depth_shows_the_seams(counts):
    chunked = da.from_array(counts)
    mapped = tiles.map_blocks(lambda *p: blur_and_add(*p, 2), chunked, chunked[3:], depth=0, dtype=np.float32, planes=4)
    differ = (mapped.compute() != blur_and_add(counts, counts[3:], 2)).any(axis=0)
    borders = [rows.start for (rows, _), *_ in tiles.blocks(37, 53)][1:]
    seams = {border + step for border in borders for step in (-2, -1, 0, 1)}
    assert set(np.flatnonzero(differ.all(axis=1))) == seams & set(range(37))


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(pair=chunked_planes(), depth=st.integers(0, 9))
def test_a_located_kernel_knows_the_place_of_every_pixel_that_it_sees(pair, depth):
    values, chunked = pair
    y, x = np.indices(values.shape[1:])

    def kernel(block, start):
        rows, columns = (slice(first, first + size) for first, size in zip(start, block.shape[1:], strict=True))
        np.testing.assert_array_equal(block, values[:, rows, columns])
        return block + 1000 * y[rows, columns] + 100_000 * x[rows, columns]

    mapped = tiles.map_blocks(kernel, chunked, depth=depth, dtype=np.int64, planes=2, located=True)
    np.testing.assert_array_equal(mapped.compute(), values + 1000 * y + 100_000 * x)


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(pair=chunked_planes())
def test_reduce_blocks_goes_from_the_top_left_in_blocks_that_do_not_depend_on_chunks(pair):
    values, chunked = pair
    parts = tiles.reduce_blocks(lambda block, start: (start, block.copy()), chunked)
    expected = [block for row in tiles.blocks(*values.shape[1:]) for block in row]
    assert [start for start, _ in parts] == [(rows.start, columns.start) for rows, columns in expected]
    for (_, part), block in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, values[:, *block])


@pytest.mark.usefixtures("small_blocks")
def test_reduce_blocks_hands_over_the_same_pixels_of_every_array(counts):
    arrays = da.from_array(counts, (4, 3, 53)), da.from_array(counts[:1] * 2, (1, 37, 7))
    same = tiles.reduce_blocks(lambda a, b, start: bool((a[:1] * 2 == b).all()) and start >= (0, 0), *arrays)
    assert same == [True] * 70


@pytest.mark.usefixtures("small_blocks")
def test_blocks_that_are_not_used_are_not_computed(counts):
    runs = []
    plane = tiles.map_blocks(lambda block: runs.append(1) or block, da.from_array(counts), depth=0, dtype=np.uint16)
    starts = tiles.reduce_blocks(lambda _, start: start, plane)
    runs.clear()
    assert tiles.reduce_blocks(lambda _, start: start, plane, used=slice(1, None, 5)) == starts[1::5]
    assert len(runs) == len(starts[1::5])


@pytest.mark.usefixtures("small_blocks")
def test_reductions_are_measured_together_in_one_pass(counts):
    runs = []
    double = partial(tiles.map_blocks, lambda block: runs.append(1) or 2 * block, depth=0, dtype=np.uint16, planes=4)
    plane = double(da.from_array(counts))
    total = tiles.Reduction(lambda block, **_: int(block.sum()), (plane,), sum)
    largest = tiles.Reduction(lambda a, b, **_: max(a.max(), b.max()), (plane, da.from_array(counts)), max)
    doubled = 2 * counts
    assert tiles.measure_together(total, largest) == [doubled.sum(), max(doubled.max(), counts.max())]
    assert len(runs) == 70


def test_few_blocks_are_held_while_results_are_computed(block_size):
    block_size(10, 10)
    held, most = [0], []

    def count(block, _):
        held[0] += 1
        most.append(held[0])
        return block

    def reduce(_, start):
        held[0] -= 1

    counts = da.ones((4, 200, 150), chunks=(4, 7, 150))
    infrared = tiles.map_blocks(lambda block: block[3:], counts, depth=4, dtype=float)
    residual = tiles.map_blocks(lambda _, block: block, counts[:3], infrared, depth=4, dtype=float)
    plain = tiles.map_blocks(count, residual, counts[:3], depth=4, dtype=float)
    score = tiles.map_blocks(lambda block: block, plain, depth=4, dtype=float)
    with dask.config.set(scheduler="synchronous"):
        tiles.reduce_blocks(reduce, score)
    assert max(most) <= 2 * len(tiles.blocks(200, 150)[0]) + 2


def test_a_small_slide_is_sampled_whole(counts):
    (tile,) = samples.sample_tiles(da.from_array(counts, (2, 7, 11)), size=16, across=7)
    assert (tile.row, tile.column) == (0, 0)
    np.testing.assert_array_equal(tile.planes, counts)


def test_tiles_lie_on_a_grid_in_the_middle_of_equal_shares():
    y, x = np.indices((100, 161))
    sampled = samples.sample_tiles(da.from_array(np.stack([y, x]), (1, 33, 40)), size=20, across=2)
    assert [(tile.row, tile.column) for tile in sampled] == [(20, 35), (20, 106), (60, 35), (60, 106)]
    for top, left, planes in sampled:
        np.testing.assert_array_equal(planes, np.stack([y, x])[:, top : top + 20, left : left + 20])


def test_a_low_wide_strip_gives_tiles_of_its_own_height():
    sampled = samples.sample_tiles(da.zeros((4, 9, 2000), chunks=300), size=20, across=3)
    assert [tile.planes.shape for tile in sampled] == [(4, 9, 20)] * 3
    assert [(tile.row, tile.column) for tile in sampled] == [(0, 330), (0, 990), (0, 1650)]


@pytest.mark.usefixtures("small_blocks")
@FEW
@given(mask=chunked_planes(planes=1))
def test_from_indices_draws_what_flatnonzero_found(mask):
    truth = mask[0][0] < 60
    drawn = tiles.from_indices(np.flatnonzero(truth), truth.shape)
    assert drawn.shape == (1, *truth.shape)
    assert drawn.dtype == bool
    np.testing.assert_array_equal(drawn.compute()[0], truth)


@pytest.mark.usefixtures("small_blocks")
def test_no_index_draws_an_empty_mask():
    assert not tiles.from_indices(np.zeros(0, np.int64), (21, 33)).compute().any()


@pytest.mark.usefixtures("small_blocks")
def test_every_block_is_read_once_though_overlapping_steps_share_it(counts):
    reader = CountingReader(counts)
    lazy = tiles.from_reader(reader, ((3, 1), (10, 10, 17), (53,)), "counting")
    assert not reader.reads.any()
    smooth = tiles.map_blocks(lambda *p: blur_and_add(*p, 2), lazy, lazy[3:], depth=2, dtype=np.float32, planes=4)
    wide = tiles.map_blocks(lambda *p: blur_and_add(*p, 5), lazy, lazy[3:], depth=5, dtype=np.float32, planes=4)
    whole, *_ = dask.compute(lazy, smooth, wide, lazy.mean(), lazy[:, 3:30])
    np.testing.assert_array_equal(whole, counts)
    np.testing.assert_array_equal(reader.reads, 1)


def test_a_window_reads_only_the_blocks_it_touches(counts):
    reader = CountingReader(counts)
    lazy = tiles.from_reader(reader, ((4,), (10, 10, 17), (53,)), "window")
    np.testing.assert_array_equal(lazy[:, 12:14, 5:9].compute(), counts[:, 12:14, 5:9])
    np.testing.assert_array_equal(np.flatnonzero(reader.reads.any(axis=(0, 2))), np.arange(10, 20))


def test_store_writes_every_block_to_its_place(counts):
    target = np.zeros_like(counts)
    tiles.store(da.from_array(counts, (3, 10, 53)), target)
    np.testing.assert_array_equal(target, counts)


def test_lazy_number_waits_for_compute():
    asked = []
    number = tiles.lazy_number(lambda values: asked.append(1) or len(values), [1, 2, 3])
    assert not asked
    assert number.shape == ()
    assert int(number.compute()) == 3
