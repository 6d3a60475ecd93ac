"""Masks and healed slides as TIFF files, written block by block and atomically."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
import xarray as xr

from irtoolkit.arrays import store
from irtoolkit.files.directories import Directory, Order, Variant, pack_directory
from irtoolkit.files.encoders import deflate
from irtoolkit.files.tags import GEOMETRY, carried_tags, with_provenance
from irtoolkit.files.targets import AnyPath, check_target, replacing, shorten
from irtoolkit.schema import VERSION, VISIBLE, SlideError

COMPRESSION, PREDICTOR = 259, 317
STRIP_BYTES = 2**20
RAW = ".raw.part"
CLASSIC_BYTES = 2**32 - 2**26  # offsets of 4 bytes, less room for tags and incompressible strips
ENCODERS, AHEAD = 2, 4


def write_mask(
    mask: xr.DataArray | np.ndarray,
    path: AnyPath,
    *,
    source: AnyPath,
    page: tuple[int, ...] = (0,),
    compression: str = "deflate",
) -> Path:
    """Write a mask as a gray TIFF: uint8, 0 clean, 255 defect, orientation and resolution of the colour planes.

    The Software tag names this program, so that later runs do not take the mask for a slide.

    Parameters
    ----------
    mask
        Bool on (y, x), True = defect; NumPy or dask-backed. A graph is computed once, block by block.
    path
        Where to write; folders are created, an earlier file is replaced once the new one is complete.
    source
        The TIFF file of the colour planes; read only.
    page
        Address of the page with the colour planes, ``(0, 1)`` being the second SubIFD of the first page.
    compression
        ``"deflate"`` (with horizontal predictor) or ``"none"``.

    Raises
    ------
    SlideError
        The mask is not bool on (y, x), or the path would be over or next to the source.
    OSError
        For example, the disk is full. An earlier file under `path` stays unchanged.
    """
    mask = mask if isinstance(mask, xr.DataArray) else xr.DataArray(mask, dims=("y", "x"))
    if mask.dtype != bool or set(mask.dims) != {"y", "x"}:
        raise SlideError(f"a mask is bool on (y, x), not {mask.dtype} on {mask.dims}; threshold the score")
    pixels = (mask.astype(np.uint8) * np.uint8(255)).expand_dims("band").transpose("y", "x", "band")
    check_target(path, [source])
    order, tags = carried_tags(source, page)
    kept = {code: tag for code, tag in tags.items() if code in GEOMETRY}
    marked = with_provenance(kept, f"irtoolkit {VERSION} (mask)")
    return _write_picture(pixels, Path(path), marked, order, compression)


def write_healed(
    healed: xr.DataArray,
    path: AnyPath,
    *,
    source: AnyPath,
    page: tuple[int, ...] = (0,),
    compression: str = "none",
    software: str = f"irtoolkit {VERSION}",
    description: str = "",
) -> Path:
    """Write the healed R, G, B as a TIFF of the same bit depth that keeps the tags of its source.

    Kept bit for bit: ICC profile, resolution (even a wrong one), orientation, make, model, date, artist, copyright,
    description, EXIF with maker note, GPS, XMP and IPTC. Dropped: tags of other planes and of raw colour (DNG).

    Parameters
    ----------
    healed
        uint8 or uint16 on (band, y, x) with R, G, B; NumPy or dask-backed. A graph is computed once, block by block.
    path
        Where to write; folders are created, an earlier file is replaced once the new one is complete.
    source
        The TIFF file of the colour planes; read only. Its byte order becomes that of the new file.
    page, compression
        As in `write_mask`.
    software
        Provenance, appended to the source's Software tag.
    description
        Becomes ImageDescription if the source has none.

    Raises
    ------
    SlideError
        The bands or the dtype are wrong, or the path would be over or next to the source.
    OSError
        As in `write_mask`.
    """
    pixels = visible_pixels(healed)
    check_target(path, [source])
    order, tags = carried_tags(source, page)
    return _write_picture(pixels, Path(path), with_provenance(tags, software, description), order, compression)


def visible_pixels(healed: xr.DataArray) -> xr.DataArray:
    """R, G, B of a healed slide on (y, x, band); `SlideError` if the bands or the dtype are wrong."""
    if healed.dtype not in (np.uint8, np.uint16) or set(healed.dims) != {"band", "y", "x"}:
        raise SlideError(
            f"a healed slide is uint8 or uint16 on (band, y, x), not {healed.dtype} on {healed.dims}; "
            "bring it to the dtype of counts"
        )
    if "band" not in healed.coords or not set(VISIBLE) <= set(healed["band"].values.tolist()):
        raise SlideError("a healed slide has the bands R, G, B in its coordinate band; give it the bands of counts")
    return healed.sel(band=list(VISIBLE)).transpose("y", "x", "band")


@dataclass(frozen=True)
class PixelFile:
    """Pixels on (y, x, band) in a file, row after row from byte `start`; blocks of all bands are assigned to slices.

    It holds no open file, so threads and processes may write different blocks at the same time.
    """

    path: Path
    start: int
    shape: tuple[int, int, int]
    dtype: np.dtype

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel."""
        return self.shape[2] * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.shape[1] * self.pixel_bytes

    @property
    def strips(self) -> list[tuple[int, int]]:
        """First row and number of rows of each strip of about a megabyte."""
        rows = max(1, STRIP_BYTES // self.row_bytes)
        return [(first, min(rows, self.shape[0] - first)) for first in range(0, self.shape[0], rows)]

    def __setitem__(self, key: tuple[slice, ...], block: np.ndarray) -> None:
        """Write a block into its rows and columns, a strip at a time, or row by row where it is narrower."""
        top, left = (part.start or 0 for part in key[:2])
        step = self.strips[0][1] if block.shape[1] == self.shape[1] else 1
        with self.path.open("r+b") as file:
            for row in range(0, block.shape[0], step):
                file.seek(self.start + (top + row) * self.row_bytes + left * self.pixel_bytes)
                file.write(np.ascontiguousarray(block[row : row + step], self.dtype).data)

    def read(self, first: int, rows: int) -> np.ndarray:
        """Read whole rows."""
        place, count = self.start + first * self.row_bytes, rows * self.row_bytes // self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, count, offset=place).reshape(rows, *self.shape[1:])


def _write_picture(pixels: xr.DataArray, path: Path, kept: Directory, order: Order, compression: str) -> Path:
    """Write unsigned pixels on (y, x, band) with the tags that are kept."""
    writers = {"none": _write_plain, "deflate": _write_deflated}
    if compression not in writers:
        raise SlideError(f'compression must be "none" or "deflate", not {compression!r}')
    variant = Variant(order, big=pixels.nbytes > CLASSIC_BYTES)
    with replacing(path) as part:
        writers[compression](pixels, part, kept, variant)
    return path


def _write_plain(pixels: xr.DataArray, part: Path, kept: Directory, variant: Variant) -> None:
    """Write header and tags, then each block of pixels straight into its place."""
    height, width, bands = pixels.shape
    target = PixelFile(part, len(variant.header(0)), (height, width, bands), pixels.dtype.newbyteorder(variant.order))
    sizes = [rows * target.row_bytes for _, rows in target.strips]
    with part.open("xb") as file:
        _write_tags(file, target, sizes, kept | {COMPRESSION: variant.shorts(1)}, variant)
    _store(pixels, target)


def _write_deflated(pixels: xr.DataArray, part: Path, kept: Directory, variant: Variant) -> None:
    """Collect the blocks in a scratch file, then write them as strips with horizontal predictor, and the tags."""
    height, width, bands = pixels.shape
    raw = part.with_name(shorten(part.stem, len(RAW)) + RAW)
    scratch = PixelFile(raw, 0, (height, width, bands), pixels.dtype)
    compressed = {COMPRESSION: variant.shorts(8), PREDICTOR: variant.shorts(2)}
    try:
        scratch.path.unlink(missing_ok=True)
        scratch.path.touch()
        _store(pixels, scratch)
        with part.open("xb") as file, closing(_deflated_strips(scratch, variant.order)) as strips:
            file.seek(len(variant.header(0)))
            sizes = [file.write(strip) for strip in strips]
            _write_tags(file, scratch, sizes, kept | compressed, variant)
    finally:
        with suppress(OSError):
            scratch.path.unlink(missing_ok=True)


def _store(pixels: xr.DataArray, target: PixelFile) -> None:
    """Write every pixel, computing a graph once."""
    if pixels.chunks is None:
        target[:, :] = pixels.values
    else:
        store(pixels.data, target)


def _deflated_strips(scratch: PixelFile, order: Order) -> Generator[bytes, None, None]:
    """Encode the strips of a scratch file in order, a few in advance."""
    with ThreadPoolExecutor(ENCODERS) as encoders:
        ahead: deque[Future[bytes]] = deque()
        for first, rows in scratch.strips:
            ahead.append(encoders.submit(_deflate, scratch, first, rows, order))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _deflate(scratch: PixelFile, first: int, rows: int, order: Order) -> bytes:
    """Encode one strip; the differences of the predictor are taken before the bytes change order."""
    differences = imagecodecs.delta_encode(scratch.read(first, rows), axis=1)
    ordered = differences.astype(scratch.dtype.newbyteorder(order))
    return deflate(ordered)


def _write_tags(file: BinaryIO, layout: PixelFile, sizes: list[int], kept: Directory, variant: Variant) -> None:
    """Write the directory after the strips, whose sizes are given, and then the header."""
    height, width, bands = layout.shape
    offsets = [*accumulate(sizes, initial=len(variant.header(0)))]
    place = offsets.pop()
    place += place % 2
    tags = kept | {
        254: variant.longs(0),  # NewSubfileType: a full picture
        256: variant.longs(width),
        257: variant.longs(height),
        258: variant.shorts(*[8 * layout.dtype.itemsize] * bands),
        262: variant.shorts(2 if bands == 3 else 1),  # RGB, or gray with 0 black
        273: variant.offsets(*offsets),
        277: variant.shorts(bands),
        278: variant.longs(layout.strips[0][1]),
        279: variant.offsets(*sizes),
        284: variant.shorts(1),  # samples of a pixel side by side
    }
    file.seek(place)
    file.write(pack_directory(tags, place, variant))
    file.seek(0)
    file.write(variant.header(place))
