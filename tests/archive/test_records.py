"""Records of finished slides, what a run needs, and what it tells."""

import os
from itertools import pairwise

import numpy as np
import pytest
import tifffile

import irtoolkit as irt
from irtoolkit.archive.capacity import Crew, Estimate, Work, check_space, choose_crew, expected_seconds, make_estimate
from irtoolkit.archive.names import natural_key
from irtoolkit.archive.progress import Progress, print_refused
from irtoolkit.archive.records import BLOCK, identify, is_done, is_source, read_record, recipe, write_record
from irtoolkit.archive.rolls import group_rolls
from irtoolkit.archive.tasks import CallError, Task
from irtoolkit.pipeline import spread

SCAN = {"film": "E100", "scanner": "Coolscan", "dpi": 4000, "bits": 16, "pixels": 10**7, "bytes": 6 * 10**7}


def test_a_source_is_known_by_size_and_time_and_else_by_its_content(tmp_path):
    file = tmp_path / "a.tif"
    file.write_bytes(bytes(100_000))
    known = identify(file)
    assert is_source(file, known)
    os.utime(file, (1, 1))
    assert is_source(file, known)
    file.write_bytes(bytes(99_999) + b"\1")
    assert not is_source(file, known)
    file.write_bytes(bytes(100_001))
    assert not is_source(file, known)
    file.unlink()
    assert not is_source(file, known)


