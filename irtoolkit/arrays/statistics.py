"""Robust scales, blurs and small least-squares fits on NumPy arrays."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import gcd, prod

import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

cv2.setNumThreads(1)
LIBRARIES = ThreadpoolController()
SAMPLES_AT_ONCE = 16384
CLUSTERS = 60


def even_step(shapes: Sequence[tuple[int, ...]], pixels: int) -> int:
    """Step through planes of these shapes, row by row, that takes about so many `pixels` and not always one column.

    >>> even_step([(100, 96)], 400), even_step([(100, 95)], 400)
    (25, 23)
    """
    step = max(1, sum(map(prod, shapes)) // pixels)
    while any(gcd(step, shape[-1]) > 1 for shape in shapes):
        step += 1
    return step


def robust_centre_and_scale(values: np.ndarray) -> tuple[float, float]:
    """Median, and the median absolute deviation from it times 1.4826 (a normal standard deviation).

    >>> robust_centre_and_scale(np.array([1.0, 2.0, 3.0, 4.0, 1000.0]))
    (3.0, 1.4826)
    """
    centre = float(np.median(values))
    return centre, 1.4826 * float(np.median(np.abs(values - centre)))


def blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a float32 plane, truncated at three sigma, mirrored at the edges; sigma 0 returns the plane."""
    if sigma <= 0:
        return plane
    return cv2.GaussianBlur(plane, kernel_size(sigma), sigma, borderType=cv2.BORDER_REFLECT_101)


def blur_known(
    plane: np.ndarray, sigma: float, blurred: Callable[[np.ndarray, float], np.ndarray] = blur
) -> np.ndarray:
    """Gaussian blur, by `blurred`, of the known pixels of a float32 plane, over their share of it; NaN stays NaN.

    Normalised convolution (Knutsson & Westin 1993, doi:10.1109/CVPR.1993.341081).

    >>> blur_known(np.array([[1, np.nan, 3, 3, 3]], np.float32), 0.7).round(2)
    array([[1.07,  nan, 2.98, 3.  , 3.  ]], dtype=float32)
    """
    known = np.isfinite(plane)
    if known.all():
        return blurred(plane, sigma)
    share = blurred(known.astype(np.float32), sigma)
    smooth = blurred(np.where(known, plane, np.float32(0)), sigma) / np.maximum(share, np.float32(1e-6))
    return np.where(known, smooth, np.float32(np.nan))


def kernel_size(sigma: float) -> tuple[int, int]:
    """Width and height of the kernel that `blur` uses: three sigma to each side."""
    side = 2 * int(np.ceil(3 * sigma)) + 1
    return side, side


