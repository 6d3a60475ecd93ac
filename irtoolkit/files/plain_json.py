"""JSON files that a person may have edited: read within bounds, and taken apart without a change of their text."""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from irtoolkit.files.targets import AnyPath

MOST_BYTES = 2**26
"""Bytes of the longest file that is read; the model of a long roll has a thousandth of it."""

MOST_DIGITS = 20
"""Signs of a whole number; one with more is read as a float, which may be infinite."""

_SPACE = re.compile(r"[ \t\n\r]*")


def read_text(file: AnyPath, most: int = MOST_BYTES) -> str:
    """The text of a file of at most so many bytes; `ValueError` for a longer one, or what is no file or no UTF-8."""
    status = Path(file).stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file")
    if status.st_size > most:
        raise ValueError(f"it has {status.st_size} bytes, and at most {most} are read")
    return Path(file).read_text(encoding="utf-8-sig")


def parse_json(text: str) -> Any:
    """The value of a JSON text; `ValueError` if the text is no JSON or is nested too deeply."""
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def members(text: str, place: int = 0) -> Iterator[tuple[str, int, int]]:
    """The names in a JSON object that begins at a place of a valid text, and where the text of each value is.

    >>> text = '{"a": 1e5, "b": [ ]}'
    >>> [(name, text[first:last]) for name, first, last in members(text)]
    [('a', '1e5'), ('b', '[ ]')]
    """
    place = _after_space(text, _after_space(text, place) + 1)
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        first = _after_space(text, _after_space(text, place) + 1)
        _, last = _DECODER.raw_decode(text, first)
        yield name, first, last
        place = _after_space(text, last)
        place = _after_space(text, place + 1) if text[place] == "," else place


def _after_space(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole)
