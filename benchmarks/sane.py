"""SANE's search for dust in the infrared, and its healing: its own code where that is installed, and written anew.

Both follow the order of SANE's pieusb backend: take red out of the infrared, then mark what is darker than the lower of
Yen's and Otsu's thresholds or far from its local mean. Masks are bool (y, x), True at a defect, before the backend
grows them; `grow_like_sane` is that step, and `fill_like_sane` and `fill_with_sane` the last, its healing.
"""

import ctypes
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import distance_transform_cdt
from skimage.filters import threshold_otsu, threshold_yen

FULL_SCALE = 65535
BINS = 256
DRAWS, SEED = 40_000, 1
FLAT, NOISY = 20, 100
"""Deviations, in levels of 256, that are dirt where the infrared is flat and where it varies most."""

FARTHEST = 500
"""Manhattan distance in pixels beyond which SANE leaves a marked pixel as it is."""

FOLDERS = ("lib/*/sane", "lib/sane", "lib64/sane", "local/lib/*/sane", "local/lib/sane", "local/lib64/sane")
"""Where systems keep SANE's backends, under /usr."""


class Parameters(ctypes.Structure):
    """SANE_Parameters of the SANE standard 1.06, section 4.3.8: here one plane of 16 bits."""

    _fields_ = tuple(
        (name, ctypes.c_int) for name in ("format", "last_frame", "bytes_per_line", "pixels_per_line", "lines", "depth")
    )


def detect_like_sane(counts: np.ndarray, dpi: int) -> np.ndarray:
    """Mask of SANE's chain written anew, from counts (band, y, x) in the order R, G, B, IR; its draw is seeded."""
    if np.ptp(counts[3]) == 0:
        return np.zeros(counts[3].shape, bool)
    infrared = spectral_clean(counts[0], counts[3])
    static = min(histogram_thresholds(infrared, (threshold_yen, threshold_otsu)), default=-1)
    return far_from_mean(infrared, dpi) | (infrared <= static)


