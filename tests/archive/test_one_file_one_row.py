"""Whatever a file holds costs one row, and what it says reaches no terminal raw."""

import json
import os
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from archives import SHAPE
from commands import rows_of, run
from distributed.scheduler import KilledWorker

import irtoolkit as irt
from irtoolkit import files
from irtoolkit.archive import capacity, deadline, roll_models, search
from irtoolkit.archive.plan import Choices, plan_run
from irtoolkit.archive.run import estimate
from irtoolkit.synthetic.scanner_files import write_scanner_file

ERRORS = (
    MemoryError(),
    RecursionError("too deep"),
    struct.error("unpack requires 8 bytes"),
    ValueError("bad"),
    OverflowError("too large"),
    ZeroDivisionError("division"),
    KeyError(256),
    OSError(5, "Input/output error"),
)
LARGE = 200_000


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    counts = irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values
    return write_scanner_file(tmp_path_factory.mktemp("scan") / "a.tif", counts, layout="vuescan-rgbi")[0]


@pytest.fixture
def tree(scan, tmp_path):
    for name in ("a", "bad", "c"):
        (tmp_path / "scans").mkdir(exist_ok=True)
        shutil.copy(scan, tmp_path / "scans" / f"{name}.tif")
    return tmp_path / "scans"


@pytest.fixture(params=ERRORS, ids=lambda error: type(error).__name__)
def broken(request, monkeypatch):
    """Every look at the header of the file `bad.tif` raises an error."""
    monkeypatch.setattr("irtoolkit.archive.tasks.WAITS", (0.0, 0.0))

    def breaking(look):
        def call(path, *given, **named):
            if Path(getattr(path, "name", path)).name == "bad.tif":
                raise request.param
            return look(path, *given, **named)

        return call

    for place in ("layouts.read_header", "sidecars.read_pages", "layouts.read_pages", "fingerprint.DirectoryReader"):
        module, name = place.split(".")
        found = getattr(__import__(f"irtoolkit.files.{module}", fromlist=[name]), name, None)
        if found:
            monkeypatch.setattr(f"irtoolkit.files.{place}", breaking(found))
    return request.param


def test_any_error_of_one_file_is_its_row(tree, tmp_path, monkeypatch, capsys, broken):
    assert run(monkeypatch, "clean", tree, "--out", tmp_path / "out", "--heal", "none") == 1
    rows = {row["slide"]: row for row in rows_of(tmp_path / "out")}
    assert [row["status"] for row in rows.values()] == ["done", "failed", "done"]
    assert rows["bad.tif"]["reason"].startswith(type(broken).__name__)
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_in_a_slide_that_was_done_is_its_row(tree, tmp_path, monkeypatch):
    def damaged(file):
        if file.name == "bad.tif":
            raise struct.error("unpack requires 8 bytes")
        return real(file)

    real = files.digest_header
    irt.clean_archive(tree, tmp_path / "out", alone=True, quiet=True, workers=1)
    monkeypatch.setattr("irtoolkit.archive.records.digest_header", damaged)
    rows = irt.clean_archive(tree, tmp_path / "out", alone=True, quiet=True, workers=1)
    assert rows.status.values.tolist() == ["done", "failed", "done"]


