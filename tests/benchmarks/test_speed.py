import pytest

from benchmarks import sane, speed, speed_steps


def cells_of(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return list(speed.measure_all(tmp_path_factory.mktemp("speed"), [0.1], 1))


def test_the_table_has_every_step_with_its_ratios(measured):
    heads, _, *rows = map(cells_of, speed.table(iter(measured)))
    installed = sane.load_library() is not None
    steps = [step for step in speed.STEPS if installed or step != "sane"]
    assert [row[1] for row in rows[: len(steps)]] == [speed.STEPS[step] for step in steps]
    (_, found) = measured[0]
    for row, step in zip(rows, steps, strict=False):
        assert float(row[heads.index("x limit")]) == pytest.approx(found[step]["cpu"] / found["limit"]["cpu"], abs=0.06)
        assert (row[heads.index("x SANE")] != "-") == installed
        assert found[step]["imported"] > found[step]["cpu"] > 0
    assert found["finding"]["marked"] == found["whole"]["marked"] > 0


def test_the_table_says_that_sane_is_missing(measured):
    ((size, found),) = measured
    *rows, empty, note = speed.table(iter([(size, {step: of for step, of in found.items() if step != "sane"})]))
    assert (empty, note) == ("", speed.NO_SANE)
    assert {cells_of(row)[7] for row in rows[2:]} == {"-"}


def test_a_step_that_is_not_installed_has_no_figures(monkeypatch, tmp_path):
    monkeypatch.setattr(sane, "load_library", lambda: None)
    assert speed_steps.measure("sane", tmp_path, tmp_path, "") is None


def test_figures_are_medians_of_the_repeats():
    runs = [{"cpu": cpu, "peak": peak} for cpu, peak in ((3.0, 10.0), (1.0, 30.0), (2.0, 20.0))]
    assert speed.medians(runs) == {"cpu": 2.0, "peak": 20.0}


def test_the_profile_names_every_step(tmp_path):
    _, _, *rows = speed_steps.profile(speed.make_scan(tmp_path, 0.1), tmp_path / "out")
    assert len(rows) == 6
    assert sum(float(cells_of(row)[2].rstrip("%")) for row in rows) == pytest.approx(100, abs=3)
