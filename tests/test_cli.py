"""The command line as a person uses it: files in, files out, exit status, one-line errors."""

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import irtoolkit as irt
from irtoolkit import archive, cli, writer
from irtoolkit.scanner_files import write_scanner_file
from irtoolkit.settings import THRESHOLDS


@pytest.fixture(scope="session")
def roll(tmp_path_factory):
    """Two slides that can be cleaned and one without infrared, in a folder with a subfolder."""
    folder = tmp_path_factory.mktemp("scans") / "roll"
    folder.mkdir()
    for number, layout in ((2, "vuescan-rgbi"), (10, "silverfast-hdri-preview")):
        slide = irt.make_slide(number, (211, 307), film="e6", scanner="plustek", roll=1)
        write_scanner_file(folder / f"slide{number}.tif", slide.counts.values, layout=layout)
    write_scanner_file(folder / "slide3.tif", slide.counts.values, layout="rgb")
    return folder


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["irtoolkit", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "slides.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pictures(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.tif")}


def test_a_folder_is_cleaned_in_natural_order_and_refusals_are_rows(roll, tmp_path, monkeypatch, capsys):
    before = {path: path.read_bytes() for path in roll.iterdir()}
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out") == 1
    rows = rows_of(tmp_path / "out")
    assert [(row["slide"], row["status"]) for row in rows] == [
        ("slide2.tif", "done"),
        ("slide3.tif", "refused"),
        ("slide10.tif", "done"),
    ]
    assert "no infrared plane" in rows[1]["reason"]
    assert pictures(tmp_path / "out") == {f"slide{n}_{kind}.tif" for n in (2, 10) for kind in ("mask", "clean")}
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "slide3.tif: refused" in errors
    assert {path: path.read_bytes() for path in roll.iterdir()} == before
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "2 of 3 slides done" in report
    assert all((tmp_path / "out" / "report" / "slide2" / f"{name}.png").exists() for name in ("scan", "mask", "healed"))


def test_command_line_and_python_give_the_same_mask_and_slide(roll, tmp_path, monkeypatch):
    source = roll / "slide2.tif"
    assert run(monkeypatch, "clean", source, "--out", tmp_path, "--quiet") == 0
    cleaned = irt.clean_slide(irt.open_slide(source))
    mask = tifffile.imread(tmp_path / "slide2_mask.tif")
    healed = tifffile.imread(tmp_path / "slide2_clean.tif")
    np.testing.assert_array_equal(mask > 0, cleaned.mask.values)
    np.testing.assert_array_equal(np.moveaxis(healed, -1, 0), cleaned.healed.values[:3])
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(healed[mask == 0], tifffile.imread(source)[..., :3][mask == 0])
    row = rows_of(tmp_path)[0]
    for name in ("shift_y", "shift_x", "blur", "r2", "slopes", "sigma", "threshold", "fdr", "coverage", "defects"):
        assert float(row[name]) == float(cleaned[name])


def test_names_are_relative_to_the_deepest_common_folder(roll, tmp_path):
    other = tmp_path / "scans" / "b"
    other.mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "scans" / name).mkdir(exist_ok=True)
        (tmp_path / "scans" / name / "one.tif").write_bytes((roll / "slide2.tif").read_bytes())
    tasks = archive.find_slides([str(tmp_path / "scans" / "a"), str(tmp_path / "scans" / "b" / "one.tif")])
    assert [task.name for task in tasks] == ["a/one", "b/one"]
    (task,) = archive.find_slides([str(tmp_path / "scans" / "a" / "*.tif")])
    assert task.name == "one"


def test_sidecars_and_hidden_files_are_no_slides(tmp_path):
    counts = irt.make_slide(1, (70, 90)).counts.values
    write_scanner_file(tmp_path / "a.tif", counts, layout="sidecar")
    (tmp_path / ".hidden.tif").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no slide")
    assert [task.path.name for task in archive.find_slides([str(tmp_path)])] == ["a.tif"]


def test_masks_only_and_settings_from_a_file(roll, tmp_path, monkeypatch, capsys):
    (tmp_path / "settings.toml").write_text('false_discovery_rate = 0.01\nheal = "none"\n')
    call = ("clean", roll / "slide2.tif", "--out", tmp_path / "out", "--settings", tmp_path / "settings.toml", "--json")
    assert run(monkeypatch, *call) == 0
    assert pictures(tmp_path / "out") == {"slide2_mask.tif"}
    row = json.loads(capsys.readouterr().out)
    assert row["slide"] == "slide2.tif"
    assert row["fdr"] <= 0.01


