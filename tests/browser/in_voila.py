"""Widgets in a browser, shown by Voila: what the hand does arrives in the kernel, and what it finds is seen."""

import re

import tifffile

import irtoolkit as irt

SLIDE = "import irtoolkit as irt\nslide = irt.make_slide(5, (301, 402), scanner='plustek', roll=1)"
SHOWN = 60_000


def test_the_threshold_is_dragged(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    said = page.locator(".irt-said")
    said.wait_for(timeout=SHOWN)
    canvas = page.locator(".irt-threshold canvas").last
    canvas.wait_for(timeout=SHOWN)
    before, marked = said.inner_text(), page.locator(".irt-threshold img").first.get_attribute("src")
    box = canvas.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.6 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], y, steps=3)
    page.mouse.up()
    page.wait_for_function("before => document.querySelector('.irt-said').innerText != before", arg=before)
    sigma = float(re.search(r"Threshold ([\d.]+) sigma", said.inner_text())[1])
    assert 5 < sigma < 12
    page.wait_for_function(
        "before => document.querySelector('.irt-threshold img').src != before", arg=marked, timeout=SHOWN
    )


def test_the_threshold_is_moved_by_keys(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    knob = page.locator(".irt-number .noUi-handle")
    knob.wait_for(timeout=SHOWN)
    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.irt-said').innerText.includes('Threshold 3.45 sigma')")


def test_the_next_defect_is_shown_and_the_view_zoomed(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_slide\nexplore_slide(irt.clean_slide(slide))")
    page.locator(".irt-slide canvas").last.wait_for(timeout=SHOWN)
    said = page.locator(".irt-slide")
    before = said.inner_text()
    page.locator(".irt-slide .irt-next").press("Enter")
    page.wait_for_function("before => document.querySelector('.irt-slide').innerText != before", arg=before)
    before = said.inner_text()
    page.locator(".irt-slide .irt-full").press("Enter")
    page.wait_for_function("before => document.querySelector('.irt-slide').innerText != before", arg=before)


def test_what_is_decided_is_heeded_by_clean(voila, tmp_path):
    irt.make_roll(tmp_path / "roll", seed=6, count=2, shape=(240, 360))
    first, second = irt.clean_archive(tmp_path / "roll", tmp_path / "out", workers=1, quiet=True)["slide"].values
    page = voila("from irtoolkit.widgets import review_roll", f"review_roll({str(tmp_path / 'out')!r})")
    page.locator(".irt-open").first.wait_for(timeout=SHOWN)
    page.locator(".irt-open").filter(has_text=second).press("Enter")
    review = page.locator(".irt-slide-review")
    review.get_by_text(second).first.wait_for()
    for number, side in enumerate((0, 0, 120, 180)):
        review.locator("input[type=number]").nth(1 + number).fill(str(side))
        page.keyboard.press("Tab")
    page.locator(".irt-exclude").press("Enter")
    page.get_by_text("1 slide will be redone").wait_for()
    page.locator(".irt-open").filter(has_text=first).press("Enter")
    review.get_by_text(first).first.wait_for()
    page.locator(".irt-accept").press("Enter")
    page.get_by_text("2 of 2 decided").wait_for()
    rows = irt.clean_archive(tmp_path / "roll", tmp_path / "out", workers=1, quiet=True)
    assert rows.decision.values.tolist() == ["accepted", "excluded rows 0 to 120, columns 0 to 180"]
    mask = tifffile.imread(tmp_path / "out" / second.replace(".tif", "_mask.tif"))
    assert mask.any()
    assert not mask[:120, :180].any()
