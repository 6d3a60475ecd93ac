import subprocess
import sys

import ipywidgets
import pytest

from irtoolkit.widgets import drawing


@pytest.fixture(params=[True, False], ids=["live", "still"])
def drawn(request, monkeypatch):
    """A drawing with one line, with ipympl and without."""
    if not request.param:
        monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    made = drawing.Drawing(320, 200)
    made.figure.subplots().plot([0, 1])
    assert made.live is request.param
    return made


def test_a_drawing_is_laid_out_once(drawn):
    drawn.redraw()
    assert drawn.figure.get_layout_engine() is None
    (ax,) = drawn.figure.axes
    before = ax.get_position().bounds
    ax.set_ylabel("a label\nthat needs\nmore room")
    drawn.redraw()
    assert ax.get_position().bounds == before


def test_a_drawing_has_the_size_it_was_given(drawn):
    assert drawn.figure.get_size_inches() * drawing.DPI == pytest.approx([320, 200])


def test_without_ipympl_the_picture_changes_with_the_figure(monkeypatch):
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    made = drawing.Drawing(320, 200)
    made.redraw()
    empty = bytes(made.widget.value)
    made.figure.subplots()
    made.redraw()
    assert isinstance(made.widget, ipywidgets.Image)
    assert empty.startswith(b"\x89PNG")
    assert bytes(made.widget.value) != empty


def test_a_drawing_leaves_the_backend_of_pyplot_as_it_is():
    code = (
        "import matplotlib; matplotlib.use('svg'); from irtoolkit.widgets.drawing import Drawing;"
        " assert Drawing(300, 200).live; print(matplotlib.get_backend())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "svg"
