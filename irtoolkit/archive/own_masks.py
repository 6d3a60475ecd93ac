"""Masks that a person drew or edited, by which slides are healed instead of automatic marks."""

import math
import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from irtoolkit.files import AnyPath, turn_between
from irtoolkit.schema import SlideError

ENDINGS = ("_mask.tif", "_mask.tiff", "_mask.png")
WHITE_IS_ZERO, PALETTE = 0, 3

PNG_SIZES, MOST_PADDED = 16, 2**22
"""Byte of a PNG file where its width and height are; samples of the largest tile on a small picture."""


class Image(NamedTuple):
    """Samples (y, x, sample) of a picture as a share of full scale, and its orientation, None where it has none."""

    samples: NDArray[np.float32]
    orientation: int | None


def find_own_mask(folder: AnyPath | None, name: str) -> Path | None:
    """The mask in a folder for the slide whose outputs are called `name`, the latest if there are several."""
    files = [Path(folder, name + ending) for ending in ENDINGS] if folder else []
    return max((file for file in files if file.is_file()), key=lambda file: file.stat().st_mtime_ns, default=None)


def identify_mask(file: Path | None) -> str:
    """Text that differs between masks and changes with a mask; "" without one."""
    return f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" if file else ""


def note_mask(folder: AnyPath | None, name: str) -> str:
    """Which mask in a folder, if one is given, a slide is healed by, in words."""
    file = find_own_mask(folder, name)
    if file:
        return f"healed by a mask of its own: {file.name}"
    return f"no mask of its own in {folder}: marked automatically" if folder else ""


def read_own_mask(file: Path, shape: tuple[int, int], orientation: int) -> NDArray[np.bool_]:
    """Read a mask (y, x) bool, True = defect, as the pixels of its slide are stored.

    Parameters
    ----------
    file
        TIFF or PNG of gray or colour; what is lighter than half, by the mean of the colours, is a defect. Transparency
        counts only where the colours are the same everywhere.
    shape, orientation
        Rows and columns of the slide as stored, and its TIFF orientation. A mask with an orientation of its own is
        turned as the slide is; one without is as stored, or upright if only so its size is that of the slide.

    Raises
    ------
    SlideError
        The file is no such picture, or has another size.
    """
    image = _read(file, shape)
    marked = _mark(image.samples)
    own = image.orientation or (orientation if marked.shape == shape else 1)
    stored = turn_between(own, orientation).apply(marked)
    if stored.shape == shape:
        return stored
    if marked.shape == shape:
        return marked
    raise _wrong_size(file, marked.shape, shape)


def _wrong_size(file: Path, found: tuple[int, ...], shape: tuple[int, int]) -> SlideError:
    sizes = f"{found[0]} x {found[1]} against {shape[0]} x {shape[1]} rows x columns"
    return SlideError(f"{file}: this mask and its slide differ in size; save it in the size of the slide ({sizes})")


def _mark(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is lighter than half; of constant colours, what is less than half transparent."""
    colours = samples[..., : 3 if samples.shape[2] >= 3 else 1].mean(axis=2)
    alpha = samples[..., -1] if samples.shape[2] in (2, 4) else colours
    chosen = alpha if np.ptp(colours) == 0 and np.ptp(alpha) > 0 else colours
    return np.asarray(chosen > 0.5)


def _read(file: Path, shape: tuple[int, int]) -> Image:
    """The picture; its size is looked at before its pixels are read, so that a damaged file needs no more memory."""
    advice = "save the mask as an 8-bit TIFF or PNG, gray or RGB"
    try:
        image = _read_png(file, shape) if file.suffix.lower() == ".png" else _read_tiff(file, shape)
    except (SlideError, OSError):
        raise
    except Exception as error:
        raise SlideError(f"{file}: this mask cannot be read; {advice} ({error})") from error
    if image.samples.ndim != 3 or not 1 <= image.samples.shape[2] <= 4:
        raise SlideError(f"{file}: this is no gray or RGB picture; {advice} (its shape is {image.samples.shape})")
    return image


def _read_png(file: Path, shape: tuple[int, int]) -> Image:
    with file.open("rb") as png:
        width, height = struct.unpack_from(">II", png.read(PNG_SIZES + 8), PNG_SIZES)
    if {height, width} != {*shape}:
        raise _wrong_size(file, (height, width), shape)
    picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("it is damaged or no PNG file")
    return Image(_share(picture.reshape(*picture.shape[:2], -1)), None)


def _read_tiff(file: Path, shape: tuple[int, int]) -> Image:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if {page.imagelength, page.imagewidth} != {*shape}:
            raise _wrong_size(file, (page.imagelength, page.imagewidth), shape)
        if page.samplesperpixel > 4 or math.prod(page.chunks) > MOST_PADDED + 4 * math.prod(shape):
            raise ValueError(f"its shape is {page.shape}, in tiles of {page.chunks}")
        if page.photometric == PALETTE:
            raise ValueError("it has a palette")
        samples = _share(page.asarray())
        samples = np.moveaxis(samples, 0, -1) if page.axes.startswith("S") else samples
        samples = samples if samples.ndim > 2 else samples[..., None]
        tag = page.tags.get(274)
        return Image(1 - samples if page.photometric == WHITE_IS_ZERO else samples, tag and int(tag.value))


def _share(samples: np.ndarray) -> NDArray[np.float32]:
    """Samples as a share of full scale."""
    if samples.dtype == bool or samples.dtype.kind == "f":
        return samples.astype(np.float32)
    return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)
