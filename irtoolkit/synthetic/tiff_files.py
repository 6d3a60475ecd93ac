"""Writes TIFF files as scanner programs do: tifffile stores the pixels, tifftools adds any tags and directories.

tifffile alone refuses infrared pages that are masks of 16 bits, writes no EXIF, and marks every fourth sample.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import tifftools

Tag = dict[str, Any]

_EXIF, _SUB_DIRECTORIES = 34665, 330
_COMPRESSIONS = {None: 1, "lzw": 5, "deflate": 8}
_STORAGE = {256, 257, 258, 259, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325}


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Storage of pixels.

    `byteorder`: ``"<"`` or ``">"``; `compression`: None, ``"lzw"`` or ``"deflate"``; `predictor`: differences
    along the row; `rows_per_strip` (0: one strip), or (rows, columns) of a `tile`; `planar`: samples in separate
    planes; `bigtiff`: 64-bit offsets.
    """

    byteorder: str = "<"
    compression: str | None = None
    predictor: bool = False
    rows_per_strip: int = 0
    tile: tuple[int, int] | None = None
    planar: bool = False
    bigtiff: bool = False


@dataclass(frozen=True, eq=False)
class TiffPage:
    """Samples over (y, x, sample) with their tags, the pages of their SubIFDs, and the tags of an EXIF directory."""

    samples: np.ndarray
    tags: Mapping[int, Tag]
    children: Sequence["TiffPage"] = ()
    exif: Mapping[int, Tag] = field(default_factory=dict)


def shorts(*values: int) -> Tag:
    """Tag of 16-bit integers."""
    return {"datatype": 3, "data": values}


def longs(*values: int) -> Tag:
    """Tag of 32-bit integers."""
    return {"datatype": 4, "data": values}


def ratios(*values: int) -> Tag:
    """Tag of fractions, numerators and denominators in turn."""
    return {"datatype": 5, "data": values}


def signed_ratios(*values: int) -> Tag:
    """Tag of signed fractions, numerators and denominators in turn."""
    return {"datatype": 10, "data": values}


def text(value: str) -> Tag:
    """Tag of text, closed by a zero byte."""
    return {"datatype": 2, "data": value}


def opaque(value: bytes, kind: int = 1) -> Tag:
    """Tag of bytes: BYTE (1) or UNDEFINED (7)."""
    return {"datatype": kind, "data": value}


def write_tiff(path: str | os.PathLike[str], pages: Sequence[TiffPage], storage: Storage) -> None:
    """Write a file with these pages in a chain."""
    Path(path).unlink(missing_ok=True)
    directories = [_directory(page, storage) for page in pages]
    tifftools.write_tiff(directories, os.fspath(path), storage.byteorder == ">", storage.bigtiff)


def _directory(page: TiffPage, storage: Storage) -> dict[str, Any]:
    """Directory of a page, with those of its SubIFDs and EXIF, and the pixels that it points to."""
    directory = tifftools.read_tiff(_stored(page.samples, storage))["ifds"][0]
    tags = {284: shorts(1)} | {code: tag for code, tag in directory["tags"].items() if code in _STORAGE}
    tags |= page.tags
    if page.children:
        tags[_SUB_DIRECTORIES] = {"ifds": [[_directory(child, storage)] for child in page.children]}
    if page.exif:
        tags[_EXIF] = {"ifds": [[{"tags": page.exif}]]}
    return directory | {"tags": tags}


def _stored(samples: np.ndarray, storage: Storage) -> BytesIO:
    """Store pixels as a TIFF file in memory."""
    if samples.shape[2] == 1:
        pixels, planes = samples[..., 0], None
    else:
        pixels, planes = (np.moveaxis(samples, 2, 0), "separate") if storage.planar else (samples, "contig")
    file = BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        byteorder=storage.byteorder,  # type: ignore[arg-type]
        photometric="minisblack",
        planarconfig=planes,
        compression=_COMPRESSIONS[storage.compression],
        predictor=storage.predictor,
        rowsperstrip=None if storage.tile else storage.rows_per_strip or samples.shape[0],
        tile=storage.tile,
        metadata=None,
    )
    return file
