"""The short list: who is on it, and why."""

import math

import pytest

from irtoolkit.archive.short_list import INVERTED, judge_rows
from irtoolkit.archive.tasks import NAMED_BY_FILE

USUAL = {
    **{"status": "done", "reason": "", "roll": "roll1", "note": "", "aligned": 1, "agreement": 1.1, "misfit": 1.0},
    **{"shift_y": 5.0, "shift_x": 0.0, "blur": 1.8, "slopes": 0.04, "sigma": 0.005, "threshold": 3.4},
    **{"coverage": 0.005, "holder": 0.0, "fdr": 0.02, "unseen": 0.01, "no_data": 0.009, "clipped": 0.0},
    **{"defects": 40, "candidates": 60, "decoys": 2, "megapixels": 10.0},
    **{"ratio_r": 1.1, "ratio_g": 1.12, "ratio_b": 1.15, "ratio_error": 0.05},
    **{"r2": 0.9, "clearest": 0.5, "densest": 2.6, "tint": 0.02, "chroma": 0.2},
}


NEGATIVE = {"clearest": 1.1, "densest": 1.9, "tint": 0.24}


def make_roll(usual=USUAL, **odd):
    """Twelve slides that differ as slides of a roll do, the last with `odd` figures."""
    rows = [
        usual
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
        ({"shift_y": -3.0}, "its infrared is shifted by -3.0 px in y (usual for the roll: 5.1 px)"),
        ({"shift_x": 4.0}, "shifted by 4.0 px in x"),
        ({"slopes": 0.11}, "its crosstalk is 0.11 (usual for the roll: 0.04): another film?"),
        ({"slopes": 0.7, "chroma": 0.01}, "it has no colours and its infrared shows the picture: silver film?"),
        ({"sigma": 0.04}, "noisier (0.040) than usual for the roll (0.006)"),
        ({"coverage": 0.045}, "more is marked (4.50%) than usual for the roll (0.0"),
        ({"holder": 0.2}, "holder or mount covers 20% of it (usual for the roll: 0%)"),
        (
            {"agreement": 0.1},
            "its infrared shows damage where its colours show none: is it the infrared of another slide?",
        ),
        (
            {"agreement": math.nan, "aligned": 0, "sigma": 0.012},
            "its infrared does not match its colours: is it the infrared",
        ),
        (NEGATIVE, "its film is orange where the roll's is clear, and has no blacks: is it a negative?"),
        ({"misfit": 7.0, "agreement": math.nan}, "its infrared does not follow its colours as usual for the roll"),
        ({"misfit": 7.0, "slopes": 0.08}, "its infrared does not follow its colours as usual for the roll"),
        ({"note": "fitted by itself: other film", "agreement": 0.4}, "fitted by itself: other film"),
        ({"threshold": math.inf, "coverage": 0.0}, "nothing is marked"),
        ({"note": f"fitted by itself; {INVERTED}", "agreement": 0.4}, "fitted by itself"),
        ({"coverage": 0.3}, "30% of the picture is marked"),
        ({"coverage": 0.3}, "with so much dirt some film may be marked, too"),
        ({"threshold": 9.1}, "its threshold of 9.1 sigma is outside 2 to 8 sigma: dust and picture look alike on it"),
        ({"threshold": 1.2}, "its threshold of 1.2 sigma is outside 2 to 8 sigma: dust and picture look alike on it"),
        (
            {"threshold": 5.9, "defects": 29},
            "its threshold is 5.9 sigma (usual for the roll: 3.3 sigma) and most possible defects are not marked",
        ),
        ({"defects": 5}, "only 5 of 60 possible defects are marked: dust and picture look alike on it"),
        ({"defects": 1}, "only 1 of 60 possible defects is marked"),
        (
            {"defects": 0, "threshold": math.inf},
            "none of 60 possible defects is marked: dust and picture look alike on it",
        ),
        ({"defects": 3, "candidates": 1000, "decoys": 900}, "only 3 of 1,000 possible defects are marked"),
        ({"fdr": math.nan}, "how many of its marks are false is not known"),
        (
            {"ratio_r": 0.42},
            "its defects are 0.42 times as dense in the colours as in the infrared (usual: 0.5 to 2.5)",
        ),
        ({"ratio_b": 2.7}, "its defects are 2.70 times as dense in the colours as in the infrared (usual: 0.5 to 2.5)"),
        (
            {"ratio_g": 1.41},
            "its defects are 1.41 times as dense in green as in the infrared (usual for the roll: 1.12)",
        ),
        ({"fdr": 0.2}, "about 20% of what is marked is probably false"),
        ({"slopes": -0.1}, "is it inverted?"),
        ({"unseen": 0.1}, "10% of the picture was not covered by the infrared"),
        ({"unseen": 0.02, "no_data": 0.01}, "1% of the picture holds no infrared, only one value from edge to edge"),
        ({"clipped": 0.5}, "50% of its infrared is saturated: scan with less exposure"),
        ({"aligned": 0, "agreement": math.nan}, "the shift of its infrared could not be measured"),
        ({"status": "refused", "reason": "silver"}, "it was not cleaned"),
    ],
)
def test_what_stands_out_is_told(odd, told):
    *others, last = judge_rows(make_roll(**odd), 0.05)
    assert told in last["review"]
    assert last["weight"] > 0
    assert not any(row["review"] for row in others)


