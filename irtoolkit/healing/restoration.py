"""The picture under defects: one estimate that divides out translucent defects and inpaints opaque ones.

Every masked pixel has four unknowns, the logarithms of the light of R, G, B without the defect and the defect's
density. The visible light depends on both; the infrared measures the density, blurred, plus a ghost of the light; the
picture changes from pixel to pixel as much as around the defect, its bands together; the density is smooth except for
edges. The most probable values (maximum a posteriori) are found by the Gauss-Newton method, each step solved by
conjugate gradients. Where light is blocked the visible data have no weight, and the estimate is the smoothest surface
through the boundary.
"""

import cv2
import numpy as np
from scipy import sparse

from irtoolkit.arrays import FULL_SCALE, from_light
from irtoolkit.crosstalk import Crosstalk
from irtoolkit.healing.opacity import Evidence, from_log, measure_opacity, sensor_noise, steepness
from irtoolkit.healing.picture_model import PictureModel, measure_picture
from irtoolkit.healing.point_spread import PointSpread, reach_of, spread_points
from irtoolkit.healing.posterior import DENSITIES, System, solve
from irtoolkit.healing.ratio import USUAL, Ratio
from irtoolkit.healing.visible_data import RatioError

NOISE_FACTOR, MODEL_ERROR, BLUR_ERROR = 1.5, 0.03, 0.07
"""Infrared noise under a defect over that around; errors of the infrared as shares of the lost light: whatever the
blur, and from a wrong blur of 2 px or more on top of that."""

LARGEST_RATIO_ERROR = 0.2
"""Largest standard error of the ratio at one defect; with few defects it is more uncertain than that."""

FIXED, FIXED_BY_BLUR, UNEVEN = 1.5, 3.0, 0.05
"""The ratio's error over what of it a rim may correct, on a sharp scanner and more for each px of blur; and least error
of the ratio from pixel to pixel."""

UNKNOWN_VARIANCE = 1e4
"""Variance of the logarithm of light where the infrared is unknown."""

LEAST_TRANSMITTANCE, LARGEST_TRANSMITTANCE = 0.05, 1.2
COARSE = 1.2
"""Blur of the infrared, px, above which every other row and column is enough."""


def restore(
    counts: np.ndarray,
    infrared: np.ndarray,
    mask: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
    crosstalk: Crosstalk,
    wanted: np.ndarray | None = None,
    ratio: Ratio = USUAL,
) -> np.ndarray:
    """Estimate the visible bands without their defects.

    Parameters
    ----------
    counts
        (3, y, x) float32 16-bit counts of R, G, B.
    infrared
        (y, x) float32 16-bit counts on the colour grid, NaN where unknown.
    mask
        (y, x) bool, True = defect.
    place
        Rows and columns from -1 to 1 over the slide, from `frame_place`.
    crosstalk
        That of the slide.
    wanted
        (y, x) bool, True = masked pixel to be estimated; the whole mask if None.
    ratio
        Density of the defects in the visible over that in infrared, and where the infrared shows them.

    Returns
    -------
    numpy.ndarray
        (3, y, x) float32 counts, unchanged at pixels that are not wanted.
    """
    evidence = measure_opacity(counts, infrared, mask, place, crosstalk, ratio.shift)
    unknown, group = _groups(mask if wanted is None else wanted, evidence.blur)
    number = np.where(mask, np.int32(-2), np.int32(-1))
    number[unknown] = np.arange(group.size, dtype=np.int32)
    system, density = _build(evidence, number, unknown, group, measure_picture(evidence, mask), ratio)
    light = solve(system, density)
    restored = counts.copy()
    healed = np.clip(from_log(light) + evidence.offset[:, 0], 0, FULL_SCALE)
    restored[:, *unknown] = from_light(healed, crosstalk.curve.exponent)
    return restored


