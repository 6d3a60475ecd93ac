"""Bars of holder between frames, wherever they are."""

from functools import partial

import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.alignment import sample_slide, shift_infrared
from irtoolkit.alignment.film import film_at, measure_film
from irtoolkit.alignment.holder import find_bars, find_holder
from irtoolkit.pipeline import clean_slide
from irtoolkit.synthetic.slides import make_slide

SHAPE = 97, 143


def frames(*boxes, shape=SHAPE, degrees=0.0):
    """Cells (y, x) that are dark around frames (top, bottom, left, right), all turned."""
    dark = np.ones(shape, np.uint8)
    for top, bottom, left, right in boxes:
        dark[top:bottom, left:right] = 0
    turn = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), degrees, 1)
    return cv2.warpAffine(dark, turn, shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0


GRID = [(9 + 45 * y, 46 + 45 * y, 8 + 45 * x, 46 + 45 * x) for y in range(2) for x in range(3)]
LAYOUTS = {
    "strip": [(8, 90, 5 + 46 * i, 47 + 46 * i) for i in range(3)],
    "strip without border": [(0, 97, 48 * i, 44 + 48 * i) for i in range(3)],
    "grid": GRID,
    "grid with an empty place": GRID[:4] + GRID[5:],
    "uneven": [(4, 50, 6, 30), (4, 50, 35, 140), (56, 93, 6, 88), (56, 93, 93, 140)],
    "cut by the edge": [(0, 97, 0, 11), (0, 97, 17, 90), (0, 97, 96, 143)],
    "crossing": [(0, 40, 0, 60), (0, 40, 66, 143), (45, 97, 0, 60), (45, 97, 66, 143)],
    "lone": [(30, 70, 50, 110)],
    "lone, in a corner": [(40, 97, 60, 143)],
}


@pytest.mark.parametrize("degrees", [0, 1.5, -2.5])
@pytest.mark.parametrize("boxes", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_bars_of_every_layout_are_holder_and_frames_are_not(boxes, degrees):
    dark = frames(*boxes, degrees=degrees)
    np.testing.assert_array_equal(find_holder(dark, dark), dark)


def test_rounded_corners_of_mounts_belong_to_the_holder():
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    dark = cv2.morphologyEx(frames(*GRID).astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    np.testing.assert_array_equal(find_holder(dark, dark), dark)


def test_dark_parts_of_frames_beside_a_bar_stay_film():
    boxes = LAYOUTS["strip"]
    dark, plain = frames(*boxes), frames(*boxes)
    dark[60:85, 30:47] = dark[65:85, 51:60] = True
    np.testing.assert_array_equal(find_bars(dark), plain)


@pytest.mark.parametrize(
    "dark",
    [
        frames((0, 97, 60, 143)),
        cv2.circle(np.ones(SHAPE, np.uint8), (70, 48), 30, 0, -1) > 0,
        np.arange(143) < 80 + 30 * np.sin(np.arange(97) / 9)[:, None],
        np.add.outer(np.arange(97), np.zeros(143)) > 50 + np.abs(np.arange(143) % 40 - 20),
        np.ones(SHAPE, bool),
        np.zeros(SHAPE, bool),
    ],
    ids=["half a night", "moon", "waves", "roofs", "all", "none"],
)
def test_night_pictures_are_film(dark):
    assert not find_bars(dark).any()


@pytest.mark.parametrize(("through", "is_film"), [(0.045, True), (0.008, False)])
def test_dark_film_lets_some_infrared_through(through, is_film):
    """Black walls on Kodachrome, as straight as a holder's bars, with their noise."""
    walls = cv2.resize(frames((0, 40, 58, 143), (45, 97, 0, 53)).astype(np.uint8), (1144, 776), interpolation=0) > 0
    noise = np.random.default_rng(3).normal(size=walls.shape)
    visible = np.where(walls, 25, 3000) + 5 * noise
    infrared = np.where(walls, through * 30000 * (1 + 0.25 * noise), 30000 + 300 * noise)
    counts = np.rint(np.clip(np.stack([visible] * 3 + [infrared]), 0, 65535)).astype(np.uint16)
    planes = xr.DataArray(da.from_array(counts, (4, 300, 500)), dims=("band", "y", "x"))
    assert measure_film(planes).cells.all() == is_film


def scan_frames(boxes, shape, scanner, seed):
    """A scan (4, y, x) of frames in an opaque holder, and where (y, x) film, damage and visible damage are."""
    counts, opening = np.zeros((4, *shape)), np.zeros(shape, np.float32)
    truth, visibility = np.zeros(shape, bool), np.zeros(shape, np.float32)
    for number, (top, left, height, width) in enumerate(boxes):
        slide = make_slide(seed + number, (height, width), scanner=scanner, roll=9)
        place = np.s_[top : top + height, left : left + width]
        opening[place], truth[place], visibility[place] = 1, slide.truth, slide.visibility
        padded = np.pad(slide.counts.values, ((0, 0), (17, 17), (17, 17)), mode="edge")
        counts[:, top - 17 : top + height + 17, left - 17 : left + width + 17] = padded
    move = np.float32([[1, 0, slide.attrs["shift_x"]], [0, 1, slide.attrs["shift_y"]]])
    moved = cv2.GaussianBlur(cv2.warpAffine(opening, move, shape[::-1]), (0, 0), max(float(slide.attrs["blur"]), 0.4))
    light = np.stack([cv2.GaussianBlur(opening, (0, 0), 0.5)] * 3 + [moved])
    noise = np.random.default_rng(seed).normal(0, 15, counts.shape)
    counts = np.rint(np.clip(counts * light + (250 + noise) * (1 - light), 0, 65535)).astype(np.uint16)
    return counts, opening > 0, truth, visibility


@pytest.mark.parametrize(
    ("boxes", "shape", "scanner"),
    [
        ([(31, 30, 331, 251), (31, 313, 331, 311)], (393, 655), "plustek"),
        ([(25, 23, 221, 283), (25, 341, 221, 211), (281, 23, 191, 183), (281, 231, 191, 321)], (497, 575), "aligned"),
    ],
    ids=["strip", "uneven"],
)
def test_damage_on_every_frame_is_marked_and_bars_are_not(boxes, shape, scanner):
    counts, film, truth, visibility = scan_frames(boxes, shape, scanner, 130)
    planes = xr.DataArray(da.from_array(counts, (4, 128, 300)), dims=("band", "y", "x"))
    found = clean_slide(xr.Dataset({"counts": planes.assign_coords(band=["R", "G", "B", "IR"])}))
    mask = found.mask.values
    assert not mask[~film].any()
    assert not found.score.values[~film].any()
    visible, near = truth & (visibility >= 3), cv2.dilate(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    reached = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (visible & reached).sum() >= 0.9 * visible.sum()
    assert (mask & near).sum() >= 0.9 * mask.sum()


def test_film_is_known_nearer_to_the_holder_than_its_cells_and_alike_in_all_blocks(block_size):
    counts, film, _, _ = scan_frames([(31, 30, 331, 251), (31, 313, 331, 251)], (393, 595), "aligned", 130)
    chunks = xr.DataArray(da.from_array(counts, (4, 128, 300)), dims=("band", "y", "x"))
    slide = xr.Dataset({"counts": chunks.assign_coords(band=["R", "G", "B", "IR"])})
    sample = sample_slide(slide)
    aligned = partial(shift_infrared, displacement=sample.displacement, film=sample.film)
    seen = np.isfinite(aligned(slide.counts).values)
    depth = cv2.distanceTransform(film.astype(np.uint8), cv2.DIST_L2, 5)
    assert not seen[depth < 5].any()
    assert seen[depth > 9].mean() > 0.99
    assert seen.sum() > 1.1 * film_at(sample.film, (0, 0), film.shape).sum()
    block_size(90, 110)
    np.testing.assert_array_equal(np.isfinite(aligned(slide.counts.chunk({"y": 50, "x": 91})).values), seen)
