"""What the command line does when something is wrong: exit status, one-line errors, nothing half-written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import pictures, rows_of, run

from irtoolkit.archive import cleaning
from irtoolkit.files import writer
from irtoolkit.files.targets import temporary


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clean", "missing.tif", "--out", "out"), "no such file"),
        (("clean", "empty", "--out", "out"), "no slides"),
        (("clean", "scans", "--out", "out", "--fdr", "2"), "--fdr must be between 0 and 1, not 2.0"),
        (("clean", "scans", "--out", "out", "--threshold", "zero"), "--threshold must be one of mirror, otsu"),
        (("clean", "scans", "--out", "out", "--threshold", "raw:70000"), "above 0, at most 65535), not 'raw:70000'"),
        (("clean", "scans", "--out", "out", "--heal", "magic"), "--heal must be one of"),
        (
            ("clean", "scans", "--out", "out", "--workers", "0"),
            "--workers must be a whole number of 1 or more, not '0'",
        ),
        (("clean", "scans", "--out", "out", "--scheduler", "nowhere"), "--scheduler nowhere: no scheduler found there"),
        (
            ("clean", "scans", "--out", "out", "--unheard-of"),
            "--unheard-of: no such option; see irtoolkit clean --help",
        ),
        (
            ("clean", "scans", "--out", "out", "--settings", "bad.toml"),
            "unknown settings colour; use false_discovery_rate",
        ),
        (("clean", "scans", "--out", "out", "--settings", "broken.toml"), "broken.toml is not a TOML file"),
        (("clean", "scans", "--out", "out", "--settings", "grain.toml"), "grain.toml: grain must be 0 or more"),
        (("clean", "scans", "--out", "out", "--model", "missing.json"), "--model missing.json: no such file"),
        (("clean", "scans", "--out", "out", "--model", "bad.toml"), "this is no model"),
        (
            ("clean", "scans", "--out", "scans"),
            "irtoolkit: --out scans is the folder of the scans; choose another folder\n",
        ),
        (("clean", "scans", "--out", "bad.toml"), "is a file, not a folder"),
        (("clean", "scans", "--out", "out", "--fdr", "x"), "--fdr must be a number, not 'x'"),
        (("clean", "scans", "--out", "out", "--fd", "1"), "--fd: no such option; did you mean --fdr?"),
        (("clean", "scans", "--out", "out", "--limt", "1"), "--limt: no such option; did you mean --limit?\n"),
        (("clean", "scans", "--out", "out", "--format", "gif"), "--format must be one of rgb, same, not 'gif'"),
        (("clean", "scans"), "--out is missing; see irtoolkit clean --help"),
        (("info",), "PATH... is missing; see irtoolkit info --help"),
        (("demo", "bad.toml"), "bad.toml is a file, not a folder"),
    ],
)
def test_a_wrong_call_is_one_line_status_2_and_writes_nothing(roll, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    for folder, names in (("scans", ["a.tif"]), ("empty", [])):
        Path(folder).mkdir()
        for name in names:
            (Path(folder) / name).write_bytes((roll / "slide2.tif").read_bytes())
    Path("bad.toml").write_text("colour = 1\n")
    Path("grain.toml").write_text("grain = -1\n")
    Path("broken.toml").write_text("= 1\n")
    before = sorted(tmp_path.rglob("*"))
    assert run(monkeypatch, *arguments) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert message in errors
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_in_use_by_another_run_is_refused(roll, tmp_path, monkeypatch, capsys):
    code = (
        "import pathlib, sys\nfrom irtoolkit.archive.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    held = [sys.executable, "-c", code, str(tmp_path / ".irtoolkit.lock")]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert run(monkeypatch, "clean", roll, "--out", tmp_path) == 2
        assert "in use by another run" in capsys.readouterr().err
        other.communicate("")
    assert not pictures(tmp_path)


def test_leftovers_of_an_earlier_run_are_removed(roll, tmp_path, monkeypatch):
    temporary(tmp_path / "slide2_mask.tif").write_bytes(b"half")
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path) == 0
    assert not list(tmp_path.rglob(".*"))


def test_a_full_disk_is_a_row_and_leaves_nothing_half_written(roll, tmp_path, monkeypatch, capsys):
    def full(pixels, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writer, "_store", full)
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path) == 1
    assert "disk is full" in rows_of(tmp_path)[0]["reason"]
    assert rows_of(tmp_path)[0]["status"] == "failed"
    assert not pictures(tmp_path)
    assert "Traceback" not in capsys.readouterr().err


def test_an_unforeseen_error_fails_one_slide_and_debug_shows_where(roll, tmp_path, monkeypatch, capsys):
    real = cleaning.score_slide

    def fails_on_slide2(slide, *options):
        if slide.attrs["source"].endswith("slide2.tif"):
            raise RuntimeError("broken\nthing")
        return real(slide, *options)

    monkeypatch.setattr(cleaning, "score_slide", fails_on_slide2)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path, "--debug", "--alone") == 1
    assert [row["status"] for row in rows_of(tmp_path)] == ["failed", "refused", "done"]
    assert rows_of(tmp_path)[0]["reason"] == "RuntimeError: broken thing"
    assert "fails_on_slide2" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done(roll, tmp_path, monkeypatch):
    real = cleaning.score_slide
    calls = []

    def stopped(slide, *options):
        calls.append(slide)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(slide, *options)

    monkeypatch.setattr(cleaning, "score_slide", stopped)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path, "--alone") == 130
    assert [row["slide"] for row in rows_of(tmp_path)][:1] == ["slide2.tif"]
    assert "slide2_clean.tif" in pictures(tmp_path)


def test_fit_into_a_folder_and_a_model_with_alone_are_wrong_calls(roll, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "fit", roll, "--out", tmp_path) == 2
    assert "is a folder; name a file for the model" in capsys.readouterr().err
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out", "--alone", "--model", "m.json") == 2
    assert "cannot be combined" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EROFS, "Read-only")]
)
def test_an_output_folder_that_cannot_be_written_is_a_wrong_call(roll, tmp_path, monkeypatch, capsys, error):
    def denied(*arguments, **options):
        raise error

    monkeypatch.setattr(Path, "mkdir", denied)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out") == 2
    assert f"cannot write to the folder {tmp_path / 'out'} ([Errno {error.errno}]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unreadable_slide_is_a_row(roll, tmp_path, monkeypatch, capsys):
    def denied(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("irtoolkit.files.layouts.read_header", denied)
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path) == 1
    (row,) = rows_of(tmp_path)
    assert (row["status"], "Permission denied" in row["reason"]) == ("failed", True)
    assert "Traceback" not in capsys.readouterr().err
