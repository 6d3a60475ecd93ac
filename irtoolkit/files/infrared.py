"""Which page of which file is the infrared of a picture, and what the file is called for its structure."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from irtoolkit.files.frames import full_pages, infrared_sample, may_be_infrared
from irtoolkit.files.grids import crop_of
from irtoolkit.files.header import read_header
from irtoolkit.files.pages import LINEAR_RAW, Page
from irtoolkit.files.sidecars import sidecar_of
from irtoolkit.schema import LayoutError, NoInfraredError
from irtoolkit.settings import SAMPLE

Infrared = str | os.PathLike[str] | int | None
"""Where a person says that the infrared is; see `irtoolkit.files.layouts.find_layout`."""

_NUMBERED = re.compile(r"(sample|page):(\d+)")


class Found(NamedTuple):
    """The page and the sample of the infrared, None where there is none, and the name of the layout."""

    page: Page | None
    sample: int
    layout: str


def wanted_sample(infrared: Infrared) -> int | None:
    """Number of the sample that a person says is the infrared, or None."""
    if isinstance(infrared, str) and infrared.startswith(SAMPLE) and _NUMBERED.fullmatch(infrared):
        return int(infrared.removeprefix(SAMPLE))
    return infrared if isinstance(infrared, int) and infrared >= 3 else None


def find_infrared(pages: Sequence[Page], picture: Page, wanted: Infrared) -> Found:
    """Find the infrared of a picture: where a person says, as a sample, on a gray page, or in a file beside it."""
    numbered = _NUMBERED.fullmatch(wanted) if isinstance(wanted, str) else None
    if numbered:
        return Found(*_numbered(pages, picture, int(numbered[2]), numbered[1]), layout_name(picture, pages[1:]))
    if isinstance(wanted, int):
        return Found(*_numbered(pages, picture, wanted), layout_name(picture, pages[1:]))
    if wanted is not None:
        return Found(_gray_file(os.path.abspath(wanted)), 0, "sidecar")
    sample = infrared_sample(picture)
    return _gray_infrared(pages, picture) if sample is None else Found(picture, sample, layout_name(picture, []))


def _gray_infrared(pages: Sequence[Page], picture: Page) -> Found:
    """Infrared on a gray page of the file, or else in a file beside it; a gray page of another size comes last."""
    crop = crop_of(picture)
    sizes = sorted((picture.height, picture.width)), sorted((crop.height, crop.width))
    others = [page for page in pages if page is not picture and may_be_infrared(page, picture)]
    same = [page for page in others if sorted((page.height, page.width)) in sizes]
    if same:
        return Found(max(same, key=lambda page: page.bits), 0, layout_name(picture, same))
    beside = sidecar_of(picture.path)
    if beside:
        return Found(_gray_file(beside), 0, "sidecar")
    return Found(others[0] if others else None, 0, layout_name(picture, []))


def _numbered(pages: Sequence[Page], picture: Page, number: int, kind: str = "") -> tuple[Page, int]:
    """Infrared at a sample number, or else on a page of the chain; `kind` may name which of both."""
    if 3 <= number < picture.samples and kind != "page":
        return picture, number
    chain = {page.address[0]: page for page in pages if len(page.address) == 1}
    gray = [place for place, page in chain.items() if page.samples == 1 and page is not picture]
    if number not in gray or kind == "sample":
        found = f"for infrared={number} it has {picture.samples} samples per pixel and gray pages {gray}"
        wanted = {"sample": f"no sample {number} beyond the colours", "page": f"no gray page {number}"}
        missing = wanted.get(kind, f"neither a sample {number} beyond the colours nor a gray page {number}")
        advice = "samples and pages count from 0; write sample:3 for the fourth sample"
        raise NoInfraredError(f"{picture.path}: no infrared channel: the file has {missing}; {advice} ({found})")
    return chain[number], 0


def _gray_file(path: str) -> Page:
    """Page of a separate infrared file."""
    header = read_header(path)
    if not header.pages:
        why = header.faults[0] if header.faults else "there is no picture in the file"
        raise LayoutError(f"{path}: truncated or damaged: {why}; copy or scan it again")
    page = max(full_pages(header.pages), key=lambda page: (page.samples >= 3, page.height * page.width))
    if page.samples != 1:
        raise LayoutError(
            f"{path}: an infrared file must be gray; name another (found {page.samples} samples per pixel)"
        )
    return page


def layout_name(picture: Page, pages: Sequence[Page]) -> str:
    """Name a layout by its structure."""
    extra = infrared_sample(picture) is not None
    if picture.photometric == LINEAR_RAW:
        return "VueScan DNG" if extra else "SilverFast DNG" if pages else "DNG"
    if picture.samples < 3:
        return "gray pages" if pages else "gray"
    if extra:
        vuescan = "vuescan" in str(picture.tags.get(305, "")).casefold()
        return "VueScan RGBI" if vuescan else "RGBI"
    if picture.samples > 3:
        return "RGBA"
    return "SilverFast HDRi" if pages else "RGB"


def missing_infrared(picture: Page, pages: Sequence[Page]) -> str:
    """Say that there is no infrared, what was found instead, and what to do."""
    bands = "only gray" if picture.samples < 3 else "only R, G and B"
    advice = "If its infrared is in a file of another name, say how that ends (--infrared ENDING; TIFF, PNG or PGM)"
    if picture.samples > 3:
        bands = "R, G, B and a sample marked as alpha"
        advice = "If that sample is the infrared, say so: --infrared sample:3, in Python infrared=3"
    others = f", no other page of its {len(pages)} is infrared" if len(pages) > 1 else ""
    beside = f"there is no {Path(picture.path).stem}_IR.tif beside it"
    found = f"{picture.path}: no infrared channel: the file has {bands}{others}, and {beside}"
    return f"{found}. {advice}; otherwise scan again as 64-bit RGBI or HDRi."
