"""A slide of a run in words: its figures, its remarks, and the decision about it."""

from collections.abc import Callable
from html import escape
from math import isnan

from irtoolkit.archive import Decision, Row
from irtoolkit.plots import describe_rate, percent
from irtoolkit.settings import Box

DOUBTED = 3.0
"""Weight from which remarks doubt the film or the infrared, and with them the estimated share of false marks."""

FIGURES: dict[str, Callable[[float], str]] = {
    "defects": "{:,.0f} defects".format,
    "coverage": lambda share: f"{percent(share)} of the picture marked",
    "fdr": describe_rate,
    "threshold": "threshold {:.2f} sigma".format,
    "shift_y": "infrared shifted by {:+z.1f} rows".format,
    "shift_x": "{:+z.1f} columns".format,
    "sigma": "residual noise {:.4f}".format,
}


def describe_figures(row: Row) -> str:
    """Describe the figures of a slide; empty if it was not cleaned.

    The false share is left open where it is doubted, and left out where nothing is marked and it is not known.

    >>> describe_figures({"slide": "a.tif", "defects": 1234.0, "coverage": 0.0123, "fdr": float("nan")})
    '1,234 defects, 1.2 % of the picture marked, how many of the marks are false is not known'
    """
    values = {name: row.get(name, float("nan")) for name in FIGURES}
    if isnan(values["defects"]):
        return ""
    if row.get("weight", 0.0) >= DOUBTED:
        values["fdr"] = float("nan")
    unknown = {"fdr"} if values["defects"] else set()
    return ", ".join(FIGURES[name](value) for name, value in values.items() if name in unknown or not isnan(value))


def describe_decision(decision: Decision) -> str:
    """Describe a decision.

    >>> describe_decision(Decision(verdict="accepted", threshold=4.5)), describe_decision(Decision())
    ('threshold 4.5; accepted', 'no decision yet')
    """
    return decision.summary(decision.effect) or "no decision yet"


def describe_slide(row: Row, decision: Decision, place: str) -> str:
    """HTML text: a slide's name, its `place` in the list, the decision about it, its remarks and its figures."""
    why = "; ".join(filter(None, (row.get("reason", ""), row.get("review", ""))))
    status = row["status"].capitalize() + (f": {why}" if why else f", {decision.verdict or 'no remarks'}")
    decided = f"Decided: {describe_decision(decision)}" if decision != Decision() else "No decision yet"
    text = "<br>".join(escape(line) for line in (decided, status, describe_figures(row)) if line)
    return f'<div style="line-height: 1.4"><b>{escape(row["slide"])}</b> {escape(place)}<br>{text}</div>'


def describe_box(box: Box) -> str:
    """The rows and columns of a region in words."""
    top, left, bottom, right = box
    return f"rows {top} to {bottom}, columns {left} to {right}"
