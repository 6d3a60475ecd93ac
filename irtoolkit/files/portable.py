"""PNG, PGM and PPM files as pages: their headers as the tags of a TIFF page with one strip would be.

PNG: W3C PNG (third edition), chapter 11. PGM and PPM: the netpbm formats P5 and P6.
"""

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from irtoolkit.files import codecs
from irtoolkit.files.values import checked
from irtoolkit.schema import LayoutError

PNG_START, MAP_STARTS = b"\x89PNG\r\n\x1a\n", (b"P5", b"P6")
EXIF_STREAM = 34665
"""Under the number of the tag EXIF: the EXIF of a PNG file, as the bytes of a TIFF file."""

_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}
_PALETTE, _RGB, _GRAY = 3, 2, 1
_ALPHA = 2
_INCH = 0.0254

MOST_CHUNKS, TEXT_BYTES, PROFILE_BYTES = 200_000, 64 << 20, 16 << 20
"""Most chunks of a PNG file (usual ones have 8 KB), bytes of those that are read, and of its profile once inflated."""

_READ = frozenset({b"IHDR", b"pHYs", b"iCCP", b"tEXt", b"iTXt", b"eXIf"})

_HEADER = re.compile(rb"P[56](?:\s|#[^\n]*\n)+(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s(?:\s|#[^\n]*\n)*(\d+)\s")


def is_portable(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a PNG, PGM or PPM file."""
    return start.startswith((PNG_START, *MAP_STARTS))


def is_png(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a PNG file, and not, for example, a TIFF file whose strips are compressed as PNG."""
    with open(path, "rb") as file:
        return file.read(len(PNG_START)) == PNG_START


def portable_tags(file: BinaryIO, size: int) -> dict[int, Any]:
    """Describe a PNG, PGM or PPM file of `size` bytes as a TIFF page; raises `LayoutError` where it is damaged."""
    file.seek(0)
    return _png_tags(file, size) if file.read(8) == PNG_START else _map_tags(file)


def _map_tags(file: BinaryIO) -> dict[int, Any]:
    """A PGM or PPM file; a white other than that of its bits is its white level."""
    file.seek(0)
    found = _HEADER.match(file.read(4096))
    if not found:
        raise LayoutError(f"{file.name}: damaged: no whole PGM or PPM header; copy or scan it again")
    width, height, white = (min(int(group), 2**53) for group in found.groups())
    if not 0 < white < 2**16:
        raise LayoutError(f"{file.name}: damaged: its white is no number up to 65535; copy it again (white: {white})")
    samples, bits = 3 if found[0].startswith(b"P6") else 1, 8 if white < 2**8 else 16
    return _numbers(file.name, _page_tags(height, width, bits, samples) | {273: found.end(), 50717: white})


def _numbers(path: str, tags: dict[int, int]) -> dict[int, Any]:
    """Tags of one number each; `LayoutError` where one is implausible."""
    return {code: checked(np.array([value]), code, path) for code, value in tags.items()}


def _page_tags(height: int, width: int, bits: int, samples: int) -> dict[int, Any]:
    return {256: width, 257: height, 258: bits, 262: _RGB if samples >= 3 else _GRAY, 277: samples}


def _png_tags(file: BinaryIO, size: int) -> dict[int, Any]:
    chunks = dict(_first_chunks(file, size))
    head = chunks.get(b"IHDR", b"")
    if len(head) < 13:
        raise LayoutError(f"{file.name}: truncated or damaged: no whole PNG header; copy or scan it again")
    width, height = (int.from_bytes(head[place : place + 4], "big") for place in (0, 4))
    bits, kind = head[8], head[9]
    if kind == _PALETTE or kind not in _SAMPLES:
        raise LayoutError(f"{file.name}: the picture has a palette; save it as RGB")
    samples = _SAMPLES[kind]
    tags = _page_tags(height, width, bits, samples) | {259: codecs.PNG, 273: 0, 279: size, 278: height}
    tags |= {338: _ALPHA} if samples in (2, 4) else {}
    return _numbers(file.name, tags) | _resolution(chunks.get(b"pHYs", b"")) | _texts(chunks)


def _resolution(chunk: bytes) -> dict[int, Any]:
    """Pixels per metre as dots per inch."""
    if len(chunk) < 9 or chunk[8] != 1:
        return {}
    across, down = (int.from_bytes(chunk[place : place + 4], "big") * _INCH for place in (0, 4))
    return {282: np.array([across]), 283: np.array([down]), 296: np.array([2])}


def _texts(chunks: dict[bytes, bytes]) -> dict[int, Any]:
    """ICC profile, XMP and the program's name."""
    found: dict[int, Any] = {}
    with suppress(zlib.error):
        _, _, profile = chunks.get(b"iCCP", b"").partition(b"\0")
        inflate = zlib.decompressobj()
        profile = inflate.decompress(profile[1:], PROFILE_BYTES)
        found |= {34675: profile} if profile and inflate.eof else {}
    software = chunks.get(b"tEXt:Software")
    found |= {305: software.decode("latin-1")} if software else {}
    xmp = chunks.get(b"iTXt:XML:com.adobe.xmp", b"")
    exif = chunks.get(b"eXIf", b"")
    return found | ({700: xmp[4:]} if xmp else {}) | ({EXIF_STREAM: exif} if exif else {})


def replace_picture(png: bytes, other: bytes) -> bytes:
    """A PNG file with the picture of another one of its size, type and depth; all other chunks stay.

    An interlaced picture becomes one that is not, as the other.
    """
    pictures = [chunk for name, chunk in _chunks(other) if name == b"IDAT"]
    head = next(chunk for name, chunk in _chunks(other) if name == b"IHDR")
    parts, placed = [PNG_START], False
    for name, chunk in _chunks(png):
        if name != b"IDAT":
            parts.append(head if name == b"IHDR" else chunk)
        elif not placed:
            parts += pictures
            placed = True
    return b"".join(parts)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk of a PNG file."""
    place = len(PNG_START)
    while place + 12 <= len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        yield png[place + 4 : place + 8], png[place:end]
        place = end


def _first_chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks that are read, before the picture and after it; of a text after its keyword."""
    place, left = len(PNG_START), TEXT_BYTES
    for _ in range(MOST_CHUNKS):
        if place + 12 > size:
            return
        file.seek(place)
        head = file.read(8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        place += 12 + length
        if name in _READ and place <= size and length <= left:
            left -= length
            content = file.read(length)
            keyword, _, text = content.partition(b"\0")
            yield (name + b":" + keyword, text) if name in (b"tEXt", b"iTXt") else (name, content)
