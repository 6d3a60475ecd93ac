"""Registration of the infrared against the colours: measured by tiles, with its evidence."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import fft

from irtoolkit.alignment.displacement import (
    Displacement,
    Pieces,
    constant_displacement,
    displacement_at,
    fit_displacement,
)
from irtoolkit.alignment.film import Film, film_at, lacks_data
from irtoolkit.arrays import (
    Tile,
    blur,
    blur_known,
    compute_each,
    robust_centre_and_scale,
    shift_below_a_pixel,
    sums_of_products,
    to_density,
    wide_blur,
)

LIMIT = 45
HIGH_PASS = 5.0
EVIDENCE = 10.0
LARGEST_ERROR = 0.5
PIECE = 256
BLURS = ((3.0, 2), (1.5, 3))
"""Sigmas, px, of the blurs under which a displacement is measured, and the number of steps under each."""

COARSE = 2
UNKNOWN = 1e-4
SYSTEMATIC = 0.1
EDGE = 6
STEP = 2


class Piece(NamedTuple):
    """Part of a tile: row and column of its middle, and its high-passed densities (band, y, x)."""

    place: tuple[float, float]
    planes: np.ndarray


def measure_displacement(samples: Sequence[Tile], film: Film, shape: tuple[int, int]) -> Displacement:
    """Measure the displacement of the infrared against the colour planes, up to 45 px in y and x.

    The fraction of infrared variance that the three visible bands explain is computed for every whole-pixel shift
    from cross-correlations of high-passed densities, summed over tiles. Two disjoint halves of the tiles must agree on
    a peak 10 robust sigmas above the other shifts; otherwise nothing is corrected. From there every piece
    of 256 px measures its own displacement by Gauss-Newton steps on the picture's ghost and the dust, weighted by what
    its detail is worth against its noise, and `fit_displacement` draws shift, scale, rotation and drift through them.

    Parameters
    ----------
    samples
        Tiles (4, y, x) of counts, bands R, G, B, IR.
    film
        From `measure_film`; what is not film counts for nothing.
    shape
        Height and width of the slide.

    Returns
    -------
    Displacement
        0 where it is not trusted.
    """
    pieces = [piece for some in compute_each(partial(_pieces, film=film), samples) for piece in some]
    start, evidence = _whole_pixels(pieces) if pieces else (None, 0.0)
    if start is None:
        return constant_displacement(0, 0, shape)._replace(evidence=evidence)
    displacement, places = constant_displacement(*start, shape), np.array([piece.place for piece in pieces])
    for sigma, rounds in BLURS:
        blurred = compute_each(partial(_blurred, sigma=sigma), pieces)
        for _ in range(rounds):
            moves, information = _measure_pieces(blurred, displacement, sigma)
            displacement = fit_displacement(places, moves, information, shape)
    trusted = displacement.uncertainty <= LARGEST_ERROR
    coefficient = displacement.coefficient if trusted else np.zeros_like(displacement.coefficient)
    error = 1 / np.sqrt(np.maximum(np.linalg.eigvalsh(information)[:, 0], 1e-12))
    return Displacement(coefficient, shape, displacement.uncertainty, evidence, trusted, Pieces(places, moves, error))


def _pieces(tile: Tile, film: Film) -> list[Piece]:
    """High-passed densities of parts of a tile, clipped so that no single edge or speck rules the correlation."""
    height, width = tile.planes.shape[1:]
    inside = film_at(film, (tile.row, tile.column), (height, width))
    if not inside.any():
        return []
    density = [to_density(band) for band in tile.planes]
    from_first = [band - band[0, 0] for band in density]
    planes = np.stack([band - wide_blur(band, HIGH_PASS) for band in from_first])
    lacking = lacks_data(film, tile)
    if lacking.any():
        infrared = np.where(lacking, np.float32(np.nan), density[3])
        planes[3] = np.where(lacking, np.float32(0), infrared - blur_known(infrared, HIGH_PASS))
    low, high = np.quantile(planes[:, inside][:, ::7], [0.005, 0.995], axis=1)[..., None, None]
    planes = np.where(inside, np.clip(planes, low, high), 0).astype(np.float32)

    def cut(top: int, bottom: int, left: int, right: int) -> Piece:
        place = tile.row + (top + bottom - 1) / 2, tile.column + (left + right - 1) / 2
        return Piece(place, planes[:, top:bottom, left:right])

    return [cut(*rows, *columns) for rows in _cuts(height) for columns in _cuts(width)]


def _cuts(length: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, max(1, round(length / PIECE)) + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _blurred(piece: Piece, sigma: float) -> Piece:
    return piece._replace(planes=np.stack([blur(plane, sigma) for plane in piece.planes]))


def _whole_pixels(pieces: Sequence[Piece]) -> tuple[tuple[int, int] | None, float]:
    """Shift to two pixels, or None when the halves of the slide do not agree on it, and its evidence in sigmas."""
    planes = [_coarse(piece.planes) for piece in pieces]
    surfaces = [_explained(part) for part in _halves(planes)]
    peaks = [_peak(surface)[0] for surface in surfaces]
    start, evidence = _peak(np.mean(surfaces, axis=0))
    agree = all(max(abs(y - start[0]), abs(x - start[1])) <= 1 for y, x in peaks)
    found = COARSE * start[0], COARSE * start[1]
    return (found if agree and evidence >= EVIDENCE else None), evidence


def _coarse(planes: np.ndarray) -> np.ndarray:
    """Means of 2 by 2 px."""
    height, width = (length // COARSE for length in planes.shape[1:])
    whole = planes[:, : COARSE * height, : COARSE * width]
    return whole.reshape(len(planes), height, COARSE, width, COARSE).mean(axis=(2, 4))


def _halves(planes: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if len(planes) > 1:
        return planes[::2], planes[1::2]
    middle = planes[0].shape[2] // 2
    return [planes[0][:, :, :middle]], [planes[0][:, :, middle : 2 * middle]]


def _explained(samples: list[np.ndarray]) -> np.ndarray:
    """R2 of the infrared on the visible bands for every shift: (2 reach + 1, 2 reach + 1), no shift in the middle."""
    reach = [min(LIMIT // COARSE, (min(tile.shape[axis] for tile in samples) - 1) * 3 // 8) for axis in (1, 2)]
    cross = np.zeros((3, 2 * reach[0] + 1, 2 * reach[1] + 1))
    covariance, power = np.zeros((3, 3)), 0.0
    for tile in samples:
        taper = np.outer(np.hanning(tile.shape[1] + 2)[1:-1], np.hanning(tile.shape[2] + 2)[1:-1]) ** 0.25
        planes = ((tile - tile.mean(axis=(1, 2), keepdims=True)) * taper).astype(np.float32)
        cross += _correlations(planes, reach)
        covariance += np.einsum("ayx,byx->ab", planes[:3], planes[:3], dtype=np.float64)
        power += float((planes[3].astype(np.float64) ** 2).sum())
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


def _measure_pieces(pieces: Sequence[Piece], displacement: Displacement, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Displacement (piece, 2) of each piece by one Gauss-Newton step from `displacement`, and its information.

    The infrared less each band's share in it is regressed on that share's gradient; each band by itself, because bands
    are up to .3 px apart and a weighted difference of them would follow that. The information (piece, 2, 2) counts
    as many independent pixels as a blur of `sigma` leaves, and the three bands, which see one infrared, as one.
    """
    starts = [displacement_at(displacement, *(np.array([side]) for side in piece.place))[:, 0, 0] for piece in pieces]
    sums = np.array(compute_each(_products, zip(pieces, starts, strict=True)))
    pooled = sums.sum(axis=0)
    shares = np.array([pooled[3 * band, 9] / max(pooled[3 * band, 3 * band], 1e-20) for band in range(3)])
    moves, information = np.array(starts, dtype=float), np.zeros((len(pieces), 2, 2))
    for i, products in enumerate(sums):
        normal, pull, noise = np.zeros((2, 2)), np.zeros(2), 0.0
        for band, share in enumerate(shares):
            level, slopes = 3 * band, slice(3 * band + 1, 3 * band + 3)
            normal += share**2 * products[slopes, slopes]
            pull -= share * (products[slopes, 9] - share * products[slopes, level])
            noise += products[9, 9] - 2 * share * products[level, 9] + share**2 * products[level, level]
        step = np.linalg.pinv(normal, hermitian=True) @ pull
        moves[i] += np.clip(step, -sigma, sigma)
        variance = noise / (3 * max(products[10, 10], 1.0))
        independent = STEP**2 / (4 * np.pi * sigma**2)
        measured = independent * normal / (3 * max(variance, 1e-20)) + UNKNOWN * np.eye(2)
        information[i] = np.linalg.inv(np.linalg.inv(measured) + SYSTEMATIC**2 * np.eye(2))
    return moves, information


def _products(placed: tuple[Piece, np.ndarray]) -> np.ndarray:
    """Sums (11, 11) over a blurred piece of products of: level and two slopes of R, of G and of B; infrared; 1."""
    (_, planes), start = placed
    whole = np.floor(start).astype(int)
    margin = [min(abs(by) + EDGE, (side - 1) // 2) for by, side in zip(whole.tolist(), planes.shape[1:], strict=True)]

    def picked(some: np.ndarray, down: int = 0, right: int = 0) -> np.ndarray:
        height, width = some.shape[1:]
        rows = slice(margin[0] + down, height - margin[0] + down, STEP)
        return some[:, rows, margin[1] + right : width - margin[1] + right : STEP].reshape(len(some), -1)

    bands, infrared = planes[:3], shift_below_a_pixel(planes[3], start - whole)[None]
    down, right = picked(bands, down=1) - picked(bands, down=-1), picked(bands, right=1) - picked(bands, right=-1)
    columns = np.stack([picked(bands), down / 2, right / 2], axis=1).reshape(9, -1)
    return sums_of_products(np.concatenate([columns, picked(infrared, *whole.tolist()), np.ones_like(columns[:1])]))
