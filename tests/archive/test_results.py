"""The table of a run: what is not known is an empty cell."""

import csv
import math

from irtoolkit.archive.results import COLUMNS, open_results, write_table


def test_a_number_that_is_not_known_is_an_empty_cell_and_an_infinite_one_is_not(tmp_path):
    row = {"slide": "a.tif", "status": "done", "fdr": math.nan, "threshold": math.inf, "candidates": 240, "decoys": 3}
    file = write_table([row], tmp_path / "slides.csv")
    with file.open(encoding="utf-8", newline="") as opened:
        (cells,) = csv.DictReader(opened)
    assert list(cells) == list(COLUMNS)
    assert [cells[name] for name in ("fdr", "threshold", "candidates", "decoys")] == ["", "inf", "240", "3"]
    results = open_results(tmp_path)
    assert math.isnan(results.fdr.item())
    assert (results.threshold.item(), results.candidates.item()) == (math.inf, 240)