def test_a_slide_that_takes_too_long_is_a_row(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(deadline, "ALWAYS", -1000.0)
    rows = irt.clean_archive(tree / "a.tif", tmp_path / "out", quiet=True, workers=1)
    assert rows.status.values.tolist() == ["failed"]
    assert "takes too long" in str(rows.reason.values[0])
    monkeypatch.undo()
    rows = irt.clean_archive(tree / "a.tif", tmp_path / "out", quiet=True, workers=1)
    assert rows.status.values.tolist() == ["done"]


def test_info_and_fit_name_a_file_that_cannot_be_read_in_one_line(tree, tmp_path, monkeypatch, capsys, broken):
    assert run(monkeypatch, "info", tree) == 1
    told = capsys.readouterr().out
    assert told.count("VueScan RGBI") == 2
    assert told.count("bad.tif\n") == told.count("cannot be used") == 1
    before = told[: told.index(f"\n  {tree}/bad.tif\n")].splitlines()
    assert before[-1].startswith(f"cannot be used: {type(broken).__name__}")
    assert run(monkeypatch, "fit", tree, "--out", tmp_path / "model.json", "--quiet") == 1
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert f"bad.tif: {type(broken).__name__}" in told.err
    assert "2 slides" in told.out


@pytest.mark.changes_sources
def test_a_slide_that_ends_every_process_costs_its_roll_one_slide(tree, tmp_path, monkeypatch):
    def run_jobs(work, jobs, client):
        for job in jobs:
            ends = isinstance(job, roll_models.Roll) or job.path.name == "bad.tif"
            yield job, KilledWorker(job, None, 1) if ends else work(job)

    monkeypatch.setattr(roll_models, "run_jobs", run_jobs)
    client = SimpleNamespace(nthreads=lambda: {"one": 1})
    tasks = tuple(search.find_slides([str(tree)]))
    ((_, model),) = roll_models.fit_models([roll_models.Roll("r", tmp_path / "r.json", tasks)], client, 1)
    (tree / "bad.tif").unlink()
    left = roll_models.fit_model(roll_models.Roll("r", tmp_path / "left.json", (tasks[0], tasks[2])))
    assert model.digest == left.digest != ""


@pytest.mark.changes_sources
def test_a_scan_that_changes_after_it_was_sampled_has_its_roll_fitted_anew(tree, tmp_path, monkeypatch):
    roll = roll_models.Roll("r", tmp_path / "r.json", tuple(search.find_slides([str(tree)])))
    real = roll_models.try_sample

    def sample_and_touch(task):
        sample = real(task)
        os.utime(task.path, ns=(1, 1))
        return sample

    monkeypatch.setattr(roll_models, "try_sample", sample_and_touch)
    roll_models.fit_model(roll)
    assert roll_models.find_model(roll) is None
    roll_models.fit_model(roll)
    assert roll_models.find_model(roll) is not None


def test_mutated_headers_end_no_planning(scan, tmp_path):
    random, content = np.random.default_rng(3), scan.read_bytes()
    end = len(content)
    (tmp_path / "scans").mkdir()
    places = [*range(16), *range(end - 400, end)]
    for number in range(400):
        mutated = bytearray(content)
        for place in random.choice(places, 3, replace=False):
            mutated[place] = random.choice([0, 1, 127, 128, 255, random.integers(256)])
        (tmp_path / "scans" / f"{number}.tif").write_bytes(mutated)
    planned = plan_run([str(tmp_path / "scans")], tmp_path / "out", Choices(), quiet=True)
    estimate(planned)
    assert {known.task.path.name for known in planned.slides} == {f"{number}.tif" for number in range(400)}
    assert 0 < sum(bool(known.about) for known in planned.slides) < 400


def bomb(path, size=LARGE):
    """Write a TIFF of `size` by `size` compressed pixels of R, G, B and infrared, whose strip is a hole in the file."""
    bytes_of_strip = size**2 // 100 - 8
    numbers = {256: size, 257: size, 258: 8, 259: 8, 262: 2, 273: 8, 277: 4, 278: size, 279: bytes_of_strip}
    numbers |= {284: 1, 338: 0}
    entries = b"".join(struct.pack("<HHII", code, 4, 1, number) for code, number in numbers.items())
    path.write_bytes(
        b"II*\0" + struct.pack("<I", 108) + bytes(100) + struct.pack("<H", len(numbers)) + entries + bytes(4)
    )
    os.truncate(path, size**2 // 100)


def test_a_slide_that_is_too_large_is_a_row_and_no_part_of_the_estimate(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(capacity, "crowding", lambda _: 1.0)
    small = estimate(plan_run([str(tree)], tmp_path / "out", Choices(), quiet=True))
    bomb(tree / "huge.tif")
    large = estimate(plan_run([str(tree)], tmp_path / "out", Choices(), quiet=True))
    assert large._replace(free=0) == small._replace(free=0)
    assert run(monkeypatch, "clean", tree, "--out", tmp_path / "out", "--heal", "none") == 1
    rows = {row["slide"]: row for row in rows_of(tmp_path / "out")}
    assert [rows[f"{name}.tif"]["status"] for name in ("a", "bad", "c", "huge")] == ["done"] * 3 + ["refused"]
    assert "too large for the memory" in rows["huge.tif"]["reason"]
    assert "40,000 megapixels need about 216.4 GB" in rows["huge.tif"]["reason"]


def test_a_slide_that_alone_fills_the_disk_is_a_row(tree, tmp_path, monkeypatch):
    bomb(tree / "huge.tif", 20_000)
    monkeypatch.setattr(capacity, "free_bytes", lambda _: 5 * 10**8)
    monkeypatch.setattr("irtoolkit.archive.forecast.free_bytes", lambda _: 5 * 10**8)
    rows = irt.clean_archive(tree, tmp_path / "out", alone=True, quiet=True, workers=1)
    assert rows.status.values.tolist() == ["done", "done", "done", "refused"]
    assert "too little free space for this slide" in str(rows.reason.values[-1])


def test_folders_and_files_that_cannot_be_looked_at_end_no_search(tree, monkeypatch):
    (tree / "below").mkdir()
    real = Path.is_file

    def denied(path):
        if path.name == "bad.tif":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", denied)
    assert [task.slide for task in search.find_slides([str(tree)])] == ["a.tif", "bad.tif", "c.tif"]


ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\r\n  VueScan RGBI"


def test_a_name_reaches_no_terminal_raw_and_forges_no_line(scan, tmp_path, monkeypatch, capsys):
    (tmp_path / "scans").mkdir()
    for name in ("a.tif", f"evil{ESCAPES}.tif", os.fsdecode(b"caf\xe9.tif")):
        shutil.copy(scan, tmp_path / "scans" / name)
    (tmp_path / "scans" / f"broken{ESCAPES}.tif").write_bytes(b"II*\0\0\0\0\0")
    scans, out = tmp_path / "scans", tmp_path / "out"
    calls = [("info", scans), ("fit", scans, "--out", tmp_path / "m.json")]
    calls += [("clean", scans, "--out", out, "--dry-run"), ("clean", scans, "--out", out, "--debug", "--heal", "none")]
    for call in [*calls, ("clean", tmp_path / f"none{ESCAPES}", "--out", out)]:
        assert run(monkeypatch, *call) == {"--dry-run": 0, out: 2}.get(call[-1], 1)
        told = capsys.readouterr()
        for line in (told.out + told.err).replace("\n", " ").split():
            assert line.isprintable(), line
        if call[0] == "info":
            assert told.out.count("\n  VueScan RGBI") == 3
            assert told.out.count("\n") == told.out.count("\n  ") + 5


def test_json_is_one_strict_object_a_line(scan, tmp_path, monkeypatch, capsys):
    (tmp_path / "scans").mkdir()
    names = ["a.tif", "b.tif", f"evil{ESCAPES}.tif", os.fsdecode(b"caf\xe9.tif")]
    for name in names:
        shutil.copy(scan, tmp_path / "scans" / name)
    (tmp_path / "scans" / "b.tif").write_bytes(b"")
    assert run(monkeypatch, "clean", tmp_path / "scans", "--out", tmp_path / "out", "--json", "--heal", "none") == 1
    lines = capsys.readouterr().out.splitlines()

    def refuse(constant):
        raise AssertionError(constant)

    assert sorted(json.loads(line, parse_constant=refuse)["slide"] for line in lines) == sorted(names)
    assert all(line.isascii() for line in lines)
