"""The rolls of an archive: slides that share film and scanner."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from irtoolkit.archive.tasks import Task
from irtoolkit.schema import in_words

KIND = ("scanner", "film", "dpi", "bits")
"""What the slides of one roll have in common."""


@dataclass(frozen=True)
class Roll:
    """Slides that share film and scanner: the roll's name, the model's file, the slides, what they share in words."""

    name: str
    file: Path
    tasks: tuple[Task, ...]
    kind: str = ""


def group_rolls(slides: Sequence[tuple[Task, Mapping[str, Any]]], folder: Path, *, whole: bool) -> list[Roll]:
    """Group slides of one folder (or all slides, if `whole`) and one kind; each comes with its `describe_layout`.

    A slide with an empty description cannot be used, and belongs to no roll.
    """
    groups: dict[PurePosixPath, dict[tuple[Any, ...], list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task, about in slides:
        if about:
            place = PurePosixPath() if whole else PurePosixPath(task.slide).parent
            groups[place][tuple(about[name] for name in KIND)].append(task)
    rolls = []
    for place, kinds in groups.items():
        for kind, tasks in kinds.items():
            features = ", ".join(
                filter(None, (kind[1] or "unnamed film", kind[0], f"{kind[2]:g} dpi", f"{kind[3]} bit"))
            )
            label = "all slides" if whole else folder_name(tasks[0])
            name = label if len(kinds) == 1 else f"{label} ({features})"
            file = folder / "report" / "rolls" / place / f"{_file_name(features)}.json"
            rolls.append(Roll(in_words(name), file, tuple(tasks), in_words(features)))
    return rolls


def folder_name(task: Task) -> str:
    """Name of the folder of a slide: its path below the folder of the run, or the name of that folder.

    >>> folder_name(Task(Path("/scans/roll7/a.tif"), "roll7/a.tif")), folder_name(Task(Path("/scans/b.tif"), "b.tif"))
    ('roll7', 'scans')
    """
    place = PurePosixPath(task.slide).parent
    return str(place) if place.name else task.path.parent.name


def _file_name(text: str) -> str:
    """A readable and unique file name for a text."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', text)[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
