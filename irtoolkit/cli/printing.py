"""What the commands print on standard output."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import click

from irtoolkit import archive
from irtoolkit.schema import near, printable


def print_lines(*lines: str, err: bool = False) -> None:
    """Print lines; what files and their names say becomes printable, and no line becomes two."""
    click.echo("\n".join(printable(line) for line in lines), err=err)


def print_summary(paths: Sequence[str], found: "Sequence[archive.Inspected]") -> None:
    """Print why files cannot be cleaned and, for more than one file, how many are what."""
    others = [f"  {line}" for line in archive.describe_other_files(paths)]
    counts = archive.summarise_files(found) if len(found) > 1 or others else []
    if lines := [*archive.describe_problems(found), *counts, *others]:
        print_lines(*lines)


def print_plan(run: "archive.Run", paths: Sequence[str], options: Mapping[str, Any]) -> None:
    """Print what a run is going to do; as JSON, an object per slide."""
    refused = archive.find_refused(run)
    for planned in archive.plan_as_json(run, refused) if options["json"] else ():
        click.echo(json.dumps(planned, allow_nan=False))
    if not options["json"]:
        print_lines(*archive.describe_plan(run, refused), *archive.describe_other_files(paths, run.folder))
    needs = archive.describe_needs(run, refused, options["workers"])
    print_lines(*archive.note_place(run.folder, paths), *needs, err=options["json"])


def print_results(rows: "Sequence[archive.Row]", paths: Sequence[str], out: Path, options: Mapping[str, Any]) -> None:
    """Print what became of the slides of a run, and where its report is; as JSON, an object per slide."""
    for row in rows if options["json"] else ():
        empty = {name: None for name, value in row.items() if isinstance(value, float) and not isfinite(value)}
        click.echo(json.dumps(row | empty, allow_nan=False))
    if not (options["quiet"] or options["json"]):
        report = f"report: {near(out / 'report.html')}"
        print_lines(*archive.describe_other_files(paths, out), archive.summarise(rows), report)
