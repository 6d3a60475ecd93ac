"""Where a file keeps its visible planes and its infrared plane: the layouts of the scanner programs."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irtoolkit.files.metadata import describe
from irtoolkit.files.pages import LINEAR_RAW, Page, read_pages
from irtoolkit.schema import LayoutError, NoInfraredError

SIDECAR_ENDINGS = ("_IR", "_ir", "-ir", "-IR", ".ir", ".IR")
SIDECAR_SUFFIXES = (".tif", ".tiff", ".pgm", ".TIF", ".TIFF", ".PGM")
SLIDE_SUFFIXES = (".tif", ".tiff", ".dng", ".TIF", ".TIFF", ".DNG")
# nkscan and similar programs write slide_IR.tif, some also slide_IR_VALID.tif.
_SIDECAR_NAME = re.compile(r"(.+)[_.-]ir(?:_valid)?", re.IGNORECASE)

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_ALPHA = (1, 2)  # ExtraSamples that mean alpha; 0 or a missing tag mean infrared


@dataclass(frozen=True)
class Plane:
    """Place of one plane: file, page (``(0,)`` page 0, ``(0, 1)`` SubIFD 1 of page 0) and sample of a pixel."""

    path: str
    page: tuple[int, ...]
    sample: int


@dataclass(frozen=True)
class Layout:
    """What a file holds: planes, size, depth (of the deeper of colour and infrared), and what its tags say.

    `colour_bits` is the depth of the colour planes alone. `visible` are R, G, B (three times the same plane for a gray
    picture). `infrared` is None if there is none; `missing` then says what was found and what to do.
    `metadata` holds plain values: source, layout, bits, and the keys of `irtoolkit.files.metadata.describe`.
    """

    name: str
    visible: tuple[Plane, Plane, Plane]
    infrared: Plane | None
    height: int
    width: int
    bits: int
    colour_bits: int
    metadata: dict[str, str | int | float]
    missing: str = ""

    @property
    def files(self) -> list[Path]:
        """The files that hold the planes, the visible ones' first."""
        planes = (*self.visible, *([self.infrared] if self.infrared else []))
        return list(dict.fromkeys(Path(plane.path) for plane in planes))

    @property
    def orientation(self) -> int:
        """TIFF orientation of the stored pixels, 1 to 8."""
        return int(self.metadata["orientation"])


def find_layout(path: str | os.PathLike[str], infrared: str | os.PathLike[str] | int | None = None) -> Layout:
    """Find the visible planes and the infrared plane of a slide, from headers only.

    Parameters
    ----------
    path
        A TIFF or DNG file.
    infrared
        Where the infrared is, if the file does not say: the path of another file, a sample number (3 or more, of a
        picture that has so many samples), or the number of a page.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    LayoutError
        The file is no slide or damaged, its planes differ in size, or it is the infrared of another slide.
    NoInfraredError
        The plane that `infrared` names does not exist. Without `infrared`, a picture without it has ``infrared=None``.
    """
    source = os.path.abspath(path)
    pages = read_pages(source)
    picture = _picture(source, pages)
    slide = slide_of(source)
    if slide and picture.samples == 1 and infrared is None:
        raise LayoutError(f"{source}: this is the infrared of {slide}; open that file")
    picture.check()
    page, sample, name = _infrared(pages, picture, infrared)
    bits = picture.bits
    if page:
        _check_match(picture, page)
        bits = max(bits, page.bits)
    red, green, blue = (Plane(source, picture.address, colour if picture.samples >= 3 else 0) for colour in range(3))
    metadata: dict[str, str | int | float] = {"source": source, "layout": name, "bits": bits}
    return Layout(
        name=name,
        visible=(red, green, blue),
        infrared=Plane(page.path, page.address, sample) if page else None,
        height=picture.height,
        width=picture.width,
        bits=bits,
        colour_bits=picture.bits,
        metadata=metadata | _metadata(pages, picture, page),
        missing="" if page else _missing(picture, pages),
    )


def slide_of(path: str | os.PathLike[str]) -> Path | None:
    """The slide whose infrared this file is by name (``slide_IR.tif`` beside ``slide.tif``), or None."""
    file = Path(path)
    name = _SIDECAR_NAME.fullmatch(file.stem)
    candidates = [file.with_name(name[1] + suffix) for suffix in SLIDE_SUFFIXES] if name else []
    return next((slide for slide in candidates if slide.is_file()), None)


def is_sidecar(path: str | os.PathLike[str]) -> bool:
    """Whether a file is the infrared of a slide beside it: by its name and one sample per pixel."""
    if slide_of(path) is None:
        return False
    try:
        return all(page.samples == 1 for page in read_pages(path))
    except LayoutError:
        return True


def _picture(source: str, pages: Sequence[Page]) -> Page:
    """Choose the page with the picture: in colour before gray, LinearRaw before RGB, then the largest."""
    full = [page for page in pages if not page.subfile & (_REDUCED | _MASK)] or list(pages)
    if not full:
        raise LayoutError(f"{source}: there is no picture in the file; copy or scan it again")
    return max(full, key=lambda page: (page.samples >= 3, page.photometric == LINEAR_RAW, page.height * page.width))


