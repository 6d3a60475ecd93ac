"""The report of a run: one page that opens from the disk without a network, its data in the folder `report`."""

import hashlib
import json
import math
import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from numbers import Integral, Real
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from irtoolkit.archive.counts import summarise
from irtoolkit.archive.names import output_name
from irtoolkit.archive.previews import preview_folder
from irtoolkit.archive.results import Row
from irtoolkit.files import replacing
from irtoolkit.schema import VERSION

SCRIPTS = ("names", "data", "elements", "closeups", "charts", "table", "shortlist", "rolls", "viewer", "detail", "page")
STYLES = ("report", "shortlist", "table", "rolls", "detail", "print")
"""In the order in which the page runs and applies them; they are in the folder `page`."""

BESIDE = "'self' file:"
"""Where the page may load its data and pictures from: its own place, on the disk or on a server."""

DIGITS = 6
"""Significant digits of the numbers given to the page."""


def write_report(rows: Sequence[Row], path: str | os.PathLike[str]) -> Path:
    """Write the report of a finished or stopped run: the page `path`, and ``report/slides.js`` beside it.

    Each of the two is replaced atomically. The page shows the pictures of `draw_previews`.

    Parameters
    ----------
    rows
        One per slide, by the columns' names, in the order of the table. `slide` and `status` are needed; `weight` is
        how much a slide with a `review` matters, `roll` the name of its roll (by default its folder).
    path
        Path of the page.
    """
    path = Path(path)
    with replacing(path.parent / "report" / "slides.js") as part:
        part.write_text(_data(rows), encoding="ascii")
    with replacing(path) as part:
        part.write_text(_page(summarise(rows)), encoding="utf-8")
    return path


def _page(summary: str) -> str:
    style = "".join(_part(f"{name}.css") for name in STYLES)
    scripts = [_part(f"{name}.js") for name in SCRIPTS]
    return Template(_part("report.html").lstrip()).substitute(
        policy=_policy(style, scripts),
        style=style,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
        summary=escape(summary),
        version=escape(VERSION),
    )


def _part(name: str) -> str:
    """A file of the folder `page`, on a line of its own."""
    return "\n" + (resources.files("irtoolkit.archive") / "page" / name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Content security policy of the page: its own style and scripts, its data and pictures, and nothing else."""
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join([BESIDE, *map(_digest, scripts)]),
        "style-src": _digest(style),
        "img-src": f"{BESIDE} data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(rows: Sequence[Row]) -> str:
    """A script of ASCII, one slide per line, in which no text can end the script."""
    lines = [json.dumps(_page_row(row), allow_nan=False).replace("<", "\\u003c") for row in rows]
    return "window.slides = [\n" + ",\n".join(lines) + "\n];\n"


def _page_row(row: Row) -> dict[str, Any]:
    """A row as JSON values, without empty ones, and with the folder of its pictures."""
    values = {name: _plain(value) for name, value in row.items() if value not in (None, "") and name != "name"}
    if row["status"] == "done":
        pictures = preview_folder(Path(), output_name(row))
        values["pictures"] = quote(os.fsencode(pictures.as_posix()))
    return values


def _plain(value: Any) -> str | int | float | None:
    """A text or a number as a JSON value: None for a number that is not finite."""
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
    return str(value)
