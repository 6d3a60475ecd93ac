"""Read slides: `open_slide`, and a slide as an array over (band, y, x) that reads only what is sliced."""

import hashlib
import math
import os
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np
import xarray as xr

from irtoolkit.arrays import from_reader
from irtoolkit.files.boxes import split_index
from irtoolkit.files.layouts import Layout, Plane, find_layout
from irtoolkit.files.page_reader import open_page
from irtoolkit.schema import BANDS, DIMENSIONS, VISIBLE, NoInfraredError

CHUNK_BYTES = 32 << 20


class SlideReader:
    """Lazy (band, y, x) view of a slide's planes, in the deeper of their types (8-bit counts times 257).

    The infrared is last; a picture without it has three bands.
    Indices are integers and slices; planes that share a page are decoded together. Thread-safe and picklable.
    `chunks` are those that read every strip or tile once: bands that share a page, full width, about 32 MB.
    """

    ndim = 3

    def __init__(self, layout: Layout) -> None:
        planes = (*layout.visible, layout.infrared) if layout.infrared else layout.visible
        self.shape = (len(planes), layout.height, layout.width)
        self.dtype = np.dtype(f"u{layout.bits // 8}")
        self._pages = [
            (open_page(path, address), [plane.sample for plane in planes])
            for (path, address), planes in groupby(planes, _page_of)
        ]

    def __getitem__(self, key: Any) -> np.ndarray:
        (bands, y, x), rest = split_index(key, self.shape)
        out = np.empty((len(bands), len(y), len(x)), self.dtype)
        first = 0
        for reader, samples in self._pages:
            wanted = [band for band in bands if first <= band < first + len(samples)]
            if wanted:
                chosen = [samples[band - first] for band in wanted]
                block = reader[y.start : y.stop, x.start : x.stop, min(chosen) : max(chosen) + 1]
                for band, sample in zip(wanted, chosen, strict=True):
                    out[band - bands.start] = block[..., sample - min(chosen)]
                if block.dtype != self.dtype:
                    out[wanted[0] - bands.start : wanted[-1] + 1 - bands.start] *= 257
            first += len(samples)
        return out[rest]

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes over (band, y, x) that read every strip or tile once."""
        _, height, width = self.shape
        steps = [reader.natural_rows for reader, _ in self._pages]
        rows = CHUNK_BYTES // (len(BANDS) * width * self.dtype.itemsize)
        step = math.lcm(*steps)
        if step > max(rows, *steps):
            step = max(steps)
        rows = min(max(rows // step, 1) * step, height)
        down = [min(rows, height - y) for y in range(0, height, rows)]
        return tuple(len(samples) for _, samples in self._pages), tuple(down), (width,)

    @property
    def identity(self) -> str:
        """Text that is different for another file, place in the file, or content (by size and time)."""
        pages = [
            (os.path.realpath(reader.page.path), reader.page.size, reader.page.modified, reader.page.address, samples)
            for reader, samples in self._pages
        ]
        return hashlib.blake2b(repr((pages, self.chunks)).encode(), digest_size=16).hexdigest()


def open_slide(
    path: str | os.PathLike[str],
    infrared: str | os.PathLike[str] | int | None = None,
    chunks: str | int | Mapping[str, int] | tuple[int, ...] = "auto",
) -> xr.Dataset:
    """Open a slide lazily, reading headers only.

    Parameters
    ----------
    path
        A TIFF or DNG file of a scanner program.
    infrared
        Where the infrared is, if the file does not say: a path, a page number or a sample number (see `find_layout`).
    chunks
        ``"auto"`` reads every strip or tile once, in full-width chunks of about 32 MB for the four bands. Otherwise
        rows of a chunk, sizes by dimension name, or sizes over (band, y, x).

    Returns
    -------
    Dataset with ``counts`` over (band, y, x), bands R, G, B, IR, uint8 or uint16, dask-backed; its attributes are the
    metadata of the file (`irtoolkit.files.layouts.Layout`). It can be pickled, and reopens the file by path.

    Raises
    ------
    FileNotFoundError, LayoutError, NoInfraredError
        There is no such file, it is no readable slide, or it has no infrared.
    """
    layout = find_slide(path, infrared)
    slide = label_counts(layout, _counts(layout))
    return slide if chunks == "auto" else slide.chunk(_by_dimension(chunks))


def find_slide(path: str | os.PathLike[str], infrared: str | os.PathLike[str] | int | None = None) -> Layout:
    """Find a slide's planes (`find_layout`); `NoInfraredError` if there is no infrared."""
    layout = find_layout(path, infrared)
    if layout.infrared is None:
        raise NoInfraredError(layout.missing)
    return layout


def open_picture(path: str | os.PathLike[str]) -> xr.DataArray:
    """Open the counts (band, y, x) of R, G, B of a picture lazily, with or without infrared."""
    layout = find_layout(path)
    return xr.DataArray(_counts(layout)[:3], {"band": list(VISIBLE)})


def _counts(layout: Layout) -> xr.Variable:
    reader = SlideReader(layout)
    return xr.Variable(DIMENSIONS, from_reader(reader, reader.chunks, f"open-slide-{reader.identity}"))


def label_counts(layout: Layout, counts: xr.Variable) -> xr.Dataset:
    """Wrap counts over (band, y, x) as the Dataset of a slide."""
    return xr.Dataset({"counts": counts}, {"band": list(BANDS)}, layout.metadata)


def _page_of(plane: Plane) -> tuple[str, tuple[int, ...]]:
    return plane.path, plane.page


def _by_dimension(chunks: str | int | Mapping[str, int] | tuple[int, ...]) -> dict[str, int]:
    """Chunk sizes by dimension name."""
    if isinstance(chunks, Mapping):
        return dict(chunks)
    if isinstance(chunks, tuple) and len(chunks) == len(DIMENSIONS):
        return dict(zip(DIMENSIONS, chunks, strict=True))
    if isinstance(chunks, int) and chunks > 0:
        return {"y": chunks}
    raise ValueError(f'chunks must be "auto", rows, sizes by name, or sizes over {DIMENSIONS}; not {chunks!r}')
