"""Where the infrared plane shows what the colour planes show, and its resampling onto the colour grid."""

from functools import partial

import cv2
import numpy as np
import xarray as xr
from scipy import fft

from irtoolkit import tiles
from irtoolkit.density import to_density, to_sixteen_bits
from irtoolkit.statistics import blur, gradient, high_pass, least_squares, robust_centre_and_scale

LIMIT = 45
HIGH_PASS = 5.0
EVIDENCE = 10.0
NEGLIGIBLE = 0.1
REFINED_PIXELS = 400_000


def measure_shift(counts: xr.DataArray) -> xr.Dataset:
    """Measure the displacement of the infrared against the colour planes, up to 45 px in y and x.

    The fraction of infrared variance that the three visible bands explain is computed for every whole-pixel shift
    from cross-correlations of high-passed densities, summed over tiles; its peak is refined below a pixel by
    Gauss-Newton steps on the picture's ghost and the dust. Two disjoint halves of the tiles must agree on a
    peak that stands 10 robust sigmas above the other shifts; otherwise the shift is 0 and `trusted` False.

    Parameters
    ----------
    counts
        (band, y, x) uint8 or uint16, bands R, G, B, IR; lazy.

    Returns
    -------
    xarray.Dataset
        Scalars `shift_y`, `shift_x` (pixels; infrared at (y + shift_y, x + shift_x) shows what colour shows at
        (y, x)), `evidence` (sigmas) and `trusted`.
    """
    samples = [_planes(tile) for tile in tiles.sample_tiles(counts.data)]
    surfaces = [_explained(part) for part in _halves(samples)]
    peaks = [_peak(surface) for surface in surfaces]
    (y, x), evidence = _peak(np.mean(surfaces, axis=0))
    agree = all(max(abs(peak[0] - y), abs(peak[1] - x)) <= 2 for peak, _ in peaks)
    trusted = bool(agree and evidence >= EVIDENCE)
    shift = _refine(samples, np.array([y, x], float)) if trusted else np.zeros(2)
    return xr.Dataset({"shift_y": shift[0], "shift_x": shift[1], "evidence": evidence, "trusted": trusted})


def _planes(tile: np.ndarray) -> np.ndarray:
    """High-passed densities of a tile, clipped so that no single edge or speck rules the correlation."""
    planes = np.stack([high_pass(to_density(band), HIGH_PASS) for band in tile])
    low, high = np.quantile(planes, [0.005, 0.995], axis=(1, 2), keepdims=True)
    return np.clip(planes, low, high).astype(np.float32)


