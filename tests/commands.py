"""The command line, run within the test; its table and its pictures."""

import csv
import sys
from pathlib import Path

import pytest

from irtoolkit import cli

CALL = "from irtoolkit.cli import main; main()"
"""What a Python process of its own runs."""


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
