"""The density of defects in the visible over that in the infrared, fitted on the slide's own defects."""

from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.alignment import Sample, frame_place
from irtoolkit.arrays import Place, blur, find_windows, label_windows, lay_out, reduce_blocks, to_sixteen_bits
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.healing.dust_shift import NO_SHIFT, Shift, fit_shift, locate_defect
from irtoolkit.healing.opacity import FILL_GROWN, Evidence, grown, measure_opacity
from irtoolkit.healing.robust_mean import robust_mean

ENOUGH = 300
"""Defects that are measured, if there are as many."""

SIDES = (3, 60)
"""Longest sides, px, of the defects that are measured."""

CONTEXT, RING = 28, 25
"""Px of film around a defect that are used, and in which the spread of the light is measured."""

LEAST_DENSITY, DENSE, DARK = 0.06, 1.0, 400.0
"""Natural densities, infrared and visible, between which a defect is measured, on film above so many counts."""

WRONG_FILL, LEAST_ERROR = 0.35, 0.15
"""Error of a fill as a share of the spread of the light around it, and least error of a defect's ratio."""

FEWEST_PIXELS, SMOOTHING = 30, 0.7
PRIOR_ERROR, BAND_ERROR = 0.35, 0.05
"""Standard errors, before any defect is seen, of the mean ratio of the bands, and of a band's difference from it."""

BETWEEN_SLIDES = 0.12
"""Standard deviation of the ratio between the slides of a roll (assumed: a third of the prior's)."""

SHARED = 0.5
"""Error of a band's difference from the mean, as a share of the mean's: a wrong fill is wrong in all bands alike."""

SCATTER_WEIGHT, PRECISE, LEAST_SCATTER = 10, 0.3, 0.05
"""Defects that the usual scatter counts for; largest error of defects that are used for it; and least scatter."""

POSSIBLE = (0.01, 100.0)
"""A ratio is positive; film whose marks are not dust, as under another slide's infrared, seems to have others."""


class Ratio(NamedTuple):
    """Density of defects in R, G, B (`bands`) over that in infrared, the standard `error` of their mean, and the
    `scatter` (standard deviation) from defect to defect; `shift` (y, x), px: the infrared at (y + shift) shows the
    defects of (y, x).
    """

    bands: tuple[float, float, float]
    error: float
    scatter: float
    shift: Shift = NO_SHIFT


USUAL = Ratio((1.08, 1.09, 1.11), 0.07, 0.1)
"""1.03-1.14 in scans of the literature (US 5,266,805: refraction)."""

UNKNOWN = USUAL._replace(error=PRIOR_ERROR)
"""What is known of a slide's ratio before any defect is seen."""


def measure_ratio(
    visible: xr.DataArray, mask: xr.DataArray, infrared: xr.DataArray, crosstalk: Crosstalk, before: Ratio = UNKNOWN
) -> Ratio:
    """Measure ratio and shift on some 300 defects, evenly spread over as few blocks of the slide as have them.

    `before` is what is known before these defects are seen, as from `of_roll`; other parameters as of `methods.heal`.
    """
    numbers = reduce_blocks(_count, mask.data[None])
    used = _fewest(numbers)
    shape, step = (mask.sizes["y"], mask.sizes["x"]), max(sum(numbers[used]) / ENOUGH, 1.0)
    measure = partial(_measure_block, step=step, crosstalk=crosstalk, shape=shape)
    measured = reduce_blocks(measure, visible.data, mask.data[None], infrared.data[None], used=used)
    known = np.concatenate([np.empty((0, 8)), *measured])
    return fit_ratio(known[:, :3], known[:, 3], before)._replace(shift=fit_shift(known[:, 4:]))


