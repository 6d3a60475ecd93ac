"""Several calls into one output folder: slides are kept apart, or the call is refused."""

import shutil

import pytest
from archives import SHAPE, digests, outcome
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.records import read_records
from irtoolkit.archive.tasks import CallError
from irtoolkit.synthetic.scanner_files import write_scanner_file


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Two different slides of one size."""
    folder = tmp_path_factory.mktemp("kinds")
    for number in (1, 2):
        counts = irt.make_slide(number, SHAPE, scanner="plustek", roll=1).counts.values
        write_scanner_file(folder / f"{number}.tif", counts, layout="vuescan-rgbi")
    return folder


@pytest.fixture
def put(kinds):
    """Function (kind, file) that puts one of them there."""

    def copy(kind, file):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kinds / f"{kind}.tif", file)

    return copy


@pytest.fixture
def done(monkeypatch):
    """Slides that were cleaned."""
    slides, real = [], archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: slides.append(job.task.slide) or real(job))
    return slides


def clean(paths, out, **choices):
    return irt.clean_archive(paths, out, **{"alone": True, "workers": 1, "quiet": True, **choices})


def test_a_roll_with_the_names_of_another_is_refused_in_one_sentence(put, tmp_path, monkeypatch, capsys):
    rolls, out = [tmp_path / "scans" / name for name in ("roll7", "roll8")], tmp_path / "out"
    for kind, roll in enumerate(rolls, 1):
        put(kind, roll / "a.tif")
    assert run(monkeypatch, "clean", rolls[0], "--out", out) == 0
    irt.write_decisions({"a.tif": irt.Decision(verdict="accepted")}, out)
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    capsys.readouterr()
    for more in ((), ("--force",), ("--dry-run",)):
        assert run(monkeypatch, "clean", rolls[1], "--out", out, *more) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        for part in (str(rolls[0]), str(rolls[1]), "--out", "the folder that holds both", "a.tif"):
            assert part in told
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    assert clean(tmp_path / "scans", tmp_path / "both").status.values.tolist() == ["done", "done"]


def test_slides_of_an_earlier_call_stay_in_table_report_and_decisions(put, tmp_path, monkeypatch, capsys):
    for kind, (roll, name) in enumerate((("roll7", "a2"), ("roll8", "a10")), 1):
        put(kind, tmp_path / roll / f"{name}.tif")
    (tmp_path / "roll7" / "a3.tif").write_bytes(b"no slide")
    out = tmp_path / "out"
    assert run(monkeypatch, "clean", tmp_path / "roll8", "--out", out) == 0
    irt.write_decisions({"a10.tif": irt.Decision(verdict="accepted")}, out)
    assert run(monkeypatch, "clean", tmp_path / "roll7", "--out", out) == 1
    before = digests(out)
    assert run(monkeypatch, "clean", tmp_path / "roll8", "--out", out) == 0
    rows = rows_of(out)
    assert [(row["slide"], row["status"], row["roll"], row["decision"]) for row in rows] == [
        ("a2.tif", "done", "roll7", ""),
        ("a3.tif", "refused", "roll7", ""),
        ("a10.tif", "done", "roll8", "accepted"),
    ]
    assert "this is no TIFF" in rows[1]["reason"]
    assert digests(out) == before
    shown = (out / "report" / "slides.js").read_text()
    assert all(f'"{name}.tif"' in shown for name in ("a2", "a3", "a10"))
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("1 slide: ")]
    assert told == ["1 slide: 1 to look at", "1 slide: 1 to look at; 1 refused", "1 slide: 1 done without remarks"]


@pytest.mark.changes_sources
def test_a_slide_whose_outputs_or_refused_scan_are_gone_leaves_the_table(put, tmp_path):
    out = tmp_path / "out"
    for name in ("a", "b"):
        put(1, tmp_path / "roll7" / f"{name}.tif")
    (tmp_path / "roll7" / "c.tif").write_bytes(b"no slide")
    clean(tmp_path / "roll7", out)
    put(2, tmp_path / "roll8" / "a.tif")
    for file in (*out.glob("a_*.tif"), tmp_path / "roll7" / "c.tif"):
        file.unlink()
    table = clean(tmp_path / "roll8", out)
    assert table.slide.values.tolist() == ["a.tif", "b.tif"]
    assert read_records(out)["a.tif"]["source"] == str(tmp_path / "roll8" / "a.tif")


def test_a_file_then_its_folder_then_a_pattern_are_one_archive(put, tmp_path, done, monkeypatch):
    scans, out = tmp_path / "scans", tmp_path / "out"
    for kind, name in enumerate("ab", 1):
        put(kind, scans / f"{name}.tif")
    clean(scans / "a.tif", out)
    clean(scans, out, limit=1)
    clean(str(scans / "*.tif"), out)
    monkeypatch.chdir(scans)
    clean("b.tif", out)
    assert done == ["a.tif", "b.tif"]
    assert [row["slide"] for row in rows_of(out)] == ["a.tif", "b.tif"]


@pytest.mark.changes_sources
def test_a_folder_that_moved_goes_on_and_a_replaced_scan_is_redone(put, tmp_path, done):
    out = tmp_path / "out"
    put(1, tmp_path / "scans" / "a.tif")
    clean(tmp_path / "scans", out)
    before = outcome(out)
    (tmp_path / "scans").rename(tmp_path / "moved")
    clean(tmp_path / "moved", out)
    assert done == ["a.tif"]
    assert outcome(out) == before
    put(2, tmp_path / "new" / "a.tif")
    with pytest.raises(CallError, match="holds slides of the same names"):
        clean(tmp_path / "new", out)
    put(2, tmp_path / "scans" / "a.tif")
    clean(tmp_path / "scans", out)
    assert done == ["a.tif", "a.tif"]
    assert outcome(out)[0] != before[0]


def test_a_record_of_an_earlier_version_is_taken_for_the_same_slide(put, tmp_path):
    out = tmp_path / "out"
    put(1, tmp_path / "scans" / "a.tif")
    clean(tmp_path / "scans", out)
    record = out / "report" / "slides" / "a" / "record.json"
    lines = [line for line in record.read_text().splitlines() if '"source"' not in line]
    record.write_text("\n".join(lines))
    put(2, tmp_path / "other" / "a.tif")
    assert clean(tmp_path / "other", out).status.values.tolist() == ["done"]
