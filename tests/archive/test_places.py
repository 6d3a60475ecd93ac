"""Whatever the output folder holds, no source is written over, and nothing is written beside one."""

import os
import shutil

import numpy as np
import pytest
import tifffile
from archives import SHAPE
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.tasks import CallError
from irtoolkit.synthetic.scanner_files import write_scanner_file


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    file = tmp_path_factory.mktemp("scan") / "a.tif"
    counts = irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values
    write_scanner_file(file, counts, layout="vuescan-rgbi")
    return file


@pytest.fixture
def tree(scan, tmp_path):
    """Two rolls of one slide; the second has the name of the first one's mask."""
    for name in ("roll7/x.tif", "roll8/x_mask.tif"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True)
        shutil.copy(scan, tmp_path / "scans" / name)
    return tmp_path / "scans"


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def state(folder):
    """Every file and folder below one, with the files' content."""
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def clean(tree, out, **choices):
    return irt.clean_archive(tree, out, workers=1, quiet=True, **{"alone": True, **choices})


IN_PLACE = (".irtoolkit.lock", "irtoolkit.log", ".irtoolkit-decisions.lock")
REPLACED = ("slides.csv", "slides.parquet", "report.html", "decisions.json", "report/slides.js")


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
@pytest.mark.parametrize("name", [*IN_PLACE, *REPLACED])
def test_a_file_of_the_run_that_is_a_source_ends_the_call_before_anything_is_written(
    tree, out, monkeypatch, capsys, name, kind
):
    source, target = tree / "roll7" / "x.tif", out / name
    target.parent.mkdir(exist_ok=True)
    target.symlink_to(source) if kind == "symbolic" else target.hardlink_to(source)
    before, there = state(tree), state(out)
    assert run(monkeypatch, "clean", tree, "--out", out, "--alone", "--workers", 1) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{target} would overwrite the source {source}" in told
    assert (state(tree), state(out)) == (before, there)


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_lock_or_log_that_leads_to_another_file_ends_the_call(tree, out, tmp_path, monkeypatch, capsys, name):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (out / name).symlink_to(precious)
    assert run(monkeypatch, "clean", tree, "--out", out, "--alone", "--workers", 1) == 2
    assert "is a link" in capsys.readouterr().err
    assert precious.read_bytes() == b"precious"
    assert [path.name for path in out.iterdir()] == [name]


def test_a_lock_of_decisions_that_is_a_link_is_not_written_to(scan, out):
    before = scan.read_bytes()
    (out / ".irtoolkit-decisions.lock").symlink_to(scan)
    with pytest.raises(irt.SlideError, match="is a link"):
        irt.write_decisions({"a.tif": irt.Decision(verdict="accepted")}, out)
    assert scan.read_bytes() == before


@pytest.mark.parametrize("place", ["report", "report/rolls"])
@pytest.mark.parametrize("where", ["roll7", ""])
def test_a_linked_folder_of_the_report_puts_nothing_among_the_sources(tree, out, monkeypatch, capsys, place, where):
    shutil.copy(tree / "roll7" / "x.tif", tree / "y.tif")
    (out / place).parent.mkdir(exist_ok=True)
    (out / place).symlink_to(tree / where)
    before, there = state(tree), state(out)
    assert run(monkeypatch, "clean", tree, "--out", out, "--workers", 1) == 2
    assert "would be next to the source" in capsys.readouterr().err
    assert (state(tree), state(out)) == (before, there)


def test_a_folder_linked_to_another_rolls_scans_is_a_row_of_its_slides_alone(tree, out, monkeypatch, capsys):
    (out / "roll7").symlink_to(tree / "roll8")
    before = state(tree)
    assert run(monkeypatch, "clean", tree, "--out", out, "--alone", "--workers", 1) == 1
    assert state(tree) == before
    rows = {row["slide"]: row for row in rows_of(out)}
    assert {slide: row["status"] for slide, row in rows.items()} == {
        "roll7/x.tif": "refused",
        "roll8/x_mask.tif": "done",
    }
    assert "would overwrite the source" in rows["roll7/x.tif"]["reason"]
    assert "roll7/x.tif: refused: " in capsys.readouterr().err
    (out / "roll7").unlink()
    assert run(monkeypatch, "clean", tree, "--out", out, "--alone", "--workers", 1) == 0
    assert {row["status"] for row in rows_of(out)} == {"done"}


