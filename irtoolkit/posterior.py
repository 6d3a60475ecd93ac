"""The most probable light and density at masked pixels, given what is known of them: Gauss and Newton's method."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import sparse

RATIOS = np.array([1.08, 1.09, 1.11], np.float32)[:, None]
"""Density of defects in R, G, B over that in infrared: 1.03-1.14 in scans (US 5,266,805: refraction)."""

OFFSET_ERROR, RATIO_ERROR = 80.0, 0.12
"""How far black level, counts, and ratio, share, may be wrong."""

DENSE = 2.0
"""Natural density from which on the ratio is trusted less and less: it errs alike all over a defect."""

LEAST_TRANSMITTANCE, MOST_TRANSMITTANCE = 0.02, 1.2
EDGE_COST, EDGE_ROUNDING = 1.0, 0.05
UNUSUAL = 4.0
ROUNDS, STEPS = 4, 40
SETTLED = 1e-5
DENSITIES = (-0.05, 6.0)


class System(NamedTuple):
    """What stays the same through the rounds; `n` unknown pixels, `e` pairs of neighbours, `q` pixels of infrared.

    `light`, `fill`, `noise`, `steepness` (counts per unit of `light`), `slopes`: (3, n);
    `differences` (e, n) and `rim` (3, e): pairs of neighbours and what
    known ones add; `weight` (e,): 1 over the picture's variance; `smear` (q, n): the infrared's blur; `density` (q,)
    and `trust` (q,): its data, and 1 over the variance of its transmittance.
    """

    light: np.ndarray
    fill: np.ndarray
    noise: np.ndarray
    steepness: np.ndarray
    slopes: np.ndarray
    differences: sparse.csr_array
    rim: np.ndarray
    weight: np.ndarray
    smear: sparse.csr_array
    density: np.ndarray
    trust: np.ndarray
    bands: np.ndarray


def solve(system: System, density: np.ndarray) -> np.ndarray:
    """Most probable logarithm of light (3, n), begun from a `density` (n,) of the defects."""
    light = np.where(density < 1.2, system.light + RATIOS * density, system.fill)
    for _ in range(ROUNDS):
        step = _step(system, light, density)
        light, density = light + step[:3], np.clip(density + step[3], *DENSITIES)
    return light


def _step(system: System, light: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Change (4, n) of light and density that the linearised problem asks for."""
    transmittance = np.exp(-density)
    black = (OFFSET_ERROR * (1 - transmittance)) ** 2 / system.steepness**2
    ratio = (RATIO_ERROR * density) ** 2 * (1 + (density / DENSE) ** 2)
    certain = 1 / (system.noise + black + ratio + 1e-8)
    change = (system.differences @ light.T).T - system.rim
    size = np.einsum("ie,ij,je->e", change, system.bands, change) * system.weight
    smooth = _laplacian(system.differences, weight := system.weight / (1 + size / UNUSUAL))
    edges = EDGE_COST / np.sqrt((system.differences @ density) ** 2 + EDGE_ROUNDING**2)
    even = _laplacian(system.differences, edges)
    cover = 1 - system.smear.sum(axis=1)
    passed = np.maximum(cover + system.smear @ transmittance, 0.01)
    seen = system.density + system.smear @ (system.slopes * (light - system.fill)).sum(axis=0)
    trust = system.trust * np.clip(np.exp(-seen), LEAST_TRANSMITTANCE, MOST_TRANSMITTANCE) ** 2
    missed = trust * (seen + np.log(passed))
    off = certain * (system.light + RATIOS * density - light)
    back = system.smear.T.tocsr()
    pull = np.empty((4, density.size), np.float32)
    rough = system.differences.T @ (weight * change).T
    pull[:3] = off - _mix(system.bands, rough.T) - system.slopes * (back @ missed)
    pull[3] = transmittance * (back @ (missed / passed)) - (RATIOS * off).sum(axis=0) - even @ density

    def curvature(move: np.ndarray) -> np.ndarray:
        drift = certain * (move[:3] - RATIOS * move[3])
        ghost, shadow = system.smear @ (system.slopes * move[:3]).sum(axis=0), system.smear @ (transmittance * move[3])
        sight = trust * (ghost - shadow / passed)
        bent = np.empty_like(move)
        bent[:3] = drift + system.bands @ (smooth @ move[:3].T).T + system.slopes * (back @ sight)
        bent[3] = -(RATIOS * drift).sum(axis=0) - transmittance * (back @ (sight / passed)) + even @ move[3]
        return bent

    looked = transmittance**2 * (back.power(2) @ (trust / passed**2))
    return _conjugate_gradients(curvature, pull, _blocks(system.bands, certain, smooth, even, looked))


def _laplacian(differences: sparse.csr_array, weight: np.ndarray) -> sparse.csr_array:
    return (differences.multiply(weight[:, None]).T @ differences).tocsr()


def _mix(bands: np.ndarray, planes: np.ndarray) -> np.ndarray:
    return bands @ planes


def _blocks(
    bands: np.ndarray, certain: np.ndarray, smooth: sparse.csr_array, even: sparse.csr_array, looked: np.ndarray
) -> np.ndarray:
    """Inverses (4, 4, n) of each pixel's own block of the curvature, as preconditioner."""
    blocks = np.zeros((looked.size, 4, 4), np.float32)
    blocks[:, :3, :3] = bands * smooth.diagonal()[:, None, None]
    for band in range(3):
        blocks[:, band, band] += certain[band]
        blocks[:, band, 3] = blocks[:, 3, band] = -RATIOS[band, 0] * certain[band]
    blocks[:, 3, 3] = (RATIOS**2 * certain).sum(axis=0) + looked + even.diagonal() + 1e-6
    return np.ascontiguousarray(np.linalg.inv(blocks).transpose(1, 2, 0))


def _conjugate_gradients(
    curvature: Callable[[np.ndarray], np.ndarray], pull: np.ndarray, blocks: np.ndarray
) -> np.ndarray:
    """Solution (4, n) of curvature(solution) = pull after preconditioned steps, at most 40, which stop when
    their squared pull is a hundred-thousandth of the first.

    Hestenes and Stiefel 1952, doi:10.6028/jres.049.044.
    """
    solution, left = np.zeros_like(pull), pull.copy()
    scaled = np.einsum("ijn,jn->in", blocks, left)
    direction, product = scaled.copy(), float((left * scaled).sum())
    enough = SETTLED * product
    for _ in range(STEPS):
        if product <= enough:
            break
        bent = curvature(direction)
        length = product / max(float((direction * bent).sum()), 1e-30)
        solution += length * direction
        left -= length * bent
        scaled = np.einsum("ijn,jn->in", blocks, left)
        before, product = product, float((left * scaled).sum())
        direction = scaled + product / max(before, 1e-30) * direction
    return solution
