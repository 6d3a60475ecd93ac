"""Infrared in a file of its own beside the slide: its names."""

import os
import re
from pathlib import Path

from irtoolkit.files.header import read_pages
from irtoolkit.schema import LayoutError, NoInfraredError
from irtoolkit.settings import SAMPLE

SLIDE_SUFFIXES = (".tif", ".tiff", ".dng", ".png", ".ppm")
SIDECAR_SUFFIXES = (".tif", ".tiff", ".pgm", ".png")
SIDECAR_ENDINGS = ("_ir", "-ir", ".ir")

# nkscan and similar programs write slide_IR.tif, some also slide_IR_VALID.tif.
_SIDECAR_NAME = re.compile(r"(.+)[_.-]ir(?:_valid)?", re.IGNORECASE)


def slide_of(path: str | os.PathLike[str], ending: str = "") -> Path | None:
    """The slide whose infrared this file is by name (``slide_IR.tif`` beside ``slide.tif``), or None.

    `ending` is one that a person named, as for `named_infrared`.
    """
    file = Path(path)
    name = _SIDECAR_NAME.fullmatch(file.stem)
    stems = [name[1]] if name else []
    texts = (file.name, file.stem) if ending else ()
    stems += [text[: -len(ending)] for text in texts if text.casefold().endswith(ending.casefold())]
    return next((slide for stem in stems if (slide := _beside(file, [stem], SLIDE_SUFFIXES)) and slide != file), None)


def is_sidecar(path: str | os.PathLike[str], ending: str = "") -> bool:
    """Whether a file is the infrared of a slide beside it: by its name and one sample per pixel."""
    if slide_of(path, ending) is None:
        return False
    try:
        return all(page.samples == 1 for page in read_pages(path))
    except (LayoutError, OSError):
        return True


def sidecar_of(path: str | os.PathLike[str]) -> str | None:
    """Find the file beside a slide that holds its infrared; upper and lower case do not matter."""
    slide = Path(path)
    found = _beside(slide, [slide.stem + ending for ending in SIDECAR_ENDINGS], SIDECAR_SUFFIXES)
    return str(found) if found else None


def named_infrared(path: str | os.PathLike[str], choice: str) -> str | None:
    """Where the infrared of a slide is, as `find_layout` takes it, by a choice for all slides of a call.

    Parameters
    ----------
    path
        The slide.
    choice
        ``""`` where the file says it; the number of a page, ``"sample:3"`` (counted from 0), or how the name of the
        infrared file ends: ``"_NIR.tif"``, or ``"_NIR"`` with any ending of a picture.

    Raises
    ------
    NoInfraredError
        There is no file of that name beside the slide.

    Examples
    --------
    >>> named_infrared("slide.tif", "2"), named_infrared("slide.tif", "sample:3"), named_infrared("slide.tif", "")
    ('page:2', 'sample:3', None)
    """
    if not choice or choice.startswith(SAMPLE):
        return choice or None
    if choice.isdecimal():
        return f"page:{choice}"
    slide = Path(path)
    found = _beside(slide, [slide.stem + choice], ("", *SIDECAR_SUFFIXES))
    if found is None:
        advice = "name another ending, or a page or sample:N (--infrared)"
        raise NoInfraredError(f"{slide}: no infrared channel: there is no {slide.stem}{choice} beside it; {advice}")
    return str(found)


def _beside(file: Path, stems: list[str], suffixes: tuple[str, ...]) -> Path | None:
    """First file beside another with one of these names, whose case does not matter, but counts first."""
    exact = [file.with_name(stem + suffix) for stem in stems for suffix in suffixes]
    found = next((path for path in exact if os.path.isfile(path)), None)
    if found:
        return found
    wanted = {path.name.casefold(): place for place, path in enumerate(exact)}
    with os.scandir(file.parent) as entries:
        near = sorted((wanted[name], entry.path) for entry in entries if (name := entry.name.casefold()) in wanted)
    return next((Path(path) for _, path in near if os.path.isfile(path)), None)