@pytest.mark.parametrize("place", ["report/slides/roll7", "report/slides/roll7/x"])
def test_pictures_and_records_are_not_written_among_sources(tree, out, place):
    (out / place).parent.mkdir(parents=True)
    (out / place).symlink_to(tree / "roll8")
    before = state(tree)
    assert clean(tree, out).status.values.tolist() == ["refused", "done"]
    assert state(tree) == before


def test_a_linked_folder_that_holds_no_source_is_written_to(tree, out, tmp_path):
    for place in ("report", "roll7"):
        (tmp_path / "disk2" / place).mkdir(parents=True)
        (out / place).symlink_to(tmp_path / "disk2" / place)
    assert clean(tree, out).status.values.tolist() == ["done", "done"]
    assert (tmp_path / "disk2" / "roll7" / "x_mask.tif").is_file()
    assert (tmp_path / "disk2" / "report" / "slides.js").is_file()


def test_outputs_that_are_links_are_replaced_and_what_they_lead_to_stays(tree, out, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    places = [out / "roll7" / "x_mask.tif", out / "roll7" / "x_clean.tif", out / "slides.csv", out / "report.html"]
    places += [out / "report" / "slides" / "roll7" / "x" / name for name in ("scan.jpg", "record.json")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(precious)
    assert clean(tree, out).status.values.tolist() == ["done", "done"]
    assert precious.read_bytes() == b"precious"
    assert not any(place.is_symlink() for place in places)


def test_a_mask_of_ones_own_is_not_overwritten(tree, out, tmp_path):
    mask = tmp_path / "masks" / "roll7" / "x_mask.tif"
    mask.parent.mkdir(parents=True)
    tifffile.imwrite(mask, np.zeros(SHAPE, np.uint8))
    before = mask.read_bytes()
    (out / "roll7").symlink_to(mask.parent)
    assert clean(tree, out, masks=tmp_path / "masks").status.values.tolist() == ["refused", "done"]
    assert mask.read_bytes() == before
    assert [path.name for path in mask.parent.iterdir()] == [mask.name]


def test_a_call_of_which_no_slide_can_be_written_is_refused(tree, tmp_path):
    before = state(tmp_path)
    for out in (tree / "roll7", tree):
        with pytest.raises(CallError, match=r"--out .* is the folder of the scans; choose another folder$"):
            clean([tree / "roll7" / "x.tif", tree / "roll8" / "x_mask.tif"], out)
    assert state(tmp_path) == before


def test_an_output_folder_below_the_scans_is_allowed(tree):
    assert clean(tree / "roll7", tree / "roll7" / "healed").status.values.tolist() == ["done"]


def test_a_model_is_not_written_over_a_source(tree, out, monkeypatch, capsys):
    os.link(tree / "roll7" / "x.tif", out / "roll.json")
    before = state(tree)
    assert run(monkeypatch, "fit", tree, "--out", out / "roll.json") == 2
    assert "would overwrite the source" in capsys.readouterr().err
    assert state(tree) == before


def test_every_source_is_looked_at_once_a_call(tree, out, monkeypatch):
    """The number of looks does not grow with slides times slides."""
    from irtoolkit.files import sources

    looked, real = [], sources._identity
    monkeypatch.setattr(sources, "_identity", lambda path: looked.append(path) or real(path))
    for number in range(40):
        shutil.copy(tree / "roll7" / "x.tif", tree / "roll7" / f"{number}.tif")
    archive.plan_run([str(tree)], out, archive.Choices())
    assert len(looked) < 20 * 42
