"""The linear systems of the joint estimate against dense algebra."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from irtoolkit.healing.point_spread import PointSpread
from irtoolkit.healing.posterior import Curvature, System, _conjugate_gradients, _linearise, solve
from irtoolkit.healing.runs import Runs
from irtoolkit.healing.visible_data import RatioError

SIZES = (2, 30, 7)
PIXELS = sum(SIZES)
BANDS = np.array([[1.2, -0.3, 0.1], [-0.3, 1.4, -0.4], [0.1, -0.4, 1.1]], np.float32)


def spread_of(psf):
    """A blur that is a matrix (samples, pixels) already."""
    return PointSpread.of(sparse.csr_array(sparse.eye_array(psf.shape[1], dtype=np.float32)), psf)


def chains():
    """Three independent rows of pixels, each between two known ones."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(len(SIZES)), SIZES)
    ends = np.cumsum([0, *SIZES])
    rows = [np.eye(n + 1, n) - np.eye(n + 1, n, -1) for n in SIZES]
    psfs = [np.maximum(0.6 - 0.3 * np.abs(np.subtract.outer(np.arange(0, n, 2), np.arange(n))), 0) for n in SIZES]
    differences = sparse.csr_array(sparse.block_diag(rows, dtype=np.float32))
    psf = sparse.csr_array(sparse.block_diag(psfs, dtype=np.float32))
    light = rng.normal(9, 0.1, (3, PIXELS)).astype(np.float32)
    boundary = np.zeros((3, differences.shape[0]), np.float32)
    for number, (first, last) in enumerate(pairwise(ends)):
        boundary[:, first + number], boundary[:, last + number] = 9, -9
    return System(
        light,
        np.full_like(light, 9),
        np.full_like(light, 1e-3),
        np.exp(light),
        np.full((3, PIXELS), 0.05, np.float32),
        differences,
        boundary,
        np.full(differences.shape[0], 100, np.float32),
        spread_of(psf),
        rng.uniform(0, 0.5, psf.shape[0]).astype(np.float32),
        np.full(psf.shape[0], 500, np.float32),
        BANDS,
        group,
        np.array([[1.08], [1.09], [1.11]], np.float32),
        RatioError(0.1, 0.07),
        group,
    )


def dense(curvature: Curvature, pixels: int) -> np.ndarray:
    """Matrix (4 * pixels, 4 * pixels) of what `times` does."""
    moves = np.eye(4 * pixels, dtype=np.float32).reshape(-1, 4, pixels)
    return np.stack([curvature.times(move).ravel() for move in moves], axis=1)


@pytest.fixture(name="linear")
def fixture_linear():
    system = chains()
    return system, *_linearise(system, system.light + 0.2, np.full(PIXELS, 0.3, np.float32))


def test_the_curvature_is_symmetric_and_positive(linear):
    matrix = dense(linear[1], PIXELS)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-4, atol=1e-2)
    assert np.linalg.eigvalsh(matrix.astype(float)).min() > 0


def test_blocks_are_the_inverses_of_each_pixels_own(linear):
    """But for the ghost of the light in the infrared, which they leave out."""
    matrix = dense(linear[1], PIXELS).reshape(4, PIXELS, 4, PIXELS)
    own = np.einsum("injn->ijn", matrix)
    unit = np.einsum("ijn,jkn->ikn", linear[1].blocks, own)
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(4)[..., None], unit.shape), atol=0.1)


def test_a_group_is_a_part_of_the_matrix(linear):
    _, curvature, _ = linear
    pixels = np.repeat([False, True, False], SIZES)
    part = dense(curvature, PIXELS).reshape(4, PIXELS, 4, PIXELS)[:, pixels][..., pixels]
    count = np.count_nonzero(pixels)
    np.testing.assert_allclose(dense(curvature.select(pixels), count).reshape(part.shape), part, rtol=1e-5, atol=1e-3)


def test_steps_end_at_the_solution_of_every_group(linear):
    system, curvature, descent = linear
    solution = _conjugate_gradients(curvature, 1e3 * descent, Runs.of(system.group), 1e-5)
    exact = np.linalg.solve(dense(curvature, PIXELS).astype(float), 1e3 * descent.ravel()).reshape(4, PIXELS)
    for number in range(len(SIZES)):
        mine = system.group == number
        assert np.abs(solution - exact)[:, mine].max() < 0.02 * np.abs(exact[:, mine]).max()


def test_a_group_solves_alike_with_and_without_others():
    system = chains()
    whole = solve(system, np.full(PIXELS, 0.3, np.float32))
    first = system.group == 0
    pairs, places = SIZES[0] + 1, (SIZES[0] + 1) // 2
    alone = system._replace(
        **{name: getattr(system, name)[:, first] for name in ("light", "fill", "noise", "steepness", "slopes")},
        differences=system.differences[:pairs][:, : SIZES[0]],
        boundary=system.boundary[:, :pairs],
        weight=system.weight[:pairs],
        psf=spread_of(system.psf.across[:places][:, : SIZES[0]]),
        density=system.density[:places],
        precision=system.precision[:places],
        group=system.group[first],
        defect=system.defect[first],
    )
    np.testing.assert_allclose(solve(alone, np.full(SIZES[0], 0.3, np.float32)), whole[:, first], atol=1e-5)
