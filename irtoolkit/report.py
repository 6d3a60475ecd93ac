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
SHOWN = ("slide", "status", "defects", "coverage", "fdr", "threshold", "shift_y", "shift_x", "blur", "slopes")
STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: .3em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th:nth-child(n+3) { text-align: right; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td p { white-space: normal; max-width: 60em; margin: 0 0 .5em; }
td.pictures { white-space: nowrap; padding-bottom: 1.5em; }
dt { float: left; clear: left; width: 6em; font-weight: bold; }
dd { margin-left: 7em; }
tr.refused td, tr.failed td { background: #fbeaea; }
tr.review td { background: #fff6dd; }
img { height: 20em; margin-right: .4em; }
"""


def write_previews(found: xr.Dataset, healed: xr.DataArray | None, folder: str | os.PathLike[str]) -> None:
    """Write three small pictures of a slide to a folder: as scanned, the mask outlined on it, and, if given, healed."""
    before = thin(found.counts.sel(band=list(VISIBLE)), PREVIEW)
    mask = thin(found.mask, PREVIEW)
    look: dict[str, Any] = {
        name: found.attrs[name] for name in ("polarity", "orientation", "gamma") if name in found.attrs
    }
    seen = view_picture(before, **look)
    marked = mark_mask(seen, mask, orientation=look.get("orientation", 1))
    pictures = [seen, marked]
    if healed is not None:
        pictures.append(
            view_picture(
                thin(healed.sel(band=list(VISIBLE)), PREVIEW),
                reference=before if healed.dtype == before.dtype else None,
                **look,
            )
        )
    for name, picture in zip(PREVIEWS, pictures, strict=False):
        write_png(Path(folder) / f"{name}.png", picture)


def write_report(rows: Sequence[Row], path: str | os.PathLike[str]) -> Path:
    """Write the report of a run as one HTML file, atomically; pictures lie in the folder `report` beside it."""
    done = sum(row["status"] == "done" for row in rows)
    odd = sum(bool(row.get("review")) for row in rows)
    summary = f"{done} of {len(rows)} slides done, {len(rows) - done} refused or failed, {odd} to look at."
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in SHOWN)
    body = "\n".join(_row(row, Path(path).parent) for row in rows)
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>irtoolkit report</title>'
        f"<style>{STYLE}</style>\n<h1>Dust and scratches</h1>\n<p>{summary}</p>\n{_LEGEND}"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n"
        f"<p>irtoolkit {VERSION}</p></html>\n"
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
    why = escape(str(row.get("review") or row["reason"]))
    below = f"<p>{why}</p>{_pictures(row, folder)}"
    wide = f'<td class="pictures" colspan="{len(SHOWN)}">{below}</td>'
    return f'<tr class="{kind}">{cells}</tr><tr class="{kind}">{wide}</tr>'


def _cell(name: str, row: Row) -> str:
    value = row.get(name, "")
    if isinstance(value, float):
        text = f"{100 * value:.2f} %" if name in ("coverage", "fdr") else f"{value:.2f}"
        return f'<td class="number">{text}</td>'
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{escape(str(value))}</td>"


def _pictures(row: Row, folder: Path) -> str:
    if row["status"] != "done":
        return ""
    previews = preview_folder(folder, Path(row["slide"]).with_suffix("").as_posix()).relative_to(folder)
    files = [previews / f"{name}.png" for name in PREVIEWS]
    links = [file.as_posix() for file in files if (folder / file).exists()]
    return "".join(f'<a href="{escape(link)}"><img src="{escape(link)}" alt="{Path(link).stem}"></a>' for link in links)


_LEGEND = """<p>Each slide as it was scanned, with every mark outlined, and healed; a click shows it larger.</p>
<dl>
<dt>defects</dt><dd>places that are marked</dd>
<dt>coverage</dt><dd>share of the picture that is marked</dd>
<dt>fdr</dt><dd>share of what is marked that may be no defect, estimated on the slide's own noise</dd>
<dt>threshold</dt><dd>score, in sigma of the noise, that a defect of one pixel needs in calm places</dd>
<dt>shift, blur</dt><dd>where the infrared lies against the colour, and how much softer it is, in pixels</dd>
<dt>slopes</dt><dd>how strongly the picture shows in the infrared: near 0 not at all, near 1 as on silver film</dd>
</dl>
<p>Slides that were fitted together as a roll share blur and slopes.</p>
"""
