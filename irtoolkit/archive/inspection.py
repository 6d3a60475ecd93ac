"""What the files of a call are, in words and as plain values."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from irtoolkit.archive.refusals import group_by_reason
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
    """Lines about a slide that can be cleaned: its place, and what it is."""
    lines = [found.task.place]
    if found.layout:
        about = found.layout.metadata
        lines += [f"  {_structure(found.layout)}"]
        lines += [f"  {about['dpi']:g} dpi" + (f" ({about['dpi_note']})" if about["dpi_note"] else "")]
        lines += [f"  {name}: {about[name]}" for name in ABOUT[2:-1] if about[name]]
        lines += [f"  {about['note']}"] if "note" in about else []
    return lines


def describe_problems(found: Sequence[Inspected]) -> Iterator[str]:
    """Lines about the files that cannot be cleaned: each reason once, the files and what they are below it."""
    refused = {each.task.place: each for each in found if each.error}
    for reason, places in group_by_reason((place, each.error) for place, each in refused.items()).items():
        yield f"cannot be used: {reason}"
        for place in places:
            layout = refused[place].layout
            yield f"  {place}" + (f": {_structure(layout)}" if layout else "")


def _structure(layout: Layout) -> str:
    size = f"{layout.height} rows x {layout.width} columns"
    return f"{layout.name}, {size}, {', '.join(_bands(layout))}, {layout.bits} bit"


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


def summarise_files(found: Sequence[Inspected]) -> list[str]:
    """Lines that count the files, the slides that can be cleaned and their rolls, and the others by what is wrong."""
    files = len({each.task.path for each in found})
    good = [(each.task, describe_layout(each.layout)) for each in found if each.layout and not each.error]
    rolls = len(group_rolls(good, Path(), whole=False))
    lines = [f"{counted(files, 'file')}:", f"  can be cleaned: {counted(len(good), 'slide')}"]
    lines[1] += f" in {counted(rolls, 'roll')}" if good else ""
    return [*lines, *(f"  {line}" for line in count_refused(found))]


def count_refused(found: Iterable[Inspected]) -> list[str]:
    """A line that counts what cannot be cleaned, by what is wrong; none if all can."""
    wrong = Counter(each.kind for each in found if each.error)
    return [f"cannot be cleaned: {', '.join(f'{count:,} {kind}' for kind, count in wrong.items())}"] if wrong else []
