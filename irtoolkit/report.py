"""The report of a run: one HTML page with a table and small pictures, for eyes, without a network."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import xarray as xr

from irtoolkit.pictures import mark_mask, thin, view_picture, write_png
from irtoolkit.results import Row
from irtoolkit.schema import VERSION, VISIBLE
from irtoolkit.targets import replacing

PREVIEW = 900
PREVIEWS = ("scan", "mask", "healed")
SHOWN = ("slide", "status", "review", "defects", "coverage", "fdr", "threshold", "shift_y", "shift_x", "blur", "slopes")
STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: .3em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.refused td, tr.failed td { background: #fbeaea; }
tr.review td { background: #fff6dd; }
img { height: 11em; margin-right: .3em; }
"""


def write_previews(found: xr.Dataset, healed: xr.DataArray, folder: str | os.PathLike[str]) -> None:
    """Write three small pictures of a slide to a folder: as scanned, the mask outlined on it, healed."""
    before = thin(found.counts.sel(band=list(VISIBLE)), PREVIEW)
    after = thin(healed.sel(band=list(VISIBLE)), PREVIEW)
    mask = thin(found.mask, PREVIEW)
    look: dict[str, Any] = {
        name: found.attrs[name] for name in ("polarity", "orientation", "gamma") if name in found.attrs
    }
    seen = view_picture(before, **look)
    marked = mark_mask(seen, mask, orientation=look.get("orientation", 1))
    pictures = (seen, marked, view_picture(after, reference=before, **look))
    for name, picture in zip(PREVIEWS, pictures, strict=True):
        write_png(Path(folder) / f"{name}.png", picture)


def write_report(rows: Sequence[Row], path: str | os.PathLike[str]) -> Path:
    """Write the report of a run as one HTML file, atomically; pictures lie in the folder `report` beside it."""
    done = sum(row["status"] == "done" for row in rows)
    summary = f"{done} of {len(rows)} slides done, {sum(bool(row.get('review')) for row in rows)} to look at."
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in (*SHOWN, "scan, mask, healed"))
    body = "\n".join(_row(row, Path(path).parent) for row in rows)
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>irtoolkit report</title>'
        f"<style>{STYLE}</style>\n<h1>Dust and scratches</h1>\n<p>{summary}</p>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n"
        f"{_LEGEND}<p>irtoolkit {VERSION}</p></html>\n"
    )
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
    return Path(path)


def preview_folder(folder: Path, name: str) -> Path:
    """Folder of the pictures of the slide that is called `name` in the table."""
    return folder / "report" / name


def _row(row: Row, folder: Path) -> str:
    kind = row["status"] if row["status"] != "done" else "review" if row.get("review") else "done"
    cells = "".join(_cell(name, row) for name in SHOWN)
    return f'<tr class="{kind}">{cells}<td>{_pictures(row, folder)}</td></tr>'


def _cell(name: str, row: Row) -> str:
    value = row.get(name, "")
    if name == "review" and row["status"] != "done":
        value = row["reason"]
    if isinstance(value, float):
        text = f"{100 * value:.2f} %" if name in ("coverage", "fdr") else f"{value:.2f}"
        return f'<td class="number">{text}</td>'
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{escape(str(value))}</td>"


def _pictures(row: Row, folder: Path) -> str:
    if row["status"] != "done":
        return ""
    previews = preview_folder(folder, Path(row["slide"]).with_suffix("").as_posix()).relative_to(folder)
    links = [(previews / f"{name}.png").as_posix() for name in PREVIEWS]
    return "".join(f'<a href="{escape(link)}"><img src="{escape(link)}" alt="{Path(link).stem}"></a>' for link in links)


_LEGEND = """<p>coverage: share of pixels marked. fdr: share of what is marked that may be no defect, estimated on the
slide's own noise. threshold: score in sigma that a defect of one pixel needs on this slide. shift: where the infrared
lies against the colour, in pixels. blur: how much softer the infrared is, in pixels. slopes: how strongly the picture
shows in the infrared (near 0: not at all; near 1: silver film).</p>
"""
