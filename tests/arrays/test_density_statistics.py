import numpy as np
import pytest
from scans import to_counts
from threadpoolctl import threadpool_limits

from irtoolkit.arrays import statistics
from irtoolkit.arrays.density import to_density
from irtoolkit.arrays.shrinking import wide_blur
from irtoolkit.arrays.statistics import (
    add_scaled,
    blur,
    combine,
    gradient,
    high_pass,
    kernel_size,
    least_squares,
    robust_centre_and_scale,
    shift_below_a_pixel,
    solve_sums,
    sums_of_products,
)


def test_density_is_the_negative_decimal_logarithm_of_the_share_of_full_scale():
    counts = np.array([65535, 6553.5, 655.35, 2 * 655.35], np.float32)
    np.testing.assert_allclose(to_density(counts, softness=0), [0, 1, 2, 2 - np.log10(2)], atol=1e-6)


def test_offset_is_taken_off_before_the_logarithm():
    np.testing.assert_allclose(to_density(np.array([6753.5]), offset=200.0, softness=0), [1], atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 100, 255])
def test_eight_bit_counts_are_taken_257_fold(level):
    np.testing.assert_array_equal(
        to_density(np.array([level], np.uint8)), to_density(np.array([level * 257], np.uint16))
    )


def test_zero_counts_have_the_density_of_the_softness():
    np.testing.assert_allclose(to_density(np.array([0], np.uint16), softness=20), [-np.log10(20 / 65535)], rtol=1e-6)


def test_density_is_finite_and_falls_with_counts_even_below_the_offset():
    density = to_density(np.arange(0, 500, dtype=np.uint16), offset=300.0)
    assert density.dtype == np.float32
    assert np.isfinite(density).all()
    assert (np.diff(density) < 0).all()


def test_softness_fades_from_the_counts_that_it_does_not_concern():
    counts = np.array([20_000.0])
    assert abs(to_density(counts)[0] - to_density(counts, softness=0)[0]) < 1e-6


def test_counts_come_back_from_density():
    density = np.array([0, 0.3, 1, 2.5], np.float32)
    np.testing.assert_allclose(to_density(to_counts(density, 150.0), 150.0, softness=0.01), density, atol=1e-5)
    np.testing.assert_allclose(to_counts(np.array([1.0]), 100.0), [6653.5], rtol=1e-6)


def test_median_and_scaled_deviation_by_hand():
    assert robust_centre_and_scale(np.array([7.0, 1.0, 4.0, 2.0])) == (3.0, pytest.approx(1.4826 * 1.5))


def test_robust_scale_of_a_normal_sample_is_its_deviation():
    centre, scale = robust_centre_and_scale(np.random.default_rng(0).normal(5, 2, 100_001))
    assert centre == pytest.approx(5, abs=0.03)
    assert scale == pytest.approx(2, rel=0.02)


