"""Fill windows around defects from their clean pixels, with any method of `settings.INPAINTING_METHODS`."""

from collections.abc import Sequence
from importlib.util import find_spec

import cv2
import numpy as np

from irtoolkit.healing.gmic import Window, find_gmic, run_gmic
from irtoolkit.schema import SlideError
from irtoolkit.settings import INPAINTING_METHODS

OPENCV = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}
RADIUS = 3
RELAXATIONS, MIN_CLEAN = 2, np.float32(1e-3)
UNITS = np.float32(1024)
"""Units per count for OpenCV, whose Telea errs by up to two units."""
GMIC = "gmic:"
MAX_PIXELS = 1 << 14
"""Masked pixels of a window that a slow method fills at full resolution, in under a second."""


def check_method(method: str) -> None:
    """Refuse a method whose program or library is not installed; the `SlideError` says how to install it."""
    if method.startswith(GMIC):
        find_gmic()
    if method == "biharmonic" and not find_spec("skimage"):
        raise SlideError(
            "scikit-image, which the method biharmonic needs, is not installed; install it (pip install"
            " 'irtoolkit[biharmonic]'), or heal with another method"
        )


def fill_smoothly(planes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the masked pixels (y, x) of float32 planes (3, y, x) with a surface close to a membrane.

    Takes means of clean pixels in ever larger squares, and relaxes each twice from coarse to fine (pull and push:
    Gortler and others 1996, doi:10.1145/237170.237200). Faster than ``"telea"``.
    """
    clean = (~mask).astype(np.float32)
    return np.ascontiguousarray(_pull_and_push(np.stack([*(planes * clean), clean], axis=-1)).transpose(2, 0, 1))


def _pull_and_push(sums: np.ndarray) -> np.ndarray:
    """Fill (y, x, 3) from the sums over clean pixels (y, x, 3) and, last, their share."""
    holes, (height, width) = np.flatnonzero(sums[..., 3] <= MIN_CLEAN), sums.shape[:2]
    mean = sums[..., :3] / np.maximum(sums[..., 3:], MIN_CLEAN)
    if not holes.size or height == width == 1:
        return mean
    half = cv2.resize(sums, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    fill = cv2.resize(_pull_and_push(half), (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = mean.reshape(-1, 3)
    pixels[holes] = fill.reshape(-1, 3).take(holes, axis=0)
    for _ in range(RELAXATIONS):
        pixels[holes] = cv2.blur(mean, (3, 3)).reshape(-1, 3).take(holes, axis=0)
    return mean


def inpaint(planes: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Fill the masked pixels of one window.

    Parameters
    ----------
    planes
        Counts (band, y, x), float32.
    mask
        (y, x) bool, True = to be filled; `planes` are ignored there.
    method
        One of `settings.INPAINTING_METHODS`:

        - ``"telea"``: fast marching, 3 px (2004, doi:10.1080/10867651.2004.10487596);
        - ``"navier-stokes"``: continued isophotes, 3 px (Bertalmio and others 2001, doi:10.1109/CVPR.2001.990497);
        - ``"biharmonic"``: smoothest surface through the rim (Damelin and Hoang 2018, doi:10.1155/2018/3950312);
        - ``"gmic:..."``: that command of G'MIC on Telea's fill, which stays where the command fills nothing.

        Methods other than OpenCV's first two fill a mask of more than `MAX_PIXELS` at half, a quarter, ... of the
        resolution until at most so many are left: time stays bounded, and wide holes get no fine detail.

    Returns
    -------
    numpy.ndarray
        Planes, float32, unchanged at clean pixels; all unchanged if no pixel is clean.

    Raises
    ------
    SlideError
        Unknown method, or G'MIC is missing or failed.
    """
    return inpaint_windows([(planes, mask)], method)[0]


def inpaint_windows(windows: Sequence[Window], method: str) -> list[np.ndarray]:
    """Fill each of many windows as `inpaint` does, with one run of G'MIC for all."""
    if method not in INPAINTING_METHODS:
        raise SlideError(f"inpainting method must be one of {', '.join(INPAINTING_METHODS)}, not {method!r}")
    factors = [1 if method in OPENCV else _coarseness(mask) for _, mask in windows]
    coarse = [_shrink(*window, factor) for window, factor in zip(windows, factors, strict=True)]
    open_places = [place for place, (_, mask) in enumerate(coarse) if mask.any() and not mask.all()]
    filled = [planes for planes, _ in coarse]
    for place, planes in zip(open_places, _fill([coarse[place] for place in open_places], method), strict=True):
        filled[place] = planes
    return [
        np.where(mask, _enlarge(fill, factor, mask.shape), planes)
        for fill, factor, (planes, mask) in zip(filled, factors, windows, strict=True)
    ]


def _fill(windows: Sequence[Window], method: str) -> list[np.ndarray]:
    if method in OPENCV:
        return [_fill_by_opencv(*window, OPENCV[method]) for window in windows]
    if method == "biharmonic":
        return [_fill_biharmonic(*window) for window in windows]
    begun = [(_fill_by_opencv(*window, cv2.INPAINT_TELEA), window[1]) for window in windows]
    return run_gmic(begun, method.removeprefix(GMIC)) if begun else []


def _fill_by_opencv(planes: np.ndarray, mask: np.ndarray, flag: int) -> np.ndarray:
    hole = mask.astype(np.uint8)
    return np.stack([cv2.inpaint(np.where(mask, 0, band) * UNITS, hole, RADIUS, flag) / UNITS for band in planes])


def _fill_biharmonic(planes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Solve in float64, as float32 errs in wide holes (`docs/method.md`)."""
    from skimage.restoration import inpaint_biharmonic

    known = np.where(mask, 0, planes).astype(np.float64)
    return inpaint_biharmonic(known, mask, channel_axis=0).astype(np.float32)


def _coarseness(mask: np.ndarray) -> int:
    """Power of two by which a window must shrink to keep at most `MAX_PIXELS` masked pixels; 1 if none is clean."""
    factor = 1
    while not mask.all() and np.count_nonzero(mask) > MAX_PIXELS * factor**2:
        factor *= 2
    return factor


def _shrink(planes: np.ndarray, mask: np.ndarray, factor: int) -> Window:
    """Means of the clean pixels in squares of `factor` pixels, and a mask of the squares without any."""
    if factor == 1:
        return planes, mask
    clean, sums = _sums(~mask, factor), _sums(np.where(mask, 0, planes), factor)
    return (sums / np.maximum(clean, 1)).astype(np.float32), clean == 0


def _sums(planes: np.ndarray, side: int) -> np.ndarray:
    """Sums over squares of `side` pixels of the last two axes; those that reach over the edge hold what is there."""
    height, width = planes.shape[-2:]
    padded = np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(0, -height % side), (0, -width % side)])
    rows, columns = padded.shape[-2] // side, padded.shape[-1] // side
    return padded.reshape(*planes.shape[:-2], rows, side, columns, side).sum(axis=(-3, -1), dtype=np.float64)


def _enlarge(planes: np.ndarray, factor: int, shape: tuple[int, ...]) -> np.ndarray:
    if factor == 1:
        return planes
    rows, columns = (factor * length for length in planes.shape[1:])
    large = [cv2.resize(band, (columns, rows), interpolation=cv2.INTER_LINEAR) for band in planes]
    return np.stack(large)[:, : shape[0], : shape[1]]
