"""What a record may hold, which a person may have edited: each field has a rule, and the first wrong one is named."""

import os
from collections.abc import Callable, Collection, Mapping
from math import isfinite
from pathlib import PurePath
from reprlib import repr as shortened
from typing import Any, NamedTuple

from irtoolkit.archive.results import COLUMNS, MEASURED, TEXTS

KIND = "irtoolkit record"

LONGEST_PATH, LONGEST_NAME, LONGEST_TEXT = 4095, 255, 2**16
MOST = 1e15
"""The largest number that a figure of a slide may have."""


class Rule(NamedTuple):
    """What a value must be, in words, and whether it is."""

    words: str
    holds: Callable[[Any], bool]


Fields = Mapping[str, "Rule | Fields"]
"""By name, the rule of each field, or the fields of an object."""


def check_fields(value: Any, fields: Fields, optional: Collection[str] = (), place: str = "") -> None:
    """Raise `ValueError` with name and rule of the first field that is missing or wrong; others may be there."""
    if not isinstance(value, dict):
        raise ValueError(f"{place or 'it'} must be an object with names, not {shortened(value)}")
    for name, rule in fields.items():
        path = f"{place}.{name}" if place else name
        if name not in value:
            if name not in optional:
                raise ValueError(f"{path} is missing")
        elif not isinstance(rule, Rule):
            check_fields(value[name], rule, optional, path)
        elif not rule.holds(value[name]):
            raise ValueError(f"{path} must be {rule.words}, not {shortened(value[name])}")


def each_of(rule: Rule) -> Rule:
    """A list of values, to each of which a rule applies."""
    return Rule(f"a list of {rule.words}", lambda value: isinstance(value, list) and all(map(rule.holds, value)))


def named(rule: Rule) -> Rule:
    """An object with names of files, to each of whose values a rule applies."""
    return Rule(
        f"names of files, each with {rule.words}",
        lambda value: isinstance(value, dict) and all(map(NAME.holds, value)) and all(map(rule.holds, value.values())),
    )


def object_of(fields: Fields, optional: Collection[str] = ()) -> Rule:
    """An object with these fields."""
    return Rule(f"an object with {', '.join(fields)}", lambda value: _passes(value, fields, optional))


def one_of(*words: str) -> Rule:
    """One of some texts."""
    return Rule(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def _passes(value: Any, fields: Fields, optional: Collection[str]) -> bool:
    try:
        check_fields(value, fields, optional)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any, longest: int = LONGEST_TEXT) -> bool:
    return isinstance(value, str) and len(value) <= longest and "\0" not in value and _can_be(value, os.fsencode)


def _can_be(text: str, encode: Callable[[str], bytes]) -> bool:
    try:
        encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _is_path(value: Any) -> bool:
    """Whether a text can name a file of this system."""
    return _is_text(value, LONGEST_PATH) and all(
        len(os.fsencode(part)) <= LONGEST_NAME for part in PurePath(value).parts
    )


def _is_inside(value: Any) -> bool:
    """Whether a path leads from a folder to something below it."""
    return _is_path(value) and bool(value) and not PurePath(value).is_absolute() and ".." not in PurePath(value).parts


TEXT = Rule("a text", _is_text)
LABEL = Rule("a text", lambda value: _is_text(value) and _can_be(value, str.encode))
PATH = Rule("a path", _is_path)
INSIDE = Rule("a path below the folder", _is_inside)
NAME = Rule("a name of a file", lambda value: _is_inside(value) and len(PurePath(value).parts) == 1)
WHOLE = Rule("a whole number, 0 or more", lambda value: type(value) is int and value >= 0)
COUNT = Rule("a whole number, 1 or more", lambda value: type(value) is int and value >= 1)
MOMENT = Rule("a whole number", lambda value: type(value) is int)
AMOUNT = Rule("a number, 0 or more", lambda value: _is_number(value) and isfinite(value) and 0 <= value <= MOST)
FIGURE = Rule("a number", lambda value: _is_number(value) and not (isfinite(value) and abs(value) > MOST))
EMPTY_OR_FIGURE = Rule("a number or empty", lambda value: value in ("", None) or FIGURE.holds(value))
MAYBE_TEXT = Rule("a text or null", lambda value: value is None or _is_text(value))

SOURCE: Fields = {"name": NAME, "size": WHOLE, "changed": MOMENT, "header": MAYBE_TEXT, "digest": TEXT}
ABOUT: Fields = {
    **{"film": LABEL, "scanner": LABEL, "dpi": AMOUNT, "bits": COUNT},
    **{"pixels": COUNT, "bytes": WHOLE, "copied": WHOLE},
}
RECORD_FIELDS: Fields = {
    **{"kind": one_of(KIND), "outputs": named(WHOLE), "pictures": named(WHOLE), "source": PATH},
    **dict.fromkeys(("version", "settings", "model"), TEXT),
    "sources": each_of(object_of(SOURCE, {"header"})),
}
ROW: Fields = {
    **{name: TEXT if name in TEXTS else EMPTY_OR_FIGURE for name in COLUMNS},
    **{"slide": INSIDE, "status": one_of("done", "refused", "failed"), "seconds": AMOUNT},
}
DONE: Fields = dict.fromkeys(("megapixels", *MEASURED), FIGURE)
LATER = {"largest", "holder", "no_data", "candidates", "decoys", "worst_y", "worst_x", "ratio_r", "ratio_g", "ratio_b"}
"""Columns that records of earlier versions lack."""


def check_record(record: Any) -> None:
    """Raise `ValueError` with the first field of a record that is missing or wrong."""
    check_fields(record, RECORD_FIELDS, {"version", "settings", "model", "pictures", "source"})
    row = record.get("row")
    check_fields(row, ROW, set(COLUMNS) - {"slide", "status", "reason", "seconds"}, "row")
    if not set(row) <= set(COLUMNS):
        raise ValueError(f"row has unknown fields {', '.join(sorted(set(row) - set(COLUMNS)))}")
    if row["status"] == "done":
        check_fields(row, DONE, LATER, "row")
    if "about" in record:
        check_fields(record["about"], ABOUT, {"copied"}, "about")
        if not record["sources"]:
            raise ValueError("sources must name the files of the slide")
