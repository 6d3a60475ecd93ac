"""What a person decided about slides: kept in a file, and applied by the next run for just those slides."""

import json
import threading

import numpy as np
import pytest
import tifffile
from archives import digests
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import decisions, locks, mark_reasons
from irtoolkit.archive import run as archive
from irtoolkit.archive.decisions import Decision, decision_of, read_decisions, write_decisions
from irtoolkit.archive.results import rounded
from irtoolkit.schema import VISIBLE
from irtoolkit.synthetic.scanner_files import write_scanner_file

SHAPE = (161, 221)
BOX = (20, 30, 121, 150)
SLIDES = ("one.tif", "two.tif", "three.tif")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("scans")
    for seed, name in enumerate(SLIDES, 1):
        slide = irt.make_slide(seed, SHAPE, scanner="plustek", defects=300, roll=1)
        write_scanner_file(root / name, slide.counts.values)
    return root


@pytest.fixture
def cleaned(tree, tmp_path):
    """Function () that cleans the tree into one folder, and returns the slides that were cleaned."""
    done = []
    real = archive.clean_job

    def clean(**options):
        done.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
            irt.clean_archive(tree, tmp_path, alone=True, workers=1, quiet=True, **options)
        return list(done)

    assert len(clean()) == 3
    return clean


def row(folder, slide):
    return next(row for row in rows_of(folder) if row["slide"] == slide)


def planes(folder, name):
    return tifffile.imread(folder / f"{name}_mask.tif") > 0, tifffile.imread(folder / f"{name}_clean.tif")


def source(tree, name):
    return irt.open_slide(tree / f"{name}.tif").counts.sel(band=list(VISIBLE)).values.transpose(1, 2, 0)


def inside(box, shape=SHAPE):
    region = np.zeros(shape, bool)
    region[box[0] : box[2], box[1] : box[3]] = True
    return region


def test_an_excluded_region_is_the_sources_again_and_nothing_else_changes(tree, cleaned, tmp_path):
    mask, others = planes(tmp_path, "two")[0], digests(tmp_path)
    write_decisions({"two.tif": Decision(excluded=(BOX,))}, tmp_path)
    assert cleaned() == ["two.tif"]
    after, now = planes(tmp_path, "two")
    region = inside(BOX)
    assert (mask & region).sum() > 20
    assert (mask & ~region).sum() > 20
    np.testing.assert_array_equal(after, mask & ~region)
    np.testing.assert_array_equal(now[region], source(tree, "two")[region])
    changed = {name for name, digest in digests(tmp_path).items() if others[name] != digest}
    assert changed == {"two_mask.tif", "two_clean.tif"}
    assert float(row(tmp_path, "two.tif")["coverage"]) == rounded(after.mean())
    assert row(tmp_path, "two.tif")["decision"] == "excluded rows 20 to 121, columns 30 to 150"
    assert cleaned() == []
    write_decisions({"two.tif": Decision()}, tmp_path)
    assert cleaned() == ["two.tif"]
    assert digests(tmp_path) == others
    assert row(tmp_path, "two.tif")["decision"] == ""


def test_of_a_rejected_slide_nothing_is_marked_or_healed(tree, cleaned, tmp_path):
    threshold = row(tmp_path, "one.tif")["threshold"]
    write_decisions({"one.tif": Decision(verdict="rejected", threshold=2.0, excluded=(BOX,))}, tmp_path)
    assert cleaned() == ["one.tif"]
    mask, healed = planes(tmp_path, "one")
    assert not mask.any()
    np.testing.assert_array_equal(healed, source(tree, "one"))
    told = row(tmp_path, "one.tif")
    assert (told["decision"], told["defects"], told["review"], told["threshold"]) == ("rejected", "0", "", threshold)
    assert told["fdr"] == ""