def grow_like_sane(mask: np.ndarray, dpi: int) -> np.ndarray:
    """A mask grown by a Manhattan distance of dpi / 1000 + 1 pixels, all of which SANE replaces."""
    reach = np.abs(np.arange(-(dpi // 1000) - 1, dpi // 1000 + 2))
    diamond = (reach[:, None] + reach <= reach[0]).astype(np.uint8)
    return cv2.dilate(mask.astype(np.uint8), diamond).astype(bool)


def detect_grown_like_sane(counts: np.ndarray, dpi: int) -> np.ndarray:
    """Every pixel that SANE's chain would replace."""
    return grow_like_sane(detect_like_sane(counts, dpi), dpi)


def fill_like_sane(visible: np.ndarray, mask: np.ndarray, dpi: int) -> np.ndarray:
    """Visible counts (band, y, x) with the mask replaced, not grown: the nearest clean pixels' counts, then their mean.

    Nearest by Manhattan distance, where SANE draws between equals; the mean is over `fill_width` pixels.
    """
    if mask.all():
        return visible
    nearest = distance_transform_cdt(mask, "taxicab", return_distances=False, return_indices=True)
    carried = visible[:, nearest[0], nearest[1]]
    means = np.stack([np.floor(box_mean(plane, fill_width(dpi))) for plane in carried.astype(np.float64)])
    return np.asarray(np.where(mask, means, visible), visible.dtype)


def fill_width(dpi: int) -> int:
    """Odd width in pixels of the square that SANE takes the mean of a filled place over."""
    return max(dpi // 540 | 1, 3)


def spectral_clean(red: np.ndarray, infrared: np.ndarray) -> np.ndarray:
    """Infrared less its least-squares part in ln red over drawn bright pixels, stretched to whole counts, float64."""
    thresholds = histogram_thresholds(infrared, (threshold_yen, threshold_otsu, threshold_entropy))
    bright = np.flatnonzero(infrared > min(thresholds, default=0) // 2)
    drawn = np.random.default_rng(SEED).choice(bright, min(DRAWS, infrared.size // 2))
    log_red = np.log(np.maximum(red, 1), dtype=np.float64)
    centred = log_red.flat[drawn] - log_red.flat[drawn].mean()
    slope = centred @ infrared.flat[drawn] / max(centred @ centred, 1e-12)
    cleaned = infrared - slope * log_red
    return np.asarray(np.floor((cleaned - cleaned.min()) * (FULL_SCALE / np.ptp(cleaned))))


def histogram_thresholds(plane: np.ndarray, methods: tuple[Callable[..., float], ...]) -> list[float]:
    """Thresholds by every method, centres of a bin of a histogram of 256; none when one bin holds all pixels."""
    histogram, edges = np.histogram(plane, BINS, (0, FULL_SCALE + 1))
    filled = np.flatnonzero(histogram)
    used = slice(filled[0], filled[-1] + 1)
    if filled.size == 1:
        return []
    return [float(method(hist=(histogram[used], edges[used] + BINS / 2))) for method in methods]


def threshold_entropy(hist: tuple[np.ndarray, np.ndarray]) -> float:
    """Kapur's threshold, at which the two sides of a histogram hold most entropy (10.1016/0734-189X(85)90125-2).

    >>> threshold_entropy((np.array([9, 1, 0, 1, 1, 1]), np.arange(6.0)))
    1.0
    """
    counts, centres = hist
    share = counts / counts.sum()
    information = -np.cumsum(share * np.log(np.where(share > 0, share, 1)))
    dark, dark_information = np.cumsum(share)[:-1], information[:-1]
    bright, bright_information = 1 - dark, information[-1] - dark_information
    entropy = np.log(dark) + dark_information / dark + np.log(bright) + bright_information / bright
    return float(centres[np.argmax(entropy)])


def far_from_mean(infrared: np.ndarray, dpi: int) -> np.ndarray:
    """Deviation from the local mean above a threshold that rises with its own mean (Crnojevic, ICIP 2005, 3:337)."""
    inner, outer = mean_widths(dpi)
    deviation = np.abs(infrared - np.floor(box_mean(infrared, inner)))
    usual = np.floor(box_mean(deviation, outer)) * BINS / (FULL_SCALE + 1)
    raised = FLAT + usual * (NOISY - FLAT) / NOISY
    return np.asarray(deviation >= BINS * np.where(usual >= NOISY, FLAT, raised))


def mean_widths(dpi: int) -> tuple[int, int]:
    """Odd widths in pixels of the squares that SANE takes the local mean and the mean deviation over."""
    inner = max(5 * dpi // 300 | 1, 3)
    return inner, inner * 4 // 3 | 1


def box_mean(plane: np.ndarray, width: int) -> np.ndarray:
    """Mean of the pixels of a square that lie inside the plane."""
    sums = (
        cv2.boxFilter(values, cv2.CV_64F, (width, width), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for values in (plane, np.ones_like(plane))
    )
    return np.asarray(np.divide(*sums))


@cache
def load_library() -> ctypes.CDLL | None:
    """SANE's pieusb backend, ready for calls; None where it is not installed or does not load."""
    for path in sorted(path for folder in FOLDERS for path in Path("/usr").glob(f"{folder}/libsane-pieusb.so*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        library.sanei_ir_init()
        return library
    return None


def load_detector() -> Callable[[np.ndarray, int], np.ndarray] | None:
    """SANE's own code as a detector (counts, dpi) -> mask, or None where it is not installed."""
    library = load_library()
    return partial(detect_with_sane, library) if library else None


def detect_with_sane(library: ctypes.CDLL, counts: np.ndarray, dpi: int) -> np.ndarray:
    """Mask by SANE's own code, its draw seeded; empty where SANE gives up (one value, one bin)."""
    red, infrared = (np.array(counts[band], np.uint16, order="C") for band in (0, 3))
    height, width = infrared.shape
    if min(height, width) <= mean_widths(dpi)[1]:
        raise ValueError(
            f"SANE takes means over {mean_widths(dpi)[1]} pixels at {dpi} dpi; the slide is {infrared.shape}"
        )
    if np.ptp(infrared) == 0:
        return np.zeros(infrared.shape, bool)
    plane = ctypes.byref(Parameters(0, 1, 2 * width, width, height, 16))
    red_data, infrared_data = (ctypes.c_void_p(values.ctypes.data) for values in (red, infrared))
    ctypes.CDLL(None).srand(SEED)
    library.sanei_ir_spectral_clean(plane, None, red_data, infrared_data)
    static = static_threshold(library, plane, infrared_data)
    if static is None:
        return np.zeros(infrared.shape, bool)
    return marked_pixels(library, plane, infrared, static, mean_widths(dpi)[0])


def static_threshold(library: ctypes.CDLL, plane: object, infrared_data: ctypes.c_void_p) -> int | None:
    """The lower of SANE's Yen and Otsu thresholds in counts; None where SANE finds either invalid."""
    histogram, yen, otsu = ctypes.POINTER(ctypes.c_double)(), ctypes.c_int(), ctypes.c_int()
    library.sanei_ir_create_norm_histogram(plane, infrared_data, ctypes.byref(histogram))
    invalid = library.sanei_ir_threshold_yen(plane, histogram, ctypes.byref(yen))
    invalid = library.sanei_ir_threshold_otsu(plane, histogram, ctypes.byref(otsu)) or invalid
    release(histogram)
    return None if invalid else min(yen.value, otsu.value)


def marked_pixels(library: ctypes.CDLL, plane: object, infrared: np.ndarray, static: int, width: int) -> np.ndarray:
    """Pixels that SANE's madmean filter over `width` pixels or the static threshold in counts marks."""
    data, marked = ctypes.c_void_p(infrared.ctypes.data), ctypes.POINTER(ctypes.c_uint16)()
    if library.sanei_ir_filter_madmean(plane, data, ctypes.byref(marked), width, FLAT, NOISY):
        raise RuntimeError("SANE's madmean filter failed; give it a smaller slide")
    library.sanei_ir_add_threshold(plane, data, marked, static)
    mask = np.asarray(np.ctypeslib.as_array(marked, infrared.shape) == 0)
    release(marked)
    return mask


def fill_with_sane(library: ctypes.CDLL, visible: np.ndarray, mask: np.ndarray, dpi: int) -> np.ndarray:
    """Visible counts (band, y, x) with the mask, which SANE grows, replaced by SANE's own code; its draw is seeded."""
    filled = np.array(visible, np.uint16, order="C")
    marks = np.where(mask, 0, 255).astype(np.uint16)
    planes = (ctypes.c_void_p * 3)(*(plane.ctypes.data for plane in filled))
    plane = ctypes.byref(Parameters(0, 1, 2 * mask.shape[1], mask.shape[1], mask.shape[0], 16))
    crop, marked = (ctypes.c_int * 4)(), ctypes.c_void_p(marks.ctypes.data)
    ctypes.CDLL(None).srand(SEED)
    reach = dpi // 1000 + 1
    if library.sanei_ir_dilate_mean(plane, planes, marked, FARTHEST, reach, fill_width(dpi), 0, 0, crop):
        raise RuntimeError("SANE's fill failed; give it a smaller slide")
    return filled


def release(pointer: object) -> None:
    """Give back memory that SANE allocated."""
    ctypes.CDLL(None).free(pointer)
