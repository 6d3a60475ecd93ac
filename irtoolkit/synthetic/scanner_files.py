"""Writing of pictures in the file layouts of scanner programs, for synthetic rolls, demonstrations and tests."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from irtoolkit.schema import SlideError
from irtoolkit.synthetic.tiff_files import (
    Storage,
    Tag,
    TiffPage,
    longs,
    opaque,
    ratios,
    shorts,
    signed_ratios,
    text,
    write_tiff,
)

LAYOUTS = (
    "vuescan-rgbi",
    "vuescan-rgbi-untagged",
    "silverfast-hdri",
    "silverfast-hdri-preview",
    "vuescan-dng",
    "silverfast-dng",
    "sidecar",
    "sidecar-pgm",
    "gray",
    "rgba",
    "rgb",
)

_RGB, _GRAY, _LINEAR_RAW = 2, 1, 34892
_FOURTH_SAMPLE: dict[str, dict[int, Tag]] = {
    "vuescan-rgbi": {338: shorts(0)},
    "vuescan-rgbi-untagged": {},
    "rgba": {338: shorts(2)},
}
"""ExtraSamples of the layouts with four samples."""

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Silverfast="LSI/" Silverfast:Company="LaserSoft Imaging"
 Silverfast:ScanRes="{dpi}" Silverfast:HDRScan="Yes" Silverfast:Negative="{negative}"
 Silverfast:FilmVendor="{vendor}" Silverfast:FilmBrand="{brand}" Silverfast:FilmType="{kind}"
 Silverfast:Gamma="1"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


@dataclass(frozen=True, eq=False)
class _Scan:
    """Data that a scanner program saves for a slide; planes over (y, x, sample)."""

    colour: np.ndarray
    infrared: np.ndarray
    dpi: int
    film: str
    polarity: str
    orientation: int
    profile: bytes

    @property
    def all_samples(self) -> np.ndarray:
        return np.concatenate([self.colour, self.infrared], axis=2)


def write_scanner_file(
    path: str | os.PathLike[str],
    counts: np.ndarray,
    layout: str = "vuescan-rgbi",
    *,
    infrared: np.ndarray | None = None,
    dpi: int = 4000,
    film: str = "Kodak Ektachrome 100",
    polarity: str = "positive",
    orientation: int = 1,
    profile: bytes = b"",
    **storage: Any,
) -> list[Path]:
    """Write a slide as a scanner program would, and return the files written, the slide first.

    Parameters
    ----------
    path
        Name of the slide; sidecars get ``_IR`` after its stem.
    counts
        R, G, B, IR over (band, y, x), uint8 or uint16.
    layout
        One of `LAYOUTS`. ``"gray"`` stores G and IR; ``"rgba"`` stores IR marked as alpha; ``"rgb"`` drops it.
    infrared
        Counts over (y, x) to store as infrared instead of ``counts[3]``; may differ in size or type where it has a
        page or file of its own.
    dpi, film, polarity, orientation, profile
        Values of the tags. SilverFast writes the true resolution, film and polarity to XMP only, and 300 dpi elsewhere.
    storage
        Fields of `Storage`: how pixels are stored. Strips have 1 row for SilverFast and 64 elsewhere, if not given.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_scanner_file(f"{folder}/a.tif", np.zeros((4, 2, 3), np.uint8), "sidecar")]
    ['a.tif', 'a_IR.tif']
    """
    path = Path(path)
    if layout not in LAYOUTS:
        raise SlideError(f"layout must be one of {', '.join(LAYOUTS)}; not {layout!r}")
    planes = np.moveaxis(counts[:3], 0, 2), (counts[3] if infrared is None else infrared)[..., None]
    scan = _Scan(*planes, dpi, film, polarity, orientation, profile)
    stored = Storage(**{"rows_per_strip": 1 if "silverfast" in layout else 64} | storage)
    write_tiff(path, _pages(scan, layout), stored)
    if layout == "sidecar":
        beside = path.with_name(f"{path.stem}_IR{path.suffix}")
        write_tiff(beside, [TiffPage(scan.infrared, {262: shorts(_GRAY)} | _resolution(dpi))], stored)
        return [path, beside]
    return [path, _write_graymap(path.with_name(f"{path.stem}_IR.pgm"), scan.infrared)] if "pgm" in layout else [path]


def _pages(scan: _Scan, layout: str) -> list[TiffPage]:
    """Pages of the slide's own file."""
    vuescan = {254: longs(0), 262: shorts(_RGB)} | _vuescan_tags(scan)
    if layout in _FOURTH_SAMPLE:
        return [TiffPage(scan.all_samples, vuescan | _FOURTH_SAMPLE[layout])]
    if layout == "vuescan-dng":
        return [_vuescan_dng(scan)]
    gray = replace(scan, colour=scan.colour[..., 1:2])
    main = TiffPage(scan.colour, {254: longs(0), 262: shorts(_LINEAR_RAW)})
    preview, infrared = _reduced_page(scan.colour[::4, ::4]), _infrared_page(scan)
    pages = {
        "silverfast-hdri": [_silverfast_page(scan), infrared],
        "silverfast-hdri-preview": [_silverfast_page(scan), preview, infrared],
        "gray": [_silverfast_page(gray), infrared],
        "silverfast-dng": [_silverfast_dng(scan, main), preview, infrared],
    }
    return pages.get(layout, [TiffPage(scan.colour, vuescan)])


