"""Regions of a slide on its upright picture."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from slide_files import write_source

from irtoolkit.files.writer import write_mask
from irtoolkit.pictures import orient
from irtoolkit.widgets import drawing
from irtoolkit.widgets.region_picture import Frame, RegionPicture, read_frame


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_are_on_the_upright_picture_where_their_pixels_are(orientation):
    frame, box = Frame(7, 11, orientation), (1, 2, 4, 9)
    stored = np.zeros((7, 11), bool)
    stored[1:4, 2:9] = True
    shown = orient(stored, orientation)
    left, right, bottom, top = frame.extent
    across = np.linspace(left, right, shown.shape[1] + 1)
    down = np.linspace(top, bottom, shown.shape[0] + 1)
    (x, y), width, height = frame.place(box)
    columns = [x < (one + other) / 2 < x + width for one, other in pairwise(across)]
    rows = [y < (one + other) / 2 < y + height for one, other in pairwise(down)]
    np.testing.assert_array_equal(shown, np.outer(rows, columns))
    assert frame.between((x + width, y), (x, y + height)) == box
    assert frame.between((-50, 99), (99, -50)) == (0, 0, 7, 11)


def test_the_frame_is_that_of_the_mask(tmp_path):
    source = write_source(tmp_path / "slides" / "a.tif", "<")
    mask = write_mask(np.zeros((10, 53), bool), tmp_path / "a_mask.tif", source=source)
    assert read_frame(mask)[:2] == (10, 53)


def test_regions_are_drawn_in_place_whatever_the_orientation(monkeypatch):
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    shown = RegionPicture(print)
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[10:20, 30:50] = 255
    shown.show(orient(stored, 6), Frame(40, 60, 6), [(10, 30, 20, 50)], (0, 0, 5, 5))
    assert shown.axes.get_xlabel() == "row y (px)"
    assert (shown.axes.get_xlim(), shown.axes.get_ylim()) == ((40, 0), (60, 0))
    canvas = shown.drawing.figure.canvas
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba()).astype(int)
    blue = (pixels[..., 2] > 200) & (pixels[..., 0] < 60)
    white = (pixels[..., :3] > 250).all(axis=-1)
    left, top, width, height = cv2.boundingRect(blue.astype(np.uint8))
    assert blue.any()
    assert white[top + 4 : top + height - 4, left + 4 : left + width - 4].all()
    assert not white[top - 4, left + width // 2]
