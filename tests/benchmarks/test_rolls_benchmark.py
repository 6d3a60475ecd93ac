import numpy as np
import pandas as pd
import pytest

from benchmarks import rolls
from benchmarks.cases import Case
from benchmarks.photographs import FILMS
from benchmarks.simulation import simulate_scan


def test_slides_of_a_roll_share_film_and_scanner_but_not_level_and_place():
    slides = rolls.draw_roll(np.random.default_rng(1), "kodachrome", "plustek", 5)
    assert len({slide.batch for slide in slides}) == 1
    for name in slides[0].optics:
        values = [slide.optics[name] for slide in slides]
        if name in ("clear", *rolls.MOVED):
            assert len(set(values)) == 5
            assert np.ptp(values) <= 2 * (rolls.LEVEL * np.mean(values) * 1.1 if name == "clear" else rolls.MOVED[name])
        else:
            assert values == [values[0]] * 5
    low, high = FILMS["kodachrome"].infrared
    assert low <= slides[0].batch.slope <= high


def test_a_roll_is_exposed_as_stated():
    scans = rolls.make_roll(Case(1, 0, "kodachrome", "coolscan", "roll"), None, (65, 97))
    assert len(scans) == len(rolls.EXPOSURES)
    light = {kind: [] for kind in ("nearly black", "nearly white", "ordinary")}
    for scan, stops in zip(scans, rolls.EXPOSURES, strict=True):
        light[rolls.kind_of(stops)].append(np.median(scan.undamaged[:3]))
        assert scan.known["slope"] == scans[0].known["slope"]
    assert [len(values) for values in light.values()] == [2, 2, 6]
    assert np.mean(light["nearly black"]) < 0.2 * np.mean(light["ordinary"]) < np.mean(light["nearly white"])


def test_a_scan_without_constants_draws_its_own(photograph):
    own, other = (simulate_scan(seed, photograph, (65, 97)).known for seed in (1, 2))
    assert own["slope"] != other["slope"]


@pytest.fixture
def photograph():
    return rolls.open_folder(None)[0]


def test_fits_are_compared_by_kind():
    names = {"film": "e6", "scanner": "coolscan"}
    rows = [("ordinary", 0.9, 0.8), ("ordinary", 0.7, 1.0), ("nearly black", 0.0, 0.5)]
    table = pd.DataFrame([names | {"kind": kind, "alone": alone, "roll": roll} for kind, alone, roll in rows])
    compared = rolls.compare_fits(table)
    assert compared["kind"].tolist() == ["ordinary", "nearly black"]
    np.testing.assert_allclose(compared[["alone", "roll", "gain"]], [[0.8, 0.9, 0.1], [0, 0.5, 0.5]])
    assert compared["slides"].tolist() == [2, 1]
    assert (
        rolls.as_markdown(compared).splitlines()[-1] == "| e6 | coolscan | nearly black | 0.000 | 0.500 | 0.500 | 1 |"
    )


def test_each_slide_of_a_mixed_roll_has_film_and_scanner_of_its_own():
    scans = rolls.make_roll(Case(1, 0, "kodachrome", "coolscan", "mixed"), None, (65, 97))
    for name in ("slope", "flare"):
        assert len({scan.known[name] for scan in scans}) == len(rolls.EXPOSURES)
