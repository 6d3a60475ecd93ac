"""Writing of TIFF files tag by tag, in layouts that general TIFF writers do not support."""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import imagecodecs
import numpy as np

Tag = tuple[int, tuple[int, ...] | bytes]

_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 10: "i", 16: "Q"}
_COMPRESSIONS = {"none": 1, "lzw": 5, "deflate": 8}


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Storage of pixels: byte order, ``"none"``, ``"lzw"`` or ``"deflate"``, strips (0: one) or tiles, planes."""

    byteorder: str = "<"
    compression: str = "none"
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
    return 3, values


def longs(*values: int) -> Tag:
    """Tag of 32-bit integers."""
    return 4, values


def ratios(*values: int) -> Tag:
    """Tag of fractions, numerators and denominators in turn."""
    return 5, values


def signed_ratios(*values: int) -> Tag:
    """Tag of signed fractions, numerators and denominators in turn."""
    return 10, values


def text(value: str) -> Tag:
    """Tag of text, closed by a zero byte."""
    return 2, value.encode() + b"\0"


def opaque(value: bytes, kind: int = 1) -> Tag:
    """Tag of bytes: BYTE (1) or UNDEFINED (7)."""
    return kind, value


def write_tiff(path: str | os.PathLike[str], pages: Sequence[TiffPage], storage: Storage) -> None:
    """Write a file with these pages in a chain."""
    with open(path, "wb") as file:
        file.write({"<": b"II", ">": b"MM"}[storage.byteorder])
        file.write(_pack(storage, "HHHQ", 43, 8, 0, 0) if storage.bigtiff else _pack(storage, "HI", 42, 0))
        link = 8 if storage.bigtiff else 4
        for page in pages:
            start, next_link = _write_page(file, page, storage)
            file.seek(link)
            file.write(_pack(storage, _pointer(storage), start))
            file.seek(0, os.SEEK_END)
            link = next_link


def _write_page(file: BinaryIO, page: TiffPage, storage: Storage) -> tuple[int, int]:
    """Write pixels, children and tags of a page; return the offsets of its directory and of its next-page pointer."""
    places = []
    for segment in _segments(page.samples, storage):
        places.append((file.tell(), len(segment)))
        file.write(segment)
    tags = dict(page.tags) | _pixel_tags(page.samples, storage, places)
    kind = 16 if storage.bigtiff else 4
    if page.children:
        tags[330] = kind, tuple(_write_page(file, child, storage)[0] for child in page.children)
    if page.exif:
        tags[34665] = kind, (_write_directory(file, page.exif, storage)[0],)
    return _write_directory(file, tags, storage)


def _pixel_tags(samples: np.ndarray, storage: Storage, places: Sequence[tuple[int, int]]) -> dict[int, Tag]:
    """Tags that describe the storage of the pixels."""
    height, width, depth = samples.shape
    kind = 16 if storage.bigtiff else 4
    starts, sizes = (kind, tuple(place[0] for place in places)), (kind, tuple(place[1] for place in places))
    tags = {
        256: longs(width),
        257: longs(height),
        258: shorts(*(samples.itemsize * 8,) * depth),
        259: shorts(_COMPRESSIONS[storage.compression]),
        277: shorts(depth),
        284: shorts(2 if storage.planar else 1),
    }
    if storage.predictor:
        tags[317] = shorts(2)
    if storage.tile:
        return tags | {322: longs(storage.tile[1]), 323: longs(storage.tile[0]), 324: starts, 325: sizes}
    return tags | {273: starts, 278: longs(storage.rows_per_strip or height), 279: sizes}


def _segments(samples: np.ndarray, storage: Storage) -> Iterator[bytes]:
    """Encode strips or tiles, in the order of the file."""
    height, width, depth = samples.shape
    rows, columns = storage.tile or (storage.rows_per_strip or height, width)
    for plane in np.split(samples, depth, axis=2) if storage.planar else [samples]:
        for y in range(0, height, rows):
            for x in range(0, width, columns):
                block = plane[y : y + rows, x : x + columns]
                if storage.tile:
                    block = np.pad(block, ((0, rows - block.shape[0]), (0, columns - block.shape[1]), (0, 0)))
                yield _encode(np.ascontiguousarray(block), storage)


def _encode(block: np.ndarray, storage: Storage) -> bytes:
    """Encode one strip or tile."""
    if storage.predictor:
        block = imagecodecs.delta_encode(block, axis=1)
    data = block.astype(f"{storage.byteorder}u{block.itemsize}").tobytes()
    if storage.compression == "lzw":
        return bytes(imagecodecs.lzw_encode(data))
    return bytes(imagecodecs.zlib_encode(data)) if storage.compression == "deflate" else data


def _write_directory(file: BinaryIO, tags: Mapping[int, Tag], storage: Storage) -> tuple[int, int]:
    """Write the long values of a directory, then the directory; return its offset and that of its next-page pointer."""
    room = 8 if storage.bigtiff else 4
    entries = b""
    for code, (kind, values) in sorted(tags.items()):
        data = values if isinstance(values, bytes) else _pack(storage, f"{len(values)}{_FORMATS[kind]}", *values)
        count = len(values) // (2 if kind in (5, 10) else 1)
        if len(data) > room:
            file.write(b"\0" * (file.tell() % 2))
            place = file.tell()
            file.write(data)
            data = _pack(storage, _pointer(storage), place)
        entries += _pack(storage, f"HH{_pointer(storage)}{room}s", code, kind, count, data)
    file.write(b"\0" * (file.tell() % 2))
    start = file.tell()
    file.write(_pack(storage, "Q" if storage.bigtiff else "H", len(tags)) + entries)
    link = file.tell()
    file.write(b"\0" * room)
    return start, link


def _pointer(storage: Storage) -> str:
    return "Q" if storage.bigtiff else "I"


def _pack(storage: Storage, form: str, *values: int | bytes) -> bytes:
    return struct.pack(storage.byteorder + form, *values)