def _metadata(pages: Sequence[Page], picture: Page, infrared: Page | None) -> dict[str, str | int | float]:
    """Describe the tags: the picture's first, then those of the other pages of its file."""
    others = [page.tags for page in pages if page not in (picture, infrared)]
    own = infrared is not None and infrared.path == picture.path
    return describe([picture.tags, *others], infrared.tags if infrared and own else None)


def _infrared(
    pages: Sequence[Page], picture: Page, wanted: str | os.PathLike[str] | int | None
) -> tuple[Page | None, int, str]:
    """Find the page and the sample of the infrared, and the name of the layout."""
    if isinstance(wanted, int):
        return *_numbered(pages, picture, wanted), _name(picture, pages[1:])
    if wanted is not None:
        return _gray_file(os.path.abspath(wanted)), 0, "sidecar"
    sample = _extra_sample(picture)
    if sample is not None:
        return picture, sample, _name(picture, [])
    others = [page for page in pages if page is not picture and _may_be_infrared(page, picture)]
    same = [page for page in others if (page.height, page.width) == (picture.height, picture.width)]
    if same:
        return max(same, key=lambda page: page.bits), 0, _name(picture, same)
    beside = sidecar_of(picture.path)
    if beside:
        return _gray_file(beside), 0, "sidecar"
    if others:
        _check_match(picture, others[0])
    return None, 0, _name(picture, [])


def _extra_sample(picture: Page) -> int | None:
    """First sample beyond the colours that is not marked as alpha."""
    colours = 3 if picture.samples >= 3 else 1
    extras = picture.numbers(338) or (0,) * (picture.samples - colours)
    return next(
        (colours + i for i, kind in enumerate(extras) if kind not in _ALPHA and colours + i < picture.samples), None
    )


def _may_be_infrared(page: Page, picture: Page) -> bool:
    """Whether a page is gray, of full depth, and no reduced picture."""
    gray = page.samples == 1 and page.bits in (8, 16) and not page.subfile & _REDUCED
    return gray and (bool(page.subfile & _MASK) or 4 * page.height * page.width >= picture.height * picture.width)


def _numbered(pages: Sequence[Page], picture: Page, number: int) -> tuple[Page, int]:
    """Infrared at a sample number, or else on a page of the chain."""
    if 3 <= number < picture.samples:
        return picture, number
    chain = {page.address[0]: page for page in pages if len(page.address) == 1}
    gray = [place for place, page in chain.items() if page.samples == 1 and page is not picture]
    if number not in gray:
        found = f"the file has {picture.samples} samples per pixel and gray pages {gray}"
        raise NoInfraredError(f"{picture.path}: infrared={number} is no such sample and no gray page; {found}")
    return chain[number], 0


def sidecar_of(path: str) -> str | None:
    """Find the file beside a slide that holds its infrared."""
    slide = Path(path)
    names = (slide.stem + ending + suffix for ending in SIDECAR_ENDINGS for suffix in SIDECAR_SUFFIXES)
    return next((str(slide.with_name(name)) for name in names if slide.with_name(name).is_file()), None)


def _gray_file(path: str) -> Page:
    """Page of a separate infrared file."""
    page = _picture(path, read_pages(path))
    if page.samples != 1:
        raise LayoutError(
            f"{path}: an infrared file must be gray; name another (found {page.samples} samples per pixel)"
        )
    return page


def _check_match(picture: Page, infrared: Page) -> None:
    """Refuse infrared that cannot be read or that has another size."""
    if (infrared.height, infrared.width) != (picture.height, picture.width):
        sizes = f"{infrared.height} x {infrared.width} against {picture.height} x {picture.width} rows x columns"
        advice = "scan both with the same frame and resolution"
        raise LayoutError(f"{infrared.path}: infrared and colour differ in size; {advice} ({sizes})")
    infrared.check()


def _name(picture: Page, pages: Sequence[Page]) -> str:
    """Name a layout by its structure."""
    extra = _extra_sample(picture) is not None
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


def _missing(picture: Page, pages: Sequence[Page]) -> str:
    """Say that there is no infrared, what was found instead, and what to do."""
    bands = "only gray" if picture.samples < 3 else "only R, G and B"
    advice = "Scan again as 64-bit RGBI or HDRi."
    if picture.samples > 3:
        bands = "R, G, B and a sample marked as alpha"
        advice = (
            "If that sample is the infrared, open it in Python with infrared=3; otherwise scan again as RGBI or HDRi."
        )
    others = f", no other page of its {len(pages)} is infrared" if len(pages) > 1 else ""
    beside = f"there is no {Path(picture.path).stem}_IR.tif beside it"
    return f"{picture.path}: no infrared channel: the file has {bands}{others}, and {beside}. {advice}"
