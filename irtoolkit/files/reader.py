"""Read slides: `open_slide`, and a slide as an array over (band, y, x) that reads only what is sliced."""

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import xarray as xr

from irtoolkit.arrays import from_reader
from irtoolkit.files.boxes import split_index
from irtoolkit.files.coding import coding_of
from irtoolkit.files.infrared import Infrared
from irtoolkit.files.layouts import Layout, Plane, find_layout
from irtoolkit.files.orientation import AS_STORED, Turn
from irtoolkit.files.page_reader import PageReader, open_page
from irtoolkit.schema import BANDS, DIMENSIONS, VISIBLE, NoInfraredError, describe

CHUNK_BYTES = 8 << 20


class PlanesReader:
    """Planes of one page as counts of light on the grid of the slide; slicing reads only the strips that it needs."""

    def __init__(
        self, page: PageReader, samples: Sequence[int], turn: Turn = AS_STORED, start: tuple[int, int] = (0, 0)
    ) -> None:
        self.page, self.samples, self.turn, self.start = page, samples, turn, start
        self.coding = coding_of(page.page)

    def __reduce__(self) -> tuple[type["PlanesReader"], tuple[Any, ...]]:
        moved = (self.turn, self.start) if (self.turn, self.start) != (AS_STORED, (0, 0)) else ()
        return PlanesReader, (self.page, self.samples, *moved)

    @property
    def natural_rows(self) -> int:
        """Rows that are cheap to read together."""
        return 1 if self.turn.transposed else self.page.natural_rows

    def read(self, planes: Sequence[int], y: range, x: range) -> list[np.ndarray]:
        """Counts (y, x) of each of some of the planes in a box of the slide."""
        chosen = [self.samples[plane] for plane in planes]
        stored = slice(min(chosen), max(chosen) + 1)
        height, width, _ = self.page.shape
        (top, left), (down, across) = self.start, (y, x)
        inside = range(top + down.start, top + down.stop), range(left + across.start, left + across.stop)
        rows, columns = self.turn.source(*inside, height, width)
        codes = self.page[rows.start : rows.stop, columns.start : columns.stop, stored]
        light = self.coding.light(self.turn.apply(codes), stored)
        return [light[..., sample - stored.start] for sample in chosen]