def _halves(samples: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if len(samples) > 1:
        return samples[::2], samples[1::2]
    middle = samples[0].shape[2] // 2
    return [samples[0][:, :, :middle]], [samples[0][:, :, middle:]]


def _explained(samples: list[np.ndarray]) -> np.ndarray:
    """R2 of the infrared on the visible bands for every shift: (2 reach + 1, 2 reach + 1), no shift in the middle."""
    reach = [min(LIMIT, (min(tile.shape[axis] for tile in samples) - 1) // 3) for axis in (1, 2)]
    cross = np.zeros((3, 2 * reach[0] + 1, 2 * reach[1] + 1))
    covariance, power = np.zeros((3, 3)), 0.0
    for tile in samples:
        taper = np.outer(np.hanning(tile.shape[1] + 2)[1:-1], np.hanning(tile.shape[2] + 2)[1:-1]) ** 0.25
        planes = (tile - tile.mean(axis=(1, 2), keepdims=True)) * taper
        cross += _correlations(planes, reach)
        covariance += np.einsum("ayx,byx->ab", planes[:3], planes[:3], dtype=np.float64)
        power += float((planes[3] ** 2).sum())
    covariance += 1e-6 * np.trace(covariance) * np.eye(3) + 1e-20 * np.eye(3)
    return np.einsum("ayx,ab,byx->yx", cross, np.linalg.inv(covariance), cross) / max(power, 1e-20)


def _correlations(planes: np.ndarray, reach: list[int]) -> np.ndarray:
    shape = [fft.next_fast_len(n + r, real=True) for n, r in zip(planes.shape[1:], reach, strict=True)]
    spectra = fft.rfft2(planes, shape)
    surface = fft.irfft2(np.conj(spectra[:3]) * spectra[3], shape)
    rolled = np.roll(surface, reach, axis=(1, 2))
    return rolled[:, : 2 * reach[0] + 1, : 2 * reach[1] + 1]


def _peak(surface: np.ndarray) -> tuple[tuple[int, int], float]:
    y, x = np.unravel_index(int(surface.argmax()), surface.shape)
    centre, scale = robust_centre_and_scale(surface)
    middle = surface.shape[0] // 2, surface.shape[1] // 2
    return (int(y) - middle[0], int(x) - middle[1]), float((surface[y, x] - centre) / max(scale, 1e-12))


def _refine(samples: list[np.ndarray], shift: np.ndarray) -> np.ndarray:
    for _ in range(6):
        step = _gauss_newton_step(samples, shift)
        shift = shift + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 0.005:
            break
    return shift


def _gauss_newton_step(samples: list[np.ndarray], shift: np.ndarray) -> np.ndarray:
    """Remaining displacement: the infrared less each band's share in it, regressed on that share's gradient.

    Each band by itself, because bands lie up to .3 px apart and a weighted difference of them would follow that.
    """
    margin = int(np.ceil(np.abs(shift).max())) + 8
    step = max(1, round(np.sqrt(sum(tile[0].size for tile in samples) / REFINED_PIXELS)))
    inside = (slice(margin, -margin, step), slice(margin, -margin, step))
    remainders, moves = [], []
    infrared = [blur(shift_plane(tile[3], shift[0], shift[1]), 1.5)[inside].ravel() for tile in samples]
    values = np.concatenate(infrared).astype(np.float64)
    for band in range(3):
        smooth = [blur(tile[band], 1.5) for tile in samples]
        level = np.concatenate([plane[inside].ravel() for plane in smooth]).astype(np.float64)
        slope = (level * values).sum() / max((level * level).sum(), 1e-20)
        slopes = [np.stack(gradient(plane))[:, *inside].reshape(2, -1) for plane in smooth]
        remainders.append(values - slope * level)
        moves.append(-slope * np.concatenate(slopes, axis=1))
    terms = np.concatenate(moves, axis=1)
    return least_squares(np.vstack([np.ones(terms.shape[1]), terms]), np.concatenate(remainders), 1e-6)[1:]


def sample_aligned(counts: xr.DataArray, shift: xr.Dataset) -> list[np.ndarray]:
    """Compute tiles (4, y, x) of float32 16-bit counts with the infrared on the colour grid, all of it seen."""
    move = float(shift.shift_y), float(shift.shift_x)
    margin = int(np.ceil(max(abs(move[0]), abs(move[1]))))
    samples = []
    for tile in tiles.sample_tiles(counts.data):
        infrared = _shift_kernel(tile[3:], move)
        aligned = np.concatenate([to_sixteen_bits(tile[:3]), infrared])
        samples.append(aligned[:, margin : tile.shape[1] - margin, margin : tile.shape[2] - margin])
    return samples


def shift_infrared(counts: xr.DataArray, shift: xr.Dataset) -> xr.DataArray:
    """Resample the infrared onto the colour grid; lazy.

    Parameters
    ----------
    counts
        (band, y, x) with the infrared last.
    shift
        From `measure_shift`. A displacement under 0.1 px is left alone, because every resampling softens thin defects.

    Returns
    -------
    xarray.DataArray
        (y, x) float32 16-bit counts; mirrored where the infrared's frame ends (what lies beyond counts as `unseen`).
    """
    move = float(shift.shift_y), float(shift.shift_x)
    kernel = partial(_shift_kernel, move=move)
    depth = int(np.ceil(max(abs(move[0]), abs(move[1])))) + 4
    data = tiles.map_blocks(kernel, counts.data[3:], depth=depth, dtype=np.float32)
    return xr.DataArray(data[0], dims=("y", "x"), name="infrared")


def _shift_kernel(infrared: np.ndarray, move: tuple[float, float]) -> np.ndarray:
    plane = to_sixteen_bits(infrared[0])
    if max(abs(move[0]), abs(move[1])) < NEGLIGIBLE:
        return plane[None]
    return shift_plane(plane, *move)[None]


def shift_plane(plane: np.ndarray, shift_y: float, shift_x: float) -> np.ndarray:
    """Resample a float32 plane so that its value at (y + shift_y, x + shift_x) comes to (y, x), by cubic convolution.

    The kernel is Keys' with a = -0.5 (doi:10.1109/TASSP.1981.1163711); the plane is mirrored at its edges.
    """
    whole = np.floor([shift_y, shift_x]).astype(int)
    fraction = np.array([shift_y, shift_x]) - whole
    reach = int(np.abs(whole).max()) + 3
    padded = cv2.copyMakeBorder(plane, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    down, across = _cubic(fraction[0]), _cubic(fraction[1])
    filtered = cv2.sepFilter2D(padded, cv2.CV_32F, across, down, anchor=(1, 1), borderType=cv2.BORDER_REFLECT_101)
    top, left = reach + whole[0], reach + whole[1]
    return filtered[top : top + plane.shape[0], left : left + plane.shape[1]]


def _cubic(fraction: float) -> np.ndarray:
    distance = np.abs(np.arange(-1, 3) - fraction)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0)).astype(np.float32)
