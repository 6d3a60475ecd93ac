import numpy as np
import pandas as pd
import pytest

from benchmarks import cases, healing, healing_charts, restoring
from benchmarks.scoring import grow_mask
from benchmarks.simulation import Scan

SHAPE = (121, 173)
DPI = 4000


def make_scan(counts, undamaged, truth, transmittance):
    frame = np.ones(truth.shape, bool)
    return Scan(counts, undamaged, transmittance.astype(np.float32), truth, truth, frame, DPI, {})


@pytest.fixture
def scan():
    """An even picture that reads 1/4 and should read 1: opaque in one region, dense in another, half in a third."""
    undamaged = np.full((4, *SHAPE), 65535, np.uint16)
    truth, transmittance = np.zeros(SHAPE, bool), np.ones(SHAPE)
    for column, passed in ((10, 0.1), (60, 0.3), (110, 0.7)):
        truth[20:60, column : column + 30], transmittance[20:60, column : column + 30] = True, passed
    counts = undamaged.copy()
    counts[:, truth] = 16384
    return make_scan(counts, undamaged, truth, transmittance)


@pytest.mark.parametrize(("gamma", "value"), [(1.0, 0.25 ** (1 / 2.2)), (2.2, 0.25)])
def test_an_error_of_known_size_has_its_psnr(scan, gamma, value):
    figures = restoring.judge_healing(scan, scan.counts[:3], None, gamma)
    expected = -20 * np.log10(1 - value)
    for name in ("psnr", "psnr_opaque", "psnr_dense", "psnr_half", "psnr_dust"):
        assert figures[name] == pytest.approx(expected, abs=1e-3)
    assert np.isnan(figures["psnr_scratch"])
    assert np.isnan(figures["outside"])


def test_each_class_and_kind_counts_its_own_error(scan):
    healed = scan.undamaged[:3].copy()
    healed[:, 20:60, 60:90] = 0
    figures = restoring.judge_healing(scan, healed, scan.truth, 1.0)
    assert (figures["psnr_opaque"], figures["psnr_dense"], figures["psnr_half"]) == (120, 0, 120)
    assert figures["psnr"] == figures["psnr_marked"] == pytest.approx(10 * np.log10(3))
    assert (figures["outside"], figures["touched"], figures["covered"]) == (0, 0, 1)


def test_the_classes_part_at_fifteen_and_fifty_per_cent():
    classes = restoring.classes_of(np.array([0.0, 0.149, 0.15, 0.499, 0.5, 1.0], np.float32))
    assert [np.flatnonzero(part).tolist() for part in classes.values()] == [[0, 1], [2, 3], [4, 5]]


def test_kinds_are_told_by_shape():
    truth = np.zeros((90, 130), bool)
    truth[5:12, 90:98] = truth[40:43, 4:124] = True
    truth[60:63, 10:40] = truth[60:85, 38:41] = truth[82:85, 38:70] = True
    kinds = restoring.kinds_of(truth)
    assert {kind: int(part.sum()) for kind, part in kinds.items()} == {"dust": 56, "scratch": 360, "hair": 246}
    assert kinds["scratch"][41, 60]
    assert not any(part.any() for part in restoring.kinds_of(np.zeros((70, 80), bool)).values())


def test_colour_differs_by_the_lightness_of_gray():
    light = [np.full((3, 5), value) for value in (1.0, 1.0)]
    assert restoring.mean_difference(*light) == 0
    dark, white = np.zeros((3, 5)), np.ones((3, 5))
    assert restoring.mean_difference(dark, white) == pytest.approx(100, abs=0.1)
    assert np.isnan(restoring.mean_difference(np.empty((3, 0)), np.empty((3, 0))))
    assert restoring.to_srgb(np.array([0.0, 0.214041, 1.0])) == pytest.approx([0, 0.5, 1], abs=1e-5)


def test_white_noise_has_as_much_grain_inside_as_around():
    rng = np.random.default_rng(3)
    light = 0.4 * rng.normal(1, 0.02, (3, 400, 500))
    regions = np.zeros((400, 500), bool)
    regions[40::80, 30::60] = True
    regions = grow_mask(regions, 8)
    around, against = restoring.compare_grain(light, light, regions, np.ones_like(regions))
    assert around == pytest.approx(1, abs=0.05)
    assert against == 1
    smoother = np.where(regions, 0.4 + 0.5 * (light - 0.4), light)
    around, against = restoring.compare_grain(smoother, light, regions, np.ones_like(regions))
    assert around == pytest.approx(0.25, abs=0.04)
    assert against == pytest.approx(0.25, abs=0.04)


