"""Digital ICE's healing, written anew from descriptions of openICE, digital-fauxice and nkscan; planes as they come."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from benchmarks.baselines import FULL_SCALE, ICE_STEPS_PER_STOP, density_steps, trust_film

LEAST_TRUST = 0.02
"""Trust of film that is hidden, so that no mean is divided by zero."""

ICE_EXPONENT, ICE_DETAIL = 1.10, 1.25
"""Visible over infrared density of dust (LS-5000), and the gain of detail of its mode Normal."""

ICE_DEAD_ZONE = (0.84, 1.23)
"""Infrared detail below and above which visible detail is no longer taken for the dust's own (LS-5000)."""

ICE_DARKEST, ICE_REACH = 0.065, 4
"""Share of full scale under which a run of infrared, 4 pixels off and 9 long, makes Digital ICE give up."""


def heal_like_digital_ice(counts: np.ndarray, gate: np.ndarray, _dpi: int) -> np.ndarray:
    """Digital ICE in its mode Normal, after openICE: a blurred picture brightened by the gate, and finer detail on top.

    Its invented grain is left out. Dead zones are those above 1600 dpi, for a Coolscan 5000.
    """
    trust = np.clip(trust_film(gate), LEAST_TRUST, 1)
    wanted = (trust < 1) & ~give_up(counts[3])
    if not np.isfinite(gate).all() or not wanted.any():
        return counts[:3].copy()
    masses, gates = weigh_ladder(gate, trust)
    confidence = [np.minimum(2 * masses[1], 1), masses[2], masses[3] ** 2]
    zones = [dead_zone(fine - coarse) for coarse, fine in pairwise(gates)]
    density = density_steps(counts[:3])
    rebuilt = np.stack([rebuild(plane, trust, gates[0], zones, confidence) for plane in density])
    brightest = np.clip(2 ** (np.maximum(rebuilt, density) / ICE_STEPS_PER_STOP) - 1, 0, FULL_SCALE)
    changed = wanted & (rebuilt > 0).all(axis=0)
    return np.where(changed, np.rint(brightest), counts[:3]).astype(np.uint16)


def give_up(infrared: np.ndarray) -> np.ndarray:
    """Where one side of the 9 by 9 square around a pixel sees less than 6.5 % of full scale along its whole length."""
    dark = (infrared < ICE_DARKEST * FULL_SCALE).astype(np.uint8)
    ends = np.zeros((2 * ICE_REACH + 1, 1), np.uint8)
    ends[[0, -1]] = 1
    rows, columns = (cv2.erode(dark, np.ones(shape, np.uint8)) for shape in ((1, len(ends)), (len(ends), 1)))
    return np.asarray(np.maximum(cv2.dilate(rows, ends), cv2.dilate(columns, ends.T)), bool)


def octagon(width: int, cut: int) -> np.ndarray:
    """Kernel of sum 1: a square of `width` with `cut` pixels off both ends of every side.

    >>> int((octagon(9, 2) > 0).sum()), int((octagon(5, 1) > 0).sum())
    (69, 21)
    """
    off = np.abs(np.arange(width) - width // 2)
    cells = (off[:, None] + off <= width - 1 - cut).astype(np.float64)
    return np.asarray(cells / cells.sum())


ICE_KERNELS = (octagon(9, 2), octagon(5, 1), np.outer((1, 2, 1), (1, 2, 1)) / 16, np.ones((1, 1)))


def weigh_ladder(plane: np.ndarray, trust: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Mean trust, and mean of a plane weighted by trust, over each of Digital ICE's kernels, widest first."""
    masses = [cv2.filter2D(trust, -1, kernel, borderType=cv2.BORDER_REFLECT_101) for kernel in ICE_KERNELS]
    sums = [cv2.filter2D(trust * plane, -1, kernel, borderType=cv2.BORDER_REFLECT_101) for kernel in ICE_KERNELS]
    return masses, [total / mass for total, mass in zip(sums, masses, strict=True)]


def dead_zone(detail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest visible detail, steps, that dust of an infrared detail may have over a cross of 5 pixels."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    least, most = cv2.erode(detail, cross), cv2.dilate(detail, cross)
    inner, outer = ICE_DEAD_ZONE
    below = most < 0
    return np.where(below, outer, inner) * least, np.where(below, inner, outer) * most


def rebuild(
    density: np.ndarray,
    trust: np.ndarray,
    gate: np.ndarray,
    zones: Sequence[tuple[np.ndarray, np.ndarray]],
    confidence: Sequence[np.ndarray],
) -> np.ndarray:
    """One band in steps: its widest mean less the low-pass `gate`'s, and the details that lie outside their zones."""
    means = weigh_ladder(density, trust)[1]
    total = means[0] - ICE_EXPONENT * gate
    for (coarse, fine), zone, sure in zip(pairwise(means), zones, confidence, strict=True):
        detail = ICE_DETAIL * (fine - coarse)
        total += (detail - np.clip(detail, *zone)) * sure
    return total
