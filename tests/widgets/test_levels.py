import numpy as np
import pytest
from cleaned_slides import plain

import irtoolkit as irt
from irtoolkit.pictures import orient
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.widgets import levels
from irtoolkit.widgets.levels import Levels, is_read, locate_defects
from irtoolkit.widgets.pieces import open_cleaned
from irtoolkit.widgets.views import View, fit_view, stored_box, to_upright


def test_what_was_written_is_opened_as_it_was(opened, cleaned):
    assert opened.counts.identical(cleaned.counts)
    np.testing.assert_array_equal(opened.mask, cleaned.mask)
    np.testing.assert_array_equal(opened.healed, cleaned.healed)
    assert opened.attrs == cleaned.attrs


def test_files_of_another_slide_are_refused(cleaned_folder, tmp_path):
    slide = irt.make_slide(5, (100, 102))
    write_scanner_file(tmp_path / "b.tif", slide.counts.values)
    with pytest.raises(irt.SlideError, match=r"not of the slide's size; .*211 x 307 pixels, not 100 x 102"):
        open_cleaned(tmp_path / "b.tif", cleaned_folder / "out" / "a_mask.tif")


def test_planes_that_are_read_differ_from_planes_that_are_computed(opened, cleaned):
    assert all(is_read(opened[name]) for name in ("counts", "mask", "healed"))
    assert is_read(cleaned.counts)
    assert not any(is_read(cleaned[name]) for name in ("residual", "score", "healed"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("most", [1e6, 1500])
def test_a_window_is_the_upright_slide_there(monkeypatch, orientation, most):
    monkeypatch.setattr(levels, "OVERVIEW_PIXELS", most)
    slide = plain(orientation=orientation)
    seen = Levels(slide)
    upright = orient(np.moveaxis(slide.counts.values, 0, -1), orientation)
    assert seen.shape == upright.shape[:2]
    box = slice(9, 42), slice(3, 60)
    planes = seen.read(["counts", "mask", "healed"], box, coarse=False)
    np.testing.assert_array_equal(planes["counts"], upright[box])
    np.testing.assert_array_equal(planes["mask"], orient(slide.mask.values, orientation)[box])
    assert "healed" not in planes
    if seen.step > 1:
        assert seen.step == 3
        coarse = seen.read(["counts", "mask"], box, coarse=True)
        squares = upright[box].reshape(11, 3, 19, 3, 4)
        np.testing.assert_allclose(coarse["counts"], squares.mean(axis=(1, 3)), atol=0.5)
        expected = orient(slide.mask.values, orientation)[box].reshape(11, 3, 19, 3).any(axis=(1, 3))
        np.testing.assert_array_equal(coarse["mask"], expected)


def test_a_file_is_read_as_its_slide_is_in_memory(monkeypatch, opened):
    monkeypatch.setattr(levels, "OVERVIEW_PIXELS", 20_000)
    stored, memory = Levels(opened), Levels(opened.compute())
    for coarse in (False, True):
        for name in ("counts", "healed"):
            box = slice(40, 120), slice(16, 96)
            one, other = (seen.read([name], box, coarse=coarse)[name] for seen in (stored, memory))
            np.testing.assert_array_equal(one, other)


def test_computed_planes_are_computed_for_what_is_in_view(small_blocks, monkeypatch):
    slide = plain().chunk(y=30)
    calls = []
    score = slide.mask.astype(np.float32)
    for step in range(6):
        score = score.copy(data=score.data.map_blocks(lambda block, step=step: calls.append(step) or block + step))
    seen = Levels(slide.assign(score=score))
    calls.clear()
    box = slice(3, 9), slice(40, 50)
    planes = seen.read(["score"], box, coarse=True)
    np.testing.assert_array_equal(planes["score"], slide.mask.values[box] + 15)
    assert calls.count(5) == 1
    seen.read(["score"], (slice(4, 8), slice(41, 49)), coarse=True)
    assert calls.count(5) == 1
    monkeypatch.setattr(levels, "COMPUTED_PIXELS", 59)
    assert "score" not in seen.read(["score"], box, coarse=True)


def test_defects_are_located_the_largest_first():
    mask = np.zeros((40, 60), bool)
    mask[5:8, 50:60] = mask[20, 3] = True
    mask[30, 10], mask[31, 11] = True, True
    found = locate_defects(mask)
    assert found.area.values.tolist() == [30, 2, 1]
    assert found.top.values.tolist() == [5, 30, 20]
    assert found.right.values.tolist() == [60, 12, 4]
    assert locate_defects(np.zeros((4, 5), bool)).sizes["defect"] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_are_turned_there_and_back(orientation):
    shape = 10, 20
    for row, column in ((0, 2), (7, 13), (9, 19)):
        y, x = stored_box((slice(row, row + 1), slice(column, column + 1)), shape, orientation)
        assert to_upright(np.array([[y.start, x.start]]), shape, orientation).tolist() == [[row, column]]


def test_zooming_holds_the_place_under_the_pointer():
    view = View(100, 200, 2.0)
    assert view.zoomed(4, 30, -10).place(30 + 50, -10 + 60, (100, 120)) == view.place(30 + 50, -10 + 60, (100, 120))
    assert view.zoomed(4).step == 0.5


def test_a_view_stays_on_the_slide():
    assert View(-5, 500, 1e-9).within((100, 200), (50, 50)) == View(0, 200, 1 / 16)
    assert View(5, 5, 1e9).within((100, 200), (50, 50)).step == 2 * fit_view((100, 200), (50, 50)).step
