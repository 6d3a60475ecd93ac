"""Records that were edited by hand: the slide is done again, or nothing changes; never an error."""

import json
import shutil

import pytest
from archives import SHAPE
from commands import run
from edits import GONE, edited, places

import irtoolkit as irt
from irtoolkit.archive import Choices, plan_run, slides_to_clean
from irtoolkit.archive import run as archive
from irtoolkit.archive.closing import collect_rows
from irtoolkit.archive.records import read_record, read_records
from irtoolkit.archive.report import write_report
from irtoolkit.archive.results import write_parquet, write_table
from irtoolkit.synthetic.scanner_files import write_scanner_file

ODD = (
    *(None, True, False, 0, -1, 10**18, -(10**18), 1.5, -1e300, float("inf"), float("nan")),
    *("", "text", "a/b", "../../a", "\0", "\ud800", "x" * 300, "x" * 10**5, [], [1], [[]], {}, {"a": 1}, {"": {}}),
)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """Two slides, one of which cannot be used, and what was made of them."""
    root = tmp_path_factory.mktemp("edited")
    (root / "scans").mkdir()
    counts = irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values
    write_scanner_file(root / "scans" / "a.tif", counts, layout="vuescan-rgbi")
    (root / "scans" / "b.tif").write_bytes(b"no scan")
    irt.clean_archive(root / "scans", root / "out", workers=1, quiet=True)
    return root


def use(scans, out, tmp_path):
    """Plan a run, and write table and report of it, as a run does that cleans nothing."""
    done = plan_run([str(scans)], out, Choices(), quiet=True)
    archive.estimate(done)
    rows = archive._judge(done, collect_rows(done, {}))
    write_table(rows, tmp_path / "slides.csv")
    write_parquet(rows, tmp_path / "slides.parquet")
    write_report(rows, tmp_path / "report.html")
    irt.open_results(tmp_path)
    return len(slides_to_clean(done))


@pytest.mark.parametrize("slide", ["a", "b"])
def test_a_record_with_any_value_anywhere_is_used_or_left_out(cleaned, tmp_path, slide):
    out = tmp_path / "out"
    shutil.copytree(cleaned / "out", out)
    file = out / "report" / "slides" / slide / "record.json"
    record = json.loads(file.read_text())
    left_out = 0
    for turn, place in enumerate(places(record)):
        for value in (*ODD, GONE)[turn % 3 :: 3]:
            file.write_text(json.dumps(edited(record, place, value)))
            if read_record(file) is not None or not left_out:
                use(cleaned / "scans", out, tmp_path)
            left_out += read_record(file) is None
    assert left_out > 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        '"a"',
        "[" * 10**5,
        '{"a":' * 10**5,
        "9" * 10**5,
        "\ufeff{}",
        b"\xff\xfe{}",
        '{"kind": "\\ud8"}',
    ],
)
def test_a_file_that_is_no_record_is_none(cleaned, tmp_path, text):
    file = tmp_path / "record.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    assert read_record(file) is None


def test_what_is_no_file_or_too_long_is_no_record(cleaned, tmp_path):
    shutil.copy(cleaned / "out" / "report" / "slides" / "a" / "record.json", tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") is not None
    with (tmp_path / "record.json").open("a") as file:
        file.write(" " * 2**21)
    assert read_record(tmp_path / "record.json") is None
    (tmp_path / "folder").mkdir()
    assert read_record(tmp_path / "folder") is None


@pytest.mark.parametrize(
    ("place", "value"), [(("outputs",), {}), (("row", "seconds"), "no"), (("sources",), []), (("settings",), "other")]
)
def test_a_slide_with_an_edited_record_is_done_again(cleaned, tmp_path, place, value, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(cleaned / "out", out)
    file = out / "report" / "slides" / "a" / "record.json"
    before = json.loads(file.read_text())
    assert use(cleaned / "scans", out, tmp_path) == 1
    file.write_text(json.dumps(edited(before, place, value)))
    assert use(cleaned / "scans", out, tmp_path) == 2
    assert run(monkeypatch, "clean", cleaned / "scans", "--out", out, "--quiet") == 1
    after = json.loads(file.read_text())
    after["row"]["seconds"] = before["row"]["seconds"]
    assert json.dumps(after) == json.dumps(before)


def test_a_record_at_the_place_of_another_slide_gives_that_no_name(cleaned, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(cleaned / "out", out)
    slides = out / "report" / "slides"
    shutil.copytree(slides / "a", slides / "c")
    assert read_records(out)["a.tif"]["name"] == "a"
