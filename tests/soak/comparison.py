"""What is in an output folder, but for times, and what an interrupted run has left there."""

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PICTURES = {".tif", ".jpg"}
SECONDS = re.compile(rb'"seconds": [^,}\n]+')
TIMED = {"irtoolkit.log", "slides.csv", "slides.parquet"}
"""Files that hold times elsewhere than in a JSON field."""

OF_DASK = {"dask-scratch-space", "dask-scratch-space/global.lock", "dask-scratch-space/purge.lock"}

Contents = dict[str, str]


def contents(folder: Path, kinds: set[str] | None = None) -> Contents:
    """Digest of every file below a folder (of some endings), by its path there, but for seconds."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in TIMED)
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(SECONDS.sub(b"", file.read_bytes())).hexdigest()
        for file in files
        if kinds is None or file.suffix in kinds
    }


def table(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of a run by slide, without seconds; a slide with two rows is an error."""
    with (folder / "slides.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_slide = {row["slide"]: {name: cell for name, cell in row.items() if name != "seconds"} for row in rows}
    assert len(by_slide) == len(rows), "a slide has two rows"
    return by_slide


def differences(found: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    """Names that only one of two tables has, or that differ in them."""
    return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))


def counted(what: str, names: Sequence[str]) -> list[str]:
    """One line that says how many names there are, and which is the first; none for no names.

    >>> counted("no row", ["a.tif", "b.tif"]), counted("no row", [])
    (['no row: 2, the first is a.tif'], [])
    """
    return [f"{what}: {len(names)}, the first is {names[0]}"] if names else []


def torn(folder: Path, expected: Contents) -> list[str]:
    """Files under a final name that are not what they should be: pictures, and tables and records that do not open."""
    pictures = contents(folder, PICTURES)
    wrong = [name for name, digest in pictures.items() if expected.get(name) != digest]
    return wrong + unreadable(folder)


def unreadable(folder: Path) -> list[str]:
    """Records, models, tables and reports that are not complete."""
    wrong = [str(file) for file in folder.rglob("*.json") if not _is_json(file)]
    wrong += [str(file) for file in folder.glob("report.html") if not file.read_bytes().endswith(b"</html>\n")]
    wrong += [str(file) for file in folder.glob("slides.csv") if not file.read_bytes().endswith(b"\n")]
    return wrong


def leftovers(folder: Path, temporary: Path) -> list[str]:
    """Temporary files, locks and folders that a finished run should not have left.

    Dask keeps an empty folder for the scratch files of all its processes, with two locks.
    """
    hidden = [path for path in folder.rglob(".*") if path.name.endswith((".part", ".lock"))]
    scratch = (path for path in temporary.rglob("*") if path.relative_to(temporary).as_posix() not in OF_DASK)
    return sorted(map(str, [*hidden, *scratch]))


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
