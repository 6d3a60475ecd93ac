"""G'MIC's inpainting of many small windows in one run of its program.

Windows are exchanged as one file in G'MIC's own format, float32 (band, y, x), without loss.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import numpy as np

from irtoolkit.schema import SlideError

ARGUMENTS = {"inpaint": ",5,22,0.5,1,0"}
"""Arguments of a command after the mask; small unblended patches restore best (`docs/method.md`)."""
SECONDS, SECONDS_PER_PIXEL = 60.0, 3e-4
"""Time that a run may take: a base, and for each pixel of its windows, over ten times what it needs."""
BINDING = (sys.executable, "-P", "-c", "import sys, gmic; gmic.run(' '.join(sys.argv[1:]))")
OLD_TYPES = {"float": "float32", "unsigned_char": "uint8", "unsigned_short": "uint16", "unsigned_int": "uint32"}
"""Names of types in files of G'MIC before version 3."""
ADVICE = "try another release of G'MIC, or heal with another method"
GIVEN, FILLED = "windows.cimg", "filled.cimg"

Window = tuple[np.ndarray, np.ndarray]


def find_gmic() -> tuple[str, ...]:
    """Start of a command that runs G'MIC: its program, or its Python binding in a process of its own.

    Raises
    ------
    SlideError
        Neither is installed.
    """
    program = shutil.which("gmic")
    if program:
        return (os.path.abspath(program),)
    if find_spec("gmic"):
        return BINDING
    raise SlideError(
        "G'MIC is not installed; install its program (Debian: apt install gmic) or its Python binding (on Linux: pip"
        " install 'irtoolkit[gmic]'), or heal with another method"
    )


def run_gmic(windows: Sequence[Window], command: str) -> list[np.ndarray]:
    """Fill windows with a command that takes a window and its mask, all in one run on one thread.

    The run may take 60 s plus 0.3 ms per pixel of the windows. Random numbers are seeded for each window, so that its
    result does not depend on the others.

    Parameters
    ----------
    windows
        Planes (band, y, x) float32 and mask (y, x) bool, True = to be filled; neither all clean nor all masked.
        Some commands leave pixels that they cannot fill unchanged.

    Returns
    -------
    list of numpy.ndarray
        Filled planes; clean pixels may have changed too.

    Raises
    ------
    SlideError
        G'MIC is missing, failed, took too long, or wrote something else; the message names the command.
    """
    seconds = SECONDS + SECONDS_PER_PIXEL * sum(mask.size for _, mask in windows)
    with tempfile.TemporaryDirectory(prefix="irtoolkit-gmic-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _write_images(folder / GIVEN, [image for planes, mask in windows for image in (planes, mask[None])])
        _run(folder, (*find_gmic(), *_commands(len(windows), command)), command, seconds)
        filled = _read_filled(folder / FILLED, command)
    if [planes.shape for planes in filled] != [planes.shape for planes, _ in windows]:
        raise SlideError(f"G'MIC's {command} returned windows of other sizes; {ADVICE}")
    if not all(np.isfinite(planes).all() for planes in filled):
        raise SlideError(f"G'MIC's {command} returned values that are no numbers; {ADVICE}")
    return filled


def _commands(number: int, command: str) -> tuple[str, ...]:
    fill = f"{command}[{{2*$>}}]", f"[{{2*$>+1}}]{ARGUMENTS.get(command, '')}"
    return "v", "-", GIVEN, "repeat", str(number), "srand", "1", *fill, "done", "o", FILLED


def _run(folder: Path, call: Sequence[str], command: str, seconds: float) -> None:
    """Run in a folder, without the user's own commands; output goes to a file, which no child can block."""
    settings = os.environ | {"OMP_NUM_THREADS": "1", "GMIC_PATH": str(folder)}
    output = folder / "output.txt"
    try:
        with output.open("wb") as log:
            done = subprocess.run(
                call, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=seconds
            )
    except subprocess.TimeoutExpired as error:
        raise SlideError(f"G'MIC's {command} took more than {seconds:.0f} s and was stopped; {ADVICE}") from error
    except OSError as error:
        raise SlideError(f"G'MIC's {command} could not be started: {error}; {ADVICE}") from error
    if done.returncode:
        words = " ".join(output.read_text(encoding="utf-8", errors="replace")[-300:].split())
        raise SlideError(f"G'MIC's {command} failed with status {done.returncode}: {words or 'no message'}; {ADVICE}")


def _write_images(path: Path, images: Sequence[np.ndarray]) -> None:
    """Write (band, y, x) images as one file of G'MIC's format (https://cimg.eu/reference, CImgList::save_cimg)."""
    with path.open("wb") as file:
        file.write(f"{len(images)} float little_endian\n".encode())
        for image in images:
            bands, rows, columns = image.shape
            file.write(f"{columns} {rows} 1 {bands}\n".encode())
            file.write(image.astype("<f4").tobytes())


def _read_filled(path: Path, command: str) -> list[np.ndarray]:
    """Read the planes, which are every other image, without the masks."""
    try:
        return _read_images(path)[::2]
    except (OSError, ValueError, TypeError) as error:
        raise SlideError(f"G'MIC's {command} did not write a valid result: {error}; {ADVICE}") from error


def _read_images(path: Path) -> list[np.ndarray]:
    with path.open("rb") as file:
        number, kind, order = file.readline(99).decode().split()
        dtype = np.dtype(OLD_TYPES.get(kind, kind)).newbyteorder("<" if order == "little_endian" else ">")
        return [_read_image(file, dtype) for _ in range(int(number))]


def _read_image(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    columns, rows, _, bands = (int(length) for length in file.readline(99).split())
    values = np.frombuffer(file.read(columns * rows * bands * dtype.itemsize), dtype)
    return values.reshape(bands, rows, columns).astype(np.float32)