def test_small_regions_have_no_grain():
    regions = np.zeros(SHAPE, bool)
    regions[10:15, 10:15] = True
    assert np.isnan(restoring.compare_grain(*np.ones((2, 3, *SHAPE)), regions, ~regions)).all()


def test_values_off_the_mask_and_clean_pixels_are_counted(scan):
    healed = scan.counts[:3].copy()
    healed[:2, 100, 5:9] = 7
    mask = scan.truth.copy()
    mask[100, 5] = True
    figures = restoring.judge_healing(scan, healed, mask, 1.0)
    clean = ~grow_mask(scan.truth, 2)
    assert figures["outside"] == 6
    assert figures["touched"] == pytest.approx(4 / clean.sum())


def test_the_ten_scans_hold_what_the_benchmark_promises():
    listed = healing.list_cases(7, 2)
    assert len(listed) == 20
    assert {case.scanner for case in listed[: healing.QUICK]} == {"coolscan", "flatbed", "plustek"}
    kinds = pd.Series([case.kind for case in listed[:10]]).value_counts()
    assert (kinds["nearly black"], kinds["infrared dots"], kinds["gamma 2.2"]) == (1, 2, 2)
    assert all(case.kind in cases.DAMAGED for case in listed)


def test_methods_of_gmic_are_left_out_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(healing, "which", lambda _: None)
    monkeypatch.setattr(healing, "find_spec", lambda _: None)
    assert healing.leave_out(["auto", "gmic:inpaint_pde"]) == ["gmic:inpaint_pde"]
    monkeypatch.setattr(healing, "which", lambda _: "/bin/gmic")
    assert healing.leave_out(["auto", "gmic:inpaint_pde"]) == []


def test_the_crop_shows_where_most_is_lost():
    truth = np.zeros((300, 400), bool)
    truth[200:210, 300:310] = True
    rows, columns = healing_charts.find_window(truth)
    assert truth[rows, columns].sum() == 100
    assert (rows.stop - rows.start, columns.stop - columns.start) == (160, 160)
    weight = np.where(truth, 1.0, 0.0)
    weight[50, 60] = 101
    assert weight[healing_charts.find_window(weight)].sum() == 101
    assert healing_charts.find_window(truth[:90, :70]) == (slice(0, 90), slice(0, 70))


def test_gains_are_over_the_best_rival_and_telea():
    rows = []
    for film, own, rivals, half, telea in (
        ("e6", 40.0, (35.0, 38.0), 44.0, 41.0),
        ("c41", 36.0, (35.0, 30.0), 39.0, 40.0),
    ):
        names = {"film": film, "scanner": "plustek", "kind": "linear", "seed": 1}
        rows.append(names | {"group": "reference", "method": "Telea, true mask", "psnr": 9.0, "psnr_half": telea})
        rows.append(names | {"group": "irtoolkit", "method": "irtoolkit auto", "psnr": own, "psnr_half": half})
        for method, psnr in zip(("one", "two"), rivals, strict=True):
            rows.append(names | {"group": "rival", "method": method, "psnr": psnr, "psnr_half": 0.0})
    table = pd.DataFrame(rows)
    assert healing_charts.sum_up_gains(table).loc["irtoolkit auto"].to_list() == [1.5, 1, 0.5, 1, -1, 0.5]
    assert healing_charts.pick_rival(table)["rival"].to_list() == ["two", "one"]


def test_a_run_writes_the_same_table_twice_and_all_files(tmp_path, monkeypatch):
    monkeypatch.setattr(healing, "QUICK", 1)
    tables = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        arguments = ["--quick", "--megapixels", "0.04", "--workers", "1", "--methods", "auto", "--out", str(folder)]
        healing.main(arguments)
        tables.append(pd.read_csv(folder / "healing.csv").drop(columns=["seconds", "finding"]))
    pd.testing.assert_frame_equal(*tables)
    written = {path.name for path in (tmp_path / "one").iterdir()}
    assert written == {"healing.csv", "healing.md", "healing.png", "e6-coolscan-linear.png"}
    own = tables[0].set_index("method")
    assert own.loc["irtoolkit auto", "psnr"] > own.loc["unhealed", "psnr"]
    assert (own.loc[["irtoolkit auto", "irtoolkit auto, grain"], "outside"] == 0).all()
