"""Widgets in a browser, shown by Voila: what the hand does arrives in the kernel, and what it finds is seen."""

import re

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
