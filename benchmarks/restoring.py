"""Judging healed pictures against the undamaged one: what the damage leaves behind, in grain and beside it."""

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import label
from skimage.color import deltaE_ciede2000, rgb2lab

from benchmarks.scoring import MARK_REACH, Mask, grow_mask
from benchmarks.simulation import FULL_SCALE, Scan
from irtoolkit import measure_defects

Counts = NDArray[np.uint16]
Plane = NDArray[np.float64]

CLASSES = {"opaque": (-np.inf, 0.15), "dense": (0.15, 0.5), "half": (0.5, np.inf)}
"""Visible transmittance of the classes of damage, from the first number and under the second."""

KINDS = ("dust", "hair", "scratch")
DISPLAY_GAMMA = 2.2

GRAIN_SIGMA, GRAIN_RING, GRAIN_FEWEST = 2.0, (3.0, 12.0), 30
"""Gaussian sigma, px, beyond which detail is no grain; distance, px, of the film around a region that its grain is held
against; least pixels of a region, and of that film.
"""


def judge_healing(scan: Scan, healed: Counts, mask: Mask | None, gamma: float) -> dict[str, float]:
    """Measures of a healed picture, R, G, B (band, y, x), of a scan with counts coded by `gamma`.

    `mask` is what the method says it changed, if it says. PSNR in dB inside the truth, of its classes and kinds, and of
    what of it is `marked` by the mask; mean CIEDE2000 inside the truth; `grain`: that inside regions (of the mask, or
    without one of the truth grown by 2 px) over that around, `grain_undamaged`: over that of the undamaged picture;
    `outside`: values changed off the mask; `touched`: share of the pixels more than 2 px off any damage that are
    changed; `covered`: share of the truth in the mask.
    """
    before, undamaged = scan.counts[:3], scan.undamaged[:3]
    clean = ~grow_mask(scan.allowed, MARK_REACH) & scan.frame
    changed = healed != before
    regions = grow_mask(scan.truth, MARK_REACH) if mask is None else mask
    pictures = [to_light(counts, gamma) for counts in (healed, undamaged)]
    parts = classes_of(scan.transmittance) | kinds_of(scan.truth)
    parts |= {} if mask is None else {"marked": mask}
    around, against = compare_grain(pictures[0], pictures[1], regions, clean)
    return {
        **measure_psnr(pictures[0], pictures[1], scan.truth, parts),
        "delta_e": mean_difference(*(picture[:, scan.truth] for picture in pictures)),
        **{"grain": around, "grain_undamaged": against},
        "outside": np.nan if mask is None else float((changed & ~mask).sum()),
        "touched": float(changed.any(axis=0)[clean].mean()),
        "covered": np.nan if mask is None else float(mask[scan.truth].mean()),
    }


def to_light(counts: Counts, gamma: float) -> Plane:
    """Share of full scale that counts coded by `gamma` stand for, linear."""
    return np.asarray((counts / FULL_SCALE) ** gamma)


def measure_psnr(healed: Plane, undamaged: Plane, truth: Mask, parts: dict[str, Mask]) -> dict[str, float]:
    """PSNR of light (band, y, x) at gamma 2.2, dB: `psnr` inside the truth, and `psnr_name` in each part of it."""
    error = (healed ** (1 / DISPLAY_GAMMA) - undamaged ** (1 / DISPLAY_GAMMA)) ** 2
    figures = {f"psnr_{name}": peak_ratio(error[:, truth & part]) for name, part in parts.items()}
    return {"psnr": peak_ratio(error[:, truth])} | figures


def peak_ratio(squares: Plane) -> float:
    """PSNR in dB of squared errors with a peak of 1; not a number where there are none.

    >>> round(peak_ratio(np.full(4, 0.01**2)), 6), peak_ratio(np.empty(0))
    (40.0, nan)
    """
    return float(-10 * np.log10(max(squares.mean(), 1e-12))) if squares.size else float("nan")


def classes_of(transmittance: NDArray[np.float32]) -> dict[str, Mask]:
    """Where each class of visible transmittance is."""
    return {name: (transmittance >= low) & (transmittance < high) for name, (low, high) in CLASSES.items()}


def kinds_of(truth: Mask) -> dict[str, Mask]:
    """Where the regions of each kind are, told by their shape as `irtoolkit.detection.measurement` tells it."""
    labels = label(truth, np.ones((3, 3)))[0]
    mask = xr.DataArray(truth, dims=("y", "x"))
    regions = measure_defects(mask, mask.astype(np.float32), mask.astype(np.float32)).kind.values
    of_label = np.concatenate([[""], regions]) if truth.any() else np.array([""])
    return {kind: of_label[labels] == kind for kind in KINDS}


def mean_difference(healed: Plane, undamaged: Plane) -> float:
    """Mean CIEDE2000 (doi:10.1002/col.20070) of light (3, pixel) taken for that of sRGB."""
    if not healed.size:
        return float("nan")
    colours = [rgb2lab(to_srgb(light).T) for light in (healed, undamaged)]
    return float(np.mean(deltaE_ciede2000(*colours)))  # type: ignore[no-untyped-call]


def to_srgb(light: Plane) -> Plane:
    """Light between 0 and 1 in the code of sRGB (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def compare_grain(healed: Plane, undamaged: Plane, regions: Mask, clean: Mask) -> tuple[float, float]:
    """Median over regions of the variance of grain inside, over that around and over that of the undamaged picture.

    Grain is light (band, y, x) less its Gaussian of 2 px, over that; around is the ring 3 to 12 px off, where `clean`;
    regions and rings of fewer than 30 px are left out.
    """
    grain, true_grain = find_grain(healed), find_grain(undamaged)
    free, reach = clean & ~regions, int(GRAIN_RING[1]) + 1
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(regions.astype(np.uint8), connectivity=8)
    ratios = []
    for number in range(1, count):
        left, top, width, height, area = boxes[number]
        if area < GRAIN_FEWEST:
            continue
        window = slice(max(top - reach, 0), top + height + reach), slice(max(left - reach, 0), left + width + reach)
        inside = labels[window] == number
        distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        ring = (distance >= GRAIN_RING[0]) & (distance <= GRAIN_RING[1]) & free[window]
        if ring.sum() >= GRAIN_FEWEST:
            within = total_variance(grain[:, *window][:, inside])
            others = (grain[:, *window][:, ring], true_grain[:, *window][:, inside])
            ratios.append([within / max(total_variance(other), 1e-12) for other in others])
    around, against = np.median(ratios, axis=0) if ratios else (np.nan, np.nan)
    return float(around), float(against)


def find_grain(light: Plane) -> Plane:
    """Light (band, y, x) less its Gaussian of 2 px, over that."""
    smooth = np.stack([cv2.GaussianBlur(band, (0, 0), GRAIN_SIGMA) for band in light])
    return np.asarray(light / np.maximum(smooth, 1 / FULL_SCALE) - 1)


def total_variance(grain: Plane) -> float:
    """Sum over bands of the variance of (band, pixel)."""
    return float(grain.var(axis=1).sum())
