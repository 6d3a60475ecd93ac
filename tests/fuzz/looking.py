"""Everything that is done with the headers of files that are looked at, before a pixel is read."""

from pathlib import Path

from irtoolkit.archive.search import find_slides
from irtoolkit.files import count_frames, describe, digest_header, find_layout, is_sidecar, read_pages
from irtoolkit.files.tags import carried_tags, lost_tags
from irtoolkit.schema import SlideError

LONGEST = 1000
"""Most characters of a text that is shown."""


def look(paths: list[Path]) -> None:
    """Look at the headers of a slide and of the files beside it as `info` and `clean` do.

    Raises the errors of `find_layout`; `AssertionError` where a text of a file could reach a terminal as it is.
    """
    for path in paths:
        digest_header(path)
        is_sidecar(path)
        try:
            describe([page.tags for page in read_pages(path)])
        except SlideError as error:
            check_text(str(error), path)
    find_slides([str(paths[0].parent), str(paths[0])])
    try:
        _look_at_frames(paths[0])
    except SlideError as error:
        check_text(str(error), paths[0])
        raise


def _look_at_frames(path: Path) -> None:
    frames = count_frames(path)
    for frame in range(1, min(frames, 3) + 1):
        layout = find_layout(path, frame=frame)
        for value in (*layout.metadata.values(), layout.missing):
            check_text(str(value), path)
        carried_tags(path, layout.visible[0].page)
        lost_tags(path, layout.visible[0].page, path)


def check_text(text: str, path: Path) -> None:
    """Refuse a text that is too long or has control characters."""
    assert len(text.replace(str(path), "")) < LONGEST, f"a text of {len(text)} characters"
    assert text.isprintable(), f"a text with control characters: {text[:200]!r}"
