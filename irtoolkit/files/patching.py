"""Healed copies of source files: byte for byte the source, but for the samples under marks."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import xarray as xr

from irtoolkit.arrays import store
from irtoolkit.files import codecs
from irtoolkit.files.coding import coding_of
from irtoolkit.files.encoders import check_encoder, encode
from irtoolkit.files.header import read_page
from irtoolkit.files.healed_segments import HealedSegments, Index
from irtoolkit.files.layouts import Layout
from irtoolkit.files.page_reader import SCRATCH_BYTES, PageReader
from irtoolkit.files.pages import Page
from irtoolkit.files.portable import is_png, replace_picture
from irtoolkit.files.segment_table import SegmentTable, check_tags, shared_segments
from irtoolkit.files.sources import check_target
from irtoolkit.files.targets import AnyPath, open_own, replacing
from irtoolkit.files.writer import RAW, PixelFile, visible_pixels
from irtoolkit.schema import LayoutError, SlideError

COPIED_BYTES = 2**20


def write_same(healed: xr.DataArray, mask: xr.DataArray, path: AnyPath, *, layout: Layout) -> Path:
    """Write a healed slide as a copy of its file, in which only the samples R, G, B under marks are other.

    Every other byte is the source's: tags, other pages, previews, maker notes, the infrared, and strips or tiles
    without a mark. Uncompressed strips and tiles are changed in place, so the copy has the source's length. Compressed
    ones are encoded anew, as are uncompressed ones whose bytes serve twice in the file; they are appended, and their
    places and sizes are set in the tags. Of a slide whose infrared is in another file, the colour's file is copied.

    Parameters
    ----------
    healed
        On (band, y, x) with R, G, B, in light and of the dtype of the slide's colours; NumPy or dask-backed. A graph is
        computed once, block by block. The first band is the plane of a gray picture.
    mask
        Bool on (y, x), True = defect; the samples of other pixels are not written.
    path
        Where to write; folders are created, an earlier file is replaced once the new one is complete.
    layout
        Of the source, which is only read, from `find_layout`.

    Raises
    ------
    SlideError
        The bands, the dtype or the size are wrong, the path would be over or next to the source, or the file cannot be
        written in its own form: its compression is unknown, or its tags have no room for the new places.
    LayoutError
        The source has changed while it was read.
    OSError
        For example, the disk is full. An earlier file under `path` stays unchanged.
    """
    page = _colour_page(layout)
    marked = _with_marks(visible_pixels(healed), mask, layout)
    check_target(path, layout.files)
    bands = {plane.sample: band for band, plane in reversed([*enumerate(layout.visible)])}
    with replacing(path) as part:
        with _stored(marked, part.with_suffix(RAW)) as pixels:
            _copy(page, part)
            reader = PageReader(_with_whole_tiles(replace(page, path=str(part))))
            segments = HealedSegments(reader, pixels, bands, coding_of(page), layout.visible[0].start)
            change = _repaint if is_png(page.path) else _patch
            change(part, page, segments)
        check_tags(page, part)
    return Path(path)


def _colour_page(layout: Layout) -> Page:
    """The one page that holds the colour planes."""
    planes = layout.visible
    if len({(plane.path, plane.page) for plane in planes}) > 1:
        raise SlideError(f"{planes[0].path}: its colours are on several pages; use --format rgb")
    page = read_page(planes[0].path, planes[0].page)
    check_encoder(page)
    return page


def _with_marks(pixels: xr.DataArray, mask: xr.DataArray, layout: Layout) -> xr.DataArray:
    """R, G, B and the mask as a fourth band, on (y, x, band); lazy where they are."""
    source, light = layout.visible[0].path, np.dtype(f"u{layout.colour_bits // 8}")
    if pixels.dtype != light:
        raise SlideError(f"{source}: its colours are {light}, not {pixels.dtype}; bring the healed slide to that")
    shapes = pixels.shape[:2], (layout.height, layout.width), tuple(mask.sizes.get(name, 0) for name in "yx")
    if mask.dtype != bool or len(set(shapes)) > 1:
        raise SlideError(f"{source}: healed slide, file and mask (bool) must have one size; found {shapes}")
    marks = mask.astype(light).expand_dims("band").transpose("y", "x", "band")
    return xr.concat([pixels.drop_vars(pixels.coords), marks.drop_vars(marks.coords)], "band")


def _copy(page: Page, part: Path) -> None:
    """Copy the file of a page, if it is still the one whose header was read."""
    with open(page.path, "rb") as source, open_own(part, "r+b") as copy:
        shutil.copyfileobj(source, copy, COPIED_BYTES)
    status = Path(page.path).stat()
    if (part.stat().st_size, status.st_size, status.st_mtime_ns) != (page.size, page.size, page.modified):
        raise LayoutError(f"{page.path}: the file has changed while it was read; run again once it is complete")


@dataclass(frozen=True)
class MarkedPixels(PixelFile):
    """Pixels whose last band is the mask; blocks without a mark are not written and stay 0."""

    def __setitem__(self, key: tuple[slice, ...], block: np.ndarray) -> None:
        """Write a block, if it has marks."""
        if block[..., -1].any():
            super().__setitem__(key, block)


@contextmanager
def _stored(marked: xr.DataArray, scratch: Path) -> Iterator[np.ndarray]:
    """Compute pixels with marks into a scratch file, and give them as an array that is read from there."""
    height, width, bands = marked.shape
    target = MarkedPixels(scratch, 0, (height, width, bands), marked.dtype)
    try:
        with open_own(scratch, "xb") as file:
            file.truncate(height * target.row_bytes)
        if marked.chunks is None:
            target[:, :] = marked.values
        else:
            store(marked.data, target)
        yield np.memmap(scratch, target.dtype, "r", shape=target.shape)
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _with_whole_tiles(page: Page) -> Page:
    """The page as large as its tiles, so that their pixels beyond the picture can be read too."""
    if 322 not in page.tags:
        return page
    (_, down, across), (rows, columns, _) = page.grid, page.segment
    return replace(page, tags=page.tags | {257: np.array([down * rows]), 256: np.array([across * columns])})


def _patch(part: Path, page: Page, segments: HealedSegments) -> None:
    """Write every marked strip or tile: in place, or appended where it is compressed or its bytes serve twice."""
    in_place = ~shared_segments(page) if page.compression == codecs.NONE else np.zeros(page.grid, bool)
    with open_own(part, "r+b") as file:
        table = None if in_place.all() else SegmentTable(page)
        for index in np.ndindex(page.grid):
            marked = [rows for rows in segments.pieces(index) if segments.is_marked(index, rows)]
            if in_place[index]:
                _overwrite(file, int(page.offsets[index]), segments, index, marked)
            elif marked and table:
                table.append(file, index, encode(_assemble(segments, index), page))


def _repaint(part: Path, page: Page, segments: HealedSegments) -> None:
    """Write the picture of a PNG file anew, if it has a mark."""
    if any(segments.is_marked((0, 0, 0), rows) for rows in segments.pieces((0, 0, 0))):
        picture = encode(_assemble(segments, (0, 0, 0)), page)
        changed = replace_picture(part.read_bytes(), picture)
        with open_own(part, "wb") as file:
            file.write(changed)


def _overwrite(file: BinaryIO, offset: int, segments: HealedSegments, index: Index, marked: list[slice]) -> None:
    """Write some pieces of an uncompressed segment at their places."""
    for rows in marked:
        data = segments.read(index, rows)
        file.seek(offset + rows.start * data[0].nbytes)
        file.write(data.data)


def _assemble(segments: HealedSegments, index: Index) -> np.ndarray:
    """A whole segment before compression; a long one is in a nameless temporary file."""
    pieces, shape = (segments.read(index, rows) for rows in segments.pieces(index)), segments.shape(index)
    dtype = segments.reader.page.dtype
    if np.prod(shape) * dtype.itemsize <= SCRATCH_BYTES:
        return np.concatenate([*pieces], dtype=dtype)
    with tempfile.TemporaryFile(prefix="irtoolkit-") as scratch:
        for piece in pieces:
            scratch.write(piece.data)
        scratch.flush()
        return np.memmap(scratch, dtype, "r", shape=shape)
