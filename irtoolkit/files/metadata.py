"""Scanner, film and resolution from the tags of a scan."""

import html
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Tags = Mapping[int, Any]
Kind = TypeVar("Kind", str, bytes)

UNKNOWN_DPI = 4000.0
# Film is scanned at 600 dpi and more; programs that do not know write 72, 96, 150 or 300.
_CREDIBLE_DPI = (600.0, 20000.0)
_XMP_BYTES, _MOST_ENTRIES = 1 << 20, 1000
_PROPERTY = re.compile(r'Silverfast:(\w{1,40})(?:\s{0,9}=\s{0,9}"([^"]{0,400})"|>([^<]{0,400})<)')
"""A property with its value. All lengths are bounded, so that a search takes a time that is linear in its text."""

LONGEST_TEXT = 400
"""Most characters of a text of a file that is shown."""

_NEGATIVE = ("portra", "ektar", "kodak gold", "ultramax", "colorplus", "superia", "pro 400h", "fujicolor", "vision3")
_POSITIVE = ("kodachrome", "ektachrome", "elite chrome", "velvia", "provia", "astia", "sensia", "agfachrome")


def describe(pages: Sequence[Tags], infrared: Tags | None = None) -> dict[str, str | int | float]:
    """Collect what the tags of a file say, as plain values; the first page that has a tag counts.

    The keys are scanner, film, software, dpi, dpi_note (why `dpi` is assumed, or ""), gamma (only where stated),
    polarity ("negative", "positive" or ""), orientation (TIFF tag 274) and profile (name of the ICC profile).
    `dpi` is the ScanRes of SilverFast's XMP, else the first credible resolution: of the infrared page, then of `pages`.

    Examples
    --------
    >>> describe([{271: "Plustek", 272: "OpticFilm 8300i"}])["scanner"]
    'Plustek OpticFilm 8300i'
    """
    stated = _silverfast(_first(pages, 700, bytes))
    film = " ".join(filter(None, (stated.get(key) for key in ("FilmVendor", "FilmBrand", "FilmType"))))
    dpi, note = _resolution(_number(stated.get("ScanRes", "")), [infrared or {}, *pages])
    found: dict[str, str | int | float] = {
        "scanner": plain(_scanner(_first(pages, 271, str), _first(pages, 272, str))),
        "film": plain(film),
        "software": plain(_first(pages, 305, str)),
        "dpi": dpi,
        "dpi_note": note,
        "polarity": _polarity(stated.get("Negative", ""), film),
        "orientation": _orientation(pages),
        "profile": plain(profile_name(_first(pages, 34675, bytes))),
    }
    gamma = _number(stated.get("Gamma", ""))
    return found | {"gamma": gamma} if gamma > 0 else found


def plain(text: str) -> str:
    r"""A text of a file as it may be shown: one line without control characters, a long one without its middle.

    >>> plain("Plustek\x1b[31m\n8300i")
    'Plustek [31m 8300i'
    """
    half = LONGEST_TEXT // 2
    short = text if len(text) <= LONGEST_TEXT else f"{text[: half - 2]} \u2026 {text[-half + 1 :]}"
    return "".join(char if char.isprintable() else " " for char in short).strip()


def profile_name(profile: bytes) -> str:
    """Name of an ICC profile, from its description tag (ICC.1:2001 6.5.17, ICC.1:2022 10.15); "" where unreadable."""
    count = min(int.from_bytes(profile[128:132], "big"), _MOST_ENTRIES)
    for entry in range(132, min(132 + 12 * count, len(profile)), 12):
        if profile[entry : entry + 4] == b"desc" and entry + 12 <= len(profile):
            offset, size = struct.unpack_from(">II", profile, entry + 4)
            return _description(profile[offset : offset + size])
    return ""


def _description(tag: bytes) -> str:
    """Text of an ICC description, in either of its two forms."""
    if tag[:4] == b"desc":
        return tag[12 : 12 + int.from_bytes(tag[8:12], "big")].partition(b"\0")[0].decode("latin-1").strip()
    if tag[:4] == b"mluc" and len(tag) >= 28:
        length, offset = struct.unpack_from(">II", tag, 20)
        return tag[offset : offset + length].decode("utf-16-be", "replace").strip("\0 ")
    return ""


def _first(pages: Sequence[Tags], code: int, kind: type[Kind]) -> Kind:
    """First value of a tag that is of this kind and not empty."""
    return next((tags[code] for tags in pages if isinstance(tags.get(code), kind) and tags[code]), kind())


def _silverfast(xmp: bytes) -> dict[str, str]:
    """SilverFast's own properties, each written as attribute or as element; the first of a name counts."""
    found: dict[str, str] = {}
    for name, attribute, element in _PROPERTY.findall(xmp[:_XMP_BYTES].decode("utf-8", "replace")):
        found.setdefault(name, html.unescape(attribute or element).strip())
    return found


def _number(text: str) -> float:
    """Number in a text, 0.0 where there is none."""
    found = re.match(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else 0.0


def _resolution(stated: float, pages: Sequence[Tags]) -> tuple[float, str]:
    """First credible resolution in dots per inch, or an assumed one with a note."""
    found = [stated, *(_tagged_resolution(tags) for tags in pages)]
    lowest, highest = _CREDIBLE_DPI
    credible = [dpi for dpi in found if lowest <= dpi <= highest]
    if credible:
        return credible[0], ""
    others = sorted({f"{dpi:g}" for dpi in found if dpi > 0})
    statement = f"the file states {', '.join(others)} dpi, not credible for film" if others else "the file states none"
    return UNKNOWN_DPI, f"{statement}; {UNKNOWN_DPI:g} assumed"


def _tagged_resolution(tags: Tags) -> float:
    """XResolution in dots per inch, 0.0 where there is none."""
    return _value(tags, 282, 0.0) * {2: 1.0, 3: 2.54}.get(int(_value(tags, 296, 2)), 0.0)


def _value(tags: Tags, code: int, default: float) -> float:
    """First number of a tag."""
    values = tags.get(code)
    return float(values[0]) if isinstance(values, np.ndarray) and values.size else default


def _scanner(make: str, model: str) -> str:
    """Make and model, the make once."""
    return model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()


def _polarity(negative: str, film: str) -> str:
    """Polarity from SilverFast's metadata, otherwise from the name of the film."""
    if negative:
        return {"yes": "negative", "no": "positive"}.get(negative.casefold(), "")
    if any(name in film.casefold() for name in _NEGATIVE):
        return "negative"
    return "positive" if any(name in film.casefold() for name in _POSITIVE) else ""


def _orientation(pages: Sequence[Tags]) -> int:
    """Orientation (tag 274): 1 as stored, up to 8."""
    stated = int(next((_value(tags, 274, 1) for tags in pages if 274 in tags), 1))
    return stated if 1 <= stated <= 8 else 1