def test_that_a_slide_is_a_positive_of_a_negative_is_no_reason_to_look():
    assert not judge_rows(make_roll(note=INVERTED, agreement=0.4), 0.05)[-1]["review"]
    assert not judge_rows(make_roll(note=f"{NAMED_BY_FILE}; {INVERTED}", agreement=0.4), 0.05)[-1]["review"]


@pytest.mark.parametrize(
    "odd",
    [{"clearest": 0.3}, {"densest": 2.9, "clearest": 0.8, "tint": 0.1}, {"tint": -0.1}],
    ids=["clear", "black", "not orange"],
)
def test_a_slide_among_negatives_is_told(odd):
    *others, last = judge_rows(make_roll(USUAL | NEGATIVE, **odd), 0.05)
    assert "clearer, blacker or less orange than the roll's negatives: is it a slide?" in last["review"]
    assert not any(row["review"] for row in others)


@pytest.mark.parametrize("film", [{"slopes": 0.38, "densest": 2.2}, {"slopes": 0.04, "densest": 2.6}])
def test_orange_pictures_are_no_negatives_if_their_film_has_blacks_or_follows_the_picture(film):
    """Autumn on Kodachrome, and E-6 that has faded."""
    orange = USUAL | {"clearest": 0.5, "tint": 0.2} | film
    rows = judge_rows(make_roll(orange, tint=0.04, clearest=0.2), 0.05)
    assert not any("negative" in row["review"] for row in rows)


@pytest.mark.parametrize(("largest", "reasons"), [(0.051, 1), (0.05, 0)])
def test_a_mark_that_covers_much_of_the_picture_is_a_reason(largest, reasons):
    last = judge_rows(make_roll(largest=largest), 0.05)[-1]
    assert last["review"].count("one mark covers 5% of the picture: is it dirt?") == reasons


@pytest.mark.parametrize(
    "odd",
    [
        {"tint": 0.3},
        {"clearest": 2.0, "densest": 3.0, "tint": 0.1},
        {"clearest": 1.2, "densest": 2.0},
        NEGATIVE | {"slopes": 0.1},
    ],
    ids=["sunset", "black", "gray", "Kodachrome"],
)
def test_a_slide_that_shares_but_some_marks_of_a_negative_is_not_told(odd):
    usual = USUAL | ({"slopes": odd["slopes"]} if "slopes" in odd else {})
    assert judge_rows(make_roll(usual, **odd), 0.05)[-1]["review"] == ""


def test_a_slide_whose_damage_agrees_and_whose_slopes_are_its_rolls_is_of_its_roll_whatever_the_models_misfit():
    assert judge_rows(make_roll(misfit=7.0, note="fitted by itself"), 0.05)[-1]["review"] == ""


def test_infrared_that_is_aligned_and_explained_by_the_colours_is_theirs_though_no_damage_agrees():
    assert judge_rows(make_roll(agreement=0.1, r2=0.99), 0.05)[-1]["review"] == ""
    assert "another slide" in judge_rows(make_roll(agreement=0.1, r2=0.99, aligned=0), 0.05)[-1]["review"]


