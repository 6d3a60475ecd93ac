"""The table of a run: one row per slide."""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from math import floor, isfinite, isnan, log10
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from irtoolkit.archive.names import name_in_table
from irtoolkit.files import replacing
from irtoolkit.schema import SlideError, describe, in_words

MEASURED = (
    *("shift_y", "shift_x", "unseen", "blur", "r2", "slopes", "sigma"),
    *("threshold", "fdr", "coverage", "defects", "largest", "aligned", "agreement", "misfit", "holder", "no_data"),
    *("candidates", "decoys", "worst_y", "worst_x", "ratio_r", "ratio_g", "ratio_b", "ratio_error"),
    *("clipped", "clearest", "densest", "tint", "chroma", "inverted"),
)
DESCRIBED = ("dpi", "film", "scanner", "layout")
ABOUT = ("slide", "name", "roll", "status", "reason", "review", "weight", "decision", "note", "kept")
COLUMNS = (*ABOUT, *DESCRIBED, "megapixels", *MEASURED, "seconds")
TEXTS = ("slide", "name", "roll", "status", "reason", "review", "decision", "note", "kept", "film", "scanner", "layout")
"""Columns of texts. `name` is that of the slide's outputs, without their endings; `kept` is what the healed file does
not carry over from the scan unchanged."""

EXACT = {"threshold"}
"""Figures that are given back to the program, and are not rounded."""

DIGITS = 4
"""Significant digits of the other figures of the table; those before the point are all written."""

FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that a spreadsheet takes for a formula, or that has an apostrophe for being none."""

Row = dict[str, Any]


def describe_row(attributes: Mapping[str, Any]) -> Row:
    """What the tags of the file say, by the columns' names; a text is printable, and at most 1000 characters long."""
    values = ((name, attributes.get(name, "")) for name in DESCRIBED)
    return {name: in_words(value) if isinstance(value, str) else value for name, value in values}


def measure_row(found: xr.Dataset) -> Row:
    """Compute what was measured on a slide, by the columns' names."""
    values = {name: found[name].compute().item() for name in MEASURED}
    values["megapixels"] = found.sizes["y"] * found.sizes["x"] / 1e6
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}


def write_table(rows: Iterable[Row], path: str | os.PathLike[str]) -> Path:
    """Write rows as CSV in UTF-8, atomically, unknown numbers as empty cells; return the path.

    Figures are rounded to four significant digits, but for the threshold: given back, it marks the same pixels. A text
    that a spreadsheet would take for a formula gets an apostrophe before it, which `open_results` takes away.
    """
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="raise")
        writer.writeheader()
        writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in rows)
    return Path(path)


def write_parquet(rows: Sequence[Row], path: str | os.PathLike[str]) -> Path | None:
    """Write rows as Parquet, atomically, and return the path; without pyarrow, write nothing and return None."""
    if find_spec("pyarrow") is None:
        return None
    columns = {
        name: [name_in_table(row.get(name, "")) if name in TEXTS else _number(row.get(name)) for row in rows]
        for name in COLUMNS
    }
    with replacing(path) as part:
        pd.DataFrame(columns).to_parquet(part, index=False)
    return Path(path)


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, str) and FORMULA.match(value):
        return f"'{value}"
    if isinstance(value, float):
        return "" if isnan(value) else value if name in EXACT else rounded(value)
    return value


def rounded(value: float) -> float:
    """A figure with four significant digits, and with all digits before the point.

    >>> rounded(0.0405361), rounded(-4.98481), rounded(12345.6), rounded(0.0)
    (0.04054, -4.985, 12346.0, 0.0)
    """
    if value == 0 or not isfinite(value):
        return value
    return round(value, max(DIGITS - 1 - floor(log10(abs(value))), 0))


def _text(cell: str) -> str:
    """The text of a cell that `_cell` has written."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _number(value: Any) -> float:
    return float("nan") if value in (None, "") else float(value)


def open_results(folder: str | os.PathLike[str]) -> xr.Dataset:
    """Read the table of a run from its output folder: the columns of ``slides.csv`` on dimension `slide`.

    Numbers are float64, rounded but for the threshold, NaN where a slide has none; the others are texts. A column that
    an earlier version did not write is empty. `slide` is the coordinate, the attribute `folder` the folder.

    Raises
    ------
    SlideError
        There is no table in the folder.
    """
    file = Path(folder) / "slides.csv"
    if not file.is_file():
        raise SlideError(f"{folder} has no table slides.csv; give the output folder of irtoolkit clean")
    cells = pd.read_csv(file, dtype=str, keep_default_na=False).reindex(columns=COLUMNS, fill_value="")
    numbers = cells.drop(columns=list(TEXTS)).replace("", "nan").astype(float)
    table = numbers.join(cells[list(TEXTS)].map(_text).astype(object))
    variables = {name: ("slide", table[name].to_numpy()) for name in COLUMNS}
    return describe(xr.Dataset(variables, attrs={"folder": os.fspath(folder)}).set_coords("slide"))