def test_another_threshold_is_what_clean_slide_does_with_it(tree, cleaned, tmp_path):
    before, _ = planes(tmp_path, "three")
    write_decisions({"three.tif": Decision(threshold=9)}, tmp_path)
    assert cleaned(settings=irt.Settings(heal="telea"), limit=3) == ["one.tif", "three.tif", "two.tif"]
    expected = irt.clean_slide(irt.open_slide(tree / "three.tif"), settings=irt.Settings(threshold=9, heal="telea"))
    mask, healed = planes(tmp_path, "three")
    np.testing.assert_array_equal(mask, expected.mask)
    np.testing.assert_array_equal(healed, expected.healed.values[:3].transpose(1, 2, 0))
    assert (mask != before).any()
    assert row(tmp_path, "three.tif")["decision"] == "threshold 9.0"


def test_accepting_cleans_nothing_and_takes_the_slide_off_the_short_list(cleaned, tmp_path, monkeypatch):
    monkeypatch.setattr(mark_reasons, "MAX_COVERAGE", 0.0)
    cleaned(force=True)
    assert all("is marked" in row["review"] for row in rows_of(tmp_path))
    before = digests(tmp_path)
    write_decisions({"one.tif": Decision(verdict="accepted")}, tmp_path)
    assert cleaned() == []
    assert digests(tmp_path) == before
    reviews = {row["slide"]: (row["review"] == "", row["weight"], row["decision"]) for row in rows_of(tmp_path)}
    assert reviews["one.tif"] == (True, "0.0", "accepted")
    assert [reviews[name][0] for name in ("two.tif", "three.tif")] == [False, False]
    report = (tmp_path / "report" / "slides.js").read_text()
    assert report.count('"decision": "accepted"') == 1
    write_decisions({"one.tif": Decision(verdict="accepted", threshold=9.0)}, tmp_path)
    assert cleaned() == ["one.tif"]
    assert row(tmp_path, "one.tif")["decision"] == "threshold 9.0; accepted"


def test_decisions_that_cannot_be_read_stop_the_next_run_and_stay(cleaned, tree, tmp_path, monkeypatch, capsys):
    file = tmp_path / "decisions.json"
    before = digests(tmp_path)
    for broken in ("{", "[]", '{"kind": "irtoolkit decisions", "version": 2, "slides": {}}', '{"kind": "other"}'):
        file.write_text(broken)
        with pytest.raises(irt.SlideError, match="cannot be read as irtoolkit decisions, version 1"):
            cleaned()
        with pytest.raises(irt.SlideError, match="move it away"):
            write_decisions({"one.tif": Decision(verdict="accepted")}, tmp_path)
        assert file.read_text() == broken
    assert run(monkeypatch, "clean", tree, "--out", tmp_path, "--quiet") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert digests(tmp_path) == before


def test_the_settings_file_takes_excluded_regions(tree, tmp_path, monkeypatch):
    (tmp_path / "settings.toml").write_text("excluded = [[0, 0, 161, 100], [7, 100, 9, 221]]\n")
    out = tmp_path / "out"
    call = ("clean", tree / "two.tif", "--out", out, "--settings", tmp_path / "settings.toml", "--quiet")
    assert run(monkeypatch, *call) == 0
    settings = irt.Settings(excluded=((0, 0, 161, 100), (7, 100, 9, 221)))
    expected = irt.clean_slide(irt.open_slide(tree / "two.tif"), settings=settings)
    mask, _ = planes(out, "two")
    np.testing.assert_array_equal(mask, expected.mask)
    assert mask.any()
    assert not (mask & inside((0, 0, 161, 100))).any()


@pytest.mark.parametrize(
    "excluded",
    [5, (1, 2, 3, 4), [(0, 0, 1)], [(0, 0, 0, 5)], [(0, 5, 1, 5)], [(-1, 0, 1, 1)], [(0, 0, 1.5, 2)], "box", [None]],
)
def test_what_is_no_region_is_refused(excluded):
    for kind in (irt.Settings, Decision):
        with pytest.raises(irt.SlideError, match=r"excluded must be regions \(top, left, bottom, right\)"):
            kind(excluded=excluded)


@pytest.mark.parametrize("choices", [{"verdict": "perhaps"}, {"threshold": "otsu"}, {"threshold": 0.5}])
def test_what_is_no_decision_is_refused(choices):
    with pytest.raises(irt.SlideError, match="must be"):
        Decision(**choices)


