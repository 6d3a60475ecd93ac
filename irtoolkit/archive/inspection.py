"""What the files of a call are, in words and as plain values."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from irtoolkit.archive.rolls import group_rolls
from irtoolkit.archive.tasks import Task, attempt, check_unhealed, describe_error, describe_layout
from irtoolkit.files import Layout, describe_tags, read_pages
from irtoolkit.schema import VERSION, NoInfraredError, counted, near

NO_INFRARED, UNREADABLE, HEALED = "without infrared", "that cannot be opened", "healed already"

ABOUT = ("dpi", "dpi_note", "scanner", "film", "polarity", "software", "profile", "note")
"""What is shown of a layout's metadata."""


class Inspected(NamedTuple):
    """A slide, its layout if it has one, why it cannot be cleaned ("" if it can), and of which kind such slides are."""

    task: Task
    layout: Layout | None
    error: str = ""
    kind: str = ""


def inspect(task: Task) -> Inspected:
    """Find out what a slide is, from headers only; nothing in a file ends this with an error."""
    layout = attempt(task.layout)
    if isinstance(layout, Exception):
        kind = NO_INFRARED if isinstance(layout, NoInfraredError) else UNREADABLE
        return Inspected(task, None, describe_error(layout, task.path), kind)
    if layout.infrared is None:
        return Inspected(task, layout, layout.missing.removeprefix(f"{task.path}: "), NO_INFRARED)
    healed = attempt(check_unhealed, task.path)
    return Inspected(task, layout, describe_error(healed, task.path), HEALED) if healed else Inspected(task, layout)


def describe_slide(found: Inspected) -> list[str]:
    """Lines about a slide: its place, what it is, and why it cannot be cleaned."""
    lines = [found.task.place]
    if found.layout:
        layout, about = found.layout, found.layout.metadata
        size = f"{layout.height} rows x {layout.width} columns"
        lines += [f"  {layout.name}, {size}, {', '.join(_bands(layout))}, {layout.bits} bit"]
        lines += [f"  {about['dpi']:g} dpi" + (f" ({about['dpi_note']})" if about["dpi_note"] else "")]
        lines += [f"  {name}: {about[name]}" for name in ABOUT[2:-1] if about[name]]
        lines += [f"  {about['note']}"] if "note" in about else []
    return [*lines, f"  cannot be used: {found.error}"] if found.error else lines


def slide_as_json(found: Inspected) -> dict[str, Any]:
    """What `describe_slide` says as plain values, and what a report of a fault needs: version and tags of each page."""
    values: dict[str, Any] = {"file": near(found.task.path), "frame": found.task.frame or None, "version": VERSION}
    if found.layout:
        layout = found.layout
        values |= {"layout": layout.name, "height": layout.height, "width": layout.width}
        values |= {"bands": _bands(layout), "bits": layout.bits}
        values |= {name: layout.metadata.get(name, "") for name in ABOUT}
    pages = attempt(read_pages, found.task.path)
    tags = [] if isinstance(pages, Exception) else describe_tags(pages)
    return values | {"tags": tags, "error": found.error}


def _bands(layout: Layout) -> list[str]:
    return ["R", "G", "B", *(["IR"] if layout.infrared else [])]


def summarise_files(found: Sequence[Inspected]) -> str:
    """Count files, slides that can be cleaned and their rolls, and the others by what is wrong, in one line."""
    files = len({each.task.path for each in found})
    good = [(each.task, describe_layout(each.layout)) for each in found if each.layout and not each.error]
    rolls = len(group_rolls(good, Path(), whole=False))
    parts = [f"{counted(len(good), 'slide')} in {counted(rolls, 'roll')}"] if good else ["no slide that can be cleaned"]
    wrong = Counter(each.kind for each in found if each.error)
    return f"{counted(files, 'file')}: {', '.join([*parts, *(f'{count:,} {kind}' for kind, count in wrong.items())])}"
