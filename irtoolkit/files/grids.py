"""The grid of a slide in its pages: which part of a page is the picture, and how the infrared's page is turned.

DNG 1.7.1 (Adobe, 2023), chapter 4: ActiveArea, DefaultCropOrigin, DefaultCropSize.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from irtoolkit.files.orientation import AS_STORED, Turn, turn_between
from irtoolkit.files.pages import Page

ORIENTATION, ACTIVE_AREA, CROP_ORIGIN, CROP_SIZE = 274, 50829, 50719, 50720


class Crop(NamedTuple):
    """The part of a page that is the picture: its first pixel (row, column) and its size."""

    start: tuple[int, int]
    height: int
    width: int


def crop_of(page: Page) -> Crop:
    """The picture in a page, as a DNG says it; otherwise, and where it would leave the page, the whole page."""
    area = page.numbers(ACTIVE_AREA)
    top, left, bottom, right = area if len(area) == 4 else (0, 0, page.height, page.width)
    across, down = _pair(page, CROP_ORIGIN, (0.0, 0.0))
    width, height = _pair(page, CROP_SIZE, (right - left - across, bottom - top - down))
    top, left, height, width = round(top + down), round(left + across), round(height), round(width)
    inside = 0 <= top < top + height <= page.height and 0 <= left < left + width <= page.width
    return Crop((top, left), height, width) if inside else Crop((0, 0), page.height, page.width)


def _pair(page: Page, code: int, default: tuple[float, float]) -> tuple[float, float]:
    values = page.tags.get(code)
    return (float(values[0]), float(values[1])) if isinstance(values, np.ndarray) and values.size == 2 else default


def orientation_of(page: Page) -> int | None:
    """TIFF orientation of a page, 1 to 8; None where it states none."""
    stated = page.number(ORIENTATION, 0)
    return stated if 1 <= stated <= 8 else None


def shown_orientation(pages: Sequence[Page], picture: Page) -> int:
    """Orientation of a picture: its own, otherwise that of the first page in colour that states one, otherwise 1."""
    colour = (page for page in pages if page.samples >= 3)
    return next((stated for page in (picture, *colour) if (stated := orientation_of(page))), 1)


def turn_onto(shown: int, crop: Crop, picture: Page, page: Page) -> Turn:
    """How an infrared page is turned onto the stored grid of its picture, whose orientation is `shown`.

    A page that states no orientation has the picture's. If the sizes then differ, it is taken as it is stored where
    that fits, for programs that turn a picture often change the tag of the first page alone.
    """
    sizes = (picture.height, picture.width), (crop.height, crop.width)
    stated = turn_between(orientation_of(page) or shown, shown)
    turns = (stated, AS_STORED, turn_between(1, shown))
    return next((turn for turn in turns if turn.shape(page.height, page.width) in sizes), stated)