def _fewest(numbers: list[int]) -> slice:
    """Step through blocks with these numbers of defects at which the chosen ones have enough.

    >>> _fewest([90, 90, 90, 90, 90, 90, 90, 90, 90])
    slice(1, None, 2)
    """
    strides = (slice(stride // 2, None, stride) for stride in range(len(numbers), 0, -1))
    return next((used for used in strides if sum(numbers[used]) >= ENOUGH), slice(None))


def weigh_tile(tile: Sample, mask: np.ndarray, crosstalk: Crosstalk) -> np.ndarray:
    """Ratios of R, G, B and their error (defect, 4) of the defects of a `mask` (y, x) in a tile of `align_samples`."""
    place = np.broadcast_arrays(*tile.place)
    evidence = measure_opacity(tile.planes[:3], tile.planes[3], mask, (place[0], place[1]), crosstalk)
    return _measure_each(evidence, _pieces(mask, _measurable(mask)), mask)[:, :4]


def of_roll(ratio: Ratio) -> Ratio:
    """The ratio of a roll as prior knowledge of one of its slides."""
    return ratio._replace(error=float(np.hypot(ratio.error, BETWEEN_SLIDES)))


def _count(mask: np.ndarray, **_: object) -> int:
    """Number of the defects of a block that can be measured."""
    return len(_measurable(mask[0]))


def _measurable(mask: np.ndarray) -> list[Place]:
    """Boxes of the pieces of a block's mask (y, x) that are of a fit size and do not touch its edges."""
    height, width = mask.shape
    return [
        (y, x)
        for y, x in find_windows(mask, 0)
        if min(y.start, x.start, height - y.stop, width - x.stop) > 0
        and SIDES[0] <= max(y.stop - y.start, x.stop - x.start) <= SIDES[1]
    ]


def _measure_block(
    visible: np.ndarray,
    mask: np.ndarray,
    infrared: np.ndarray,
    *,
    start: tuple[int, int],
    step: float,
    crosstalk: Crosstalk,
    shape: tuple[int, int],
) -> np.ndarray:
    """Ratios and error, shift and errors (defect, 8) of one in `step` defects of a block with first pixel `start`."""
    boxes = _measurable(mask[0])
    numbers = np.minimum(np.arange(0, len(boxes), step).astype(int), len(boxes) - 1)
    chosen = _pieces(mask[0], [boxes[number] for number in numbers])
    if not chosen.any():
        return np.empty((0, 8))
    sheet, place = lay_out(chosen, 0, CONTEXT), np.broadcast_arrays(*frame_place(start, mask.shape[1:], shape))
    y, x = sheet.gather(np.stack(place))
    light, seen = sheet.gather(to_sixteen_bits(visible)), sheet.gather(infrared, np.nan)[0]
    marked = sheet.gather(mask, False)[0]
    return _measure_each(measure_opacity(light, seen, marked, (y, x), crosstalk), sheet.own(chosen), marked)


def _pieces(mask: np.ndarray, boxes: list[Place]) -> np.ndarray:
    """The 8-connected pieces of a mask (y, x) that fill some of its boxes."""
    places, labels = label_windows(mask, 0)
    return np.asarray(mask & np.array([False, *(place in boxes for place in places)])[labels])


def _measure_each(evidence: Evidence, chosen: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Ratios and error, shift and errors (defect, 8) of the `chosen` (y, x) pieces of a mask that can be measured."""
    windows, labels = label_windows(chosen, CONTEXT)
    rows = [_measure_defect(evidence.cut(w), labels[w] == number, mask[w]) for number, w in enumerate(windows, 1)]
    return np.concatenate([np.empty((0, 8)), *(row[None] for row in rows if row is not None)])


def _measure_defect(evidence: Evidence, defect: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    weighed = weigh_defect(evidence, defect, mask)
    return None if weighed is None else np.concatenate([weighed, locate_defect(evidence, defect)])


def weigh_defect(evidence: Evidence, defect: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Ratio of R, G, B and its error (4,) of one `defect` (y, x) of a mask; None if it cannot be measured.

    Densities are summed over the defect and as far as the infrared's blur spreads it, as sums hardly depend on it.
    """
    reach, hole = grown(defect, FILL_GROWN + round(2.5 * evidence.blur)), grown(defect, FILL_GROWN)
    around = cv2.dilate(defect.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)).astype(bool)
    ring = around & ~grown(mask, FILL_GROWN)
    alone = not (reach & mask & ~defect).any() and evidence.seen[reach].all() and ring.sum() >= FEWEST_PIXELS
    darkened = evidence.fill - evidence.light
    if not alone or not _measurable_density(evidence, darkened, defect, reach):
        return None
    total = max(float(evidence.density[reach].sum()), 1e-3)
    spread = evidence.light[:, ring].std(axis=1).mean()
    noise = evidence.noise[defect].mean() * np.sqrt(reach.sum())
    error = np.hypot(WRONG_FILL * spread * defect.sum(), noise) / total
    return np.array([*darkened[:, hole].sum(axis=1) / total, np.hypot(error, LEAST_ERROR)])


def _measurable_density(evidence: Evidence, darkened: np.ndarray, defect: np.ndarray, reach: np.ndarray) -> bool:
    """Whether a defect is dense enough in the infrared, not too dense in the visible, and on film that is not black."""
    visible = max(float(blur(band, 1.0)[defect].max()) for band in darkened)
    infrared = float(blur(evidence.density, SMOOTHING)[reach].max())
    lit = float(evidence.fill[:, defect].mean()) > np.log(DARK)
    return visible < DENSE and infrared > LEAST_DENSITY and lit


def fit_ratio(bands: np.ndarray, errors: np.ndarray, before: Ratio = UNKNOWN) -> Ratio:
    """Fit the ratio to those of defects (defect, 3) with `errors` (defect,): a mean, and small differences of bands.

    The ratio of each band is at least and at most `POSSIBLE`.

    >>> fit_ratio(np.empty((0, 3)), np.empty(0)).error
    0.35
    """
    usual, common = np.array(before.bands), bands.mean(axis=1)
    mean, error = robust_mean(common, errors, float(usual.mean()), before.error)
    red, green, blue = (
        float(np.clip(mean + robust_mean(band - common, SHARED * errors, difference, BAND_ERROR)[0], *POSSIBLE))
        for band, difference in zip(bands.T, (usual - usual.mean()).tolist(), strict=True)
    )
    return Ratio((red, green, blue), error, _scatter(common - mean, errors, before.scatter))


def _scatter(departures: np.ndarray, errors: np.ndarray, usual: float) -> float:
    """Standard deviation from defect to defect beyond what their errors explain, each within two errors."""
    exact = errors < PRECISE
    squares = np.minimum(departures**2, (2 * errors) ** 2) - (errors**2 - LEAST_ERROR**2)
    total = SCATTER_WEIGHT * usual**2 + float(squares[exact].sum())
    return float(np.sqrt(max(total / (SCATTER_WEIGHT + np.count_nonzero(exact)), LEAST_SCATTER**2)))
