"""Most probable light and density at masked pixels, by the Gauss-Newton method."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from irtoolkit.healing.point_spread import PointSpread, part
from irtoolkit.healing.runs import Runs
from irtoolkit.healing.visible_data import RatioError, VisibleData, weigh_visible

LEAST_TRANSMITTANCE, LARGEST_TRANSMITTANCE = 0.02, 1.2
EDGE_COST, EDGE_ROUNDING = 1.0, 0.05
OUTLIER = 4.0
NEWTON_STEPS, GRADIENT_STEPS = 4, 40
STILL = 0.05
"""Largest change of the logarithm of light in a step after which a group takes no more."""

RELATIVE_TOLERANCE, SMALL, ABSOLUTE_TOLERANCE = 1e-3, 300, 0.03
"""A group is solved when its squared gradient, about twice the log probability still to be gained, is this share of the
first, less by the square of its size where it has more pixels than `SMALL`; or this small (docs/method.md)."""

DENSITIES = (-0.05, 6.0)


class System(NamedTuple):
    """The data, constant through all steps; `n` unknown pixels, `e` pairs of neighbours, `q` infrared samples.

    `light`, `fill`, `noise`, `steepness` (counts per unit of `light`), `slopes`: (3, n); `differences` (e, n): matrix
    of differences of neighbours, `boundary` (3, e): share of known neighbours; `weight` (e,): 1 over the picture's
    variance; `psf`: the infrared's point-spread function; `density` (q,): infrared data, `precision` (q,): 1
    over the variance of its transmittance; `group` (n,): rising numbers, equal for connected pixels; `ratio` (3, 1):
    density of defects in R, G, B over that in infrared, `ratio_error`: its standard errors; `defect` (n,): numbers,
    equal for the pixels of a defect, which follow each other.
    """

    light: np.ndarray
    fill: np.ndarray
    noise: np.ndarray
    steepness: np.ndarray
    slopes: np.ndarray
    differences: sparse.csr_array
    boundary: np.ndarray
    weight: np.ndarray
    psf: PointSpread
    density: np.ndarray
    precision: np.ndarray
    bands: np.ndarray
    group: np.ndarray
    ratio: np.ndarray
    ratio_error: RatioError
    defect: np.ndarray


class Curvature(NamedTuple):
    """Hessian of the linearised problem, with inverses `blocks` (4, 4, n) of its diagonal blocks for each pixel.

    `visible`: the visible data's inverse covariance; `ghosts` (3, n): change of the unblurred
    infrared transmittance with light, `transmittance` (n,): minus its change with density; `psf` as in
    `System`; `infrared_precision` (q,): 1 over the infrared's variance; `light_cost`, `density_cost` (n, n):
    quadratic costs of differences of neighbours; `ratio` as in `System`. `ghosts` use the average transmittance of the
    surroundings, so that one blur serves both; the gradient is exact.
    """

    bands: np.ndarray
    visible: VisibleData
    ghosts: np.ndarray
    transmittance: np.ndarray
    blocks: np.ndarray
    psf: PointSpread
    infrared_precision: np.ndarray
    light_cost: sparse.csr_array
    density_cost: sparse.csr_array
    ratio: np.ndarray

    def times(self, move: np.ndarray) -> np.ndarray:
        """Product (4, n) with a move (4, n) of light and density."""
        drift = self.visible.weigh(move[:3] - self.ratio * move[3])
        dimmed = np.einsum("in,in->n", self.ghosts, move[:3]) - self.transmittance * move[3]
        shown = self.psf.gather(self.infrared_precision * self.psf.blur(dimmed))
        response = np.empty_like(move)
        response[:3] = drift + self.bands @ (self.light_cost @ move[:3].T).T + self.ghosts * shown
        response[3] = (
            self.density_cost @ move[3] - np.einsum("i,in->n", self.ratio[:, 0], drift) - self.transmittance * shown
        )
        return response

    def select(self, pixels: np.ndarray) -> "Curvature":
        """The part of some pixels (n,) bool, which are independent of the others."""
        (psf, samples), number = self.psf.select(pixels), np.cumsum(pixels, dtype=np.int32) - 1
        return self._replace(
            visible=self.visible.select(pixels),
            ghosts=self.ghosts[:, pixels],
            transmittance=self.transmittance[pixels],
            blocks=self.blocks[..., pixels],
            psf=psf,
            infrared_precision=self.infrared_precision[samples],
            light_cost=part(self.light_cost, pixels, number),
            density_cost=part(self.density_cost, pixels, number),
        )


def solve(system: System, density: np.ndarray) -> np.ndarray:
    """Most probable logarithm of light (3, n), starting from a `density` (n,) of the defects."""
    light, groups = np.where(density < 1.2, system.light + system.ratio * density, system.fill), Runs.of(system.group)
    share = RELATIVE_TOLERANCE * np.minimum(1, SMALL / groups.number).astype(np.float32) ** 2
    for _ in range(NEWTON_STEPS):
        step = _conjugate_gradients(*_linearise(system, light, density), groups, share)
        light, density = light + step[:3], np.clip(density + step[3], *DENSITIES)
        share = np.where(groups.largest(np.abs(step[:3]).max(axis=0)) < STILL, np.float32(np.inf), share)
    return light


def _linearise(system: System, light: np.ndarray, density: np.ndarray) -> tuple[Curvature, np.ndarray]:
    """Curvature at light (3, n) and density (n,), and the negative gradient (4, n)."""
    transmittance = np.exp(-density)
    trusted = weigh_visible(system.noise, system.steepness, density, system.ratio_error, system.defect)
    change = (system.differences @ light.T).T - system.boundary
    size = np.einsum("ie,ij,je->e", change, system.bands, change) * system.weight
    light_cost = _laplacian(system.differences, weight := system.weight / (1 + size / OUTLIER))
    edges = (system.differences @ density) ** 2 + EDGE_ROUNDING**2
    density_cost = _laplacian(system.differences, EDGE_COST / np.sqrt(edges))
    passed = np.maximum(1 + system.psf.blur(transmittance - 1), 0.01)
    seen = system.density + system.psf.blur((system.slopes * (light - system.fill)).sum(axis=0))
    precision = system.precision * np.clip(np.exp(-seen), LEAST_TRANSMITTANCE, LARGEST_TRANSMITTANCE) ** 2
    misfit = precision * (seen + np.log(passed))
    error = trusted.weigh(system.light + system.ratio * density - light)
    descent = np.empty((4, density.size), np.float32)
    roughness = system.differences.T @ (weight * change).T
    descent[:3] = error - system.bands @ roughness.T - system.slopes * system.psf.gather(misfit)
    descent[3] = (
        transmittance * system.psf.gather(misfit / passed) - (system.ratio * error).sum(axis=0) - density_cost @ density
    )
    infrared_precision = precision / passed**2
    ghosts = system.slopes * (system.psf.gather(passed) / np.maximum(system.psf.gather(np.ones_like(passed)), 1e-6))
    diagonal = transmittance**2 * system.psf.squared().gather(infrared_precision)
    blocks = _blocks(
        system.bands, trusted.diagonal(), light_cost.diagonal(), density_cost.diagonal() + diagonal, system.ratio
    )
    visible, infrared = (system.bands, trusted, ghosts), (system.psf, infrared_precision)
    return Curvature(*visible, transmittance, blocks, *infrared, light_cost, density_cost, system.ratio), descent


def _laplacian(differences: sparse.csr_array, weight: np.ndarray) -> sparse.csr_array:
    return (differences.multiply(weight[:, None]).T @ differences).tocsr()


def _blocks(
    bands: np.ndarray, visible_precision: np.ndarray, roughness: np.ndarray, dense: np.ndarray, ratio: np.ndarray
) -> np.ndarray:
    """Inverses (4, 4, n) of each pixel's diagonal block of the curvature, by Gauss-Jordan elimination."""
    blocks = np.zeros((4, 4, roughness.size), np.float32)
    blocks[:3, :3] = bands[:, :, None] * roughness
    for band in range(3):
        blocks[band, band] += visible_precision[band]
    blocks[:3, 3] = blocks[3, :3] = -ratio * visible_precision
    blocks[3, 3] = (ratio**2 * visible_precision).sum(axis=0) + dense + 1e-6
    for pivot in range(4):
        share = 1 / blocks[pivot, pivot]
        row, column = blocks[pivot] * share, blocks[:, pivot].copy()
        blocks -= column[:, None] * row
        blocks[pivot], blocks[:, pivot], blocks[pivot, pivot] = row, -column * share, share
    return blocks


