"""What each call imports: a library costs a process up to a second of one core before any work."""

import subprocess
import sys
from pathlib import Path

import pytest

import irtoolkit as irt
from irtoolkit.synthetic import write_scanner_file

NOTHING_TO_COMPUTE = ("numpy", "xarray", "dask", "scipy", "pandas", "skimage", "cv2", "distributed", "matplotlib")
NO_PIXELS = tuple(name for name in NOTHING_TO_COMPUTE if name != "numpy")
ONE_SLIDE = ("distributed", "skimage", "matplotlib", "ipywidgets", "IPython")

COMMAND = "import sys; sys.argv[1:] = {!r}; from irtoolkit.cli import main\ntry:\n    main()\nexcept SystemExit: pass"
CLEAN = """
import irtoolkit as irt
slide = irt.open_slide({path!r})
cleaned = irt.clean_slide(slide)
irt.write_mask(cleaned.mask, {out!r} + "_mask.tif", source={path!r})
irt.write_healed(cleaned.healed, {out!r} + "_clean.tif", source={path!r})
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A scan of more than one block, large enough to be sampled by tiles."""
    slide = irt.make_slide(4, (420, 6000), scanner="plustek")
    return str(write_scanner_file(tmp_path_factory.mktemp("scans") / "a.tif", slide.counts.values)[0])


def imported(code, libraries):
    """Those of the libraries that a process has imported after some code."""
    tell = f"\nimport sys; print([name for name in {libraries!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + tell], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("options", [["--help"], ["--version"], ["clean", "--help"], ["fit", "--help"]])
def test_help_needs_no_library_that_computes(options):
    assert imported(COMMAND.format(options), NOTHING_TO_COMPUTE) == "[]"


def test_the_package_runs_as_the_program():
    program = [str(Path(sys.executable).with_name("irtoolkit"))]
    asked = [
        subprocess.run([*call, "--version"], capture_output=True, text=True, check=True).stdout
        for call in (program, [sys.executable, "-m", "irtoolkit"])
    ]
    assert asked[0] == asked[1] != ""


@pytest.mark.parametrize("code", ["import irtoolkit", "import irtoolkit; irtoolkit.Settings(); dir(irtoolkit)"])
def test_the_package_imports_a_library_when_it_is_used(code):
    assert imported(code, NOTHING_TO_COMPUTE) == "[]"


def test_info_reads_no_pixels(path):
    assert imported(COMMAND.format(["info", path]), NO_PIXELS) == "[]"


def test_one_slide_is_cleaned_without_a_cluster(path, tmp_path):
    assert imported(CLEAN.format(path=path, out=str(tmp_path / "a")), ONE_SLIDE) == "[]"
    assert {file.name for file in tmp_path.iterdir()} == {"a_mask.tif", "a_clean.tif"}


@pytest.mark.parametrize("workers", [[], ["--workers", "1"]])
def test_the_command_line_cleans_one_slide_without_a_cluster(workers, path, tmp_path):
    command = ["clean", path, "--out", str(tmp_path), "--quiet", *workers]
    assert imported(COMMAND.format(command), ONE_SLIDE) == "[]"
    assert (tmp_path / "a_clean.tif").exists()
