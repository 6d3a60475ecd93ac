"""The names of the slides' outputs: each slide has its own, whatever the scans are called."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any

from irtoolkit.files import SLIDE_SUFFIXES, shorten

ENDING = len("_clean_ir.tiff")
"""Bytes of the longest ending of an output, and of a file that is looked for beside it."""


def name_in_table(name: str) -> str:
    """A name, or another text, as the table writes it: bytes that are no text are escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def plain_name(slide: str) -> str:
    """The path of a slide without its ending, from which its outputs are named.

    >>> plain_name("roll7/a.tif")
    'roll7/a'
    """
    return PurePosixPath(slide).with_suffix("").as_posix()


def output_name(row: Mapping[str, Any]) -> str:
    """The name of a slide's outputs by its row; rows of earlier versions have no `name`."""
    return str(row.get("name") or plain_name(row["slide"]))


def name_slides(slides: Sequence[str], taken: Mapping[str, str]) -> dict[str, str]:
    """Name the outputs of slides, given by their paths relative to the run's folder.

    A slide keeps its name in `taken`, which holds those of earlier runs by slide. Of slides that differ only in their
    ending, the first (TIFF before DNG, small letters before capitals) is named without it, the others with it. Names
    differ in more than case, and leave room for every ending in the 255 bytes of a file name.

    >>> name_slides(["a.dng", "a.tif", "A.TIF", "b.dng"], {"b.tif": "b"})
    {'a.tif': 'a', 'A.TIF': 'A.TIF', 'a.dng': 'a.dng', 'b.dng': 'b.dng'}
    """
    names = {slide: taken[slide] for slide in slides if slide in taken}
    used = {_fold(name) for name in taken.values()}
    for slide in sorted(set(slides) - set(names), key=_order):
        names[slide] = next(name for name in _choices(slide) if _fold(name) not in used)
        used.add(_fold(names[slide]))
    return names


def is_name_of(name: str, slide: str) -> bool:
    """Whether the outputs of a slide may have a name, by `name_slides`."""
    return any(_fold(name) == _fold(choice) for choice in _choices(slide))


def _choices(slide: str) -> Iterator[str]:
    """Names for a slide: without its ending, with it, and with a digest, all short enough."""
    path = PurePosixPath(slide)
    digest = hashlib.sha256(os.fsencode(slide)).hexdigest()
    for name in (path.stem, path.name, *(f"{path.name}-{digest[:length]}" for length in (8, 64))):
        yield (path.parent / shorten(name, ENDING)).as_posix()


def _order(slide: str) -> tuple[Any, ...]:
    path = PurePosixPath(slide)
    rank = [*SLIDE_SUFFIXES, path.suffix.lower()].index(path.suffix.lower())
    return natural_key(path.with_suffix("")), rank, slide.swapcase()


def _fold(name: str) -> str:
    """The same text for names that a file system may take for one."""
    return unicodedata.normalize("NFC", name.casefold())


def natural_key(path: PurePath) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts slide 2 before slide 10.

    >>> sorted([PurePath("slide10.tif"), PurePath("slide2.tif")], key=natural_key)[0].name
    'slide2.tif'
    """
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
