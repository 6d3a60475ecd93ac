import numpy as np
import pytest

from irtoolkit.arrays.windows import find_windows, lay_out, pieces_reaching

SHAPE = (61, 97)


def specks(*places, size=3):
    mask = np.zeros(SHAPE, bool)
    for y, x in places:
        mask[y : y + size, x : x + size] = True
    return mask


FEW = specks((5, 7), (5, 60), (40, 20), (55, 90))


def test_every_masked_pixel_comes_back_from_its_own_window_and_no_other_is_touched():
    planes = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    sheet = lay_out(FEW, near=2, margin=6)
    target = np.zeros_like(planes)
    sheet.scatter(sheet.gather(planes), FEW, target)
    np.testing.assert_array_equal(target, np.where(FEW, planes, 0))


def test_windows_do_not_overlap_on_the_sheet():
    sheet = lay_out(FEW, near=2, margin=6)
    used = np.zeros(sheet.shape, int)
    for source, place in zip(sheet.sources, sheet.places, strict=True):
        used[place] += 1
        assert used[place].shape == FEW[source].shape
    assert used.max() == 1
    assert used.size < FEW.size


@pytest.mark.parametrize(("apart", "windows"), [(4, 1), (6, 2)])
def test_pieces_within_twice_the_nearness_share_a_window(apart, windows):
    mask = specks((30, 40), (30, 43 + apart))
    assert len(lay_out(mask, near=2, margin=6).sources) == windows


def test_a_piece_seen_in_a_neighbours_window_is_not_written_from_there():
    mask = specks((30, 40), (30, 49))
    sheet = lay_out(mask, near=2, margin=12)
    assert len(sheet.sources) == 2
    laid = sheet.gather(np.zeros((1, *SHAPE), np.float32))
    for number, place in enumerate(sheet.places, 1):
        laid[:, *place] = number
    target = np.zeros((1, *SHAPE), np.float32)
    sheet.scatter(laid, mask, target)
    assert {1.0, 2.0} == {float(target[0, 31, 41]), float(target[0, 31, 50])}
    assert len(np.unique(target[0, 30:33, 40:43])) == 1


def test_between_windows_lies_the_median_or_what_is_asked_for():
    sheet = lay_out(FEW, near=2, margin=6)
    filled = sheet.gather(np.ones((1, *SHAPE), bool), False)[0]
    assert not filled.all()
    assert all(filled[place].all() for place in sheet.places)
    assert (sheet.gather(np.full((1, *SHAPE), 7.0))[0][~filled] == 7).all()
    assert np.isnan(sheet.gather(np.zeros((1, *SHAPE), np.float32), np.nan)[0][~filled]).all()


def test_a_window_at_the_blocks_edge_sees_the_block_mirrored():
    planes = np.random.default_rng(1).normal(size=(1, *SHAPE)).astype(np.float32)
    sheet = lay_out(specks((57, 20)), near=2, margin=6)
    (rows, columns), place = sheet.places[0], (0, *sheet.sources[0])
    seen = sheet.gather(planes)[0, rows.start : rows.stop + 6, columns]
    np.testing.assert_array_equal(seen, np.pad(planes[place], ((0, 6), (0, 0)), mode="symmetric"))


def test_own_pixels_lie_on_the_sheet_once():
    mask = specks((30, 40), (30, 49), (56, 90))
    sheet = lay_out(mask, near=2, margin=12)
    own, seen = sheet.own(mask), sheet.gather(mask[None], False)[0]
    assert own.sum() == mask.sum() < seen.sum()
    assert seen[own].all()


@pytest.mark.parametrize(("near", "kept"), [(1, ((5, 7),)), (2, ((5, 7), (5, 13)))])
def test_pieces_that_only_neighbours_heal_are_left_out_unless_they_belong_to_others(near, kept):
    mask, inside = specks((5, 7), (5, 13), (40, 20)), (slice(0, 20), slice(0, 10))
    np.testing.assert_array_equal(pieces_reaching(mask, inside, near), specks(*kept))


def test_a_crowded_block_is_its_own_sheet():
    sheet = lay_out(np.indices(SHAPE).sum(axis=0) % 20 < 3, near=2, margin=24)
    assert sheet.shape == SHAPE
    assert sheet.sources == sheet.places == [(slice(0, 61), slice(0, 97))]


@pytest.mark.parametrize(("size", "film"), [(44, 6), (46, 9)])
def test_large_pieces_get_half_as_much_more_film_around_them(size, film):
    mask = np.zeros((200, 220), bool)
    mask[60, 70 : 70 + size] = True
    ((rows, columns),) = lay_out(mask, near=2, margin=6).sources
    assert (rows, columns) == (slice(60 - film, 61 + film), slice(70 - film, 70 + size + film))


def test_boxes_end_with_the_block():
    assert find_windows(specks((0, 94)), 5) == [(slice(0, 8), slice(89, 97))]