@pytest.mark.parametrize("threshold", [*THRESHOLDS, "4.5", "raw:100"])
def test_every_threshold_cleans_a_slide(roll, tmp_path, monkeypatch, threshold):
    source = roll / "slide2.tif"
    assert run(monkeypatch, "clean", source, "--out", tmp_path, "--threshold", threshold, "--quiet") == 0
    mask, healed = (tifffile.imread(tmp_path / f"slide2_{kind}.tif") for kind in ("mask", "clean"))
    (row,) = rows_of(tmp_path)
    assert float(row["coverage"]) == (mask > 0).mean()
    assert (float(row["threshold"]) == 4.5) == (threshold == "4.5")
    assert (int(row["defects"]) == 0) == (threshold == "ratio")
    np.testing.assert_array_equal(healed[mask == 0], tifffile.imread(source)[..., :3][mask == 0])


@pytest.mark.parametrize("text", ['"4.5"', "4.5"])
def test_a_number_as_threshold_may_stand_in_quotes(roll, tmp_path, monkeypatch, text):
    (tmp_path / "settings.toml").write_text(f'threshold = {text}\nheal = "none"\n')
    call = ("clean", roll / "slide2.tif", "--out", tmp_path / "out", "--settings", tmp_path / "settings.toml")
    assert run(monkeypatch, *call) == 0
    assert float(rows_of(tmp_path / "out")[0]["threshold"]) == 4.5


def test_fit_writes_a_model_that_clean_takes(roll, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "fit", roll, "--out", tmp_path / "roll.json") == 1
    assert "slide3.tif" in capsys.readouterr().err
    assert "blur" in irt.open_model(tmp_path / "roll.json")
    call = ("clean", roll / "slide10.tif", "--out", tmp_path / "out", "--model", tmp_path / "roll.json")
    assert run(monkeypatch, *call) == 0
    assert float(rows_of(tmp_path / "out")[0]["blur"]) == float(irt.open_model(tmp_path / "roll.json").blur)