def _resolution(dpi: int) -> dict[int, Tag]:
    return {282: ratios(dpi, 1), 283: ratios(dpi, 1), 296: shorts(2)}


def _common_tags(scan: _Scan, make: str, model: str, software: str) -> dict[int, Tag]:
    """Tags written by every program."""
    tags = {271: text(make), 272: text(model), 274: shorts(scan.orientation), 305: text(software)}
    return tags | ({34675: opaque(scan.profile, 7)} if scan.profile else {})


def _vuescan_tags(scan: _Scan) -> dict[int, Tag]:
    """Tags of VueScan."""
    tags = _common_tags(scan, "Nikon", "LS-5000 ED", "VueScan 9 x64 (9.8.24)")
    return tags | _resolution(scan.dpi) | {306: text("2025:03:14 15:09:26")}


def _silverfast_tags(scan: _Scan) -> dict[int, Tag]:
    """Tags of SilverFast: always 300 dpi, the true resolution in XMP, dates with the day first."""
    vendor, brand, kind = (*scan.film.split(" ", 2), "", "", "")[:3]
    negative = "Yes" if scan.polarity == "negative" else "No"
    xmp = _XMP.format(dpi=scan.dpi, negative=negative, vendor=vendor, brand=brand, kind=kind)
    tags = _common_tags(scan, "Plustek", "OpticFilm 8300i", "SilverFast 9.2.8 e7a170cae6 (Dec 29 2025)")
    tags |= _resolution(300) | {306: text("14.03.2025 15:09:26"), 700: opaque(xmp.encode())}
    tags |= {33723: longs(0x1C015A00, 0x031B2547), 35243: opaque(b"\x001")}
    return tags | {35244: opaque(vendor.encode().ljust(288, b"\0"))}


def _silverfast_page(scan: _Scan) -> TiffPage:
    """Picture page of a SilverFast HDRi file."""
    photometric = _RGB if scan.colour.shape[2] == 3 else _GRAY
    tags = {254: longs(0), 262: shorts(photometric)} | _silverfast_tags(scan)
    return TiffPage(scan.colour, tags, exif={37500: opaque(b"LSI1\0" + bytes(27), 7)})


def _infrared_page(scan: _Scan) -> TiffPage:
    """Infrared page of SilverFast: marked as a mask, with the actual resolution of the carriage."""
    resolution = ratios(4294967295, round(4294967295 / (scan.dpi * 0.996)))
    tags = {254: longs(4), 262: shorts(_GRAY), 282: resolution, 283: resolution, 296: shorts(2)}
    return TiffPage(scan.infrared, tags)


def _reduced_page(colour: np.ndarray) -> TiffPage:
    """Preview in colour."""
    return TiffPage(colour, {254: longs(1), 262: shorts(_RGB)})


def _vuescan_dng(scan: _Scan) -> TiffPage:
    """Thumbnail of 8 bits whose SubIFD is the scan with four samples."""
    matrix = signed_ratios(*(number for row in (0, 1, 2, 1) for i in range(3) for number in (int(i == row), 1)))
    white = (65535 if scan.colour.itemsize == 2 else 255,) * 4
    main = {254: longs(0), 262: shorts(_LINEAR_RAW), 280: shorts(0, 0, 0, 0), 281: shorts(*white)}
    tags = {254: longs(1), 262: shorts(_RGB), 50706: opaque(b"\1\4\0\0"), 50708: text("Nikon LS-5000 ED")}
    tags |= _vuescan_tags(scan) | {50721: matrix, 50729: ratios(3457, 10000, 3585, 10000)}
    return TiffPage(_thumbnail(scan.colour), tags, [TiffPage(scan.all_samples, main)])


def _silverfast_dng(scan: _Scan, main: TiffPage) -> TiffPage:
    """Thumbnail of 16 bits whose SubIFD is the scan in colour."""
    tags = {254: longs(1), 262: shorts(_RGB), 50706: opaque(b"\1\4\0\0"), 50708: text("Plustek OpticFilm 8300i")}
    return TiffPage(scan.colour[::8, ::8], tags | _silverfast_tags(scan), [main])


def _thumbnail(colour: np.ndarray) -> np.ndarray:
    """Every eighth pixel with 8 bits."""
    return (colour[::8, ::8] // (257 if colour.itemsize == 2 else 1)).astype(np.uint8)


def _write_graymap(path: Path, infrared: np.ndarray) -> Path:
    """Write a binary PGM file, as SANE's programs do."""
    height, width, _ = infrared.shape
    white = 255 if infrared.itemsize == 1 else 65535
    header = f"P5\n# SANE data follows\n{width} {height}\n{white}\n".encode()
    path.write_bytes(header + infrared.astype(infrared.dtype.newbyteorder(">")).tobytes())
    return path
