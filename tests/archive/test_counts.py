"""Every slide is counted once, in one of four groups."""

from itertools import product

from irtoolkit.archive.counts import Counts, count_groups, summarise

DONE, PALE = {"status": "done", "review": ""}, {"status": "done", "review": "pale"}
REFUSED, FAILED = ({"status": state, "review": "it was not cleaned"} for state in ("refused", "failed"))


def test_a_slide_that_is_not_done_is_not_also_one_to_look_at():
    rows = [PALE, DONE, REFUSED, FAILED, FAILED]
    assert count_groups(rows) == Counts(1, 1, 1, 2)
    assert summarise(rows) == "4 slides: 1 done without remarks, 1 to look at, 2 failed; 1 refused"


def test_the_groups_sum_to_the_slides():
    for rows in product([DONE, PALE, REFUSED, FAILED], repeat=3):
        assert sum(count_groups(rows)) == 3


def test_empty_groups_are_left_out():
    assert summarise([DONE]) == "1 slide: 1 done without remarks"
    assert summarise([DONE] * 1234) == "1,234 slides: 1,234 done without remarks"
    assert summarise([]) == "0 slides"
    assert summarise([REFUSED]) == "0 slides; 1 refused"