def test_a_source_whose_tags_changed_is_another_though_size_and_time_are_the_same(tmp_path):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((9, 9), np.uint8), extratags=[(274, "H", 1, 1, True)])
    known = identify(file)
    os.utime(file, ns=(1, 1))
    changed = known | {"changed": 1}
    assert is_source(file, changed)
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tiff.pages[0].tags[274].overwrite(6)
    os.utime(file, ns=(1, 1))
    assert not is_source(file, changed)
    assert is_source(file, {name: changed[name] for name in ("name", "size", "changed", "digest")})


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 64 * BLOCK])
def test_every_byte_of_a_small_file_counts(tmp_path, size):
    file = tmp_path / "a.tif"
    digests = set()
    for place in (None, *range(0, size, max(size // 7, 1)), *([size - 1] if size else [])):
        content = bytearray(size)
        if place is not None:
            content[place] = 1
        file.write_bytes(content)
        digests.add(identify(file)["digest"])
    changed = {*range(0, size, max(size // 7, 1)), *([size - 1] if size else [])}
    assert len(digests) == 1 + len(changed)


def test_a_record_is_read_as_it_was_written_and_damage_is_no_record(tmp_path):
    file = tmp_path / "report" / "record.json"
    row = {"threshold": float("inf"), "slide": "\udcff", "status": "failed", "reason": "", "seconds": 0.5}
    record = {"sources": [], "outputs": {}, "row": row}
    write_record(record, file)
    read = read_record(file)
    assert read is not None
    assert {name: read[name] for name in record} == record
    for damage in ("", "{", "[]", '{"kind": "other"}', "null"):
        file.write_text(damage)
        assert read_record(file) is None
    assert read_record(tmp_path / "missing.json") is None


def test_done_means_the_same_recipe_and_whole_outputs(tmp_path):
    settings, output = irt.Settings(), tmp_path / "a_mask.tif"
    output.write_bytes(b"mask")
    made = recipe(settings, "none", "model")
    record = made | {"outputs": {"a_mask.tif": 4}}
    assert is_done(record, recipe(irt.Settings(), "none", "model"), [output])
    assert not is_done(record, recipe(irt.Settings(visibility=2.0), "none", "model"), [output])
    assert not is_done(record, recipe(settings, "deflate", "model"), [output])
    assert not is_done(record, recipe(settings, "none", "other"), [output])
    assert not is_done(record, made, [output, tmp_path / "a_clean.tif"])
    output.write_bytes(b"mas")
    assert not is_done(record, made, [output])


def test_rolls_are_folders_of_one_kind_or_all_of_one_kind(tmp_path):
    def slide(name, **about):
        return Task(tmp_path / name, name), SCAN | about

    slides = [slide("a/1.tif"), slide("a/2.tif"), slide("a/3.tif", bits=8), slide("b/1.tif"), (slide("b/2.tif")[0], {})]
    rolls = group_rolls(slides, tmp_path, whole=False)
    assert [[task.slide for task in roll.tasks] for roll in rolls] == [["a/1.tif", "a/2.tif"], ["a/3.tif"], ["b/1.tif"]]
    assert rolls[0].name == "a (E100, Coolscan, 4000 dpi, 16 bit)"
    assert rolls[2].name == "b"
    assert len({roll.file for roll in rolls}) == 3
    whole = group_rolls(slides, tmp_path, whole=True)
    assert [len(roll.tasks) for roll in whole] == [3, 1]


def test_a_long_roll_is_fitted_on_slides_spread_over_it():
    assert spread(range(48)) == list(range(48))
    chosen = spread(range(1000))
    assert len(chosen) == 48
    assert chosen[0] == 0
    assert chosen[-1] == 999
    assert max(later - earlier for earlier, later in pairwise(chosen)) <= 22


def test_names_with_digits_of_all_scripts_are_sorted(tmp_path):
    names = ["x²", "x10", "x2", "x٣", "X1"]
    assert [path.name for path in sorted((tmp_path / name for name in names), key=natural_key)] == [
        "X1",
        "x2",
        "x٣",
        "x10",
        "x²",
    ]


def test_processes_follow_cores_memory_and_work(monkeypatch):
    monkeypatch.setattr("irtoolkit.archive.capacity.CPU_COUNT", 8)
    monkeypatch.setattr("irtoolkit.archive.capacity.memory_limit", lambda: 5e9)
    many, few = Work((SCAN,) * 100), Work((SCAN,) * 2)
    assert choose_crew(many, None) == Crew(3, 2)
    assert choose_crew(few, None) == Crew(0, 8)
    assert choose_crew(many, 1) == Crew(0, 8)
    assert choose_crew(many, 16) == Crew(16, 1)
    assert choose_crew(Work((SCAN,) * 4, (SCAN,) * 48), None) == Crew(3, 2)
    assert choose_crew(Work(()), None) == Crew(0, 8)


def test_space_and_time_are_estimated(tmp_path, monkeypatch):
    """On one idle core .5 s for each slide, 1 s for its sampled pixels, .4 s for each megapixel: 5.5 s for 10 MP."""
    load = [0.0]
    monkeypatch.setattr("irtoolkit.archive.capacity.psutil.getloadavg", lambda: (load[0], 0.0, 0.0))
    monkeypatch.setattr("irtoolkit.archive.capacity.CPU_COUNT", 4)
    here, two = Crew(0, 4), Crew(2, 2)
    expected = make_estimate(Work((SCAN,) * 10), [], here, tmp_path)
    assert expected.bytes == pytest.approx(6e8, rel=0.05)
    assert expected.seconds == pytest.approx(55)
    fitted = make_estimate(Work((SCAN,) * 10, (SCAN,) * 5), [], here, tmp_path)
    assert (fitted.seconds, fitted.cleaning) == pytest.approx((55 + 5 * (0.4 + 0.9 + 0.5), 55))
    small = SCAN | {"pixels": 10**5}
    assert make_estimate(Work((small,) * 10), [], here, tmp_path).seconds == pytest.approx(10 * (0.5 + 0.1 + 0.04))
    assert make_estimate(Work((SCAN,) * 10), [2.0, 3.0, 9.0], two, tmp_path).cleaning == pytest.approx(3 * 55 / 2)
    load[0] = 7.0
    assert make_estimate(Work((SCAN,) * 10), [], here, tmp_path).seconds == pytest.approx(2 * 55)
    assert make_estimate(Work((SCAN,) * 10), [], Crew(2, None), tmp_path).seconds == pytest.approx(55 / 2 / 0.8)
    with pytest.raises(CallError, match=r"too little free space.* needed are 2\.0 GB, free are 1\.0 GB"):
        check_space(Estimate(1, 2e9, 10**9, 1, 1), tmp_path)


@pytest.mark.parametrize(("megapixels", "seconds"), [(0.25, 0.85), (1, 1.94), (13.5, 7.16), (60, 23.69)])
def test_the_time_expected_is_within_a_factor_of_two_of_that_measured_on_one_core(megapixels, seconds):
    """`docs/benchmarks.md`, a whole slide, alone."""
    assert seconds / 2 < expected_seconds({"pixels": megapixels * 1e6}) < 2 * seconds


def test_progress_tells_a_line_a_minute_where_there_is_no_terminal(capsys):
    now = [0.0]
    with Progress(4, "cleaning", clock=lambda: now[0]) as progress:
        for now[0], state in ((30.0, ""), (60.0, "failed"), (100.0, "")):
            progress.step(state=state)
    told = capsys.readouterr().err
    assert told == "irtoolkit: cleaning: 2 of 4 slides, about 1 minute left, 1 failed\n"
    quiet = Progress(4, "cleaning", quiet=True)
    quiet.step()
    assert capsys.readouterr().err == ""


def test_the_time_left_is_what_was_expected_until_the_run_itself_measures_it():
    now = [0.0]
    progress = Progress(3, "cleaning", work=10.0, expected=100.0, clock=lambda: now[0])
    now[0] = 20.0
    assert progress.seconds_left() == 80
    progress.step(work=4.0)
    assert progress.seconds_left() == 30
    progress.step(state="refused", work=0.0)
    assert progress.seconds_left() == 30
    assert progress.line() == "cleaning: 2 of 3 slides, about 30 seconds left, 1 refused"
    progress.step(work=6.0)
    assert progress.line() == "cleaning: 3 of 3 slides, 1 refused"


def test_what_cannot_be_cleaned_is_counted_apart_from_the_slides(capsys):
    progress = Progress(2, "cleaning", quiet=True)
    progress.step(slides=0, state="refused", work=0.0)
    progress.step()
    progress.step(state="failed")
    assert progress.line() == "cleaning: 2 of 2 slides, 1 refused, 1 failed"
    assert Progress(3, "reading headers", unit="files", quiet=True).line() == "reading headers: 0 of 3 files"
    print_refused([("a.tif", "pale"), ("b.tif", "empty"), ("c.tif", "pale")], "refused: ")
    told = capsys.readouterr().err
    assert told == "irtoolkit: 2 files: refused: pale\n  a.tif\n  c.tif\nirtoolkit: b.tif: refused: empty\n"
