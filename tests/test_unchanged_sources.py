"""Every test of the suite proves that it leaves its sources unchanged; here, that this can fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cleaned_slides import SHAPE
from commands import run

import irtoolkit as irt
from irtoolkit.synthetic.scanner_files import write_scanner_file

TESTS = Path(__file__).parent
FOUND = """
import pytest
from irtoolkit.archive import find_slides

def test_keeps(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"kept")
    find_slides([str(tmp_path)])

def test_changes(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"kept")
    find_slides([str(tmp_path)])
    (tmp_path / "a.tif").write_bytes(b"lost")

@pytest.mark.changes_sources
def test_changes_on_purpose(tmp_path):
    test_changes(tmp_path)

def test_keeps_again(tmp_path):
    test_keeps(tmp_path)
"""


def test_a_test_whose_source_changes_fails_unless_it_is_marked(tmp_path):
    (tmp_path / "test_found.py").write_text(FOUND)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = changes_sources\n")
    call = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", str(tmp_path)]
    path = os.pathsep.join(map(str, (TESTS, TESTS.parent)))
    done = subprocess.run(call, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert "4 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "ERROR at teardown of test_changes " in done.stdout
    assert "AssertionError: sources were changed" in done.stdout


@pytest.mark.parametrize("command", ["info", "fit", "clean"])
def test_every_command_has_its_sources_watched(sources, tmp_path, monkeypatch, command):
    slide = irt.make_slide(5, SHAPE, scanner="plustek")
    (tmp_path / "scans").mkdir()
    files = write_scanner_file(tmp_path / "scans" / "a.tif", slide.counts.values, layout="sidecar")
    out = {"info": (), "fit": ("--out", tmp_path / "a.json"), "clean": ("--out", tmp_path / "out", "--heal", "none")}
    assert run(monkeypatch, command, tmp_path / "scans", *out[command]) == 0
    assert len(files) == 2
    assert set(sources) == set(files)
    assert None not in sources.values()
