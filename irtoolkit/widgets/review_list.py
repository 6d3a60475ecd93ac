"""The lists of slides that a review offers, and how far it is."""

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from irtoolkit.archive import Decision, Row

SHORT_LIST, ALL, DECIDED, CHANGED = "short list", "all", "decided", "to be redone"
EVERY_ROLL = "all rolls"

Decisions = Mapping[str, Decision]


def list_slides(rows: Sequence[Row], decisions: Decisions, *, show: str = ALL, roll: str = EVERY_ROLL) -> list[Row]:
    """Choose the rows of a roll and of a kind: the short list first, then the others in the order of the table.

    The short list begins with the cleaned slides, which have pictures, and ends with the others; both are sorted by
    decreasing weight.

    >>> rows = [{"slide": "a", "review": ""}, {"slide": "b", "review": "pale", "weight": 1.0, "status": "done"}]
    >>> rows += [{"slide": "c", "review": "it was not cleaned", "weight": 4.0, "status": "refused"}]
    >>> rows += [{"slide": "d", "review": "other film?", "weight": 3.0, "status": "done"}]
    >>> [row["slide"] for row in list_slides(rows, {})]
    ['d', 'b', 'c', 'a']
    """
    chosen = [row for row in rows if _is_shown(row, decisions, show) and roll in (EVERY_ROLL, row.get("roll"))]
    return sorted(chosen, key=_order)


def _order(row: Row) -> tuple[bool, bool, float]:
    return (False, row["status"] != "done", -row["weight"]) if row["review"] else (True, False, 0.0)


def _is_shown(row: Row, decisions: Decisions, show: str) -> bool:
    if show == SHORT_LIST:
        return bool(row["review"])
    if show == DECIDED:
        return row["slide"] in decisions
    return show == ALL or is_changed(row, decisions)


def is_changed(row: Row, decisions: Decisions) -> bool:
    """Whether the next run will redo a slide because its decision changed."""
    return not decisions.get(row["slide"], Decision()).is_applied(row.get("decision", ""))


def describe_progress(rows: Sequence[Row], decisions: Decisions, folder: Path) -> str:
    """HTML text: how many slides of the short list are decided, and how many the next run will redo."""
    listed = [row["slide"] for row in rows if row["review"] or row["slide"] in decisions]
    decided = sum(slide in decisions for slide in listed)
    redone = sum(is_changed(row, decisions) for row in rows)
    progress = f"{decided:,} of {len(listed):,} decided." if listed else "Short list empty."
    if not redone:
        return progress
    slides = "1 slide" if redone == 1 else f"{redone:,} slides"
    call = f"irt.clean_archive(paths, {str(folder)!r})"
    command = f"irtoolkit clean PATH... --out {shlex.quote(str(folder))}"
    return (
        f"{progress} {slides} will be redone when you run the same clean again, with its options: "
        f"<code>{escape(call)}</code> or <code>{escape(command)}</code>"
    )
