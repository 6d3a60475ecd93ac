"""Build the source archive and from it the wheel, and try the wheel in new environments.

    python tests/packaging/check_wheel.py [PYTHON ...]

Each PYTHON (default: the one that runs this) makes an environment, in which the wheel is installed with what it needs.
Everything is written to a temporary folder, and every command runs outside the clone.
"""

import csv
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

TOP = Path(__file__).resolve().parents[2]
IN_ARCHIVE = ("LICENSE", "CITATION.cff", "tests/test_project.py", "docs/method.md", "notebooks/01_first_slide.ipynb")
IN_WHEEL = ("py.typed", "archive/page/report.html", "archive/page/report.css", "archive/page/page.js")
LARGEST = 650
"""MB that the environment may take beside pip, without compiled Python."""

WHERE = "import irtoolkit, sys; print(sys.version.split()[0], irtoolkit.__version__, irtoolkit.__file__)"
USER = """
from pathlib import Path

import irtoolkit as irt


def clean(path: Path, out: Path) -> float:
    cleaned = irt.clean_slide(irt.open_slide(path), settings=irt.Settings(false_discovery_rate=0.01))
    irt.write_mask(cleaned.mask, out / f"{path.stem}_mask.tif", source=path)
    return float(cleaned.shift_y)


print(clean(Path("a.tif"), Path("out")), irt.__version__)
"""
WRONG = USER.replace("0.01", "'low'")


def run(*command: str | Path, folder: Path, fails: bool = False) -> str:
    """Output of a command in a folder; it must succeed, or fail."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=outside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.returncode != 0) == fails, f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}"
    return done.stdout


def build(folder: Path) -> Path:
    """The wheel, built from the source archive, which is unpacked to `above/irtoolkit` like a clone."""
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", TOP, folder=folder)
    (archive,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", archive, wheel, folder=folder)
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "above", filter="data")
    clone = next((folder / "above").iterdir()).rename(folder / "above" / "irtoolkit")
    assert all((clone / name).is_file() for name in IN_ARCHIVE), sorted(map(str, clone.rglob("*")))
    packed_names = zipfile.ZipFile(wheel).namelist()
    assert {f"irtoolkit/{name}" for name in IN_WHEEL} <= set(packed_names), packed_names
    assert not [name for name in packed_names if not name.startswith("irtoolkit")], packed_names
    return wheel


def sizes(folder: Path) -> tuple[float, float]:
    """MB of the files below a folder, and of those that are compiled Python."""
    whole, compiled = (
        sum(path.lstat().st_size for path in folder.rglob(kind) if path.is_file()) / 1e6 for kind in ("*", "*.pyc")
    )
    return whole, compiled


def install(wheel: Path, python: str, environment: Path) -> Path:
    """The programs of a new environment with the wheel; its size and time are printed."""
    run(python, "-m", "venv", environment, folder=wheel.parent)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    before, started = sizes(environment), time.monotonic()
    run(programs / "python", "-m", "pip", "install", "--disable-pip-version-check", wheel, folder=wheel.parent)
    whole, compiled = (after - empty for after, empty in zip(sizes(environment), before, strict=True))
    print(f"installed in {time.monotonic() - started:.0f} s: {whole:.0f} MB beside pip", end=", ")
    print(f"{compiled:.0f} MB of it compiled Python, which `pip install --no-compile` leaves out")
    assert whole - compiled < LARGEST
    return programs


def try_commands(programs: Path, folder: Path) -> None:
    """Version, help and demo, from an empty folder."""
    assert run(programs / "irtoolkit", "--version", folder=folder).startswith("irtoolkit, version ")
    assert "clean" in run(programs / "irtoolkit", "--help", folder=folder)
    started = time.monotonic()
    told = run(programs / "irtoolkit", "demo", folder=folder)
    print(f"demo in {time.monotonic() - started:.0f} s")
    cleaned = folder / "irtoolkit-demo" / "cleaned"
    with open(cleaned / "slides.csv", newline="", encoding="utf-8") as file:
        statuses = sorted(row["status"] for row in csv.DictReader(file))
    assert statuses == [*["done"] * 6, "refused"], statuses
    assert [len(list(cleaned.rglob(f"*_{kind}.tif"))) for kind in ("mask", "clean")] == [6, 6]
    assert "report.html" in told, told
    assert (cleaned / "report.html").is_file()


def try_imports(programs: Path, above: Path) -> None:
    """From the folder above a clone that is called irtoolkit: the wheel first, then the clone, installed editable."""
    python = programs / "python"
    print(found := run(python, "-c", WHERE, folder=above), end="")
    assert str(programs.parent) in found
    run(python, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-e", "irtoolkit", folder=above)
    assert str(above) in run(python, "-c", WHERE, folder=above)


def try_types(programs: Path, folder: Path) -> None:
    """A user's script passes mypy --strict, and one with a wrong argument does not."""
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", programs / "python")
    (folder / "user.py").write_text(USER)
    (folder / "wrong.py").write_text(WRONG)
    run(*mypy, "user.py", folder=folder)
    assert "Settings" in run(*mypy, "wrong.py", folder=folder, fails=True)


def main() -> None:
    """Check the wheel in an environment of each Python named."""
    with TemporaryDirectory(prefix="irtoolkit-wheel-") as temporary:
        folder = Path(temporary).resolve()
        wheel = build(folder)
        for number, python in enumerate(sys.argv[1:] or [sys.executable]):
            elsewhere = folder / f"elsewhere{number}"
            elsewhere.mkdir()
            programs = install(wheel, python, folder / f"environment{number}")
            try_commands(programs, elsewhere)
            try_types(programs, elsewhere)
            try_imports(programs, folder / "above")
    print(f"{wheel.name}: built, installed and tried")


if __name__ == "__main__":
    main()