class SlideReader:
    """Lazy (band, y, x) view of a slide's planes, in the deeper of their types (8-bit counts times 257).

    The infrared is last; a picture without it has three bands.
    Indices are integers and slices; planes that share a page are decoded together. Thread-safe and picklable.
    `chunks` are those that read every strip or tile once: bands that share a page, full width, about 8 MB.
    """

    ndim = 3

    def __init__(self, layout: Layout) -> None:
        planes = (*layout.visible, layout.infrared) if layout.infrared else layout.visible
        self.shape = (len(planes), layout.height, layout.width)
        self.dtype = np.dtype(f"u{layout.bits // 8}")
        self._pages = [
            PlanesReader(open_page(path, page), [plane.sample for plane in planes], turn, start)
            for (path, page, turn, start), planes in groupby(planes, _page_of)
        ]

    def __getitem__(self, key: Any) -> np.ndarray:
        (bands, y, x), rest = split_index(key, self.shape)
        out = np.empty((len(bands), len(y), len(x)), self.dtype)
        first = 0
        for reader in self._pages:
            wanted = [band for band in bands if first <= band < first + len(reader.samples)]
            if wanted:
                planes = reader.read([band - first for band in wanted], y, x)
                for band, plane in zip(wanted, planes, strict=True):
                    out[band - bands.start] = plane
                    if plane.dtype != self.dtype:
                        out[band - bands.start] *= 257
            first += len(reader.samples)
        return out[rest]

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes over (band, y, x) that read every strip or tile once."""
        _, height, width = self.shape
        steps = [reader.natural_rows for reader in self._pages]
        rows = CHUNK_BYTES // (len(BANDS) * width * self.dtype.itemsize)
        step = math.lcm(*steps)
        if step > max(rows, *steps):
            step = max(steps)
        rows = min(max(rows // step, 1) * step, height)
        down = [min(rows, height - y) for y in range(0, height, rows)]
        return tuple(len(reader.samples) for reader in self._pages), tuple(down), (width,)

    @property
    def identity(self) -> str:
        """Text that is different for another file, place in the file, or content (by size and time)."""
        pages = [
            (os.path.realpath(page.path), page.size, page.modified, page.address, reader.samples, reader.turn)
            for reader in self._pages
            for page in [reader.page.page]
        ]
        return hashlib.blake2b(repr((pages, self.shape, self.chunks)).encode(), digest_size=16).hexdigest()


def open_slide(
    path: str | os.PathLike[str],
    infrared: Infrared = None,
    chunks: str | int | Mapping[str, int] | tuple[int, ...] = "auto",
    frame: int | None = None,
) -> xr.Dataset:
    """Open a slide lazily, reading headers only.

    Parameters
    ----------
    path
        A TIFF, DNG, PNG or PPM file of a scanner program.
    infrared
        Where the infrared is, if the file does not say: a path, a page number or a sample number (see `find_layout`).
    chunks
        ``"auto"`` reads every strip or tile once, in full-width chunks of about 8 MB for the four bands. Otherwise
        rows of a chunk, sizes by dimension name, or sizes over (band, y, x).
    frame
        Which slide, from 1, of a file that holds several.

    Returns
    -------
    Dataset with ``counts`` over (band, y, x), bands R, G, B, IR, uint8 or uint16, dask-backed; its attributes are the
    metadata of the file (`irtoolkit.files.layouts.Layout`). Counts are of light: a DNG's levels and crop are applied,
    planes in which white is zero are inverted, and infrared of another orientation is turned. It can be pickled, and
    reopens the file by path.

    Raises
    ------
    FileNotFoundError, LayoutError, NoInfraredError
        There is no such file, it is no readable slide, or it has no infrared.
    """
    layout = find_slide(path, infrared, frame)
    slide = label_counts(layout, _counts(layout))
    return slide if chunks == "auto" else slide.chunk(_by_dimension(chunks))


def find_slide(path: str | os.PathLike[str], infrared: Infrared = None, frame: int | None = None) -> Layout:
    """Find a slide's planes (`find_layout`); `NoInfraredError` if there is no infrared."""
    layout = find_layout(path, infrared, frame)
    if layout.infrared is None:
        raise NoInfraredError(layout.missing)
    return layout


def open_picture(path: str | os.PathLike[str], infrared: Infrared = None, frame: int | None = None) -> xr.DataArray:
    """Open the counts (band, y, x) of R, G, B of a picture lazily, with or without infrared."""
    layout = find_layout(path, infrared, frame)
    return xr.DataArray(_counts(layout)[:3], {"band": list(VISIBLE)})


def _counts(layout: Layout) -> xr.Variable:
    reader = SlideReader(layout)
    return xr.Variable(DIMENSIONS, from_reader(reader, reader.chunks, f"open-slide-{reader.identity}"))


def label_counts(layout: Layout, counts: xr.Variable) -> xr.Dataset:
    """Wrap counts over (band, y, x) as the Dataset of a slide."""
    return describe(xr.Dataset({"counts": counts}, {"band": list(BANDS)}, layout.metadata))


def _page_of(plane: Plane) -> tuple[str, tuple[int, ...], Turn, tuple[int, int]]:
    return plane.path, plane.page, plane.turn, plane.start


def _by_dimension(chunks: str | int | Mapping[str, int] | tuple[int, ...]) -> dict[str, int]:
    """Chunk sizes by dimension name."""
    if isinstance(chunks, Mapping):
        return dict(chunks)
    if isinstance(chunks, tuple) and len(chunks) == len(DIMENSIONS):
        return dict(zip(DIMENSIONS, chunks, strict=True))
    if isinstance(chunks, int) and chunks > 0:
        return {"y": chunks}
    raise ValueError(f'chunks must be "auto", rows, sizes by name, or sizes over {DIMENSIONS}; not {chunks!r}')
