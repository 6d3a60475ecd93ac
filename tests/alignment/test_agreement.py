"""Whether colour and infrared show one slide."""

import numpy as np
import pytest

from irtoolkit.alignment.agreement import measure_agreement

SPECKS = [(10 + 17 * row, 12 + 23 * column) for row in range(5) for column in range(4)]


def plane_of_specks(places, density, shape=(101, 113)):
    plane = np.zeros(shape, np.float32)
    for y, x in places:
        plane[y : y + 3, x : x + 2] = density
    return plane


@pytest.mark.parametrize(("share", "expected"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_the_share_that_the_colours_lost_is_found(share, expected):
    noise = np.random.default_rng(1).normal(0, 0.01, (4, 101, 113)).astype(np.float32)
    residual = noise[0] + plane_of_specks(SPECKS, 0.3)
    density = noise[1:] + plane_of_specks(SPECKS, 0.3 * share)
    assert measure_agreement([(residual, density)]) == pytest.approx(expected, abs=0.05)


def test_damage_elsewhere_than_in_the_colours_does_not_agree():
    noise = np.random.default_rng(2).normal(0, 0.01, (4, 101, 113)).astype(np.float32)
    residual = noise[0] + plane_of_specks(SPECKS, 0.3)
    density = noise[1:] + plane_of_specks([(y + 8, x + 9) for y, x in SPECKS], 0.3)
    assert abs(measure_agreement([(residual, density)])) < 0.2


def test_places_in_the_midst_of_detail_have_no_say():
    """Four fifths of what stands out is no damage but ghost among strong detail, which the colours know nothing of."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.01, (4, 101, 226)).astype(np.float32)
    noise[1:, :, 113:] += rng.normal(0, 0.3, (101, 113)).astype(np.float32)
    calm, busy = SPECKS[:10], [(y, x + 113) for y, x in SPECKS]
    residual = noise[0] + plane_of_specks([*calm, *busy, *busy], 0.3, (101, 226))
    density = noise[1:] + plane_of_specks(calm, 0.3, (101, 226))
    assert measure_agreement([(residual, density)]) == pytest.approx(1.0, abs=0.1)


def test_places_that_are_all_in_the_midst_of_detail_say_nothing():
    rng = np.random.default_rng(5)
    residual = rng.normal(0, 0.01, (101, 113)).astype(np.float32) + plane_of_specks(SPECKS, 0.3)
    assert np.isnan(measure_agreement([(residual, rng.normal(0, 1, (1, 101, 113)).repeat(3, 0).astype(np.float32))]))


def test_few_places_and_unseen_ones_say_nothing():
    noise = np.random.default_rng(3).normal(0, 0.01, (4, 101, 113)).astype(np.float32)
    residual = noise[0] + plane_of_specks(SPECKS[:7], 0.3)
    assert np.isnan(measure_agreement([(residual, noise[1:])]))
    assert np.isnan(measure_agreement([(np.full_like(residual, np.nan), noise[1:])]))
