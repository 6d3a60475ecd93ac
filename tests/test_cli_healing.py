"""Choice of a healing method on the command line, and the README's command for G'MIC."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from commands import pictures, rows_of, run

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize("method", ["navier-stokes", "biharmonic", "gmic:inpaint_pde"])
def test_a_slide_is_healed_by_the_chosen_method(roll, gmic_program, tmp_path, monkeypatch, method):
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path, "--heal", method) == 0
    source = tifffile.imread(roll / "slide2.tif")[..., :3]
    healed, mask = (tifffile.imread(tmp_path / f"slide2_{kind}.tif") for kind in ("clean", "mask"))
    np.testing.assert_array_equal(healed[mask == 0], source[mask == 0])
    assert (healed[mask > 0] != source[mask > 0]).mean() > 0.9
    with tifffile.TiffFile(tmp_path / "slide2_clean.tif") as file:
        assert f"healed: {method}" in file.pages[0].tags["Software"].value


@pytest.mark.parametrize("told", ["--heal gmic:inpaint_pde", "--settings gmic.toml", "--heal gmic:inpaint --dry-run"])
def test_without_gmic_the_call_is_wrong_and_nothing_is_written(roll, no_gmic, tmp_path, monkeypatch, capsys, told):
    monkeypatch.chdir(tmp_path)
    Path("gmic.toml").write_text('heal = "gmic:inpaint_matchpatch"\n')
    before = sorted(tmp_path.rglob("*"))
    assert run(monkeypatch, "clean", roll, "--out", "out", *told.split()) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "apt install gmic" in errors
    assert "pip install 'irtoolkit[gmic]'" in errors
    assert sorted(tmp_path.rglob("*")) == before


def test_without_gmic_other_methods_work(roll, no_gmic, tmp_path, monkeypatch):
    assert run(monkeypatch, "clean", roll / "slide2.tif", "--out", tmp_path, "--heal", "telea") == 0


def test_a_failing_program_is_a_row_that_names_the_command(roll, fake_gmic, tmp_path, monkeypatch, capsys):
    fake_gmic("echo no memory; exit 1")
    call = ("clean", roll / "slide2.tif", "--out", tmp_path / "out", "--heal", "gmic:inpaint_morpho")
    assert run(monkeypatch, *call) == 1
    (row,) = rows_of(tmp_path / "out")
    assert row["status"] in ("refused", "failed")
    assert "G'MIC's inpaint_morpho failed with status 1: no memory" in row["reason"]
    assert not pictures(tmp_path / "out")
    assert "inpaint_morpho failed" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["slide2", "slide10"])
def test_the_command_of_the_readme_fills_the_mask(roll, gmic_program, tmp_path, monkeypatch, name):
    assert run(monkeypatch, "clean", roll / f"{name}.tif", "--out", tmp_path, "--heal", "copy") == 0
    (command,) = re.findall(r"gmic slide_01_clean\.tif.*uint16", README.read_text(encoding="utf-8"))
    call = [word.replace("slide_01_", f"{name}_") if ".tif" in word else word for word in shlex.split(command)]
    subprocess.run([gmic_program, *call[1:]], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    copied, mask, filled = (
        tifffile.imread(tmp_path / file) for file in (f"{name}_clean.tif", f"{name}_mask.tif", call[-1].split(",")[0])
    )
    assert filled.dtype == np.uint16
    assert filled.shape == copied.shape
    np.testing.assert_array_equal(filled[mask == 0], copied[mask == 0])
    assert (filled[mask > 0] != copied[mask > 0]).any(axis=-1).mean() > 0.9
