"""The short list: who is on it, and why."""

import math

import pytest

from irtoolkit.review import judge_rows

USUAL = {
    **{"status": "done", "reason": "", "roll": "roll1", "note": "", "aligned": 1, "agreement": 1.1, "misfit": 1.0},
    **{"shift_y": 5.0, "shift_x": 0.0, "blur": 1.8, "slopes": 0.04, "sigma": 0.005, "threshold": 3.4},
    **{"coverage": 0.005, "holder": 0.0, "fdr": 0.02, "unseen": 0.01, "clipped": 0.0},
    **{"tint": 0.1, "contrast": 1.8},
}


def make_roll(**odd):
    """Twelve slides that differ as slides of a roll do, the last with `odd` figures."""
    rows = [
        USUAL
        | {"slide": f"{number}.tif", "shift_y": 5 + 0.1 * (number % 3), "coverage": 0.0003 * (1 + number % 4)}
        | {"sigma": 0.005 + 0.0003 * (number % 5), "threshold": 3.2 + 0.2 * (number % 2)}
        for number in range(12)
    ]
    return [*rows[:-1], rows[-1] | odd]


def test_a_usual_roll_has_no_short_list():
    judged = judge_rows(make_roll(), 0.05)
    assert [row["review"] for row in judged] == [""] * 12
    assert [row["weight"] for row in judged] == [0] * 12


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"shift_y": -3.0}, "its infrared lies -3.0 px off in y, that of its roll 5.1"),
        ({"shift_x": 4.0}, "4.0 px off in x"),
        ({"slopes": 0.25}, "with slope 0.25, in its roll 0.04: other film?"),
        ({"sigma": 0.02}, "noise of 0.0200"),
        ({"coverage": 0.045}, "4.50% of it are marked, of its roll 0.0"),
        ({"holder": 0.2}, "20% of it are holder or mount, of its roll 0%"),
        ({"agreement": 0.1}, "infrared of another slide"),
        ({"tint": 0.5, "contrast": 1.0}, "look like those of a negative"),
        ({"misfit": 7.0}, "does not follow its colours as in its roll"),
        ({"note": "fitted by itself: other film"}, "fitted by itself: other film"),
        ({"threshold": math.inf}, "nothing is marked"),
        ({"coverage": 0.3}, "30.0% of the picture are marked"),
        ({"fdr": 0.2}, "20% of what is marked may be no defect"),
        ({"slopes": -0.1}, "is it inverted?"),
        ({"unseen": 0.1}, "10% of the picture were not seen"),
        ({"clipped": 0.5}, "50% of its infrared are as bright as can be"),
        ({"aligned": 0, "agreement": math.nan}, "no evidence of where it lies"),
        ({"status": "refused", "reason": "silver"}, "it was not cleaned"),
    ],
)
def test_what_stands_out_is_told(odd, told):
    *others, last = judge_rows(make_roll(**odd), 0.05)
    assert told in last["review"]
    assert last["weight"] > 0
    assert not any(row["review"] for row in others)


def test_a_slide_among_negatives_is_told_and_a_sunset_or_a_pale_slide_is_not():
    negatives = [row | {"tint": 0.5, "contrast": 1.0} for row in make_roll()[:-1]]
    odd = judge_rows([*negatives, USUAL | {"slide": "odd.tif"}], 0.05)[-1]
    assert "its colours look like those of a slide, its roll's like those of negatives" in odd["review"]
    assert judge_rows(make_roll(tint=0.8), 0.05)[-1]["review"] == ""
    assert judge_rows(make_roll(contrast=0.5), 0.05)[-1]["review"] == ""


def test_a_slide_without_evidence_whose_damage_agrees_is_not_listed():
    assert judge_rows(make_roll(aligned=0), 0.05)[-1]["review"] == ""


def test_the_gravest_reason_comes_first_and_reasons_add_up():
    one = judge_rows(make_roll(holder=0.2), 0.05)[-1]
    both = judge_rows(make_roll(holder=0.2, agreement=0.0), 0.05)[-1]
    assert both["review"].index("another slide") < both["review"].index("holder")
    assert both["weight"] > one["weight"]


def test_slides_are_compared_within_their_roll_alone_and_only_in_a_roll():
    other = [row | {"roll": "roll2", "shift_y": row["shift_y"] - 8} for row in make_roll()]
    assert not any(row["review"] for row in judge_rows([*make_roll(), *other], 0.05))
    few = [*make_roll()[:3], *make_roll(shift_y=-3.0)[-1:]]
    assert not any(row["review"] for row in judge_rows(few, 0.05))
