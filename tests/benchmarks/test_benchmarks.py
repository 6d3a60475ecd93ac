import numpy as np
import pandas as pd
import pytest

from benchmarks import cases, detection
from benchmarks.scoring import best_cut, choose_best, compare_methods, count_false, grow_mask, judge_mask, pool_rates
from benchmarks.simulation import simulate_scan

SHAPE = (15, 21)
PHOTOGRAPH = cases.scene_photograph("test chart", (101, 151))


@pytest.fixture
def planes():
    """An empty mask; a truth of one pixel in the middle; the frame without its last 4 columns."""
    truth, frame = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    truth[7, 8], frame[:, -4:] = True, False
    return np.zeros(SHAPE, bool), truth, frame


def judge(planes):
    mask, truth, frame = planes
    return judge_mask(mask, truth, truth, frame)


def test_a_mask_grows_by_a_disc():
    mask = np.zeros(SHAPE, bool)
    mask[7, 8] = True
    rows, columns = np.indices(SHAPE)
    np.testing.assert_array_equal(grow_mask(mask, 1), np.hypot(rows - 7, columns - 8) <= 1)
    assert grow_mask(mask, 2).any(axis=1).sum() == grow_mask(mask, 2).any(axis=0).sum() == 5


@pytest.mark.parametrize(
    ("column", "precision", "recall"), [(8, 1, 1), (9, 1, 1), (10, 1, 0), (11, 0, 0)], ids=lambda value: str(value)
)
def test_a_mark_is_true_within_two_pixels_and_finds_within_one(planes, column, precision, recall):
    planes[0][7, column] = True
    judgement = judge(planes)
    assert (judgement.precision, judgement.recall) == (precision, recall)
    assert judgement.f1 == pytest.approx(2 * precision * recall / max(precision + recall, 1))
    assert judgement[3:] == (1, 1 - precision, 1, 1 - precision)


def test_regions_touch_at_corners_and_one_true_pixel_makes_them_true(planes):
    planes[0][[9, 10, 11], [8, 9, 10]] = True
    planes[0][[1, 2], [1, 2]] = True
    judgement = judge(planes)
    assert judgement[3:] == (5, 4, 2, 1)
    assert judgement.precision == pytest.approx(1 / 5)


def test_marks_on_the_mount_count_neither_way(planes):
    planes[0][7, 8] = planes[0][:, -4:] = True
    assert judge(planes) == (1, 1, 1, 1, 0, 1, 0)


def test_nothing_marked_is_precise_and_finds_nothing(planes):
    assert judge(planes)[:3] == (0, 1, 0)
    empty = np.zeros(SHAPE, bool)
    assert judge_mask(empty, empty, empty, ~empty)[:3] == (1, 1, 1)


def test_the_best_cut_gives_the_best_mask():
    rng = np.random.default_rng(4)
    truth, frame = grow_mask(rng.random((60, 70)) < 0.004, 2), np.ones((60, 70), bool)
    frame[:9] = False
    score, cuts = rng.normal(2.0 * truth, 1), np.linspace(-3, 5, 81)
    f1 = [judge_mask(score > cut, truth & frame, truth, frame).f1 for cut in cuts]
    assert best_cut(score, cuts, truth & frame, truth, frame) == cuts[np.argmax(f1)]


@pytest.fixture
def judgements():
    """Two scans of two films: automatic, one other rate, two constants, and another method."""
    methods = [("irtoolkit", 0.05, np.nan), ("irtoolkit, rate 0.1", 0.1, np.nan)]
    methods += [(f"irtoolkit, {sigma} sigma", np.nan, sigma) for sigma in (4.0, 8.0)]
    methods += [("other", np.nan, np.nan)]
    rows = []
    for film, f1 in (("e6", (0.9, 0.8, 0.7, 0.8, 0.3)), ("c41", (0.5, 0.4, 0.6, 0.4, 0.1))):
        for (method, rate, sigma), value in zip(methods, f1, strict=True):
            marks = {"marked": 100, "false_marked": 10 if film == "e6" else 0, "regions": 10, "false_regions": 2}
            figures = {"f1": value, "precision": value, "recall": value, "seconds": 3.0, "megapixels": 1.5}
            names = {"film": film, "scanner": "plustek", "kind": "linear", "seed": 1, "method": method}
            rows.append(names | {"requested": rate, "sigma": sigma, "estimated": 0.03} | figures | marks)
    return pd.DataFrame(rows)