def test_a_decision_changes_only_what_it_decides():
    settings = irt.Settings(threshold="otsu", heal="copy", excluded=[(0, 0, 1, 1)])
    assert Decision(verdict="accepted").settings(settings) == settings
    changed = Decision(threshold=4, excluded=[BOX]).settings(settings)
    assert changed == irt.Settings(threshold=4.0, heal="copy", excluded=((0, 0, 1, 1), BOX))


def test_whether_a_decision_is_applied_is_seen_from_the_table():
    some = Decision(threshold=4.5, excluded=[BOX, (0, 0, 1, 1)])
    for decision in (some, Decision(), Decision(verdict="rejected"), Decision(verdict="accepted", threshold=3.0)):
        assert decision.is_applied(decision.summary(decision.effect))
    assert not some.is_applied("")
    assert not some.is_applied(Decision(threshold=4.5, excluded=[BOX]).effect)
    assert not Decision().is_applied("rejected")
    assert Decision(verdict="accepted").is_applied("")
    assert Decision().is_applied("accepted")


def test_decisions_are_read_as_written_a_line_a_slide_and_those_of_other_slides_stay(tmp_path):
    odd = "a" + chr(0xDCFF) + ".tif"
    assert read_decisions(tmp_path) == read_decisions(tmp_path / "missing") == {}
    first = {"a/ü 1.tif": Decision(threshold=4.5, excluded=[BOX]), "gone.tif": Decision(verdict="rejected")}
    file = write_decisions(first, tmp_path)
    second = {r"a\udcff.tif": Decision(verdict="accepted"), "a/ü 1.tif": Decision(threshold=5.0)}
    assert write_decisions(second, tmp_path) == file
    assert read_decisions(tmp_path) == first | second
    assert decision_of(read_decisions(tmp_path), odd) == Decision(verdict="accepted")
    assert decision_of(read_decisions(tmp_path), "never.tif") == Decision()
    assert len(file.read_text().splitlines()) == 4 + 3 + 2
    write_decisions({"gone.tif": Decision()}, tmp_path)
    assert json.loads(file.read_text())["slides"] == {
        "a/ü 1.tif": {"threshold": 5.0},
        r"a\udcff.tif": {"verdict": "accepted"},
    }


def test_decisions_need_their_folder_and_many_may_write_at_once(tmp_path):
    with pytest.raises(irt.SlideError, match="no such folder; give the output folder"):
        write_decisions({"a.tif": Decision(verdict="accepted")}, tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    accepted = Decision(verdict="accepted")
    writers = [
        threading.Thread(target=write_decisions, args=({f"{number}.tif": accepted}, tmp_path)) for number in range(12)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(read_decisions(tmp_path)) == {f"{number}.tif" for number in range(12)}


def test_a_run_that_begins_while_a_decision_is_written_does_not_lose_it(tmp_path, monkeypatch):
    """It waits with removing leftovers until the decision is written."""
    real, runs, present = decisions.write_whole, [], []

    def begin_a_run():
        with locks.sole_user(tmp_path):
            present.extend(path.name for path in tmp_path.iterdir())

    def write(path, content):
        runs.append(threading.Thread(target=begin_a_run))
        runs[0].start()
        runs[0].join(0.3)
        assert not present
        return real(path, content)

    monkeypatch.setattr(decisions, "write_whole", write)
    write_decisions({"a.tif": Decision(verdict="accepted")}, tmp_path)
    runs[0].join()
    assert set(read_decisions(tmp_path)) == {"a.tif"}
    assert "decisions.json" in present
    assert [path.name for path in tmp_path.iterdir()] == ["decisions.json"]


def test_whoever_waits_too_long_for_another_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    with (
        locks.locked(tmp_path / locks.DECISIONS_LOCK),
        pytest.raises(irt.SlideError, match="another program is writing decisions"),
    ):
        write_decisions({"a.tif": Decision(verdict="accepted")}, tmp_path)
