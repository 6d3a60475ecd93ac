"""Reviewing the slides of a run in a notebook: what is shown, and what its controls decide."""

import shutil

import numpy as np
import pytest
from archives import digests
from matplotlib.backend_bases import MouseButton, MouseEvent

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.decisions import Decision, read_decisions, write_decisions
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.widgets import drawing, review_roll, roll_review
from irtoolkit.widgets.review_list import ALL, CHANGED, DECIDED
from irtoolkit.widgets.review_texts import describe_figures
from irtoolkit.widgets.roll_review import RollReview

SHAPE = (161, 221)
BOX = (20, 30, 121, 150)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Five slides of two rolls; one of them has no infrared."""
    root = tmp_path_factory.mktemp("scans")
    for number in range(1, 6):
        slide = irt.make_slide(number, SHAPE, scanner="plustek", defects=30, roll=1)
        file = root / ("roll1" if number < 4 else "roll2") / f"slide{number}.tif"
        file.parent.mkdir(exist_ok=True)
        write_scanner_file(file, slide.counts.values, layout="rgb" if number == 2 else "vuescan-rgbi")
    return root


@pytest.fixture(scope="module")
def run(tree, tmp_path_factory):
    """Its results; the short list holds the slide that was not cleaned."""

    def judge(rows, *_):
        reviews = ["" if row["status"] == "done" else "it was not cleaned" for row in rows]
        return [row | {"review": why, "weight": float(bool(why))} for row, why in zip(rows, reviews, strict=True)]

    out = tmp_path_factory.mktemp("cleaned") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "judge_rows", judge)
        irt.clean_archive(tree, out, alone=True, workers=1, quiet=True)
    return out


@pytest.fixture
def folder(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


@pytest.fixture(params=["live", "still"])
def either_drawing(request, monkeypatch):
    """With ipympl, and without."""
    if request.param == "still":
        monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    return request.param


def names(review):
    return [row["slide"] for row in review.listed]


def open_slide(review, name):
    review.lists.value = ALL
    review.cards[names(review).index(name)].name.click()
    assert review.slide.row["slide"] == name
    return review.slide


def test_the_short_list_comes_first_and_all_is_a_choice_away(folder):
    review = review_roll(str(folder))
    assert names(review) == names(review_roll(irt.open_results(folder))) == ["roll1/slide2.tif"]
    assert review.message.value == "0 of 1 decided."
    assert "no infrared" in review.slide.head.value
    assert "There are no pictures" in review.slide.message.value
    review.lists.value = ALL
    assert names(review) == [f"roll{1 + (n > 3)}/slide{n}.tif" for n in (2, 1, 3, 4, 5)]
    review.rolls.value = "roll2"
    assert names(review) == ["roll2/slide4.tif", "roll2/slide5.tif"]
    assert [card.layout.display for card in review.cards] == [None, None, "none", "none", "none"]
    assert bytes(review.cards[0].picture.value[:2]) == b"\xff\xd8"
    review.lists.value = DECIDED
    assert names(review) == []
    assert review.place.value == "No slide matches."


def test_a_verdict_is_saved_at_once_and_the_next_slide_opens(folder, either_drawing):
    review = review_roll(folder)
    slide = open_slide(review, "roll1/slide1.tif")
    assert slide.picture.drawing.live == (either_drawing == "live")
    slide.accept.click()
    assert read_decisions(folder) == {"roll1/slide1.tif": Decision(verdict="accepted")}
    assert slide.row["slide"] == "roll1/slide3.tif"
    assert "Saved: roll1/slide1.tif: accepted" in slide.message.value
    assert review.message.value == "1 of 2 decided."
    slide.reject.click()
    assert read_decisions(folder)["roll1/slide3.tif"] == Decision(verdict="rejected")
    said = "2 of 3 decided. 1 slide will be redone when you run the same clean again, with its options: "
    assert said in review.message.value
    assert "irt.clean_archive(paths, " in review.message.value
    assert f"irtoolkit clean PATH... --out {folder}" in review.message.value
    slide = open_slide(review, "roll1/slide3.tif")
    assert "rejected" in review.cards[2].text.value
    slide.remove.click()
    assert set(read_decisions(folder)) == {"roll1/slide1.tif"}
    assert slide.remove.disabled


def test_undo_takes_back_one_decision_after_the_other_and_opens_its_slide(folder):
    write_decisions({"roll1/slide1.tif": Decision(threshold=4.5)}, folder)
    review = review_roll(folder)
    slide = open_slide(review, "roll1/slide1.tif")
    assert slide.undo.disabled
    slide.threshold.value = 5.5
    slide.use_threshold.click()
    slide.accept.click()
    assert slide.row["slide"] == "roll1/slide3.tif"
    slide.reject.click()
    for opened, left in (
        ("roll1/slide3.tif", {"roll1/slide1.tif": Decision(threshold=5.5, verdict="accepted")}),
        ("roll1/slide1.tif", {"roll1/slide1.tif": Decision(threshold=5.5)}),
        ("roll1/slide1.tif", {"roll1/slide1.tif": Decision(threshold=4.5)}),
    ):
        assert not slide.undo.disabled
        slide.undo.click()
        assert read_decisions(folder) == left
        assert slide.row["slide"] == opened
        assert f"Taken back: the last decision about {opened}." in slide.message.value
    assert slide.undo.disabled


def test_an_undo_that_cannot_be_saved_says_so_and_can_be_tried_again(folder):
    review = review_roll(folder)
    slide = open_slide(review, "roll1/slide1.tif")
    slide.accept.click()
    kept = folder.rename(folder.with_name("away"))
    slide.undo.click()
    assert "Not saved:" in slide.message.value
    kept.rename(folder)
    slide.undo.click()
    assert read_decisions(folder) == {}


def test_decisions_of_a_script_are_counted_after_a_reload(folder):
    review = review_roll(folder)
    write_decisions({"roll1/slide2.tif": Decision(verdict="accepted")}, folder)
    assert review.message.value == "0 of 1 decided."
    review.reload()
    assert review.message.value == "1 of 1 decided."
    assert "Decided: accepted" in review.slide.head.value


def test_the_threshold_offered_marks_what_the_run_marked(folder):
    slide = open_slide(review_roll(folder), "roll2/slide4.tif")
    assert slide.threshold.value <= slide.row["threshold"] < slide.threshold.value + 0.01


def test_what_is_decided_with_the_controls_is_what_the_next_run_does(tree, folder):
    before = digests(folder)
    review = review_roll(folder)
    slide = open_slide(review, "roll2/slide4.tif")
    slide.threshold.value = 8.0
    slide.use_threshold.click()
    for side, value in zip(slide.sides, BOX, strict=True):
        side.value = value
    slide.exclude.click()
    assert [side.value for side in slide.sides] == [0, 0, 0, 0]
    review.lists.value = CHANGED
    assert names(review) == ["roll2/slide4.tif"]
    irt.clean_archive(tree, folder, alone=True, workers=1, quiet=True)
    after = digests(folder)
    assert {name for name in after if after[name] != before[name]} == {
        "roll2/slide4_mask.tif",
        "roll2/slide4_clean.tif",
    }
    settings = irt.Settings(threshold=8.0, excluded=(BOX,))
    expected = irt.clean_slide(irt.open_slide(tree / "roll2" / "slide4.tif"), settings=settings)
    row = irt.open_results(folder).sel(slide="roll2/slide4.tif")
    assert int(row.defects) == int(expected.defects)
    again = review_roll(folder)
    assert again.message.value.endswith(" decided.")
    slide = open_slide(again, "roll2/slide4.tif")
    assert slide.threshold.value == 8.0
    slide.find_threshold.click()
    slide.include.click()
    assert read_decisions(folder) == {}
    assert "1 slide will be redone" in again.message.value


def test_a_region_is_drawn_with_the_mouse(folder):
    slide = open_slide(review_roll(folder), "roll1/slide1.tif")
    canvas, axes = slide.picture.drawing.figure.canvas, slide.picture.axes
    top, left, bottom, right = BOX
    canvas.draw()
    press, release = axes.transData.transform([(left, top), (right, bottom)])
    MouseEvent("button_press_event", canvas, *press, MouseButton.LEFT)._process()
    MouseEvent("motion_notify_event", canvas, *release, MouseButton.LEFT)._process()
    MouseEvent("button_release_event", canvas, *release, MouseButton.LEFT)._process()
    assert tuple(side.value for side in slide.sides) == BOX
    slide.exclude.click()
    assert read_decisions(folder)["roll1/slide1.tif"].excluded == (BOX,)
    assert [box for _, box in slide.regions.options] == [BOX]
    assert [patch.get_bbox().bounds for patch in slide.picture._excluded] == [(left, top, right - left, bottom - top)]


def test_a_region_without_pixels_and_a_missing_folder_are_reported(folder):
    review = review_roll(folder)
    slide = open_slide(review, "roll1/slide1.tif")
    slide.exclude.click()
    assert "excluded must be regions" in slide.message.value
    assert slide.decision == Decision()
    shutil.rmtree(folder)
    slide.accept.click()
    assert "Not saved:" in slide.message.value
    assert "no such folder; give the output folder" in slide.message.value
    assert not folder.exists()
    review.lists.value = "short list"
    open_slide(review, "roll1/slide3.tif")
    assert "There are no pictures" in slide.message.value


def test_pictures_or_a_mask_that_are_missing_or_broken_are_reported(folder):
    review = review_roll(folder)
    (folder / "roll1" / "slide1_mask.tif").unlink()
    assert "slide1_mask.tif" in open_slide(review, "roll1/slide1.tif").message.value
    (folder / "report" / "slides" / "roll1" / "slide3" / "mask.jpg").write_bytes(b"no picture")
    assert "the picture is damaged" in open_slide(review, "roll1/slide3.tif").message.value
    (folder / "report" / "slides" / "roll2" / "slide4" / "mask.jpg").unlink()
    slide = open_slide(review, "roll2/slide4.tif")
    assert slide.kind.options == ("Scan", "Healed")
    assert slide.message.value == ""
    shutil.rmtree(folder / "report")
    assert "There are no pictures" in open_slide(review, "roll2/slide5.tif").message.value


def test_every_picture_can_be_looked_at(folder):
    slide = open_slide(review_roll(folder), "roll1/slide3.tif")
    seen = []
    for kind in slide.kind.options:
        slide.kind.value = kind
        seen.append(np.asarray(slide.picture._image.get_array()).copy())
    assert [picture.shape for picture in seen] == [(*SHAPE, 3)] * 3
    assert (seen[0] != seen[1]).any()
    assert (seen[1] != seen[2]).any()
    assert bytes(slide.crops.value[:2]) == bytes(slide.worst.value[:2]) == b"\xff\xd8"
    captions = [strip.children[0].value for strip in slide._strips]
    assert captions[0] == "The most doubtful place: scan, infrared, marks, healed"
    assert captions[1] == "The most changed places, one per row: scan, marks, healed"


def test_strips_without_pictures_have_no_captions(folder):
    review = review_roll(folder)
    previews = folder / "report" / "slides" / "roll1" / "slide3"
    for name in ("worst.jpg", "healed.jpg"):
        (previews / name).unlink()
    slide = open_slide(review, "roll1/slide3.tif")
    assert [strip.layout.display for strip in slide._strips] == ["none", None]
    assert slide._strips[1].children[0].value == "The most changed places, one per row: scan, marks"


def test_no_false_share_is_stated_of_a_slide_whose_film_or_infrared_is_doubted():
    row = {"slide": "a.tif", "defects": 12.0, "coverage": 0.01, "fdr": 0.04}
    stated, doubted = (describe_figures(row | {"weight": weight}) for weight in (2.5, 3.0))
    assert "about 4 % of the marks are probably false" in stated
    assert "how many of the marks are false is not known" in doubted


def test_pages_hold_so_many_slides(folder, monkeypatch):
    monkeypatch.setattr(roll_review, "CARDS", 2)
    review = review_roll(folder)
    review.lists.value = ALL
    assert review.place.value == "page 1 of 3"
    review.turn(5)
    assert review.place.value == "page 3 of 3"
    assert [card.layout.display for card in review.cards] == [None, "none"]
    review.cards[0].name.click()
    assert review.slide.row["slide"] == "roll2/slide5.tif"
    review.steps.children[0].click()
    assert review.slide.row["slide"] == "roll2/slide4.tif"
    assert review.place.value == "page 2 of 3"


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("no folder", "missing&gt; has no table slides.csv"),
        ("no table", "out has no table slides.csv"),
        ("no slides", "the table of this run has no slides"),
        ("no folder named", "does not name the folder of its run"),
        ("broken decisions", "decisions.json cannot be read"),
    ],
)
def test_where_nothing_can_be_reviewed_a_sentence_says_why(folder, tmp_path, broken, expected):
    results = folder
    if broken == "no folder":
        results = tmp_path / "<missing>"
    elif broken == "no table":
        (folder / "slides.csv").unlink()
    elif broken == "no slides":
        header = (folder / "slides.csv").read_text().splitlines()[0]
        (folder / "slides.csv").write_text(header + "\n")
    elif broken == "no folder named":
        results = irt.open_results(folder).drop_attrs()
    else:
        (folder / "decisions.json").write_text("{")
    review = review_roll(results)
    assert isinstance(review, RollReview)
    assert expected in review.message.value
    assert "<" not in review.message.value
    assert review.children == (review.message,)


def test_decisions_that_others_made_meanwhile_are_kept_and_seen(folder):
    review = review_roll(folder)
    slide = open_slide(review, "roll1/slide1.tif")
    write_decisions({"roll2/slide5.tif": Decision(verdict="accepted")}, folder)
    slide.accept.click()
    assert set(read_decisions(folder)) == {"roll1/slide1.tif", "roll2/slide5.tif"}
    assert "2 of 3 decided" in review.message.value


def test_every_control_has_a_label(folder):
    def controls(widget):
        for child in getattr(widget, "children", ()):
            yield from controls(child)
        if hasattr(widget, "disabled") and not hasattr(widget, "children"):
            yield widget

    review = review_roll(folder)
    open_slide(review, "roll1/slide1.tif")
    labels = [control.description for control in controls(review)]
    assert len(labels) > 20
    assert all(labels)
