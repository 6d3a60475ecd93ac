import warnings
from importlib import util

import ipywidgets
import numpy as np
import pytest
from cleaned_slides import plain
from matplotlib.backend_bases import MouseEvent

import irtoolkit as irt
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.widgets import drawing
from irtoolkit.widgets.comparison import MODES
from irtoolkit.widgets.slide_explorer import explore_slide
from irtoolkit.widgets.views import RING, View


def controls(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from controls(child)


def panel_pictures(explorer):
    return [image.get_array() for ax in explorer.comparison.panels.drawing.figure.axes for image in ax.images]


def yellow(explorer):
    """Places of the ring's colour on the panel."""
    return np.argwhere((panel_pictures(explorer)[0] == RING).all(axis=2))


def send(figure, name, right, down, **more):
    """An event of the mouse so many pixels from the top left corner of a figure."""
    x, y = right, figure.bbox.height - down
    figure.canvas.callbacks.process(name, MouseEvent(name, figure.canvas, x, y, **more))


def press(explorer, description):
    buttons = [one for one in controls(explorer) if isinstance(one, ipywidgets.Button)]
    next(button for button in buttons if button.description == description).click()


def test_at_full_size_each_pixel_of_the_panel_is_one_of_the_slide():
    explorer = explore_slide(plain())
    comparison = explorer.comparison
    explorer.overlay.value, comparison.first.value = "off", "mask"
    comparison.go(View(45, 65, 1.0))
    (picture,) = panel_pictures(explorer)
    height, width = comparison.size
    top, left = height // 2 - 45, width // 2 - 65
    shown = picture[top : top + 90, left : left + 130, 0] > 0
    np.testing.assert_array_equal(shown, plain().mask)
    assert (picture[: top - 1] == picture[0, 0]).all()


def test_a_healed_slide_opens_with_the_colour_beside_the_healed_picture(cleaned):
    comparison = explore_slide(cleaned).comparison
    assert (comparison.mode.value, comparison.shown) == ("side by side", ["colour", "healed"])
    assert explore_slide(plain()).comparison.mode.value == "one"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_shows_what_it_says(cleaned, mode):
    explorer = explore_slide(cleaned)
    comparison = explorer.comparison
    comparison.first.value, comparison.second.value, explorer.overlay.value = "colour", "mask", "off"
    comparison.mode.value = mode
    pictures = panel_pictures(explorer)
    assert len(pictures) == {"side by side": 2, "all": 6}.get(mode, 1)
    assert all(picture.shape[:2] == comparison.size for picture in pictures)
    black_and_white = [set(np.unique(picture)) <= {0, 96, 255} for picture in pictures]
    assert black_and_white == {"side by side": [False, True], "all": [False] * 4 + [True, False]}.get(mode, [False])
    if mode == "blink":
        comparison.blink.value = 1
        assert set(np.unique(panel_pictures(explorer)[0])) <= {0, 96, 255}
        comparison.swap.value = True
        np.testing.assert_array_equal(panel_pictures(explorer)[0], pictures[0])
    if mode == "wipe":
        comparison.wipe.value = 0.0
        assert set(np.unique(panel_pictures(explorer)[0])) <= {0, 96, 255}


def test_a_mark_of_one_pixel_is_seen_from_afar():
    slide = plain((900, 1300))
    slide.mask[:] = False
    slide.mask[451, 611] = True
    explorer = explore_slide(slide)
    explorer.overlay.value = "off"
    before = panel_pictures(explorer)[0].copy()
    explorer.overlay.value = "tint"
    row, column = (round(n) for n in ((451 - 450) / explorer.comparison.view.step + 280, (611 - 650) / 1.6 + 450))
    changed = np.argwhere((panel_pictures(explorer)[0] != before).any(axis=2))
    assert len(changed)
    assert np.abs(changed - [row, column]).max() <= 2


def test_defects_in_turn(opened):
    explorer = explore_slide(opened)
    number = explorer.defects.sizes["defect"]
    assert number == int(irt.clean_slide(irt.open_slide(opened.attrs["source"])).defects) > 3
    press(explorer, "next defect")
    first = explorer.comparison.view
    largest = explorer.defects.isel(defect=0)
    assert largest.top <= first.row <= largest.bottom
    assert largest.left <= first.column <= largest.right
    assert first.step <= 1
    press(explorer, "previous defect")
    assert explorer.comparison.view != first
    press(explorer, "next defect")
    assert explorer.comparison.view == first
    assert largest.area.item() == explorer.defects.area.max()


def test_the_chosen_defect_is_ringed_in_the_middle(opened):
    explorer = explore_slide(opened)
    explorer.comparison.mode.value = "one"
    assert not len(yellow(explorer))
    for _ in range(2):
        press(explorer, "next defect")
        np.testing.assert_allclose(yellow(explorer).mean(axis=0), np.array(explorer.comparison.size) / 2, atol=1)
    before = explorer.comparison.view
    press(explorer, "right")
    moved = (explorer.comparison.view.column - before.column) / before.step
    assert yellow(explorer).mean(axis=0)[1] == pytest.approx(explorer.comparison.size[1] / 2 - moved, abs=1)
    assert moved > 50
    explorer.overlay.value = "off"
    assert not len(yellow(explorer))


@pytest.mark.parametrize(
    ("button", "moved"),
    [("left", (0, -1)), ("right", (0, 1)), ("up", (-1, 0)), ("down", (1, 0)), ("closer", (0, 0)), ("farther", (0, 0))],
)
def test_buttons_move_the_view(button, moved):
    explorer = explore_slide(plain())
    before = explorer.comparison.view
    press(explorer, button)
    after = explorer.comparison.view
    assert (np.sign(after.row - before.row), np.sign(after.column - before.column)) == moved
    assert after.step / before.step == {"closer": 0.5, "farther": 2}.get(button, 1)
    press(explorer, "whole")
    assert explorer.comparison.view == before


def test_the_mouse_drags_turns_and_points():
    explorer = explore_slide(plain())
    comparison, panels = explorer.comparison, explorer.comparison.panels
    comparison.go(View(45, 65, 0.25))
    figure = panels.drawing.figure
    (image,) = figure.axes[0].images
    send(figure, "button_press_event", 300, 260, button=1)
    send(figure, "motion_notify_event", 340, 280)
    assert comparison.view == View(45, 65, 0.25)
    assert image.get_extent() == [40, 940, 580, 20]
    send(figure, "button_release_event", 340, 280, button=1)
    assert comparison.view == View(40, 55, 0.25)
    assert image.get_extent() == [0, 900, 560, 0]
    send(figure, "motion_notify_event", 451, 281)
    assert "y 40, x 55: R 55 G 40 B 95 IR 190, no defect" in comparison.pointer.value
    send(figure, "scroll_event", 450, 280, step=1)
    assert comparison.view == View(40, 55, 0.2)
    send(figure, "scroll_event", -5, 280, step=1)
    assert comparison.view == View(40, 55, 0.2)


def test_the_read_out_names_stored_pixels():
    explorer = explore_slide(plain(orientation=6))
    explorer.comparison.go(View(20.5, 10.5, 0.5))
    assert "y 79, x 20: R 20 G 79 B 99 IR 198" in explorer.comparison.status.value


def test_every_control_has_a_label_and_is_reached_by_keyboard(opened):
    explorer = explore_slide(opened)
    used = [one for one in controls(explorer) if isinstance(one, ipywidgets.DOMWidget) and hasattr(one, "description")]
    inputs = [one for one in used if not isinstance(one, ipywidgets.HTML | ipywidgets.Label)]
    assert len(inputs) > 12
    assert all(one.description for one in inputs)


def test_without_ipympl_a_still_picture_is_drawn_anew(monkeypatch, opened):
    monkeypatch.setattr(drawing, "find_spec", lambda name: None if name == "ipympl" else util.find_spec(name))
    explorer = explore_slide(opened)
    image = explorer.comparison.panels.drawing.widget
    before = bytes(image.value)
    assert before.startswith(b"\x89PNG")
    press(explorer, "closer")
    assert bytes(image.value) != before


def test_a_slide_without_mask_infrared_or_defects_is_shown_with_a_sentence():
    bare = plain().drop_vars("mask").isel(band=slice(0, 3))
    explorer = explore_slide(bare)
    assert explorer.comparison.first.options == ("colour",)
    assert "no mask" in explorer.message.value
    press(explorer, "next defect")
    none = plain()
    none.mask[:] = False
    assert "No defects are marked" in explore_slide(none).message.value


@pytest.mark.changes_sources
def test_a_deleted_slide_gets_a_sentence(cleaned_folder, tmp_path):
    slide = irt.make_slide(5, (100, 102))
    write_scanner_file(tmp_path / "b & c.tif", slide.counts.values)
    cleaned = irt.clean_slide(irt.open_slide(tmp_path / "b & c.tif"))
    explorer = explore_slide(cleaned)
    (tmp_path / "b & c.tif").unlink()
    explorer.comparison.mode.value = "all"
    assert "cannot be shown" in explorer.comparison.status.value
    assert "b &amp; c.tif" in explorer.comparison.status.value
    again = explore_slide(cleaned)
    assert again.comparison is None
    assert "cannot be explored" in again.message.value


def test_drawing_warns_of_nothing(cleaned):
    explorer = explore_slide(cleaned)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in MODES:
            explorer.comparison.mode.value = mode
            for step in (0.07, 0.9, 3):
                explorer.comparison.go(View(0, 0, step))
                explorer.comparison.panels.drawing.figure.canvas.draw()
