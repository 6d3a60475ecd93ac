"""Wrong slides among those of a roll, through a run: all of them are on the short list, and none of the others."""

import numpy as np
import pytest
from commands import rows_of

import irtoolkit as irt
from irtoolkit.synthetic.scanner_files import write_scanner_file

SHAPE = (269, 389)
HOLDER = np.array([300, 280, 260, 2500])[:, None]
HEALTHY = {"e6": range(1, 7), "c41": range(1, 6)}


def scan(seed, film, roll=5):
    return irt.make_slide(seed, SHAPE, film=film, scanner="plustek", roll=roll).counts.values


def mounted(counts):
    """The slide with a holder over the left tenth of the frame."""
    held = counts.copy()
    held[:, :, : SHAPE[1] // 10] = HOLDER[..., None]
    return held


def with_infrared(counts, other):
    return np.concatenate([counts[:3], other[3:]])


def make_rolls(root):
    """A roll of slides and one of negatives: some as they should be, and some that should not be there."""
    rolls = {film: {f"healthy {number}": scan(number, film) for number in HEALTHY[film]} for film in HEALTHY}
    for roll in rolls.values():
        roll["infrared of another"] = with_infrared(roll["healthy 1"], roll["healthy 2"])
    rolls["e6"] |= {"mount": mounted(scan(8, "e6")), "silver": scan(9, "silver"), "kodachrome": scan(10, "kodachrome")}
    rolls["e6"] |= {"negative": scan(11, "c41")}
    rolls["c41"] |= {"slide": scan(11, "e6")}
    for film, roll in rolls.items():
        (root / film).mkdir()
        for name, counts in roll.items():
            write_scanner_file(root / film / f"{name}.tif", counts, layout="vuescan-rgbi")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Rows of both rolls, by roll and slide."""
    root, out = tmp_path_factory.mktemp("rolls"), tmp_path_factory.mktemp("out")
    make_rolls(root)
    settings = irt.Settings(heal="none")
    irt.clean_archive(root, out, settings=settings, workers=1, quiet=True)
    return {tuple(row["slide"].removesuffix(".tif").split("/")): row for row in rows_of(out)}


@pytest.mark.parametrize("film", HEALTHY)
def test_no_slide_of_a_healthy_roll_is_listed(rows, film):
    assert [rows[film, f"healthy {number}"]["review"] for number in HEALTHY[film]] == [""] * len(HEALTHY[film])


@pytest.mark.parametrize(
    ("film", "slide", "told"),
    [
        ("e6", "infrared of another", "is it the infrared of another slide?"),
        ("c41", "infrared of another", "is it the infrared of another slide?"),
        ("e6", "mount", "holder or mount covers"),
        ("e6", "silver", "it was not cleaned"),
        ("e6", "kodachrome", "it does not match its roll's model and was fitted on its own"),
        ("e6", "negative", "its film is orange where the roll's is clear, and has no blacks: is it a negative?"),
        ("c41", "slide", "than the roll's negatives: is it a slide?"),
    ],
)
def test_a_wrong_slide_is_listed_and_told_what_is_wrong(rows, film, slide, told):
    assert told in rows[film, slide]["review"]


def test_silver_film_is_named_as_what_was_refused(rows):
    assert "silver black-and-white film" in rows["e6", "silver"]["reason"]


@pytest.mark.parametrize("film", HEALTHY)
def test_the_infrared_of_another_slide_matters_most_of_what_was_cleaned(rows, film):
    weights = {name: float(row["weight"]) for (of, name), row in rows.items() if of == film and row["status"] == "done"}
    assert max(weights, key=weights.get) == "infrared of another"