def high_pass(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Detail that a Gaussian blur of `sigma` removes from a float32 plane."""
    return plane - blur(plane, sigma)


def gradient(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences of a float32 plane along y and along x, per pixel."""
    step = np.array([[-0.5, 0.0, 0.5]], np.float32)
    down = cv2.filter2D(plane, cv2.CV_32F, step.T, borderType=cv2.BORDER_REFLECT_101)
    right = cv2.filter2D(plane, cv2.CV_32F, step, borderType=cv2.BORDER_REFLECT_101)
    return down, right


def shift_below_a_pixel(plane: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Resample a float32 plane at (y + fraction[0], x + fraction[1]), fractions from 0 to 1, by cubic convolution.

    The kernel is Keys' with a = -0.5 (doi:10.1109/TASSP.1981.1163711); the plane is mirrored at its edges.
    """
    down, across = (_cubic(part) for part in fraction)
    return cv2.sepFilter2D(plane, cv2.CV_32F, across, down, anchor=(1, 1), borderType=cv2.BORDER_REFLECT_101)


def _cubic(fraction: float) -> np.ndarray:
    distance = np.abs(np.arange(-1, 3) - fraction)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0)).astype(np.float32)


def mean_of(planes: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Mean of float32 planes, plane by plane.

    >>> mean_of([np.ones((1, 2), np.float32), np.float32([[2, 3]])])
    array([[1.5, 2. ]], dtype=float32)
    """
    total = planes[0] + planes[1]
    for plane in planes[2:]:
        total += plane
    total *= np.float32(1 / len(planes))
    return total


def add_scaled(total: np.ndarray, value: float, plane: np.ndarray) -> None:
    """Add a float32 plane times a number to `total`, in place and in one pass.

    >>> total = np.ones((1, 2), np.float32)
    >>> add_scaled(total, 2.0, np.array([[1, 2]], np.float32))
    >>> total
    array([[3., 5.]], dtype=float32)
    """
    cv2.scaleAdd(plane, float(np.float32(value)), total, total)


def sums_of_products(terms: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Sums (terms, terms) over samples of the products of terms (terms, samples), weighted, float64, on one thread."""
    total = np.zeros((len(terms), len(terms)))
    with LIBRARIES.limit(limits=1, user_api="blas"):
        for start in range(0, terms.shape[1], SAMPLES_AT_ONCE):
            part = slice(start, start + SAMPLES_AT_ONCE)
            wide = terms[:, part].astype(np.float64)
            total += wide @ (wide if weights is None else wide * weights[part]).T
    return total


def combine(coefficients: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Sum of coefficients (terms,) times terms (terms, samples), the same bit for bit on any number of BLAS threads.

    >>> combine(np.array([1.0, 2.0]), np.array([[1.0, 1.0], [3.0, 4.0]]))
    array([7., 9.])
    """
    return np.einsum("t,ts->s", coefficients, terms)


def least_squares(terms: np.ndarray, values: np.ndarray, ridge: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Weighted least squares with a small ridge on standardised terms; sums in float64 on one thread.

    Parameters
    ----------
    terms
        (terms, samples); the first is the constant 1 and is not penalised.
    values
        (samples,).
    ridge
        Penalty on each standardised term as a share of the samples' weight, which keeps coefficients of equal terms
        (a gray slide) finite.
    weights
        (samples,); None for equal ones.

    Returns
    -------
    numpy.ndarray
        (terms,) float64 coefficients.

    >>> least_squares(np.array([[1, 1, 1, 1], [0, 1, 2, 3.0]]), np.array([1, 3, 5, 7.0]), 0.0).round(6)
    array([1., 2.])
    """
    return solve_sums(sums_of_products(np.vstack([terms, values]), weights), ridge)


def solve_sums(sums: np.ndarray, ridge: float) -> np.ndarray:
    """Coefficients (terms,) from `sums_of_products` of the terms, the first of which is 1, and the values, last.

    Sums over parts of a slide, or over the slides of a roll, can be added.

    >>> terms = np.array([[1, 1, 1, 1], [0, 1, 2, 3.0], [1, 3, 5, 7.0]])
    >>> solve_sums(sums_of_products(terms[:, :2]) + sums_of_products(terms[:, 2:]), 0.0).round(6)
    array([1., 2.])
    """
    total = sums[0, 0]
    mean = sums[0] / total
    covariance = sums / total - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-5 * mean**2 + 1e-12))
    standard = covariance / np.outer(spread, spread)
    inner = slice(1, -1)
    normal = standard[inner, inner] + ridge * np.eye(len(sums) - 2)
    with LIBRARIES.limit(limits=1, user_api="blas"):
        solution = np.linalg.lstsq(normal, standard[inner, -1], rcond=1e-12)[0]
    slopes = solution * spread[-1] / spread[inner]
    return np.r_[mean[-1] - (slopes * mean[inner]).sum(), slopes]


def standard_errors(terms: np.ndarray, residual: np.ndarray, ridge: float) -> np.ndarray:
    """Standard errors (terms,) of coefficients from the `residual` (samples,) of their fit, for correlated neighbours.

    The samples are grouped into 60 runs of neighbours (sandwich estimator, Liang & Zeger 1986,
    doi:10.1093/biomet/73.1.13).
    """
    edges = np.linspace(0, len(residual), CLUSTERS + 1).astype(int)
    parts = [slice(*pair) for pair in pairwise(edges)]
    scores = np.stack([combine(residual[part], terms[:, part].T) for part in parts])
    sums = sums_of_products(terms)
    bread = np.linalg.pinv(sums + ridge * np.diag(np.diag(sums)), hermitian=True)
    with LIBRARIES.limit(limits=1, user_api="blas"):
        covariance = bread @ (scores.T @ scores) @ bread
    return np.sqrt(np.maximum(np.diag(covariance), 0.0) * CLUSTERS / (CLUSTERS - 1))


def pixels_alike(terms: np.ndarray, residual: np.ndarray) -> float:
    """Samples per independent error: coefficient variance from 60 runs of neighbours over that from single samples.

    It is the median over the terms (terms, samples), the first of which is 1; at least 1, and 1 for a single term.

    >>> wave = np.repeat(np.random.default_rng(0).normal(size=1000), 6)
    >>> round(pixels_alike(np.stack([np.ones(6000), np.repeat(np.arange(1000.0), 6)]), wave)) in (4, 5, 6, 7, 8)
    True
    """
    if len(terms) == 1:
        return 1.0
    centred = terms[1:] - terms[1:].mean(axis=1, keepdims=True)
    left = residual - residual.mean()
    edges = np.linspace(0, len(left), CLUSTERS + 1).astype(int)
    scores = np.stack([combine(left[a:b], centred[:, a:b].T) for a, b in pairwise(edges)])
    single = np.maximum(np.einsum("ts,ts->t", centred, centred) * left.var(), 1e-30)
    return max(1.0, float(np.median((scores**2).sum(axis=0) / single)))
