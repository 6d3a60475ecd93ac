"""The command line as a person uses it: files in, files out, exit status, one-line errors."""

import json

import numpy as np
import pytest
import tifffile
from commands import pictures, rows_of, run

import irtoolkit as irt
from irtoolkit.archive.results import rounded
from irtoolkit.archive.search import find_slides
from irtoolkit.settings import THRESHOLDS
from irtoolkit.synthetic.scanner_files import write_scanner_file


def test_a_folder_is_cleaned_in_natural_order_and_refusals_are_rows(roll, tmp_path, monkeypatch, capsys):
    before = {path: path.read_bytes() for path in roll.iterdir()}
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out") == 1
    rows = rows_of(tmp_path / "out")
    assert [(row["slide"], row["status"]) for row in rows] == [
        ("slide2.tif", "done"),
        ("slide3.tif", "refused"),
        ("slide10.tif", "done"),
    ]
    assert rows[1]["reason"].startswith("no infrared channel: the file has only R, G and B")
    assert pictures(tmp_path / "out") == {f"slide{n}_{kind}.tif" for n in (2, 10) for kind in ("mask", "clean")}
    told, errors = capsys.readouterr()
    assert "2 slides: 2 done without remarks; 1 refused\n" in told
    assert sum(bool(row["review"]) for row in rows) == 1
    assert errors.count("\n") == 1
    assert "slide3.tif: refused" in errors
    assert {path: path.read_bytes() for path in roll.iterdir()} == before
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "2 slides: 2 done without remarks; 1 refused" in report
    shown = {path.name for path in (tmp_path / "out" / "report" / "slides" / "slide2").iterdir()}
    assert shown == {
        "scan.jpg",
        "mask.jpg",
        "healed.jpg",
        "thumb.jpg",
        "crops.jpg",
        "worst.jpg",
        "marks.jpg",
        "record.json",
    }


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
        assert float(row[name]) == (float(cleaned[name]) if name == "threshold" else rounded(float(cleaned[name])))


def test_names_are_relative_to_the_deepest_common_folder(roll, tmp_path):
    other = tmp_path / "scans" / "b"
    other.mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "scans" / name).mkdir(exist_ok=True)
        (tmp_path / "scans" / name / "one.tif").write_bytes((roll / "slide2.tif").read_bytes())
    tasks = find_slides([str(tmp_path / "scans" / "a"), str(tmp_path / "scans" / "b" / "one.tif")])
    assert [task.name for task in tasks] == ["a/one", "b/one"]
    (task,) = find_slides([str(tmp_path / "scans" / "a" / "*.tif")])
    assert task.name == "one"


def test_sidecars_and_hidden_files_are_no_slides(tmp_path):
    counts = irt.make_slide(1, (70, 90)).counts.values
    write_scanner_file(tmp_path / "a.tif", counts, layout="sidecar")
    (tmp_path / ".hidden.tif").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no slide")
    assert [task.path.name for task in find_slides([str(tmp_path)])] == ["a.tif"]


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
    assert float(row["coverage"]) == rounded((mask > 0).mean())
    assert (float(row["threshold"]) == 4.5) == (threshold == "4.5")
    assert (int(row["defects"]) == 0) == (threshold == "ratio" or float(row["threshold"]) == np.inf)
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
    assert float(rows_of(tmp_path / "out")[0]["blur"]) == rounded(float(irt.open_model(tmp_path / "roll.json").blur))


def test_info_describes_each_file(roll, monkeypatch, capsys):
    assert run(monkeypatch, "info", roll) == 1
    told = capsys.readouterr().out
    assert "VueScan RGBI, 211 rows x 307 columns, R, G, B, IR, 16 bit" in told
    assert "cannot be used" in told
    assert told.splitlines()[-3:] == [
        "3 files:",
        "  can be cleaned: 2 slides in 2 rolls",
        "  cannot be cleaned: 1 without infrared",
    ]


def test_dry_run_and_limit(roll, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "clean", roll, "--out", tmp_path / "out", "--dry-run", "--limit", 2) == 0
    told = capsys.readouterr().out
    assert told.count("->") == 2
    assert not (tmp_path / "out").exists()


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
    assert "6 slides: 6 done without remarks; 1 refused" in capsys.readouterr().out
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
