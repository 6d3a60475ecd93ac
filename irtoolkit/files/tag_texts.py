"""The tags of a file as plain texts, for a person or a report of a fault."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from tifffile import TIFF

from irtoolkit.files.metadata import plain
from irtoolkit.files.pages import Page

MOST_NUMBERS = 8
"""Numbers of a tag that are shown; of more, only how many they are."""


def describe_tags(pages: Iterable[Page]) -> list[dict[str, str]]:
    """The tags of each page that layouts are found by, by name, each as one line of text."""
    return [{tag_name(code): tag_text(value) for code, value in sorted(page.tags.items())} for page in pages]


def tag_name(code: int) -> str:
    """The name of a tag, or its number.

    >>> tag_name(256), tag_name(60001)
    ('ImageWidth', '60001')
    """
    return TIFF.TAGS.get(code, str(code))


def tag_text(value: Any) -> str:
    r"""The value of a tag as one line of text.

    >>> tag_text("Nikon\n"), tag_text(b"\x00\x01"), tag_text(np.array([16, 16, 16])), tag_text(np.zeros(99))
    ('Nikon', '2 bytes', '16 16 16', '99 numbers')
    """
    if isinstance(value, np.ndarray):
        numbers = value.ravel().tolist()
        return (
            " ".join(f"{number:g}" for number in numbers) if len(numbers) <= MOST_NUMBERS else f"{len(numbers)} numbers"
        )
    if isinstance(value, bytes):
        text = value.decode("ascii", "replace").strip("\0")
        return plain(text) if text.replace("\n", "").isprintable() and "\ufffd" not in text else f"{len(value)} bytes"
    return plain(str(value))
