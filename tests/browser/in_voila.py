"""Widgets in a browser, shown by Voila: actions arrive in the kernel, and their results on the page."""

import re

import tifffile

import irtoolkit as irt

SLIDE = "import irtoolkit as irt\nslide = irt.make_slide(5, (301, 402), scanner='plustek', roll=1)"
SHOWN = 60_000
THRESHOLD = "Number(document.querySelector('.irt-message')?.innerText.match(/Threshold (.*) sigma/)?.[1])"
"""The threshold that the explorer names; its slider has steps of .01."""


def test_the_threshold_is_dragged(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    drawn, line = picture(page, ".irt-threshold"), page.evaluate(LINE)
    message, canvas = page.locator(".irt-message"), page.locator(".irt-threshold canvas").last
    threshold(page)
    before, marked = message.inner_text(), page.locator(".irt-threshold img").first.get_attribute("src")
    changed(page, ".irt-threshold", drawn, drag, page, canvas, (0.06 * canvas.bounding_box()["width"], 0))
    page.wait_for_function(f"() => Math.abs(({LINE})() - 0.56) < 0.01", timeout=SHOWN)
    page.wait_for_function(
        "before => document.querySelector('.irt-message').innerText != before", arg=before, timeout=SHOWN
    )
    sigma = float(re.search(r"Threshold ([\d.]+) sigma", message.inner_text())[1])
    assert line < 0.55
    assert 4.5 < sigma < 6
    page.wait_for_function(
        "before => document.querySelector('.irt-threshold img').src != before", arg=marked, timeout=SHOWN
    )


def test_an_explorer_that_nobody_touched_keeps_its_method(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    picture(page, ".irt-threshold")
    assert page.locator(".irt-method select").evaluate("menu => menu.selectedOptions[0].text") == "mirror"


def test_the_threshold_is_moved_by_keys(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    knob = page.locator(".irt-number .noUi-handle")
    knob.wait_for(timeout=SHOWN)
    picture(page, ".irt-threshold")
    before = threshold(page)
    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"Math.abs({THRESHOLD} - {before} - 5 * 0.01) < 0.005", timeout=SHOWN)


def test_in_a_narrow_window_nothing_of_the_sliders_is_cut(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    picture(page, ".irt-threshold")
    for width in (1400, 700, 540):
        page.set_viewport_size({"width": width, "height": 1100})
        numbers = page.locator(".irt-threshold .widget-readout")
        assert numbers.count() == 3
        assert all(numbers.nth(at).evaluate(IN_SIGHT) for at in range(3))


def test_the_next_unmarked_place_is_shown_by_keys(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_threshold\nexplore_threshold(slide)")
    page.wait_for_function(SAYS, arg=[".irt-place", "Marked place 1 of "], timeout=SHOWN)
    before = page.locator(".irt-threshold img").last.get_attribute("src")
    page.locator(".irt-next-marked").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(SAYS, arg=[".irt-place", "Unmarked place 1 of "], timeout=SHOWN)
    page.wait_for_function(
        "before => [...document.querySelectorAll('.irt-threshold img')].at(-1).src != before", arg=before, timeout=SHOWN
    )


def test_the_next_defect_is_shown_and_the_view_zoomed(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_slide\nexplore_slide(irt.clean_slide(slide))")
    shown = picture(page, ".irt-slide")
    for button in ("next", "farther"):
        before = middle(page)
        shown = changed(page, ".irt-slide", shown, page.locator(f".irt-slide .irt-{button}").press, "Enter")
        page.wait_for_function(
            "before => document.querySelector('.irt-status').innerText != before", arg=before, timeout=SHOWN
        )


def test_the_view_is_dragged_and_panels_are_compared(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_slide\nexplore_slide(irt.clean_slide(slide))")
    modes = {name: page.locator(".irt-mode button", has_text=name) for name in ("one", "side by side", "wipe", "blink")}
    shown = changed(page, ".irt-slide", picture(page, ".irt-slide"), modes["one"].press, "Enter")
    for button in ("full", "closer", "closer"):
        shown = changed(page, ".irt-slide", shown, page.locator(f".irt-slide .irt-{button}").press, "Enter")
    page.wait_for_function(SAYS, arg=[".irt-status", "400%"], timeout=SHOWN)
    before = middle(page)
    shown = changed(page, ".irt-slide", shown, drag, page, page.locator(".irt-slide canvas").last, (120, -80))
    page.wait_for_function(
        "before => document.querySelector('.irt-status').innerText != before", arg=before, timeout=SHOWN
    )
    down, across = (now - then for now, then in zip(numbers(middle(page)), numbers(before), strict=True))
    assert (down, across) == (20, -30)
    shown = changed(page, ".irt-slide", shown, modes["side by side"].press, "Enter")
    shown = changed(page, ".irt-slide", shown, page.locator(".irt-second select").select_option, "infrared")
    shown = changed(page, ".irt-slide", shown, modes["wipe"].press, "Enter")
    knob = page.locator(".irt-wipe .noUi-handle")
    knob.focus()
    shown = changed(page, ".irt-slide", shown, knob.press, "PageUp")
    first = changed(page, ".irt-slide", shown, modes["blink"].press, "Enter")
    swap = page.locator(".irt-swap")
    second = changed(page, ".irt-slide", first, swap.press, "Enter")
    assert changed(page, ".irt-slide", second, swap.press, "Enter") == first


def test_alignment_takes_the_coloured_fringes_away(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_alignment\nexplore_alignment(slide)")
    shown = picture(page, ".irt-alignment")
    one = page.locator(".irt-alignment .irt-mode button", has_text="one")
    shown = changed(page, ".irt-alignment", shown, one.press, "Enter")
    fringes = [page.evaluate(FRINGES, ".irt-alignment")]
    first = page.locator(".irt-alignment .irt-first select")
    changed(page, ".irt-alignment", shown, first.select_option, "both aligned")
    fringes.append(page.evaluate(FRINGES, ".irt-alignment"))
    assert fringes[1] < 0.8 * fringes[0]


def test_terms_are_left_out_of_the_crosstalk(voila):
    page = voila(SLIDE, "from irtoolkit.widgets import explore_crosstalk\nexplore_crosstalk(slide)")
    shown, figures = picture(page, ".irt-crosstalk"), page.locator(".irt-figures td").all_inner_texts()
    assert figures[1:4] == figures[5:8]
    for group in ("bands", "squares-and-products"):
        box = page.locator(f".irt-crosstalk .irt-{group} input")
        shown = changed(page, ".irt-crosstalk", shown, box.press, "Space")
    figures = page.locator(".irt-figures td").all_inner_texts()
    assert float(figures[1]) < float(figures[5])


def test_clean_applies_what_was_decided(voila, tmp_path):
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


SEEN = """part => {
    const canvas = document.querySelector(`${part} canvas`);
    if (!canvas?.width) return '';
    const drawn = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value);
    return drawn ? canvas.toDataURL() : '';
}"""
SAYS = "([part, words]) => document.querySelector(part)?.innerText.startsWith(words)"
OTHER = f"([part, before]) => !['', before].includes(({SEEN})(part))"
LINE = """() => {
    const canvas = document.querySelector('.irt-threshold canvas');
    const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let [sum, number] = [0, 0];
    for (let at = 0; at < data.length; at += 4)
        if (data[at] == 213 && data[at + 1] == 94) [sum, number] = [sum + at / 4 % width, number + 1];
    return sum / number / width;
}"""
IN_SIGHT = """number => {
    number.scrollIntoView();
    const {left, right, top, bottom} = number.getBoundingClientRect();
    const seen = [[left + 1, top + 1], [right - 1, bottom - 1]].map(place => document.elementFromPoint(...place));
    return number.scrollWidth <= number.clientWidth && seen.every(one => one === number);
}"""
FRINGES = """part => {
    const canvas = document.querySelector(`${part} canvas`);
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let at = 0; at < pixels.length; at += 4) sum += Math.abs(pixels[at] - pixels[at + 1]);
    return sum / pixels.length;
}"""


def picture(page, part):
    """What is drawn in a part of the page, once it no longer changes; an empty canvas is not drawn."""
    page.wait_for_function(f"part => ({SEEN})(part) != ''", arg=part, timeout=SHOWN)
    seen = ""
    for _ in range(SHOWN // 250):
        if (now := page.evaluate(SEEN, part)) == seen:
            return seen
        seen = now
        page.wait_for_timeout(250)
    raise TimeoutError(f"{part} is drawn again and again")


def threshold(page):
    """The threshold that the message names, once it names one."""
    page.wait_for_function(f"{THRESHOLD} > 0", timeout=SHOWN)
    return page.evaluate(THRESHOLD)


def changed(page, part, before, step, *arguments):
    """The picture in a part of the page after a step that changes it."""
    step(*arguments)
    page.wait_for_function(OTHER, arg=[part, before], timeout=SHOWN)
    return picture(page, part)


def drag(page, canvas, by):
    """Press the mouse in the middle, move it so many pixels right and down, and let go."""
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=3)
    page.mouse.up()


def middle(page):
    return page.locator(".irt-status").inner_text()


def numbers(status):
    """Row and column of the middle of the view."""
    return [int(found) for found in re.search(r"middle: y (\d+), x (\d+)", status).groups()]
