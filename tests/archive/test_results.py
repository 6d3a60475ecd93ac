"""The table of a run: what is not known is an empty cell, and a text is never a formula."""

import csv
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irtoolkit.archive.results import COLUMNS, describe_row, open_results, write_table

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1", "''-1")
TEXTS = (*FORMULAS, "a=1", "'a", "''", "'", "a\rb", 'say "no", twice', "line\nbreak")


def cells_of(file):
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_number_that_is_not_known_is_an_empty_cell_and_an_infinite_one_is_not(tmp_path):
    row = {"slide": "a.tif", "status": "done", "fdr": math.nan, "threshold": math.inf, "candidates": 240, "decoys": 3}
    (cells,) = cells_of(write_table([row], tmp_path / "slides.csv"))
    assert list(cells) == list(COLUMNS)
    assert [cells[name] for name in ("fdr", "threshold", "candidates", "decoys")] == ["", "inf", "240", "3"]
    results = open_results(tmp_path)
    assert math.isnan(results.fdr.item())
    assert (results.threshold.item(), results.candidates.item()) == (math.inf, 240)


def test_figures_are_rounded_to_use_and_a_threshold_is_not(tmp_path):
    row = {"slide": "a.tif", "status": "done", "threshold": 4.374715771431166, "blur": 2.2709642840214723}
    row |= {"coverage": 0.000406361, "worst_y": 12345.0, "seconds": 12345.67, "shift_x": -0.02975910175, "sigma": 1e-9}
    (cells,) = cells_of(write_table([row], tmp_path / "slides.csv"))
    assert cells["threshold"] == "4.374715771431166"
    shown = {"blur": "2.271", "coverage": "0.0004064", "worst_y": "12345.0", "seconds": "12346.0"}
    assert {name: cells[name] for name in (*shown, "shift_x", "sigma")} == shown | {
        "shift_x": "-0.02976",
        "sigma": "1e-09",
    }


def test_no_text_is_a_formula_and_every_number_is_a_number(tmp_path):
    rows = [{"slide": text, "status": "done", "film": text, "reason": text, "shift_y": -5.4} for text in TEXTS]
    cells = cells_of(write_table(rows, tmp_path / "slides.csv"))
    for name in ("slide", "film", "reason"):
        assert not [row[name] for row in cells if row[name][0] in "=+-@\t\r\n\uff1d"]
        assert open_results(tmp_path)[name].values.tolist() == list(TEXTS)
    assert {row["shift_y"] for row in cells} == {"-5.4"}
    assert set(open_results(tmp_path).shift_y.values) == {-5.4}


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), max_size=4))
def test_every_text_is_read_back_as_it_was(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("table")
    write_table([{"slide": text, "status": "done"} for text in texts], folder / "slides.csv")
    assert open_results(folder).slide.values.tolist() == texts


@pytest.mark.parametrize("tag", ["x" * 140_000, "\x1b[2J" * 40_000])
def test_a_tag_is_a_short_printable_cell(tmp_path, tag):
    write_table([{"slide": "a.tif", "status": "done"} | describe_row({"film": tag})], tmp_path / "slides.csv")
    (cells,) = cells_of(tmp_path / "slides.csv")
    assert cells["film"].isprintable()
    assert 900 < len(cells["film"]) <= 1000
