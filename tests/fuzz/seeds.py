"""The whole files that are damaged: small slides in every layout, variant of TIFF, compression and format."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from irtoolkit.synthetic.scanner_files import LAYOUTS, write_scanner_file
from tests.odd_files import DNG, VERSION, dng, lossless_jpeg, rgbi, write_png

Writer = Callable[[Path, np.ndarray], object]


def _scanner(name: str, **storage: object) -> Writer:
    return lambda path, counts: write_scanner_file(path, counts, name, profile=profile(), **storage)


def profile() -> bytes:
    """An ICC profile of which only the name is there."""
    text = b"desc" + bytes(4) + struct.pack(">I", 9) + b"Film RGB\0"
    head = bytes(16) + b"RGB " + bytes(108)
    return head + struct.pack(">I4sII", 1, b"desc", len(head) + 16, len(text)) + text


def _levels(path: Path, counts: np.ndarray) -> None:
    height, width = counts.shape[1:]
    table = tuple(range(0, 65536, 16))
    tags = [(50712, "H", 4096, table, True), (50714, "H", 3, (9, 9, 9), True), (50717, "I", 3, (65535,) * 3, True)]
    tags += [(50829, "I", 4, (2, 3, height - 2, width - 3), True), (50719, "I", 2, (4, 1), True)]
    tags += [(50720, "I", 2, (width - 12, height - 8), True), (50713, "H", 2, (1, 1), True)]
    dng(path, np.moveaxis(counts[:3] // 16, 0, -1), tags, counts[3])


def _lossless_jpeg(path: Path, counts: np.ndarray) -> None:
    pixels = np.moveaxis(counts, 0, -1)[:32, :48]
    tiles = (lossless_jpeg(pixels[y : y + 16, x : x + 16]) for y in range(0, 32, 16) for x in range(0, 48, 16))
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 16), "compression": 7, "extrasamples": [0]}
    tifffile.imwrite(path, tiles, shape=(32, 48, 4), dtype=np.uint16, metadata=None, extratags=[VERSION], **storage)


def _frames(path: Path, counts: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(3):
            tiff.write(np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
            tiff.write(counts[3], photometric="miniswhite", metadata=None, extratags=[(274, "H", 1, 3, True)])


def _planar(path: Path, counts: np.ndarray) -> None:
    tifffile.imwrite(path, counts, photometric="rgb", planarconfig="separate", extrasamples=[0], metadata=None)


def _png(path: Path, counts: np.ndarray) -> None:
    chunks = [(b"iCCP", b"a\0\0" + zlib.compress(profile())), (b"pHYs", struct.pack(">IIB", 157480, 157480, 1))]
    chunks += [(b"tEXt", b"Software\0SANE"), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)]
    write_png(path, np.moveaxis(counts[:3], 0, -1), metadata=chunks)
    write_png(path.with_name(f"{path.stem}_IR.png"), counts[3])


def _map(path: Path, counts: np.ndarray) -> None:
    height, width = counts.shape[1:]
    size = f"{width} {height}\n4095\n".encode()
    path.write_bytes(b"P6\n" + size + np.moveaxis(counts[:3] // 16, 0, -1).astype(">u2").tobytes())
    path.with_name(f"{path.stem}_IR.pgm").write_bytes(b"P5\n" + size + (counts[3] // 16).astype(">u2").tobytes())


def _samples(compression: str, tile: tuple[int, int] | None, dtype: type = np.uint16, **options: object) -> Writer:
    def write(path: Path, counts: np.ndarray) -> None:
        codes = (counts // (257 if dtype is np.uint8 else 1)).astype(dtype)
        rgbi(path, codes, compression=compression, tile=tile, **options)

    return write


XMP = b'<x:xmpmeta xmlns:Silverfast="LSI/"><Silverfast:ScanRes>4000</Silverfast:ScanRes></x:xmpmeta>'

SEEDS: dict[str, Writer] = {name: _scanner(name) for name in LAYOUTS}
SEEDS |= {f"{name}-big": _scanner(name, bigtiff=True) for name in ("vuescan-rgbi", "silverfast-hdri", "vuescan-dng")}
SEEDS |= {f"{name}-motorola": _scanner(name, byteorder=">") for name in ("silverfast-hdri-preview", "silverfast-dng")}
SEEDS |= {name: _samples(name, (16, 32)) for name in ("zstd", "lzma", "jpeg2000", "jpegxl", "lzw", "png", "packbits")}
SEEDS |= {
    "deflate": _samples("zlib", None, predictor=True, rowsperstrip=16),
    "webp": _samples("webp", (16, 32), np.uint8, compressionargs={"lossless": True}),
    "tiles": _samples("none", (16, 32), bigtiff=True, byteorder=">"),
    "levels": _levels,
    "lossless-jpeg": _lossless_jpeg,
    "frames": _frames,
    "planar": _planar,
    "png-files": _png,
    "ppm": _map,
}
"""Writers of a slide of counts (band, y, x) of 16 bits by the name of its kind."""

ENDINGS = {"png-files": ".png", "ppm": ".ppm"}


def write_seed(kind: str, folder: Path, counts: np.ndarray) -> list[Path]:
    """Write a slide of one kind into an empty folder, and return its files, the slide first."""
    path = folder / f"a{ENDINGS.get(kind, '.tif')}"
    SEEDS[kind](path, counts)
    return [path, *sorted(set(folder.iterdir()) - {path})]