def test_info_describes_each_file(roll, monkeypatch, capsys):
    assert run(monkeypatch, "info", roll) == 1
    told = capsys.readouterr().out
    assert "VueScan RGBI, 211 rows x 307 columns, R, G, B, IR, 16 bit" in told
    assert "cannot be used" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clean", "missing.tif", "--out", "out"), "no such file"),
        (("clean", "empty", "--out", "out"), "no slides"),
        (("clean", "scans", "--out", "out", "--fdr", "2"), "between 0 and 1"),
        (("clean", "scans", "--out", "out", "--threshold", "zero"), "must be one of mirror, otsu"),
        (("clean", "scans", "--out", "out", "--threshold", "raw:70000"), "over 0 and up to 65535, not 'raw:70000'"),
        (("clean", "scans", "--out", "out", "--heal", "magic"), "heal must be one of"),
        (("clean", "scans", "--out", "out", "--workers", "2"), "later version"),
        (("clean", "scans", "--out", "out", "--scheduler", "tcp://127.0.0.1:1"), "later version"),
        (("clean", "scans", "--out", "out", "--unheard-of"), "No such option"),
        (("clean", "scans", "--out", "out", "--settings", "bad.toml"), "no such settings: colour"),
        (("clean", "scans", "--out", "out", "--settings", "broken.toml"), "broken.toml"),
        (("clean", "scans", "--out", "out", "--model", "missing.json"), "missing.json"),
        (("clean", "scans", "--out", "out", "--model", "bad.toml"), "expected a model"),
        (("clean", "scans", "--out", "scans"), "next to the source"),
        (("clean", "scans", "--out", "bad.toml"), "found a file"),
        (("clean", "scans"), "--out"),
        (("clean", "twins", "--out", "out"), "would both be written"),
    ],
)
def test_a_wrong_call_is_one_line_status_2_and_writes_nothing(roll, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    for folder, names in (("scans", ["a.tif"]), ("twins", ["a.tif", "a.dng"]), ("empty", [])):
        Path(folder).mkdir()
        for name in names:
            (Path(folder) / name).write_bytes((roll / "slide2.tif").read_bytes())
    Path("bad.toml").write_text("colour = 1\n")
    Path("broken.toml").write_text("= 1\n")
    before = sorted(tmp_path.rglob("*"))
    assert run(monkeypatch, *arguments) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert message in errors
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_in_use_by_another_run_is_refused(roll, tmp_path, monkeypatch, capsys):
    code = (
        "import locket, sys\nlock = locket.lock_file(sys.argv[1], timeout=0)\nlock.acquire()\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    held = [sys.executable, "-c", code, str(tmp_path / ".irtoolkit.lock")]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert run(monkeypatch, "clean", roll, "--out", tmp_path) == 2
        assert "in use by another run" in capsys.readouterr().err
        other.communicate("")
    assert not pictures(tmp_path)


def test_dry_run_and_limit(roll, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out", "--dry-run", "--limit", 2) == 0
    told = capsys.readouterr().out
    assert told.count("->") == 2
    assert not (tmp_path / "out").exists()


def test_leftovers_of_an_earlier_run_are_removed(roll, tmp_path, monkeypatch):
    (tmp_path / ".slide2_mask.tif.part").write_bytes(b"half")
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
    real = archive.find_defects

    def fails_on_slide2(slide, **options):
        if slide.attrs["source"].endswith("slide2.tif"):
            raise RuntimeError("broken\nthing")
        return real(slide, **options)

    monkeypatch.setattr(archive, "find_defects", fails_on_slide2)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path, "--debug", "--alone") == 1
    assert [row["status"] for row in rows_of(tmp_path)] == ["failed", "refused", "done"]
    assert rows_of(tmp_path)[0]["reason"] == "RuntimeError: broken thing"
    assert "fails_on_slide2" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done(roll, tmp_path, monkeypatch):
    real = archive.find_defects
    calls = []

    def stopped(slide, **options):
        calls.append(slide)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(slide, **options)

    monkeypatch.setattr(archive, "find_defects", stopped)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path, "--alone") == 130
    assert [row["slide"] for row in rows_of(tmp_path)][:1] == ["slide2.tif"]
    assert "slide2_clean.tif" in pictures(tmp_path)


def test_8_bit_colour_with_16_bit_infrared_is_written_in_8_bit(tmp_path, monkeypatch):
    counts = irt.make_slide(3, (97, 131), scanner="plustek").counts.values
    source = tmp_path / "scans" / "a.tif"
    source.parent.mkdir()
    colour = (counts // 257).astype(np.uint8)
    write_scanner_file(source, colour, layout="sidecar", infrared=counts[3])
    assert run(monkeypatch, "clean", source, "--out", tmp_path / "out") == 0
    healed = tifffile.imread(tmp_path / "out" / "a_clean.tif")
    mask = tifffile.imread(tmp_path / "out" / "a_mask.tif")
    assert healed.dtype == np.uint8
    np.testing.assert_array_equal(healed[mask == 0], np.moveaxis(colour[:3], 0, -1)[mask == 0])


def test_demo_cleans_its_roll(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "demo", tmp_path / "demo") == 0
    assert "6 of 7 slides done" in capsys.readouterr().out
    assert (tmp_path / "demo" / "cleaned" / "report.html").exists()
    assert {row["layout"] for row in rows_of(tmp_path / "demo" / "cleaned")} >= {
        "VueScan RGBI",
        "VueScan DNG",
        "sidecar",
    }


def test_what_lies_in_the_output_folder_is_no_slide(roll, tmp_path, monkeypatch):
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.tif").write_bytes((roll / "slide2.tif").read_bytes())
    for _ in range(2):
        assert run(monkeypatch, "clean", scans, "--out", scans / "cleaned", "--quiet") == 0
        assert [row["slide"] for row in rows_of(scans / "cleaned")] == ["a.tif"]
    assert pictures(scans / "cleaned") == {"a_mask.tif", "a_clean.tif"}


def test_fit_into_a_folder_and_a_model_with_alone_are_wrong_calls(roll, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "fit", roll, "--out", tmp_path) == 2
    assert "found a folder" in capsys.readouterr().err
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out", "--alone", "--model", "m.json") == 2
    assert "exclude each other" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EROFS, "Read-only")]
)
def test_an_output_folder_that_cannot_be_written_is_a_wrong_call(roll, tmp_path, monkeypatch, capsys, error):
    def denied(*arguments, **options):
        raise error

    monkeypatch.setattr(Path, "mkdir", denied)
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out") == 2
    assert f"expected a folder that can be written to: [Errno {error.errno}]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unreadable_slide_is_a_row(roll, tmp_path, monkeypatch, capsys):
    def denied(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("irtoolkit.layouts.read_pages", denied)
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path) == 1
    (row,) = rows_of(tmp_path)
    assert (row["status"], "Permission denied" in row["reason"]) == ("failed", True)
    assert "Traceback" not in capsys.readouterr().err
