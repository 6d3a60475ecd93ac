"""Files with several pictures, each with its infrared: strips of frames scanned into one file."""

from collections.abc import Collection, Sequence
from itertools import islice

from irtoolkit.files.pages import LINEAR_RAW, Page

REDUCED, MASK = 1, 4
"""Bits of NewSubfileType."""

ALPHA = (1, 2)
"""ExtraSamples that mean alpha; 0 or a missing tag mean infrared."""

PREVIEW = 4
"""A page with less than this fraction of the largest picture's pixels is a preview, not a picture."""


def split_frames(pages: Sequence[Page], sample: int | None = None) -> list[list[Page]]:
    """The pages of each picture of a file; one list of all pages unless two pictures or more have their own infrared.

    A picture with infrared as a sample is a frame by itself (that sample, if a number is given); otherwise the first
    unused gray page of its size that follows it belongs to it.
    """
    frames: list[list[Page]] = []
    used = set[Page]()
    for picture in _pictures(pages):
        own = infrared_sample(picture, sample) is not None
        frames.append([picture] if own else [picture, *_gray_page(pages, picture, used)])
        used.update(frames[-1])
    complete = [frame for frame in frames if len(frame) > 1 or infrared_sample(frame[0], sample) is not None]
    return frames if len(complete) > 1 else [list(pages)]


def infrared_sample(picture: Page, wanted: int | None = None) -> int | None:
    """First sample beyond the colours that is not marked as alpha, or the wanted one; None where there is none."""
    if wanted is not None:
        return wanted if 3 <= wanted < picture.samples else None
    colours = 3 if picture.samples >= 3 else 1
    extras = picture.numbers(338) or (0,) * (picture.samples - colours)
    return next(
        (colours + i for i, kind in enumerate(extras) if kind not in ALPHA and colours + i < picture.samples), None
    )


def may_be_infrared(page: Page, picture: Page) -> bool:
    """Whether a page is gray, of full depth, and no reduced picture."""
    gray = page.samples == 1 and page.bits in (8, 16) and not page.subfile & REDUCED
    return gray and (bool(page.subfile & MASK) or PREVIEW * page.height * page.width >= picture.height * picture.width)


def full_pages(pages: Sequence[Page]) -> list[Page]:
    """The pages that are neither reduced pictures nor masks; all, if there are no others."""
    return [page for page in pages if not page.subfile & (REDUCED | MASK)] or list(pages)


def _pictures(pages: Sequence[Page]) -> list[Page]:
    """Pages in colour that are no previews."""
    colour = [page for page in full_pages(pages) if page.samples >= 3]
    raw = [page for page in colour if page.photometric == LINEAR_RAW] or colour
    largest = max((page.height * page.width for page in raw), default=0)
    return [page for page in raw if PREVIEW * page.height * page.width >= largest]


def _gray_page(pages: Sequence[Page], picture: Page, used: Collection[Page]) -> list[Page]:
    """The first unused gray page of a picture's size after it, or none."""
    size = sorted((picture.height, picture.width))
    following = (page for page in pages[pages.index(picture) + 1 :] if page not in used)
    gray = (page for page in following if may_be_infrared(page, picture) and sorted((page.height, page.width)) == size)
    return list(islice(gray, 1))
