"""The slides that a test hands to the toolkit, and whether they are still what they were."""

import hashlib
from pathlib import Path

from irtoolkit.archive.tasks import HEALED, Task
from irtoolkit.files.layouts import Layout

Digests = dict[Path, str | None]


def digest(file: Path) -> str | None:
    """Digest of a file's content; None if it cannot be read."""
    try:
        with open(file, "rb") as source:
            return hashlib.sha256(source.read()).hexdigest()
    except OSError:
        return None


def watch_sources(monkeypatch) -> Digests:
    """The digest of every source from the moment at which the toolkit finds or opens it.

    Sources are the files of every `Task`, which each command makes of what it finds, and the files of every `Layout`
    with infrared, which each opened slide has. Healed copies in the scan's own format are outputs.
    """
    seen: Digests = {}
    make_task, make_layout = Task.__post_init__, Layout.__init__

    def note(files):
        for file in map(Path, files):
            if file not in seen and not file.stem.endswith(HEALED) and file.suffix != ".part":
                seen[file] = digest(file)

    def noted_task(task):
        make_task(task)
        note([task.path] if task.path.is_absolute() else [])

    def noted_layout(layout, *values, **named):
        make_layout(layout, *values, **named)
        note(layout.files if layout.infrared else [])

    monkeypatch.setattr(Task, "__post_init__", noted_task)
    monkeypatch.setattr(Layout, "__init__", noted_layout)
    return seen


def changed(before: Digests) -> list[Path]:
    """The files that are no longer what they were."""
    return [file for file, was in before.items() if digest(file) != was]
