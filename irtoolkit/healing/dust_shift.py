"""Where the infrared shows the defects, relative to where it shows the picture."""

import numpy as np

from irtoolkit.arrays import blur
from irtoolkit.healing.opacity import FILL_GROWN, Evidence, grown
from irtoolkit.healing.robust_mean import robust_mean

Shift = tuple[float, float]

PRIOR, SCATTER = 0.15, 0.2
"""Standard deviations, px: of the shift of slides; and of a defect from its slide's on a sharp scanner, as much again
for each px of blur (docs/method.md)."""

LEAST_EVIDENCE = 4.0
"""Squared shift over its squared error from which it is used: chance exceeds that on 14 % of slides."""

LEAST_RATIO = 0.3
"""Infrared density over visible density from which a defect is located."""

NO_SHIFT: Shift = (0.0, 0.0)


def locate_defect(evidence: Evidence, defect: np.ndarray) -> np.ndarray:
    """Shift y and x, px, of one `defect` (y, x), and their errors (4,), infinite if it shows nothing.

    The infrared density is fitted by the visible one, blurred as the infrared is, and its two derivatives.
    The errors include the scatter of defects.
    """
    reach = grown(defect, FILL_GROWN + round(2.5 * evidence.blur))
    darkened = np.where(grown(defect, FILL_GROWN), (evidence.fill - evidence.light).mean(axis=0), np.float32(0))
    shown = blur(darkened, evidence.blur) if evidence.blur > 0 else darkened
    terms = np.stack([plane[reach] for plane in (shown, *np.gradient(shown))], axis=1).astype(np.float64)
    density = evidence.density[reach]
    weights, *_ = np.linalg.lstsq(terms, density, rcond=None)
    if weights[0] < LEAST_RATIO:
        return np.array([0, 0, np.inf, np.inf])
    variance = ((density - terms @ weights) ** 2).sum() / max(len(density) - 3, 1)
    errors = np.sqrt(variance * np.diag(np.linalg.pinv(terms.T @ terms))[1:])
    return np.array([*-weights[1:] / weights[0], *np.hypot(errors / weights[0], SCATTER * (1 + evidence.blur))])


def fit_shift(shifts: np.ndarray) -> Shift:
    """Shift y, x, px, of a slide from those of its defects (defect, 4); none where there is no evidence of one.

    >>> fit_shift(np.empty((0, 4)))
    (0.0, 0.0)
    """
    known = shifts[np.isfinite(shifts[:, 2:]).all(axis=1)]
    (down, down_error), (right, right_error) = (
        robust_mean(known[:, axis], known[:, axis + 2], 0.0, PRIOR) for axis in (0, 1)
    )
    evidence = (down / down_error) ** 2 + (right / right_error) ** 2
    return (down, right) if evidence > LEAST_EVIDENCE else NO_SHIFT