@pytest.mark.parametrize("odd", [{"clearest": 2.5}, {"coverage": 0.00001}], ids=["black", "something is marked"])
def test_an_infinite_threshold_alone_is_no_reason(odd):
    row = make_roll(**{"threshold": math.inf, "coverage": 0.0} | odd)
    assert judge_rows(row, 0.05)[-1]["review"] == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"defects": 6},
        {"defects": 30, "threshold": 5.9},
        {"defects": 0, "candidates": 29, "decoys": 0},
        {"defects": 0, "candidates": 60, "decoys": 21},
        {"defects": 0, "candidates": 999, "decoys": 900},
    ],
    ids=[
        "a tenth is marked",
        "half is marked, by its own threshold",
        "few",
        "hardly more than noise",
        "noise of a large slide",
    ],
)
def test_few_marks_are_no_reason_where_little_could_be_marked(odd):
    assert judge_rows(make_roll(**odd), 0.05)[-1]["review"] == ""


@pytest.mark.parametrize("odd", [{"threshold": 9.1}, {"threshold": 5.9, "defects": 1}, {"threshold": 1.2}])
def test_a_threshold_that_the_user_gave_is_not_judged(odd):
    assert judge_rows(make_roll(**odd), 0.05)[-1]["review"] != ""
    assert judge_rows(make_roll(**odd), 0.05, given={"11.tif"})[-1]["review"] == ""
    assert judge_rows(make_roll(**odd), 0.05, given={"11.tif"})[-1]["threshold"] == odd["threshold"]


@pytest.mark.parametrize("odd", [{"ratio_g": 1.36}, {"ratio_g": 1.8, "ratio_error": 0.23}, {"ratio_g": math.nan}])
def test_a_ratio_that_may_be_the_rolls_is_no_reason(odd):
    """The roll's ratio is 1.12: 1.36 differs by less than .25, and 1.8 by less than three errors of .23."""
    assert judge_rows(make_roll(**odd), 0.05)[-1]["review"] == ""


def test_a_clean_slide_of_a_clean_roll_is_not_listed():
    rows = [row | {"coverage": 0.0, "threshold": math.inf} for row in make_roll()]
    assert not any(row["review"] for row in judge_rows(rows, 0.05))


def test_in_a_roll_of_silver_the_slides_that_were_refused_matter_little_and_others_much():
    refused = {"slide": "a.tif", "roll": "roll1", "status": "refused", "reason": "silver black-and-white film"}
    *silver, cleaned, failed = judge_rows([refused] * 7 + [USUAL, refused | {"status": "failed"}], 0.05)
    assert {(row["review"], row["weight"]) for row in silver} == {("it was not cleaned, like most of its roll", 1.0)}
    assert cleaned["review"] == "most of its roll was refused as silver film, but it was not: another film?"
    assert (failed["review"], failed["weight"]) == ("it was not cleaned", 5.0)
    assert cleaned["weight"] == 4.0
    alone, *_ = judge_rows([refused, *make_roll()], 0.05)
    assert (alone["review"], alone["weight"]) == ("it was not cleaned", 4.0)


def test_a_slide_without_evidence_whose_damage_agrees_is_not_listed():
    assert judge_rows(make_roll(aligned=0), 0.05)[-1]["review"] == ""


def test_the_gravest_reason_comes_first_and_small_ones_do_not_outweigh_it():
    one = judge_rows(make_roll(agreement=0.0), 0.05)[-1]
    both = judge_rows(make_roll(holder=0.2, agreement=0.0), 0.05)[-1]
    small = judge_rows(make_roll(holder=0.2, shift_x=4.0, shift_y=-3.0, blur=4.0, unseen=0.1), 0.05)[-1]
    assert both["review"].index("another slide") < both["review"].index("holder")
    assert (one["weight"], both["weight"]) == (5.0, 5.2)
    assert small["weight"] == pytest.approx(2.0 + 0.1 * (2.0 + 2.0 + 1.5 + 1.5))


def test_slides_are_compared_within_their_roll_alone_and_only_in_a_roll():
    other = [row | {"roll": "roll2", "shift_y": row["shift_y"] - 8} for row in make_roll()]
    assert not any(row["review"] for row in judge_rows([*make_roll(), *other], 0.05))
    few = [*make_roll()[:3], *make_roll(shift_y=-3.0)[-1:]]
    assert not any(row["review"] for row in judge_rows(few, 0.05))
