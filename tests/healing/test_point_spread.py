"""The separable blur of unknown pixels against dense algebra."""

import numpy as np
import pytest

from irtoolkit.healing.point_spread import reach_of, spread_points

SHAPE = (21, 27)
UNKNOWN = np.zeros(SHAPE, bool)
UNKNOWN[9:14, 11:18] = UNKNOWN[3, 4] = True
NUMBER = np.where(UNKNOWN, np.cumsum(UNKNOWN).reshape(SHAPE) - 1, -1).astype(np.int32)


def samples(side):
    rows, columns = (length // side * side for length in SHAPE)
    squares = UNKNOWN[:rows, :columns].reshape(rows // side, side, columns // side, side)
    return squares.any(axis=(1, 3))


def dense(sigma, side):
    """Matrix (sample, pixel) of a Gaussian over squares, cut off and normalised in each direction."""
    offsets = np.arange(-reach_of(sigma), reach_of(sigma) + side)
    kernel = np.exp(-((offsets - (side - 1) / 2) ** 2) / (2 * (max(sigma, 0.15) ** 2 + (side**2 - 1) / 12)))
    weights = dict(zip(offsets.tolist(), kernel / kernel.sum(), strict=True))
    pixels = np.argwhere(UNKNOWN).tolist()
    return np.array(
        [
            [weights.get(y - side * row, 0) * weights.get(x - side * column, 0) for y, x in pixels]
            for row, column in np.argwhere(samples(side)).tolist()
        ]
    )


@pytest.mark.parametrize(("sigma", "side"), [(0.0, 1), (0.9, 1), (1.8, 2)])
def test_blur_transpose_and_squares_are_those_of_the_dense_matrix(sigma, side):
    spread, matrix = spread_points(NUMBER, samples(side), sigma, side), dense(sigma, side)
    rng = np.random.default_rng(1)
    pixels, seen = rng.normal(size=matrix.shape[1]), rng.normal(size=matrix.shape[0])
    np.testing.assert_allclose(spread.blur(pixels), matrix @ pixels, atol=1e-6)
    np.testing.assert_allclose(spread.gather(seen), matrix.T @ seen, atol=1e-6)
    np.testing.assert_allclose(spread.squared().gather(seen), (matrix**2).T @ seen, atol=1e-6)


def test_pixels_that_share_no_sample_with_others_are_cut_out():
    spread, matrix = spread_points(NUMBER, samples(1), 0.9, 1), dense(0.9, 1)
    kept = np.arange(matrix.shape[1]) > 0
    part, seen = spread.select(kept)
    np.testing.assert_array_equal(seen, (matrix[:, kept] > 0).any(axis=1))
    np.testing.assert_allclose(part.blur(np.ones(kept.sum())), matrix[seen][:, kept].sum(axis=1), atol=1e-6)
