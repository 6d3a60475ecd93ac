"""The gallery: its slides, its pictures, its page."""

import re

import cv2
import numpy as np
import pytest
import tifffile
from pages import TOP
from test_commands import KINDS

from docs import gallery


@pytest.mark.parametrize("name", KINDS)
def test_damage_of_each_kind_darkens_all_bands(name, monkeypatch):
    monkeypatch.setattr(gallery, "SHAPE", (90, 130))
    piece = gallery.PIECES[name]
    damaged = gallery.make_scan(piece).astype(int)
    whole = gallery.make_scan(piece._replace(draw=lambda _, shape: np.ones(shape, np.float32))).astype(int)
    assert damaged.shape == (4, 90, 130)
    assert (damaged <= whole).all()
    assert ((whole - damaged).reshape(4, -1).max(axis=1) > 0.1 * whole.reshape(4, -1).max(axis=1)).all()


def test_slides_are_written_for_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "SHAPE", (90, 130))
    monkeypatch.setattr("sys.argv", ["gallery.py", "hair", "--slides", str(tmp_path)])
    gallery.main()
    assert [path.name for path in tmp_path.iterdir()] == ["hair.tif"]
    assert tifffile.imread(tmp_path / "hair.tif").shape == (90, 130, 4)


def test_the_page_shows_every_piece():
    assert tuple(gallery.PIECES) == KINDS
    text = (TOP / "docs" / "gallery.md").read_text()
    assert re.findall(r"gallery/([\w-]+)\.jpg", text) == list(KINDS)
    pictures = [TOP / "docs" / "gallery" / f"{name}.jpg" for name in KINDS]
    assert all(path.stat().st_size < 150_000 for path in pictures)
    assert all(cv2.imread(str(path)).shape == (300, 1216, 3) for path in pictures)