def test_blur_of_a_point_is_a_gaussian():
    plane = np.zeros((21, 27), np.float32)
    plane[10, 13] = 1
    y, x = np.indices(plane.shape)
    gaussian = np.exp(-((y - 10) ** 2 + (x - 13) ** 2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    np.testing.assert_allclose(blur(plane, 1.5), gaussian, atol=2e-4)
    assert kernel_size(1.5) == (11, 11)


def test_blur_reaches_no_farther_than_three_sigma():
    plane = np.zeros((41, 41), np.float32)
    plane[20, 20] = 1
    reached = np.argwhere(blur(plane, 2.2) > 0)
    assert (np.abs(reached - 20).max(axis=0) == 7).all()


def test_no_blur_leaves_the_plane():
    plane = np.random.default_rng(1).random((5, 7), np.float32)
    assert blur(plane, 0) is plane


def test_high_pass_of_a_ramp_is_nothing_away_from_the_edges():
    ramp = np.add.outer(2 * np.arange(41.0), np.arange(57.0)).astype(np.float32)
    np.testing.assert_allclose(high_pass(ramp, 2)[9:-9, 9:-9], 0, atol=1e-4)


def test_gradient_of_a_ramp_is_its_slope():
    ramp = np.add.outer(3 * np.arange(7.0), -2 * np.arange(9.0)).astype(np.float32)
    down, right = gradient(ramp)
    np.testing.assert_allclose(down[1:-1], 3, atol=1e-5)
    np.testing.assert_allclose(right[:, 1:-1], -2, atol=1e-5)
    np.testing.assert_array_equal(down[[0, -1]], 0)


def test_least_squares_finds_the_line_through_points():
    x = np.array([0, 1, 2, 5.0])
    np.testing.assert_allclose(least_squares(np.stack([np.ones(4), x]), 3 - 2 * x, 0.0), [3, -2], atol=1e-9)


def test_weight_zero_leaves_a_sample_out():
    x = np.array([0, 1, 2, 5.0])
    values = np.array([1, 2, 3, 99.0])
    weighted = least_squares(np.stack([np.ones(4), x]), values, 0.0, np.array([1, 1, 1, 0.0]))
    np.testing.assert_allclose(weighted, [1, 1], atol=1e-9)


def test_weights_by_hand():
    terms, values = np.ones((1, 3)), np.array([1, 2, 6.0])
    np.testing.assert_allclose(least_squares(terms, values, 0.0, np.array([1, 1, 2.0])), [15 / 4])


def test_equal_and_constant_terms_stay_finite_and_predict():
    x = np.random.default_rng(2).normal(size=500)
    terms = np.stack([np.ones(500), x, x, np.full(500, 4.0)])
    coefficient = least_squares(terms, 2 + 6 * x, 1e-5)
    assert np.isfinite(coefficient).all()
    assert coefficient[1] == pytest.approx(coefficient[2])
    np.testing.assert_allclose(combine(coefficient, terms), 2 + 6 * x, atol=1e-3)


def test_ridge_does_not_depend_on_the_units_of_a_term():
    rng = np.random.default_rng(3)
    x, values = rng.normal(size=(2, 300))
    small, large = (least_squares(np.stack([np.ones(300), unit * x]), values, 0.1)[1] * unit for unit in (1e-3, 1e3))
    assert small == pytest.approx(large, rel=1e-6)


def test_combination_and_fit_are_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(4)
    terms = np.concatenate([np.ones((1, 60_001)), rng.normal(size=(12, 60_001))])
    values = rng.normal(size=60_001)
    results = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            coefficient = least_squares(terms, values, 1e-5)
            results.append(np.concatenate([coefficient, combine(coefficient, terms)]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def normal_terms(samples, seed=5):
    """Terms (5, samples), the first of which is 1, and values of known coefficients, last."""
    rng = np.random.default_rng(seed)
    terms = np.concatenate([np.ones((1, samples)), rng.normal(3, 1, (4, samples))])
    return np.vstack([terms, np.array([2, 1, -1, 0.5, 0]) @ terms + rng.normal(0, 0.1, samples)])


def test_sums_of_the_parts_are_those_of_the_whole_and_so_are_the_coefficients():
    joined = normal_terms(5001)
    parts = [sums_of_products(part) for part in np.array_split(joined, [7, 2000, 4999], axis=1)]
    whole = sums_of_products(joined)
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-12)
    np.testing.assert_allclose(solve_sums(sum(parts), 1e-5), solve_sums(whole, 1e-5), rtol=1e-9)
    np.testing.assert_allclose(solve_sums(whole, 1e-5), [2, 1, -1, 0.5, 0], atol=0.02)
    np.testing.assert_allclose(whole, joined @ joined.T, rtol=1e-12)


@pytest.mark.parametrize("slice_length", [1, 100, 16_384, 10**6])
def test_sums_do_not_depend_on_slices(monkeypatch, slice_length):
    joined, weights = normal_terms(3001), np.random.default_rng(6).random(3001)
    plain, weighted = sums_of_products(joined), sums_of_products(joined, weights)
    monkeypatch.setattr(statistics, "SAMPLES_AT_ONCE", slice_length)
    np.testing.assert_allclose(sums_of_products(joined), plain, rtol=1e-12)
    np.testing.assert_allclose(sums_of_products(joined, weights), weighted, rtol=1e-12)
    np.testing.assert_allclose(weighted, (joined * weights) @ joined.T, rtol=1e-12)


def test_weights_of_true_and_false_choose_samples():
    joined = normal_terms(500)
    keep = joined[1] > 3
    np.testing.assert_allclose(sums_of_products(joined, keep), sums_of_products(joined[:, keep]), rtol=1e-12)


def test_terms_that_rounding_alone_tells_apart_explain_nothing():
    """Three constants of .515 and four slices of noise, as constant colour gives."""
    terms = np.vstack([np.ones(60_001), np.full((3, 60_001), 0.515)])
    values = np.random.default_rng(7).normal(0, 0.002, 60_001)
    np.testing.assert_allclose(least_squares(terms, values, 1e-5), 0, atol=1e-3)


def test_a_wide_blur_is_nearly_the_gaussian_and_keeps_what_is_even():
    plane = np.zeros((203, 301), np.float32)
    plane[70:130, 90:260] = 1
    np.testing.assert_allclose(wide_blur(plane, 12.0), blur(plane, 12.0), atol=0.02)
    np.testing.assert_allclose(wide_blur(np.full((33, 50), 7, np.float32), 12.0), 7, rtol=1e-6)


@pytest.mark.parametrize("fraction", [(0, 0), (0.25, 0.5), (1, 0)])
def test_a_shift_below_a_pixel_is_exact_on_parabolas(fraction):
    y, x = np.indices((17, 23), np.float32)
    expected = (y + fraction[0]) ** 2 - (x + fraction[1]) * 3 + (x + fraction[1]) * (y + fraction[0])
    shifted = shift_below_a_pixel(y * y - 3 * x + x * y, np.array(fraction, np.float32))
    np.testing.assert_allclose(shifted[2:-3, 2:-3], expected[2:-3, 2:-3], atol=1e-3)


def test_adding_a_scaled_plane_changes_the_total_alone():
    total, plane = np.float32([[1, 2]]), np.float32([[10, 20]])
    add_scaled(total, -0.5, plane)
    np.testing.assert_array_equal(total, [[-4, -8]])
    np.testing.assert_array_equal(plane, [[10, 20]])
