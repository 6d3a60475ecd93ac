"""The trial of unusual ratios: its scans and its figures."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from benchmarks import ratios
from benchmarks.photographs import Photograph
from benchmarks.simulation import FULL_SCALE, Constants, simulate_scan

SHAPE = (101, 151)
PLAIN = Photograph("plain", np.full((400, 600, 3), 40_000, np.uint16))


def scanned(**constants):
    return simulate_scan(4, PLAIN, SHAPE, defects=900.0, constants=Constants(**constants))


def test_the_infrared_shows_dust_beside_where_the_colours_do():
    usual, moved = (scanned(dust_shift=shift) for shift in ((0.0, 0.0), (3.0, -2.0)))
    np.testing.assert_array_equal(moved.counts[:3], usual.counts[:3])
    lost = [scan.undamaged[3] / np.maximum(scan.counts[3].astype(float), 1) for scan in (usual, moved)]
    inside = slice(10, -10), slice(10, -10)
    here, there = (
        np.corrcoef(lost[1][inside].ravel(), plane[inside].ravel())[0, 1]
        for plane in (lost[0], ndimage.shift(lost[0], (3, -2), order=1))
    )
    assert there > 0.9 > here


def test_a_tone_curve_darkens_shadows_and_lightens_lights():
    plain, curved = (scanned(tone=tone).undamaged[:3] / FULL_SCALE for tone in (0.0, 0.6))
    expected = plain - 0.6 / (2 * np.pi) * np.sin(2 * np.pi * plain)
    np.testing.assert_allclose(curved, expected, atol=1e-4)
    assert np.all(curved[plain < 0.49] <= plain[plain < 0.49])


def test_only_what_is_brighter_than_the_film_by_twice_its_grain_is_overcorrected():
    rng = np.random.default_rng(1)
    film = np.log(0.3) + rng.normal(0, 0.05, (1, *SHAPE)) + np.zeros((3, 1, 1))
    truth = np.zeros(SHAPE, bool)
    truth[20:60, 20:60] = True
    healed = film.copy()
    healed[:, 20:30, 20:60] += 0.2
    healed[:, 30:40, 20:60] += 0.02
    healed[:, 40:60, 20:60] -= 0.5
    assert ratios.share_overcorrected(healed, film, truth) == pytest.approx(0.25)


def test_the_trial_writes_a_row_a_scan(tmp_path):
    ratios.main(["--out", str(tmp_path), "--only", "c41 coolscan 1.26", "--megapixels", "0.1"])
    table = pd.read_csv(tmp_path / "ratios.csv")
    assert table["scan"].tolist() == ["c41 coolscan 1.26, gamma 2.2, bits 8"]
    assert table["true"].tolist() == pytest.approx([1.28])
