"""The visible data's weights against dense algebra."""

import numpy as np

from irtoolkit.healing.visible_data import OFFSET_ERROR, RatioError, weigh_visible

DENSITY, DEFECT = np.array([0.3, 0.8, 0.5], np.float32), np.array([0, 0, 1])
NOISE, STEEPNESS = np.full((3, 3), 0.01, np.float32), np.full((3, 3), 4000, np.float32)


def covariance(error):
    """Dense covariance (3, 3) of the three pixels, of which the first two are one defect."""
    lost = OFFSET_ERROR * (1 - np.exp(-DENSITY)) / 4000
    dense = 1 + (DENSITY / 2) ** 8 * (error.shared**2 + error.uneven**2) / error.uneven**2
    own = np.diag(0.01 + lost**2 + (error.uneven * DENSITY) ** 2 * dense)
    same = np.equal.outer(DEFECT, DEFECT)
    return own + same * np.outer(DENSITY, DENSITY) * error.shared**2


def test_the_weights_are_the_inverse_of_the_covariance():
    error = RatioError(0.2, 0.05)
    data = weigh_visible(NOISE, STEEPNESS, DENSITY, error, DEFECT)
    inverse = np.linalg.inv(covariance(error))
    weights = np.stack([data.weigh(np.tile(unit, (3, 1)))[0] for unit in np.eye(3, dtype=np.float32)], axis=1)
    np.testing.assert_allclose(weights, inverse, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(data.diagonal()[0], np.diag(inverse), rtol=1e-4)


def test_a_defect_weighs_alike_without_the_others():
    data = weigh_visible(NOISE, STEEPNESS, DENSITY, RatioError(0.2, 0.05), DEFECT)
    error = np.array([[1, 2, 3]] * 3, np.float32)
    pixels = DEFECT == 0
    np.testing.assert_allclose(data.select(pixels).weigh(error[:, pixels]), data.weigh(error)[:, pixels], rtol=1e-6)


def test_without_a_shared_error_each_pixel_weighs_by_itself():
    data = weigh_visible(NOISE, STEEPNESS, DENSITY, RatioError(0.0, 0.05), DEFECT)
    np.testing.assert_array_equal(data.weigh(np.ones((3, 3), np.float32)), data.precision)
