"""The notebook in which a roll is calibrated, run on a slide that does not match its roll."""

import json
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import irtoolkit as irt

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "04_calibrate_by_eye.ipynb"
SHAPE = (200, 302)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two slides of a roll, and one on Kodachrome."""
    irt.make_roll(tmp_path / "roll", seed=4, count=2, shape=SHAPE)
    (other,) = irt.make_roll(tmp_path / "other", seed=4, count=1, shape=SHAPE, film="kodachrome")
    shutil.copy(other, tmp_path / "roll" / "slide_03.tif")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "roll"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_slides_of_the_example_are_one_roll(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", lambda: str(tmp_path))
    space = {}
    for cell in code_cells()[:2]:
        exec(cell, space)
    irt.clean_archive(space["folder"], tmp_path / "out", workers=1, quiet=True)
    assert len(list((tmp_path / "out" / "report" / "rolls").rglob("*.json"))) == 1
    assert "The night run fits these as" not in capsys.readouterr().out


def test_settings_that_were_written_are_those_of_the_next_start(folder, capsys):
    file = folder.parent / "roll-settings.toml"
    file.write_text("threshold = 4.75\nvisibility = 2.0\n")
    cells, space = code_cells(), {}
    last = next(cell for cell in cells if "file.write_text" in cell)
    explorer = next(cell for cell in cells if "explore_threshold" in cell)
    for cell in (f"folder = {str(folder)!r}", cells[1], "slide, model = slides[0], None", explorer):
        exec(cell, space)
    assert f"settings from {file}" in capsys.readouterr().out
    assert space["explorer"].settings == irt.Settings(threshold=4.75, visibility=2.0)
    space["explorer"]._visibility.value = 1.5
    space["settings"] = space["explorer"].settings
    exec(last, space)
    exec(cells[1], space)
    assert space["settings"] == irt.Settings(threshold=4.75, visibility=1.5)


def test_a_folder_without_a_usable_scan_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    irt.make_roll(tmp_path / "plain", seed=4, count=1, shape=SHAPE, layouts=["rgb"])
    cells, space = code_cells(), {}
    exec(f"folder = {str(tmp_path / 'plain')!r}", space)
    with pytest.raises(irt.SlideError, match="holds no scan that can be used; give a folder of scans with infrared"):
        exec(cells[1], space)


def test_every_cell_runs_on_a_slide_that_does_not_match_its_roll(folder, capsys):
    code = code_cells()
    assert code[0].startswith("folder = None")
    assert code[2].startswith("number = 0")
    space = {}
    for cell in (f"folder = {str(folder)!r}", code[1], code[2].replace("number = 0", "number = 2"), *code[3:]):
        exec(cell, space)
    plt.close("all")
    printed = capsys.readouterr().out
    assert "This slide does not match its roll" in printed
    roll, archive = (line.split() for line in printed.splitlines() if line.startswith("irtoolkit clean"))
    outside = folder.parent.parent
    assert roll[2:5] == [str(folder), "--out", str(outside / "roll-cleaned")]
    assert archive[2:5] == [str(folder.parent), "--out", str(outside / f"{folder.parent.name}-cleaned")]
    alone = irt.clean_slide(irt.open_slide(folder / "slide_03.tif"))
    assert space["explorer"].choice.threshold == float(space["chosen"].threshold) == float(alone.threshold)
    assert (folder.parent / "roll-settings.toml").read_text() == ""
