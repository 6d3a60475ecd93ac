import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cleaned_slides import write_cleaned
from slide_files import bands, write_source
from unchanged_sources import changed, digest, watch_sources

import irtoolkit as irt
from irtoolkit.arrays import tiles
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.slides import make_slide
from irtoolkit.widgets.pieces import open_cleaned

matplotlib.use("Agg")
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session", autouse=True)
def sources():
    """Digest of every source that the toolkit has found or opened since the last test; genuine scans stay the same."""
    genuine = {file: digest(file) for file in DATA.rglob("*") if file.is_file()}
    with pytest.MonkeyPatch.context() as patched:
        yield watch_sources(patched)
    assert changed(genuine) == []


@pytest.fixture(autouse=True)
def sources_stay_unchanged(request, sources):
    """Every source that a test uses is, at its end, what it was, unless the test is marked `changes_sources`."""
    yield
    different = changed(sources)
    sources.clear()
    assert request.node.get_closest_marker("changes_sources") or different == [], "sources were changed"


@pytest.fixture
def ax():
    """Axes on a figure of its own."""
    yield plt.figure().subplots()
    plt.close("all")


@pytest.fixture
def counts():
    """R, G, B, IR of a slide of 37 rows and 53 columns, every plane different, uint16."""
    return np.random.default_rng(7).integers(0, 65536, (4, 37, 53), np.uint16)


@pytest.fixture(scope="session")
def plustek_slide():
    """A dusty slide of 301 rows and 427 columns whose infrared is shifted and blurred, in memory."""
    return make_slide(3, (301, 427), scanner="plustek")


@pytest.fixture(scope="session")
def textured():
    """Function (seed, shape, sigma) that returns a float32 plane of Gaussian noise blurred to a deviation of 1."""

    def make(seed, shape, sigma):
        plane = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(shape).astype(np.float32), (0, 0), sigma)
        return plane / plane.std()

    return make


@pytest.fixture
def block_size(monkeypatch):
    """Function (rows, columns) that makes slides be worked on in blocks of at most so many pixels."""

    def set_size(rows, columns):
        monkeypatch.setattr(tiles, "BLOCK_ROWS", rows)
        monkeypatch.setattr(tiles, "BLOCK_COLUMNS", columns)

    return set_size


@pytest.fixture
def small_blocks(block_size):
    """Blocks of at most 5 by 9 pixels, so that small arrays have many."""
    block_size(5, 9)


@pytest.fixture
def healed(counts):
    return bands(counts[:3], (3, 10, 53))


@pytest.fixture(params=["<", ">"])
def source(request, tmp_path):
    return write_source(tmp_path / "slides" / "a.tif", request.param)


@pytest.fixture
def gmic_program():
    """G'MIC's program, which a test that asks for it cannot do without."""
    program = shutil.which("gmic")
    assert program, "set-up: the program gmic is missing (Debian: apt install gmic)"
    return program


@pytest.fixture
def gmic_binding_alone(monkeypatch):
    """G'MIC's Python binding, and no program."""
    assert find_spec("gmic"), "set-up: the binding gmic is missing (pip install -e '.[test]')"
    monkeypatch.setenv("PATH", "")


@pytest.fixture(params=["gmic_program", "gmic_binding_alone"])
def either_gmic(request):
    """G'MIC as a program, and as a binding."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def no_gmic(monkeypatch):
    """Neither G'MIC's program nor its binding."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "gmic", None)


@pytest.fixture
def fake_gmic(tmp_path, monkeypatch):
    """Function (text) that puts a shell script in the place of G'MIC's program."""

    def put(text):
        program = tmp_path / "bin" / "gmic"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))

    return put


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


@pytest.fixture(scope="session")
def cleaned_folder(tmp_path_factory):
    """A slide `a.tif`, and its mask and healed file in the folder `out`."""
    folder = tmp_path_factory.mktemp("cleaned")
    write_cleaned(folder)
    return folder


@pytest.fixture
def opened(cleaned_folder):
    """That slide from its files."""
    out = cleaned_folder / "out"
    return open_cleaned(cleaned_folder / "a.tif", out / "a_mask.tif", out / "a_clean.tif")


@pytest.fixture(scope="session")
def cleaned(cleaned_folder):
    """That slide as it is cleaned."""
    return irt.clean_slide(irt.open_slide(cleaned_folder / "a.tif"))
