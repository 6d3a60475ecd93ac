"""What every module shares: names of dimensions and bands, the version, the errors, and how a door hands on names."""

import ast
import os
from collections.abc import Callable
from importlib import import_module
from pkgutil import get_data
from typing import Any

VERSION = "0.1.0"

VISIBLE = ("R", "G", "B")
INFRARED = "IR"
BANDS = (*VISIBLE, INFRARED)
DIMENSIONS = ("band", "y", "x")


class SlideError(ValueError):
    """A slide or model cannot be used; the message says what is wrong, what to do, and the figures."""


class LayoutError(SlideError):
    """The file is not a slide in a layout that this package reads, or it is damaged."""


class NoInfraredError(SlideError):
    """The file is a readable picture, but has no infrared channel."""


class NotUsableError(SlideError):
    """The infrared cannot show defects: it is blocked, as in silver film, or constant, or not exposed."""


class ModelError(SlideError):
    """A crosstalk model is damaged, or does not match the slide."""


def printable(text: str) -> str:
    r"""A text on one line, its control and formatting characters written as escapes: safe to print on a terminal.

    >>> printable("a\x1b[2J\nb ü"), printable("\u202egnp.exe")
    ('a\\x1b[2J\\nb ü', '\\u202egnp.exe')
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def in_words(text: str, longest: int = 1000) -> str:
    r"""A text on one printable line, without its end if it has more characters than `longest`.

    >>> in_words("two\nlines"), in_words("abcdef", 4)
    ('two lines', 'a...')
    """
    line = printable(" ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def near(path: str | os.PathLike[str]) -> str:
    """A path as a person would type it: relative to the current folder if it is below that.

    >>> near("slides/a.tif"), near(os.path.abspath("slides/a.tif")) == os.path.join("slides", "a.tif")
    ('slides/a.tif', True)
    """
    here = os.path.join(os.getcwd(), "")
    text = os.fspath(path)
    return text.removeprefix(here) or text


def names_of_door(door: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package with a table of imports under ``if TYPE_CHECKING:``.

    A module of the table is imported when one of its names is asked for.
    """
    tables = [part.body for part in ast.parse(get_data(door, "__init__.py") or b"").body if isinstance(part, ast.If)]
    rows = (row for table in tables for row in table if isinstance(row, ast.ImportFrom))
    places = {alias.name: str(row.module) for row in rows for alias in row.names}

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {door!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return get, lambda: sorted(places)
