"""The soak itself: its faults happen, and what it looks for it finds."""

import os
import random
import subprocess
import sys

import pytest

from tests.soak.comparison import contents, leftovers, table, torn
from tests.soak.faults import Faults, environment
from tests.soak.flatness import Sample, growth, leaks
from tests.soak.sources import digests, disturb, make_broken, make_slides, make_template

READS = "Path('slides/a.tif').absolute().read_bytes()"
READS_OUTPUT = "Path('out/a.tif').absolute().read_bytes()"
WRITES = "Path('out/a.tif').absolute().write_bytes(bytes(2000))"
RENAMES = "Path('slides/a.tif').replace(os.path.abspath('out/a.tif'))"
WRITES_ELSEWHERE = "Path('a.tif').absolute().write_bytes(b'')"
BACK = "one = time.time(); assert one - time.time() > 19"


@pytest.mark.parametrize(
    ("code", "chances", "error"),
    [
        (READS, {"read": 1.0}, "[Errno 5]"),
        (READS_OUTPUT, {"read": 1.0}, ""),
        (WRITES, {"write": 1.0}, "[Errno "),
        (RENAMES, {"write": 1.0}, "[Errno "),
        (WRITES_ELSEWHERE, {"write": 1.0}, ""),
        (WRITES, {"largest": 1000}, "[Errno 27]"),
        (WRITES, {"largest": 3000}, ""),
        (BACK, {"clock": 1.0}, ""),
        (BACK, {}, "AssertionError"),
    ],
)
def test_a_fault_happens_where_it_should_and_nowhere_else(tmp_path, code, chances, error):
    for name in ("slides/a.tif", "out/a.tif"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"content")
    faults = Faults(str(tmp_path / "count"), str(tmp_path / "slides"), str(tmp_path / "out"), **chances)
    run = [sys.executable, "-c", f"import os, time; from pathlib import Path; {code}"]
    given = os.environ | environment(faults, tmp_path)
    done = subprocess.run(run, env=given, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, error in done.stderr) == (int(error != ""), True), done.stderr
    assert (tmp_path / "count").exists() == (error in ("[Errno 5]", "[Errno ") or "clock" in chances)


def test_what_a_run_left_is_found(tmp_path):
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    for folder in (out, temporary / "dask-scratch-space"):
        folder.mkdir(parents=True)
    assert leftovers(out, temporary) == []
    left = [out / ".a_mask.tif.part", out / ".irtoolkit.lock", temporary / "irtoolkit-1"]
    for file in left:
        file.touch()
    assert leftovers(out, temporary) == sorted(map(str, left))


def test_torn_files_are_found_and_seconds_do_not_count(tmp_path):
    (tmp_path / "record.json").write_text('{"seconds": 1.5, "status": "done"}')
    (tmp_path / "a_mask.tif").write_bytes(b"mask")
    whole = contents(tmp_path)
    (tmp_path / "record.json").write_text('{"seconds": 2.5, "status": "done"}')
    assert contents(tmp_path) == whole
    assert torn(tmp_path, whole) == []
    (tmp_path / "record.json").write_text('{"seconds": 2.5, "sta')
    (tmp_path / "a_mask.tif").write_bytes(b"ma")
    assert torn(tmp_path, whole) == ["a_mask.tif", str(tmp_path / "record.json")]


def test_a_slide_with_two_rows_is_found(tmp_path):
    (tmp_path / "slides.csv").write_text("slide,status,seconds\na.tif,done,1\na.tif,failed,2\n")
    with pytest.raises(AssertionError, match="two rows"):
        table(tmp_path)


def test_a_leak_is_found_and_what_is_flat_is_none():
    flat = [Sample(second, 200 + second % 3, 40, 9) for second in range(100)]
    leaking = [Sample(second, 200 + second, 40 + second // 10, 9 + second // 5) for second in range(100)]
    assert leaks(growth(flat, 1000)) == []
    assert len(leaks(growth(leaking, 1000))) == 3
    assert growth(leaking, 1000)["MB"] == pytest.approx(99, rel=0.05)


def test_slides_differ_and_a_disturbed_scan_is_another(tmp_path):
    templates = make_slides(tmp_path / "one", 12, 4)
    before = digests(tmp_path / "one")
    assert len(before) == len(set(before.values())) == 12
    make_slides(tmp_path / "other", 12, 4)
    assert digests(tmp_path / "other") == before
    file = disturb(tmp_path / "one", templates, random.Random(2))
    name = file.relative_to(tmp_path / "one").as_posix()
    assert digests(tmp_path / "one").get(name) != before[name]


def test_broken_files_are_of_several_kinds():
    scan = make_template(1, 1).content
    assert len({make_broken(scan, random.Random(seed)) for seed in range(30)} - {scan}) > 10
