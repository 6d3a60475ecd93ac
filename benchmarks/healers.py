"""Healing of other programs, and healing that knows the truth, to compare healed pictures with.

Every program takes counts, uint16 (band, y, x) in the order R, G, B, IR, and the resolution in pixels per inch. None of
them aligns the planes.
"""

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np

from benchmarks.baselines import measure_ratios, open_gate
from benchmarks.digital_ice import heal_like_digital_ice
from benchmarks.negpy import heal_like_negpy
from benchmarks.restoring import CLASSES, to_light
from benchmarks.sane import (
    detect_like_sane,
    detect_with_sane,
    fill_like_sane,
    fill_with_sane,
    grow_like_sane,
    load_library,
)
from benchmarks.simulation import FULL_SCALE, Scan

TELEA_RADIUS = 3


class Healer(NamedTuple):
    """A program's healing: `find`(counts, dpi) returns what `heal`(counts, found, dpi) heals by.

    `heal` returns R, G, B (band, y, x); `mask`(found, dpi) tells what it may change, or is None where anything.
    """

    name: str
    find: Callable[[np.ndarray, int], Any]
    heal: Callable[[np.ndarray, Any, int], np.ndarray]
    mask: Callable[[Any, int], np.ndarray] | None = None


def fill_by_telea(visible: np.ndarray, mask: np.ndarray, radius: int = TELEA_RADIUS) -> np.ndarray:
    """OpenCV's Telea (2004, doi:10.1080/10867651.2004.10487596) in 16 bits, plane by plane."""
    filled = [cv2.inpaint(plane, mask.astype(np.uint8), radius, cv2.INPAINT_TELEA) for plane in visible]
    return np.where(mask, np.stack(filled), visible)


def divide_by_truth(scan: Scan, truth: np.ndarray, gamma: float) -> np.ndarray:
    """R, G, B with the `truth` divided by the true transmittance, or where that is under .15 filled by Telea's method.

    What division can reach, up to flare; counts are coded by `gamma`.
    """
    offset, powers = scan.known["offset"] / FULL_SCALE, np.array(scan.known["gamma"][:3]) / scan.known["gamma"][1]
    passed = np.maximum(scan.transmittance, 1e-3) ** powers[:, None, None]
    light = np.clip(offset + (to_light(scan.counts[:3], gamma) - offset) / passed, 0, 1)
    divided = np.rint(light ** (1 / gamma) * FULL_SCALE).astype(np.uint16)
    opaque = scan.transmittance < CLASSES["opaque"][1]
    return np.where(truth & ~opaque, divided, fill_by_telea(scan.counts[:3], truth))


def heal_like_sane(counts: np.ndarray, mask: np.ndarray, dpi: int) -> np.ndarray:
    """SANE's pieusb backend without its optional smoothing of the whole picture."""
    return fill_like_sane(counts[:3], grow_like_sane(mask, dpi), dpi)


def heal_with_sane(library: ctypes.CDLL, counts: np.ndarray, mask: np.ndarray, dpi: int) -> np.ndarray:
    """SANE's pieusb backend by its own code."""
    return fill_with_sane(library, counts[:3], mask, dpi)


def list_healers() -> list[Healer]:
    """The programs' healing, and SANE's own code where it is installed."""
    healers = [
        Healer("SANE-like", detect_like_sane, heal_like_sane, grow_like_sane),
        Healer("NegPy-like", measure_ratios, heal_like_negpy),
        Healer("Digital-ICE-like", open_gate, heal_like_digital_ice),
    ]
    library = load_library()
    if library is None:
        return healers
    find = partial(detect_with_sane, library)
    return [*healers, Healer("SANE itself", find, partial(heal_with_sane, library), grow_like_sane)]