class Search(NamedTuple):
    """State of conjugate gradients for `n` pixels in groups: their `solution` (4, n) so far.

    `place` (n,): their index in the whole solution; `groups`: the pixels of each group; `residual` (4, n) of the
    equations; `direction` (4, n) of the next step; `product` and `tolerance` (groups,): squared residual, and where to
    stop.
    """

    place: np.ndarray
    groups: Runs
    solution: np.ndarray
    residual: np.ndarray
    direction: np.ndarray
    product: np.ndarray
    tolerance: np.ndarray

    def select(self, pixels: np.ndarray, groups: np.ndarray) -> "Search":
        """The state of selected groups (bool), which own the `pixels` (n,) bool."""
        return Search(
            self.place[pixels],
            self.groups.select(groups),
            self.solution[:, pixels],
            self.residual[:, pixels],
            self.direction[:, pixels],
            self.product[groups],
            self.tolerance[groups],
        )


def _conjugate_gradients(
    curvature: Curvature, descent: np.ndarray, groups: Runs, share: np.ndarray | float
) -> np.ndarray:
    """Solution (4, n) of curvature times solution = descent after at most 40 preconditioned steps.

    Each group is an independent system that stops when it is solved, to this `share` (groups,) of the squared gradient
    (Hestenes and Stiefel 1952, doi:10.6028/jres.049.044); when half of the pixels are solved, they are removed from the
    computation.
    """
    solution, direction = np.zeros_like(descent), _scaled(curvature, descent)
    product = groups.sum(_products(descent, direction))
    tolerance = np.maximum(share * product, ABSOLUTE_TOLERANCE)
    place = np.arange(descent.shape[1])
    search = Search(place, groups, np.zeros_like(descent), descent, direction, product, tolerance)
    for _ in range(GRADIENT_STEPS):
        active = search.product > search.tolerance
        pixels = search.groups.spread(active)
        if not pixels.any():
            break
        if 2 * np.count_nonzero(pixels) < pixels.size:
            solution[:, search.place] = search.solution
            curvature, search, active = curvature.select(pixels), search.select(pixels, active), active[active]
        search = _advance(curvature, search, active)
    solution[:, search.place] = search.solution
    return solution


def _advance(curvature: Curvature, search: Search, active: np.ndarray) -> Search:
    """One step of the active groups (bool)."""
    groups, direction = search.groups, search.direction
    response = curvature.times(direction)
    curved = np.maximum(groups.sum(_products(direction, response)), np.float32(1e-30))
    length = groups.spread(active * search.product / curved)
    residual = search.residual - length * response
    scaled = _scaled(curvature, residual)
    product = groups.sum(_products(residual, scaled))
    kept = groups.spread(product / np.maximum(search.product, np.float32(1e-30)))
    solution, direction = search.solution + length * direction, scaled + kept * direction
    return search._replace(solution=solution, residual=residual, direction=direction, product=product)


def _scaled(curvature: Curvature, descent: np.ndarray) -> np.ndarray:
    return np.einsum("ijn,jn->in", curvature.blocks, descent)


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Scalar product (n,) of two (4, n) arrays at each pixel."""
    return np.einsum("in,in->n", one, other)
