"""G'MIC as a program and as a binding, and what comes of programs that fail."""

import os
import sys
import time

import numpy as np
import pytest
import xarray as xr

from irtoolkit.healing import gmic
from irtoolkit.healing.gmic import find_gmic, run_gmic
from irtoolkit.pipeline import clean_slide
from irtoolkit.schema import BANDS, SlideError
from irtoolkit.settings import INPAINTING_METHODS, Settings

SHAPE = (37, 52)
COMMANDS = [name.removeprefix("gmic:") for name in INPAINTING_METHODS if name.startswith("gmic:")]


def window(seed=0, shape=SHAPE, hole=(slice(12, 21), slice(20, 33))):
    """Planes around whole-number levels of their own, and a mask."""
    rng = np.random.default_rng(seed)
    planes = np.array([300, 20_000, 65_000])[:, None, None] + rng.integers(-200, 200, (3, *shape))
    mask = np.zeros(shape, bool)
    mask[hole] = True
    return planes.astype(np.float32), mask


@pytest.mark.parametrize("command", COMMANDS)
def test_planes_rows_and_columns_come_back_in_their_order(either_gmic, command):
    planes, mask = window()
    (filled,) = run_gmic([(np.where(mask, planes.mean((1, 2), keepdims=True), planes), mask)], command)
    assert filled.dtype == np.float32
    assert filled.shape == planes.shape
    np.testing.assert_allclose(filled[:, ~mask], planes[:, ~mask], atol=0.01 if "match" not in command else 500)
    for band, level in zip(filled, (300, 20_000, 65_000), strict=True):
        assert np.abs(band[mask] - level).max() < 500


@pytest.mark.parametrize("command", COMMANDS)
def test_a_window_is_filled_alike_alone_and_among_others_and_again(either_gmic, command):
    windows = [window(1), window(2, (23, 71)), window(3, (64, 31), (slice(5, 9), slice(0, 30))), window(1)]
    together = run_gmic(windows, command)
    np.testing.assert_array_equal(together[0], together[3])
    for filled, alone in zip(together, windows, strict=True):
        np.testing.assert_array_equal(run_gmic([alone], command)[0], filled)


def test_fractions_and_values_beyond_16_bits_are_kept(either_gmic):
    planes, mask = window()
    strange = planes * np.float32(3.3) - np.float32(5000.125)
    (filled,) = run_gmic([(strange, mask)], "inpaint_morpho")
    np.testing.assert_array_equal(filled[:, ~mask], strange[:, ~mask])


@pytest.mark.parametrize("command", COMMANDS)
def test_windows_of_few_pixels_are_filled(either_gmic, command):
    windows = [window(0, shape, (slice(0, 1), slice(0, 1))) for shape in ((1, 2), (3, 1), (2, 2), (5, 7))]
    assert [filled.shape for filled in run_gmic(windows, command)] == [(3, 1, 2), (3, 3, 1), (3, 2, 2), (3, 5, 7)]


def test_nothing_is_left_in_the_temporary_folder(either_gmic, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_gmic([window()], "inpaint_morpho")
    assert list(tmp_path.iterdir()) == []


def test_the_program_goes_before_the_binding(gmic_program):
    assert find_gmic() == (gmic_program,)


def test_the_binding_stands_in_for_the_program(gmic_binding_alone):
    assert find_gmic()[0] == sys.executable


def test_without_either_the_message_says_how_to_install(no_gmic):
    with pytest.raises(SlideError, match=r"apt install gmic.*pip install 'irtoolkit\[gmic\]'"):
        find_gmic()


def test_a_slide_is_not_looked_at_before_the_program_is_found(no_gmic):
    unreadable = xr.Dataset({"counts": (("band", "y", "x"), np.zeros((4, 1, 1), np.uint16))}, {"band": list(BANDS)})
    with pytest.raises(SlideError, match="apt install gmic"):
        clean_slide(unreadable, settings=Settings(heal="gmic:inpaint_pde"))


PAIR = r"2 float little_endian\n1 1 1 3\n\000\000\300\177\000\000\300\177\000\000\300\1771 1 1 1\n\000\000\000\000"
"""A file of one window of one pixel, whose three values are no numbers."""


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo out of luck >&2; exit 1", "inpaint_pde failed with status 1: out of luck"),
        ("kill -SEGV $$", "inpaint_pde failed with status -11: no message"),
        ("exit 0", "inpaint_pde did not write a valid result"),
        ("echo 'this is no picture' > filled.cimg", "inpaint_pde did not write a valid result"),
        ("printf '\\377\\376' > filled.cimg", "inpaint_pde did not write a valid result"),
        ("printf '1 float little_endian\\n9 9 1 3\\nshort' > filled.cimg", "inpaint_pde did not write a valid"),
        ("printf '2 strange little_endian\\n' > filled.cimg", "inpaint_pde did not write a valid result"),
        ("printf '0 float little_endian\\n' > filled.cimg", "inpaint_pde returned windows of other sizes"),
        (f"printf '{PAIR}' > filled.cimg", "inpaint_pde returned values that are no numbers"),
    ],
)
def test_a_program_that_fails_is_told_with_its_command(fake_gmic, script, message):
    fake_gmic(script)
    one_pixel = np.ones((3, 1, 1), np.float32), np.ones((1, 1), bool)
    with pytest.raises(SlideError, match=f"G'MIC's {message}.*; try another release of G'MIC, or heal with another"):
        run_gmic([one_pixel], "inpaint_pde")


def test_a_program_that_hangs_is_stopped(fake_gmic, monkeypatch):
    fake_gmic("/bin/sleep 5; exit 0")
    monkeypatch.setattr(gmic, "SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(SlideError, match="inpaint_pde took more than 1 s and was stopped"):
        run_gmic([window()], "inpaint_pde")
    assert time.monotonic() - started < 4


def test_a_program_that_cannot_be_started_is_told(fake_gmic, tmp_path):
    fake_gmic("")
    (tmp_path / "bin" / "gmic").write_bytes(b"\x00\x01")
    with pytest.raises(SlideError, match="inpaint_pde could not be started"):
        run_gmic([window()], "inpaint_pde")


def test_a_persons_own_commands_are_not_read(gmic_program, tmp_path, monkeypatch):
    (tmp_path / ".gmic").write_text("inpaint_morpho :\n  fill 0\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GMIC_PATH", str(tmp_path))
    planes, mask = window()
    assert run_gmic([(planes, mask)], "inpaint_morpho")[0].min() > 0


def test_the_run_uses_one_thread_in_a_folder_of_its_own(fake_gmic, tmp_path):
    fake_gmic(f"echo $OMP_NUM_THREADS $PWD > {tmp_path}/seen; exit 3")
    with pytest.raises(SlideError):
        run_gmic([window()], "inpaint_pde")
    threads, folder = (tmp_path / "seen").read_text().split()
    assert threads == "1"
    assert folder != os.getcwd()
