"""Pictures of one slide for the report: which there are, how large, and of which places."""

import cv2
import numpy as np
import pytest
import xarray as xr

from irtoolkit.archive.crop_windows import CLOSE, CROP, MOST_MARKS, WORST, find_marks, find_places
from irtoolkit.archive.previews import GAP, PREVIEW, THUMB, draw_previews, preview_folder, replacing_previews
from irtoolkit.arrays import tiles
from irtoolkit.pictures import THIN_ROWS, view_picture, write_jpeg

ALL = {"scan", "mask", "healed", "thumb", "crops", "worst", "marks"}
MAGENTA = np.array([255, 0, 200])


def write_previews(found, healed, folder):
    with replacing_previews(draw_previews(found, healed), folder):
        pass


def slide(height, width, marks=(), dtype=np.uint16, **attributes):
    """Gray film that grows brighter to the right, black where marked; and the same without the marks."""
    high = np.iinfo(dtype).max
    film = np.linspace(high // 4, high // 2, width)[None, None, :] * np.ones((4, height, 1))
    mask = np.zeros((height, width), bool)
    for place in marks:
        mask[place] = True
    healed = xr.DataArray(film[:3].astype(dtype), dims=("band", "y", "x")).chunk(y=101)
    counts = xr.DataArray(np.where(mask, high // 20, film).astype(dtype), dims=("band", "y", "x")).chunk(y=97)
    lazy = xr.DataArray(tiles.from_indices(np.flatnonzero(mask), mask.shape)[0], dims=("y", "x"))
    infrared = counts[3].astype(np.float32)
    worst = np.argwhere(mask)[0] if mask.any() else (np.nan, np.nan)
    found = {"counts": counts, "mask": lazy, "infrared": infrared, "worst_y": worst[0], "worst_x": worst[1]}
    middles = np.array([[(part.start + part.stop) // 2 for part in place] for place in marks]).reshape(-1, 2)
    found |= {"mark_y": ("mark", middles[:, 0]), "mark_x": ("mark", middles[:, 1])}
    return xr.Dataset(found, attrs=attributes), healed


def read(folder):
    """RGB pictures in a folder, by name."""
    files = sorted(folder.iterdir())
    assert {file.suffix for file in files} <= {".jpg"}
    return {file.stem: cv2.imread(str(file))[..., ::-1].astype(int) for file in files}


def outlined(picture):
    """Share of the pixels that are near the colour of marks."""
    return (np.abs(picture - MAGENTA).max(axis=2) < 90).mean()


def test_a_slide_gets_its_seven_pictures_and_no_others(tmp_path):
    found, healed = slide(1300, 1931, [np.s_[600:640, 900:940]])
    write_previews(found, healed, tmp_path)
    pictures = read(tmp_path)
    assert set(pictures) == ALL
    assert {pictures[name].shape for name in ("scan", "mask", "healed")} == {(433, 643, 3)}
    assert pictures["thumb"].shape == (round(433 * THUMB / 643), THUMB, 3)
    assert pictures["crops"].shape == (CROP, 3 * CROP + 2 * GAP, 3)
    assert pictures["worst"].shape == (2 * WORST, 8 * WORST + 3 * GAP, 3)
    assert pictures["marks"].shape == (CLOSE, 3 * CLOSE + 2 * GAP, 3)
    assert outlined(pictures["scan"]) == outlined(pictures["healed"]) == 0
    assert all(outlined(pictures[name]) > 0 for name in ("mask", "thumb", "crops", "worst", "marks"))
    assert pictures["scan"][206, 306].max() < 20
    assert pictures["healed"][206, 306].min() > 60


def test_a_row_of_crops_is_before_outlined_and_after_at_full_size(tmp_path):
    found, healed = slide(700, 907, [np.s_[300:330, 400:430]])
    write_previews(found, healed, tmp_path)
    crops = read(tmp_path)["crops"]
    before, marked, after = (crops[:, first : first + CROP] for first in (0, CROP + GAP, 2 * (CROP + GAP)))
    assert (before.max(axis=2) < 30).sum() == pytest.approx(30 * 30, abs=60)
    assert outlined(before) == outlined(after) == 0
    assert 100 < outlined(marked) * CROP**2 < 160
    assert after.min() > 60
    gap = crops[:, CROP : CROP + GAP]
    assert np.abs(gap[:, 1:-1] - 128).max() < 25


def test_previews_are_means_of_whole_squares_whatever_the_chunks(tmp_path):
    found, _ = slide(1283, 1901)
    noise = np.random.default_rng(1).integers(0, 65536, found.counts.shape, np.uint16)
    step = round(1901 / PREVIEW)
    whole = noise[:3, : 1283 // step * step, : 1901 // step * step].reshape(3, 1283 // step, step, 1901 // step, step)
    expected = view_picture(np.rint(whole.mean(axis=(2, 4))).astype(np.uint16))
    for chunks in ({"y": 97}, {"band": 2, "y": THIN_ROWS + 1, "x": 100}):
        write_previews(found.assign(counts=(found.counts.dims, noise)).chunk(chunks), None, tmp_path)
        write_jpeg(tmp_path / "expected.jpg", expected)
        assert (tmp_path / "scan.jpg").read_bytes() == (tmp_path / "expected.jpg").read_bytes()


def test_without_marks_or_healing_earlier_crops_and_healed_pictures_go(tmp_path):
    found, healed = slide(90, 131, [np.s_[40:50, 60:70]])
    write_previews(found, healed, tmp_path)
    assert set(read(tmp_path)) == ALL
    assert read(tmp_path)["crops"].shape == (90, 3 * 131 + 2 * GAP, 3)
    write_previews(found, None, tmp_path)
    assert read(tmp_path)["crops"].shape == (90, 2 * 131 + GAP, 3)
    assert read(tmp_path)["worst"].shape[1] == 6 * WORST + 2 * GAP
    assert set(read(tmp_path)) == ALL - {"healed"}
    write_previews(slide(90, 131)[0], healed, tmp_path)
    assert set(read(tmp_path)) == ALL - {"crops", "worst", "marks"}


def test_the_doubtful_place_is_in_the_middle_visible_infrared_outlined_and_healed(tmp_path):
    found, healed = slide(700, 907, [np.s_[300:310, 400:410], np.s_[500:600, 100:200]])
    infrared = found.infrared.where(~found.mask, np.nan)
    write_previews(found.assign(infrared=infrared), healed, tmp_path)
    worst, side = read(tmp_path)["worst"], 2 * WORST
    before, gray, marked, after = (worst[:, place * (side + GAP) :][:, :side] for place in range(4))
    middle = np.s_[side // 2 : side // 2 + 20, side // 2 : side // 2 + 20]
    assert before[middle].max() < 30
    assert (before.max(axis=2) < 30).sum() == pytest.approx(20 * 20, abs=60)
    assert gray[middle].max() < 20 < 200 < gray[:, -5:].min()
    assert outlined(before) == outlined(gray) == outlined(after) == 0
    assert after[middle].min() > 60
    assert 60 < outlined(marked) * side**2 < 110
    ringed = np.argwhere(np.abs(marked - [255, 210, 0]).max(axis=2) < 90)
    assert ringed.mean(axis=0) == pytest.approx([side // 2, side // 2], abs=2)
    assert np.ptp(ringed, axis=0) == pytest.approx([48, 48], abs=3)


def test_a_doubtful_place_at_the_edge_is_shown_whole_and_infrared_that_is_not_known_is_black(tmp_path):
    found, healed = slide(120, 200, [np.s_[0:4, 196:200]])
    write_previews(found.assign(infrared=found.infrared * np.nan), healed, tmp_path)
    worst, side = read(tmp_path)["worst"], 2 * WORST
    assert worst[2:6, side - 6 : side - 2].max() < 30
    assert worst[:, side + GAP + 2 : 2 * side + GAP - 2].max() < 10


@pytest.mark.parametrize("size", [(67, 101), (700, 1402)])
def test_everything_stands_upright(tmp_path, size):
    height, width = size
    found, healed = slide(height, width, [np.s_[0 : height // 5, 0 : height // 5]], orientation=6)
    write_previews(found, healed, tmp_path)
    pictures = read(tmp_path)
    rows, columns, _ = pictures["scan"].shape
    assert columns / rows == pytest.approx(height / width, rel=0.01)
    assert pictures["thumb"].shape[0] > pictures["thumb"].shape[1]
    assert pictures["scan"][2, -3].max() < 60 < pictures["scan"][2, 3].min()
    crop_height, crop_width = min(CROP, width), min(CROP, height)
    assert pictures["crops"].shape[:2] == (crop_height, 3 * crop_width + 2 * GAP)
    assert pictures["crops"][3, crop_width - 3].max() < 60


def test_8_bit_healed_pictures_of_16_bit_counts_look_like_the_scan(tmp_path):
    found, healed = slide(120, 95, [np.s_[60:70, 60:70]])
    write_previews(found, (healed // 257).astype(np.uint8), tmp_path)
    pictures = read(tmp_path)
    assert np.abs(pictures["healed"] - pictures["scan"])[:40].max() <= 4


def test_the_most_changed_places_come_first(tmp_path):
    faint, dark = np.s_[100:140, 100:140], np.s_[400:430, 700:730]
    found, healed = slide(601, 903, [faint, dark])
    counts = found.counts.values
    counts[:, *faint] = (healed.values[0, faint[0], faint[1]] * 0.97).astype(np.uint16)
    write_previews(found.assign(counts=(found.counts.dims, counts)).chunk(), healed, tmp_path)
    crops = read(tmp_path)["crops"]
    assert crops.shape[0] == 2 * CROP + GAP
    assert crops[:CROP, :CROP].min() < 20 < crops[CROP + GAP :, :CROP].min()
    places = find_places(found.mask.values)
    assert [place[0].start < 140 for place in places] == [True, False]


def test_the_least_certain_marks_have_a_row_each_in_their_order_at_full_size(tmp_path):
    small, large = np.s_[300:306, 500:506], np.s_[900:940, 1500:1560]
    found, healed = slide(1300, 1931, [large, small])
    write_previews(found, healed, tmp_path)
    sheet = read(tmp_path)["marks"]
    assert sheet.shape == (2 * CLOSE + GAP, 3 * CLOSE + 2 * GAP, 3)
    rows = sheet[:CLOSE], sheet[CLOSE + GAP :]
    dark = [(row[:, :CLOSE].max(axis=2) < 30).sum() for row in rows]
    assert dark == [pytest.approx(40 * 60, abs=80), pytest.approx(6 * 6, abs=12)]
    assert all(outlined(row[:, CLOSE + GAP : 2 * CLOSE + GAP]) > 0 for row in rows)
    assert all(row[:, 2 * (CLOSE + GAP) :].min() > 60 for row in rows)
    assert all(row[CLOSE // 2, CLOSE // 2].max() < 30 for row in rows)


def test_marks_near_an_earlier_one_share_its_crop_and_at_most_24_have_one():
    def windows(y, x, shape=(3000, 3000)):
        marks = {"mark_y": ("mark", np.array(y)), "mark_x": ("mark", np.array(x))}
        return find_marks(xr.Dataset({**marks, "mask": (("y", "x"), np.broadcast_to(False, shape))}))

    far = CLOSE // 4 + 1
    assert len(windows([500, 500], [500, 500 + far - 1])) == 1
    assert len(windows([500, 500], [500, 500 + far])) == 2
    assert len(windows(100 * np.arange(29), 100 * np.arange(29))) == MOST_MARKS == 24
    assert windows([0, 2999], [2999, 0]) == [np.s_[0:96, 2904:3000], np.s_[2904:3000, 0:96]]
    assert windows([5], [5], (50, 70)) == [np.s_[0:50, 0:70]]
    assert windows([], []) == []


def test_nothing_is_computed_but_counts_mask_and_infrared(tmp_path):
    def refuse(block):
        raise AssertionError("computed")

    found, healed = slide(60, 70, [np.s_[5:8, 5:8]])
    score = xr.DataArray(found.mask.data.map_blocks(refuse, dtype=np.float32, meta=np.empty((0, 0))), dims=("y", "x"))
    write_previews(found.assign(score=score, residual=score), healed, tmp_path)
    assert set(read(tmp_path)) == ALL


@pytest.mark.parametrize("shape", [(70, 64), (161, 159), (523, 1031)])
def test_places_lie_on_the_slide_and_hold_every_mark_when_there_are_few(shape):
    mask = np.random.default_rng(2).random(shape) < 3 / np.prod(shape)
    mask[[0, -1], [0, -1]] = True
    places = find_places(mask)
    held = np.zeros(shape, bool)
    for rows, columns in places:
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]
        assert (rows.stop - rows.start, columns.stop - columns.start) == (min(CROP, shape[0]), min(CROP, shape[1]))
        assert (mask & ~held)[rows, columns].any()
        held[rows, columns] = True
    assert held[mask].all()
    assert find_places(np.zeros(shape, bool)) == []


def test_no_name_of_a_slide_is_that_of_the_data(tmp_path):
    assert preview_folder(tmp_path, "slides.js") != tmp_path / "report" / "slides.js"
    assert preview_folder(tmp_path, "a/b").relative_to(tmp_path).as_posix() == "report/slides/a/b"