def test_methods_are_compared_by_mean_and_worst(judgements):
    table = compare_methods(judgements)
    assert list(table.index) == ["irtoolkit", "other"]
    assert list(table.loc["irtoolkit"]) == pytest.approx([0.7, 0.5, 0.7, 0.7, 0.2, 2.0])


def test_the_best_constant_is_that_of_each_scan_and_that_of_all(judgements):
    scans = choose_best(judgements)
    assert list(scans["automatic"]) == [0.9, 0.5]
    assert list(scans["best"]) == [0.8, 0.6]
    assert list(scans["best_sigma"]) == [8, 4]
    assert list(scans["one"]) == [0.7, 0.6]
    assert list(scans["one_sigma"]) == [4, 4]


def test_rates_are_pooled_over_scans(judgements):
    rates = pool_rates(judgements)
    assert list(rates.index) == [0.05, 0.1]
    assert list(rates.loc[0.05]) == pytest.approx([0.05, 0.2, 0.2, 0.03])


def test_false_regions_are_counted_per_megapixel(judgements):
    assert count_false(judgements).loc["other"].to_list() == pytest.approx([10 / 1.5, 10 / 1.5])


def test_a_scan_is_the_same_for_the_same_seed_and_other_for_another():
    scans = [simulate_scan(seed, PHOTOGRAPH, (101, 151), scanner="plustek", mount=True) for seed in (3, 3, 4)]
    for name in ("counts", "undamaged", "transmittance", "truth", "allowed", "frame"):
        np.testing.assert_array_equal(getattr(scans[0], name), getattr(scans[1], name))
    assert (scans[0].counts != scans[2].counts).mean() > 0.5


@pytest.mark.parametrize("scanner", detection.SCANNERS)
def test_the_truth_is_where_marks_are_allowed_and_on_film(scanner):
    scan = simulate_scan(5, PHOTOGRAPH, (101, 151), scanner=scanner, mount=True, defects=900.0)
    assert scan.truth.any()
    assert not (scan.truth & ~(scan.allowed & scan.frame)).any()
    assert (scan.transmittance[scan.truth] < 0.94).all()


def test_every_film_meets_every_scanner_and_gamma_takes_turns():
    listed = detection.list_cases(4, 3)
    assert len(listed) == 3 * 16 + 24
    usual = pd.DataFrame([case for case in listed if case.kind in ("linear", "gamma 2.2")])
    bent = usual[usual["kind"] == "gamma 2.2"].groupby(["film", "scanner"]).size()
    assert len(bent) == 12
    assert (bent == 1).all()


def test_quick_cases_hold_every_sort():
    kinds = [case.kind for case in detection.list_cases(1, 1)[:: detection.QUICK]]
    assert {"clean", "silver", "black frame"} < set(kinds)
    assert sum(kind in cases.DAMAGED for kind in kinds) == 4


def test_a_run_writes_the_same_table_twice_and_all_files(tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "QUICK", 15)
    monkeypatch.setattr(detection, "THRESHOLDS", (4.0,))
    monkeypatch.setattr(detection, "RATES", (0.1,))
    tables = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        detection.main(["--quick", "--megapixels", "0.04", "--workers", "1", "--out", str(folder)])
        tables.append(pd.read_csv(folder / "detection.csv").drop(columns="seconds"))
    pd.testing.assert_frame_equal(*tables)
    assert {path.suffix for path in (tmp_path / "one").iterdir()} == {".csv", ".md", ".png"}
    assert len(list((tmp_path / "one").iterdir())) == 6
    silver = tables[0].query("kind == 'silver' and method == 'irtoolkit'")
    assert silver["status"].to_list() == ["refused"]
    assert tables[0].query("kind == 'linear' and method == 'irtoolkit'")["f1"].min() > 0.5
