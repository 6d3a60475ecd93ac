"""Detectors of other programs, written anew from descriptions of their methods, to compare masks with.

Every detector takes counts, uint16 (band, y, x) in the order R, G, B, IR, and the resolution in pixels per inch, and
returns a mask, bool (y, x), True at a defect. None of them aligns the planes.
"""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.filters import threshold_otsu, threshold_yen

from benchmarks.sane import detect_grown_like_sane, detect_like_sane
from irtoolkit.arrays.statistics import least_squares, robust_centre_and_scale

Detector = Callable[[np.ndarray, int], np.ndarray]

FULL_SCALE = 65535
SAFE_CONSTANT = 135 / 255
"""Share of full scale that served a whole roll in a question at photo.stackexchange.com/q/65827."""

OUTLIER_SIGMAS = 4.0
"""Normal noise passes this once in 30,000 pixels."""

COVERAGE_LIMIT = 0.003
"""Default share of the frame that lansing/ir-dust-removal marks at most."""

ICE_STEPS_PER_STOP = 4096
ICE_CLEAR = 8847.23
"""Counts above which Digital ICE takes film for clear; this and the next are those of digital-fauxice, LS-5000."""

ICE_LARGEST_RATIO, ICE_USUAL_RATIO = 0.2, 0.17
"""Slope of infrared on red beyond which a change is not the film's, and the slope where nothing tells."""

ICE_MARGIN, ICE_RANGE = ICE_STEPS_PER_STOP * float(np.log2(0.98)), 960.42
"""Gate of film that is still clean (2 % lost) less clean film, and the further loss that costs all trust, in steps."""

NEGPY_WINDOW, NEGPY_LONG_EDGE, FRAME_INCHES = 25, 1600, 36 / 25.4
"""Width in pixels of NegPy's windows on a frame of 1600 pixels, which is 36 mm long."""

NEGPY_CLEAN, NEGPY_CUTOFF = 0.97, 0.85 - 0.40 * 0.66
"""Infrared ratios that score 1 and 0; the cutoff is that of the default slider, .66."""

NEGPY_SAMPLES = 200_000


def infrared_score(counts: np.ndarray) -> np.ndarray:
    """Share of full scale that is missing in the infrared, high where light is blocked; any cut of it is a constant."""
    return np.asarray(1 - counts[3] / FULL_SCALE)


