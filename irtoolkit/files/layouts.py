"""Where a file keeps the visible planes and the infrared plane of its slides: the layouts of the scanner programs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irtoolkit.files.coding import coding_of
from irtoolkit.files.frames import full_pages, split_frames
from irtoolkit.files.grids import crop_of, shown_orientation, turn_onto
from irtoolkit.files.header import Header, read_header
from irtoolkit.files.infrared import Infrared, find_infrared, missing_infrared, wanted_sample
from irtoolkit.files.metadata import describe
from irtoolkit.files.orientation import AS_STORED, Turn
from irtoolkit.files.pages import LINEAR_RAW, Page
from irtoolkit.files.sidecars import named_infrared, slide_of
from irtoolkit.schema import LayoutError, NoInfraredError

Metadata = dict[str, str | int | float]


@dataclass(frozen=True)
class Plane:
    """Place of one plane: file, page (``(0,)`` page 0, ``(0, 1)`` SubIFD 1 of page 0) and sample of a pixel.

    The stored page is turned by `turn`; the slide's first pixel is then at row and column `start`.
    """

    path: str
    page: tuple[int, ...]
    sample: int
    turn: Turn = AS_STORED
    start: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Layout:
    """What a file holds of one slide: planes, size, depth (of the deeper of colour and infrared), and what tags say.

    `colour_bits` is the depth of the colour planes alone. `visible` are R, G, B (three times the same plane for a gray
    picture). `infrared` is None if there is none; `missing` then says what was found and what to do.
    `metadata` holds plain values: source, layout, bits, the keys of `irtoolkit.files.metadata.describe`, frame (from 1,
    where the file holds several slides), and note (what of the file could not be read, where there is something).
    """

    name: str
    visible: tuple[Plane, Plane, Plane]
    infrared: Plane | None
    height: int
    width: int
    bits: int
    colour_bits: int
    metadata: Metadata
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


def find_layout(path: str | os.PathLike[str], infrared: Infrared = None, frame: int | None = None) -> Layout:
    """Find the visible planes and the infrared plane of a slide, from headers only.

    Parameters
    ----------
    path
        A TIFF, DNG, PNG or PPM file.
    infrared
        Where the infrared is, if the file does not say: the path of another file, a sample number (3 or more, of a
        picture that has so many samples), or the number of a page; also ``"sample:3"`` and ``"page:1"``.
    frame
        Which slide, from 1, of a file that holds several.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    LayoutError
        The file is no slide or damaged, its planes differ in size, it is the infrared of another slide, or it holds
        several slides and `frame` does not name one of them.
    NoInfraredError
        The plane that `infrared` names does not exist. Without `infrared`, a picture without it has ``infrared=None``.
    """
    source = os.path.abspath(path)
    header = _read(source, infrared)
    frames = _split(header.pages, infrared)
    number = _frame_number(source, len(frames), frame)
    about: Metadata = {"source": source} | ({"frame": number} if number else {})
    if header.faults:
        about["note"] = f"a part of the file could not be read: {header.faults[0]}"
    return _layout(frames[max(number, 1) - 1], header.pages, infrared, about)


def count_frames(path: str | os.PathLike[str], infrared: Infrared = None) -> int:
    """How many slides a file holds; 1 for one with a single picture. Reads headers only.

    Each is opened with ``open_slide(path, frame=number)``, from 1. Parameters and errors are those of `find_layout`.
    """
    return len(_split(_read(os.path.abspath(path), infrared).pages, infrared))


def choose_infrared(path: str | os.PathLike[str], choice: str) -> Infrared:
    """Where the infrared of a slide is, as `find_layout` takes it, by a choice for all slides of a call.

    It is what the choice names (see `named_infrared`), where the slide has that; otherwise None, as the file says it.
    Errors are those of `find_layout` and `named_infrared`, where the slide has neither.
    """
    if not choice:
        return None
    try:
        named = named_infrared(path, choice)
        find_layout(path, named, frame=1)
        return named
    except (LayoutError, NoInfraredError):
        if find_layout(path, frame=1).infrared is None:
            raise
        return None


def _read(source: str, infrared: Infrared) -> Header:
    """Pages and faults of a file; raises what cannot be a slide."""
    header = read_header(source)
    if not header.pages:
        why = f"truncated or damaged: {header.faults[0]}" if header.faults else "there is no picture in the file"
        raise LayoutError(f"{source}: {why}; copy or scan it again")
    slide = slide_of(source) if infrared is None else None
    if slide and all(page.samples == 1 for page in full_pages(header.pages)):
        raise LayoutError(f"{source}: this is the infrared of {slide}; open that file")
    return header


def _split(pages: list[Page], infrared: Infrared) -> list[list[Page]]:
    """The pages of each slide of a file; a page or a file as infrared is only for a file with one slide."""
    sample = wanted_sample(infrared)
    frames = split_frames(pages, sample)
    if infrared is None or sample is not None or len(frames) == 1:
        return frames
    found = f"the file holds {len(frames)} slides, each with its own infrared"
    raise LayoutError(f"{pages[0].path}: {found}; leave out where the infrared is (found infrared={infrared})")


def _frame_number(source: str, count: int, wanted: int | None) -> int:
    """Number of the wanted slide, 0 for the only one."""
    if count == 1 and wanted in (None, 0, 1):
        return 0
    if wanted is None or not 1 <= wanted <= count:
        if count == 1:
            raise LayoutError(f"{source}: the file holds one slide; leave out frame={wanted}")
        advice = f"choose one with frame=1 to frame={count}"
        raise LayoutError(f"{source}: the file holds {count} slides; {advice} (found frame={wanted})")
    return wanted


def _layout(pages: Sequence[Page], all_pages: Sequence[Page], wanted: Infrared, about: Metadata) -> Layout:
    """The layout of the slide whose pages are given."""
    picture = max(full_pages(pages), key=_rank)
    picture.check()
    page, sample, name = find_infrared(pages, picture, wanted)
    if page is None and "note" in about:
        raise LayoutError(f"{picture.path}: truncated or damaged: {about['note']}; copy or scan it again")
    crop, colour_bits = crop_of(picture), coding_of(picture).bits(picture.bits)
    red, green, blue = (
        Plane(picture.path, picture.address, band if picture.samples >= 3 else 0, start=crop.start) for band in range(3)
    )
    infrared = _infrared_plane(all_pages, picture, page, sample) if page else None
    bits = max(colour_bits, coding_of(page).bits(page.bits)) if page else colour_bits
    return Layout(
        name=name,
        visible=(red, green, blue),
        infrared=infrared,
        height=crop.height,
        width=crop.width,
        bits=bits,
        colour_bits=colour_bits,
        metadata=about | {"layout": name, "bits": bits} | _metadata(all_pages, picture, page),
        missing="" if page else missing_infrared(picture, all_pages),
    )


def _rank(page: Page) -> tuple[bool, bool, int]:
    """Which page has the picture: in colour before gray, LinearRaw before RGB, then the largest."""
    return page.samples >= 3, page.photometric == LINEAR_RAW, page.height * page.width


def _infrared_plane(pages: Sequence[Page], picture: Page, page: Page, sample: int) -> Plane:
    """The infrared's place on the grid of the picture; infrared of another size is refused."""
    crop = crop_of(picture)
    if page is picture:
        return Plane(page.path, page.address, sample, start=crop.start)
    turn = turn_onto(shown_orientation(pages, picture), crop, picture, page)
    size = turn.shape(page.height, page.width)
    if size not in ((picture.height, picture.width), (crop.height, crop.width)):
        sizes = f"{page.height} x {page.width} against {picture.height} x {picture.width} rows x columns"
        advice = "scan both with the same frame and resolution"
        raise LayoutError(f"{page.path}: infrared and colour differ in size; {advice} ({sizes})")
    page.check()
    return Plane(page.path, page.address, sample, turn, crop.start if size != (crop.height, crop.width) else (0, 0))


def _metadata(pages: Sequence[Page], picture: Page, infrared: Page | None) -> Metadata:
    """Describe the tags: the picture's first, then those of the other pages of its file."""
    others = [page.tags for page in pages if page not in (picture, infrared)]
    own = infrared is not None and infrared.path == picture.path
    return describe([picture.tags, *others], infrared.tags if infrared and own else None)