def _groups(mask: np.ndarray, sigma: float) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Rows and columns of masked pixels by group and defect, and their groups, which share no infrared sample."""
    side = 2 * reach_of(sigma) + 1
    _, labels = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)))
    y, x = np.nonzero(mask)
    order = np.lexsort((_defects(mask)[y, x], labels[y, x]))
    y, x = y[order], x[order]
    return (y, x), np.unique(labels[y, x], return_inverse=True)[1]


def _build(
    evidence: Evidence,
    number: np.ndarray,
    unknown: tuple[np.ndarray, np.ndarray],
    group: np.ndarray,
    picture: PictureModel,
    ratio: Ratio,
) -> tuple[System, np.ndarray]:
    """The system of the unknown pixels, and the density from which their solution starts.

    `number` (y, x): index of each unknown pixel, -1 where the film is known, -2 where it is not.
    """
    light, fill, slopes = (plane[:, *unknown] for plane in (evidence.light, evidence.fill, evidence.slopes))
    differences, boundary, weight = _pair_neighbours(number, evidence.light, picture.variance)
    psf, density, precision = _infrared_data(number, evidence)
    parts = (differences, boundary, weight, psf, density, precision, picture.bands, group)
    defect = _defects(number >= 0)[unknown]
    ratios = np.array(ratio.bands, np.float32)[:, None], _ratio_error(ratio, evidence.blur), defect
    unseen = ~evidence.seen[unknown]
    start = np.where(unseen, DENSITIES[1], np.clip(evidence.density[unknown], 0, DENSITIES[1]))
    noise = np.where(unseen, np.float32(UNKNOWN_VARIANCE), sensor_noise(light))
    return System(light, fill, noise, steepness(light), slopes, *parts, *ratios), start


def _ratio_error(ratio: Ratio, sigma: float) -> RatioError:
    """The ratio's error at one defect, which is limited: what of it a rim may correct, and the rest."""
    error = min(float(np.hypot(ratio.error, ratio.scatter)), LARGEST_RATIO_ERROR)
    shared = error / (FIXED + FIXED_BY_BLUR * sigma)
    return RatioError(shared, float(np.sqrt(error**2 - shared**2 + UNEVEN**2)))


def _defects(unknown: np.ndarray) -> np.ndarray:
    """Number (y, x) of the defect of each unknown pixel (bool), 8-connected."""
    return cv2.connectedComponents(unknown.astype(np.uint8), connectivity=8)[1]


def _pair_neighbours(
    number: np.ndarray, light: np.ndarray, variance: np.ndarray
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Differences of neighbours right and down: one is unknown, the other unknown or known film."""
    rows, columns, signs, boundaries, weights, pairs = [], [], [], [], [], 0
    for first, second in _neighbours(number.shape):
        one, other = number[first], number[second]
        used = (np.maximum(one, other) >= 0) & (np.minimum(one, other) >= -1)
        one, other = one[used], other[used]
        known = [plane[:, *part][:, used] for plane, part in ((light, first), (light, second))]
        boundaries.append(np.where(one < 0, known[0], 0) - np.where(other < 0, known[1], 0))
        weights.append(2 / (variance[first][used] + variance[second][used]))
        for end, sign in ((one, -1.0), (other, 1.0)):
            unknown = np.flatnonzero(end >= 0)
            rows.append((unknown + pairs).astype(np.int32))
            columns.append(end[unknown])
            signs.append(np.full(unknown.size, sign, np.float32))
        pairs += one.size
    shape = pairs, number.max(initial=-1) + 1
    indices = np.concatenate(rows), np.concatenate(columns)
    differences = sparse.csr_array((np.concatenate(signs), indices), shape=shape)
    return differences, np.concatenate(boundaries, axis=1).astype(np.float32), np.concatenate(weights)


def _neighbours(shape: tuple[int, ...]) -> tuple[tuple[tuple[slice, slice], tuple[slice, slice]], ...]:
    everything = slice(0, shape[0]), slice(0, shape[1])
    right = (everything[0], slice(0, -1)), (everything[0], slice(1, None))
    down = (slice(0, -1), everything[1]), (slice(1, None), everything[1])
    return right, down


def _infrared_data(number: np.ndarray, evidence: Evidence) -> tuple[PointSpread, np.ndarray, np.ndarray]:
    """Infrared data of the unknown pixels: PSF, density and precision; means of 2 by 2 pixels if it is blurred."""
    side = 2 if evidence.blur > COARSE else 1
    used = np.asarray(_squares(number >= 0, side).any(axis=0) & _squares(evidence.seen, side).all(axis=0))
    lost = np.where(number >= 0, 1 - np.exp(-np.clip(evidence.density, 0, 9)), 0).astype(np.float32)
    reach = 2 * max(1, round(2 * evidence.blur)) + 1
    largest = cv2.dilate(lost, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    passed = np.exp(-_squares(evidence.density, side)[:, used]).mean(axis=0)
    noise = _squares(evidence.noise, side)[:, used].mean(axis=0)
    transmittance = np.clip(passed, LEAST_TRANSMITTANCE, LARGEST_TRANSMITTANCE)
    share = MODEL_ERROR + BLUR_ERROR * min(1.0, evidence.blur / 2)
    error = share * _squares(largest, side)[:, used].mean(axis=0)
    variance = (NOISE_FACTOR * noise * transmittance) ** 2 + error**2
    return spread_points(number, used, evidence.blur, side), -np.log(passed), side**2 / variance


def _squares(plane: np.ndarray, side: int) -> np.ndarray:
    """Pixels (side * side, rows, columns) of each whole square of a plane (y, x)."""
    rows, columns = (length // side * side for length in plane.shape)
    return np.stack([plane[y:rows:side, x:columns:side] for y in range(side) for x in range(side)])
