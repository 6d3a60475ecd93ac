"""Masks in the file formats of other programs: PNG, and PFM for darktable."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import xarray as xr

from irtoolkit.arrays import store
from irtoolkit.files.mask_names import HEADER_END, MASK_ENDINGS, SOFTWARE
from irtoolkit.files.sources import check_target
from irtoolkit.files.targets import AnyPath, open_own, replacing
from irtoolkit.files.writer import PixelFile, write_mask
from irtoolkit.schema import VERSION, SlideError


def write_mask_as(
    mask_format: str, mask: xr.DataArray, path: AnyPath, *, source: AnyPath, page: tuple[int, ...]
) -> Path:
    """Write a mask (y, x) bool, True = defect, as ``"tiff"`` (`write_mask`), ``"png"`` or ``"pfm"``, atomically.

    PNG is 8-bit gray, 0 clean, 255 defect; PFM has 32-bit numbers, 0 and 1, the last row first. Both have the pixels as
    the slide stores them: these formats have no orientation. A PFM is computed and written block by block.
    """
    if mask_format == "tiff":
        return write_mask(mask, path, source=source, page=page)
    if mask_format not in MASK_ENDINGS:
        raise SlideError(f"mask_format must be one of {', '.join(MASK_ENDINGS)}, not {mask_format!r}")
    check_target(path, [source])
    with replacing(path) as part:
        {"png": _write_png, "pfm": _write_pfm}[mask_format](mask, part)
    return Path(path)


def _write_png(mask: xr.DataArray, part: Path) -> None:
    whole = cv2.imencode(".png", mask.values.astype(np.uint8) * np.uint8(255))[1].tobytes()
    text = b"tEXt" + SOFTWARE + f"{VERSION} (mask)".encode()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    with open_own(part, "r+b") as file:
        file.write(whole[:HEADER_END] + chunk + whole[HEADER_END:])


def _write_pfm(mask: xr.DataArray, part: Path) -> None:
    height, width = mask.shape
    header = f"Pf\n{width} {height}\n-1.0\n".encode()
    with open_own(part, "r+b") as file:
        file.write(header)
    target = PixelFile(part, len(header), (height, width, 1), np.dtype("<f4"))
    upwards = mask.isel(y=slice(None, None, -1)).astype(np.float32).expand_dims(band=1, axis=2)
    store(upwards.chunk().data, target)