def detect_by_constant(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Infrared below 135/255 of full scale."""
    return infrared_score(counts) > 1 - SAFE_CONSTANT


def detect_by_otsu(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Infrared at or below Otsu's threshold of it (10.1109/TSMC.1979.4310076)."""
    return below(threshold_otsu, counts[3])


def detect_by_yen(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Infrared at or below Yen's threshold of it (10.1109/83.366472)."""
    return below(threshold_yen, counts[3])


def detect_by_ratio(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Infrared over red, in logarithms, at or below Otsu's threshold."""
    return below(threshold_otsu, safe_log(counts[3]) - safe_log(counts[0]))


def detect_by_red(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Log infrared more than 4 robust sigma under a line on log red that is fitted without outliers."""
    red, residual = safe_log(counts[0]), safe_log(counts[3])
    terms, kept = np.stack([np.ones_like(red), red]), np.ones(red.shape, bool)
    for _ in range(5):
        residual = residual - least_squares(terms[:, kept], residual[kept], ridge=1e-9)[1] * red
        centre, sigma = robust_centre_and_scale(residual)
        kept = np.abs(residual - centre) <= 3 * sigma
    return residual < centre - OUTLIER_SIGMAS * sigma


def detect_by_coverage(counts: np.ndarray, _dpi: int) -> np.ndarray:
    """Lansing's sweep: the highest of 50, 51 .. 89 % of the brightest infrared that marks 0.3 % inside a 5 % border."""
    infrared = counts[3]
    inset_y, inset_x = (size // 20 for size in infrared.shape)
    inner = infrared[inset_y : infrared.shape[0] - inset_y, inset_x : infrared.shape[1] - inset_x]
    thresholds = np.arange(50, 90) / 100 * infrared.max()
    coverage = np.array([(inner < threshold).mean() for threshold in thresholds])
    allowed = np.searchsorted(coverage, COVERAGE_LIMIT, side="right")
    return np.asarray(infrared < (thresholds[allowed - 1] if allowed else 0))


def detect_like_digital_ice(counts: np.ndarray, dpi: int) -> np.ndarray:
    """Digital ICE's gate, after digital-fauxice: pixels that it trusts less than half."""
    return np.asarray(trust_film(open_gate(counts, dpi)) < 0.5)


def detect_like_negpy(counts: np.ndarray, dpi: int) -> np.ndarray:
    """NegPy 0.45: infrared over its bright surroundings, the picture's ghost regressed out; scores below one half."""
    return np.asarray(score_ratio(*measure_ratios(counts, dpi)) < 0.5)


def open_gate(counts: np.ndarray, dpi: int) -> np.ndarray:
    """Digital ICE's gate less that of clean film, in steps, negative where light is lost; infinite without clean film.

    Above 550 dpi it is the least of a pixel and its neighbours in the row.
    """
    ratio, clean = calibrate_gate(counts, dpi)
    red, infrared = density_steps(counts[0]), density_steps(counts[3])
    gate = (infrared - ratio * red) / (1 - ratio) - clean
    return np.asarray(cv2.erode(gate, np.ones((1, 3), np.uint8))) if dpi > 550 else gate


def trust_film(gate: np.ndarray) -> np.ndarray:
    """Digital ICE's trust in pixels of a gate in steps: 1 and more is clean, and 0 and less hidden, film."""
    return np.asarray(1 - (ICE_MARGIN - gate) / ICE_RANGE)


def measure_ratios(counts: np.ndarray, dpi: int) -> tuple[np.ndarray, float]:
    """NegPy's ratios of R, G, B, IR to bright surroundings (band, y, x), and the robust sigma of infrared's.

    Infrared's has the picture's ghost regressed out, clean film brought to .97, and is 1 where it mirrors the picture.
    Windows are those of a 35 mm frame at full resolution; NegPy's search for the holder is left out.
    """
    width = round(NEGPY_WINDOW * FRAME_INCHES * dpi / NEGPY_LONG_EDGE) | 1
    ratios = local_ratios(counts, width)
    exponents = ghost_exponents(ratios[:3], ratios[3])
    if exponents.sum() > 0.5:
        ratios[3] = 1
    elif exponents.sum() >= 0.02:
        ratios[3] /= np.exp(np.einsum("b,byx->yx", exponents, np.log(ratios[:3])))
    centre, sigma = robust_centre_and_scale(ratios[3])
    ratios[3] *= NEGPY_CLEAN / np.clip(centre - 3 * sigma, 0.60, NEGPY_CLEAN)
    return ratios, sigma


def score_ratio(ratios: np.ndarray, sigma: float) -> np.ndarray:
    """NegPy's score (y, x) of ratios of given sigma, the least of 3 by 3 pixels: from 1 on clean, to 0 hidden film."""
    stretch = np.clip(0.02 / max(sigma, 1e-9), 1, 6)
    score = 1 - (NEGPY_CLEAN - ratios[3]) * stretch / (NEGPY_CLEAN - NEGPY_CUTOFF)
    return np.asarray(cv2.erode(score, np.ones((3, 3), np.uint8)))


def below(threshold_of: Callable[..., float], plane: np.ndarray) -> np.ndarray:
    """Where a plane of more than one value is at or below a threshold of its histogram."""
    if plane.min() == plane.max():
        return np.zeros(plane.shape, bool)
    return np.asarray(plane <= threshold_of(plane))


def safe_log(counts: np.ndarray) -> np.ndarray:
    """Natural logarithm of counts; that of no light is 0."""
    return np.asarray(np.log(np.maximum(counts, 1), dtype=np.float64))


def density_steps(counts: np.ndarray) -> np.ndarray:
    """Brightness in 4096 steps per stop, float64."""
    return np.asarray(ICE_STEPS_PER_STOP * np.log2(counts + 1.0))


def calibrate_gate(counts: np.ndarray, dpi: int) -> tuple[float, float]:
    """Slope of infrared on red inside clear tiles of a scan of some 500 dpi, and the gate of clean film, in steps."""
    shrink = max(dpi // 500, 1)
    size = (counts.shape[2] // shrink // 8 * 8, counts.shape[1] // shrink // 8 * 8)
    red, infrared = (cv2.resize(counts[band].astype(np.float64), size, interpolation=cv2.INTER_AREA) for band in (0, 3))
    clear = infrared > ICE_CLEAR
    if not clear.any():
        return ICE_USUAL_RATIO, -np.inf
    whole = tile_quarters(clear).mean(axis=1) == 1
    red_change, infrared_change = (tile_changes(density_steps(plane))[whole] for plane in (red, infrared))
    light = tile_quarters(infrared).mean(axis=1)[whole][:, None]
    weight = np.where(np.abs(infrared_change) <= ICE_LARGEST_RATIO * np.abs(red_change), light**2, 0)
    evidence = (weight * red_change**2).sum()
    ratio = (weight * red_change * infrared_change).sum() / evidence if evidence else ICE_USUAL_RATIO
    level = [np.average(density_steps(plane[clear]), weights=infrared[clear] ** 2) for plane in (red, infrared)]
    return float(ratio), float(level[1] - ratio * level[0]) / float(1 - ratio)


def tile_quarters(plane: np.ndarray) -> np.ndarray:
    """Means of the four 4 by 4 quarters of every 8 by 8 tile: (tile, quarter)."""
    height, width = plane.shape
    tiles = plane.reshape(height // 8, 2, 4, width // 8, 2, 4).mean(axis=(2, 5))
    return np.asarray(tiles.swapaxes(1, 2).reshape(-1, 4))


def tile_changes(plane: np.ndarray) -> np.ndarray:
    """Difference of every quarter from the mean of its tile: (tile, quarter)."""
    quarters = tile_quarters(plane)
    return np.asarray(quarters - quarters.mean(axis=1, keepdims=True))


def local_ratios(counts: np.ndarray, width: int) -> np.ndarray:
    """Every band over the mean, in a square of `width` pixels, of its maximum in such a square: (band, y, x)."""
    square = np.ones((width, width), np.uint8)
    light = np.maximum(counts, 1).astype(np.float32)
    return np.stack([plane / cv2.blur(cv2.dilate(plane, square), (width, width)) for plane in light])


def ghost_exponents(visible: np.ndarray, infrared: np.ndarray) -> np.ndarray:
    """Slopes (band,) of log infrared on log visible ratios over all but the darkest 5 % of pixels, held to 0 .. 0.8."""
    kept = np.flatnonzero(infrared > np.percentile(infrared, 5))
    kept = kept[:: -(-kept.size // NEGPY_SAMPLES) or 1]
    terms = np.stack([np.ones(kept.size), *(np.log(plane.flat[kept]) for plane in visible)], axis=1)
    return np.asarray(np.linalg.lstsq(terms, np.log(infrared.flat[kept]))[0][1:].clip(0, 0.8))


BASELINES: tuple[tuple[str, Detector], ...] = (
    ("constant 135/255", detect_by_constant),
    ("Otsu", detect_by_otsu),
    ("Yen", detect_by_yen),
    ("infrared over red", detect_by_ratio),
    ("regression on red", detect_by_red),
    ("coverage sweep", detect_by_coverage),
    ("SANE's chain", detect_like_sane),
    ("SANE's chain, grown", detect_grown_like_sane),
    ("Digital ICE's gate", detect_like_digital_ice),
    ("NegPy's ratio", detect_like_negpy),
)
"""Name and detector of every baseline, simplest first."""
