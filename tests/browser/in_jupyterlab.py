"""Widgets in JupyterLab itself, live, in the window of a laptop: where their parts are, and that they stay there."""

import pytest

import irtoolkit as irt

SHOWN = 120_000
THRESHOLD = "Number(document.querySelector('.irt-threshold .irt-message').innerText.match(/Threshold (.*) sigma/)?.[1])"
"""The threshold that the explorer names; its slider has steps of .01."""
WIDGETS = ("threshold", "slide", "alignment", "crosstalk", "roll-review")
DIGIT, ARROWS = 8, 30
"""Pixels of a digit, and of a number's arrows and padding."""
BESIDE = {
    "threshold": (".jupyter-matplotlib", "img"),
    "alignment": (".irt-comparison .jupyter-matplotlib", ".irt-less-shift"),
    "roll-review": (".jupyter-matplotlib", ".irt-exclude"),
}
"""What is on the left, and on the right of it, in one look."""
STEPS = {
    "threshold": (".irt-next-unmarked", ".irt-place"),
    "slide": (".irt-next", ".irt-status"),
    "alignment": (".irt-closer", ".irt-status"),
    "roll-review": (".irt-accept", ".irt-saved"),
}
"""A button, and the text that it changes."""


@pytest.fixture(scope="module")
def page(jupyterlab, tmp_path_factory):
    """One cell for each widget."""
    folder = tmp_path_factory.mktemp("roll")
    irt.make_roll(folder / "roll", seed=6, count=2, shape=(200, 300))
    irt.clean_archive(folder / "roll", folder / "out", workers=1, quiet=True)
    return jupyterlab(
        "import irtoolkit as irt\nfrom irtoolkit import widgets\n"
        "slide = irt.make_slide(5, (301, 402), scanner='plustek', roll=1)",
        "widgets.explore_threshold(slide)",
        "widgets.explore_slide(irt.clean_slide(slide))",
        "widgets.explore_alignment(slide)",
        "widgets.explore_crosstalk(slide)",
        f"widgets.review_roll({str(folder / 'out')!r})",
    )


def shown(page, name):
    """A widget at the top of the window, once all its pictures are drawn and it no longer moves."""
    widget = page.locator(f".irt-{name}")
    cell = 1 + WIDGETS.index(name)
    page.wait_for_function(RAN, arg=cell, timeout=SHOWN)
    page.evaluate(SCROLL, cell)
    page.wait_for_function(DRAWN, arg=f".irt-{name}", timeout=SHOWN)
    settled(page, cell, widget)
    return widget


def settled(page, cell, widget):
    """Wait until the parts of a widget stay where they are for half a second; their places."""
    now, before = places(widget), None
    for _ in range(SHOWN // 500):
        if now == before:
            return now
        page.evaluate(SCROLL, cell)
        page.wait_for_timeout(500)
        now, before = places(widget), now
    raise TimeoutError("the widget moves on and on")


def places(widget):
    """Left, top, right and bottom of every part in sight, by what it is and says."""
    return widget.evaluate(PLACES)


@pytest.mark.parametrize("name", WIDGETS)
def test_all_controls_and_pictures_are_in_one_window(page, name):
    widget = shown(page, name)
    below = "the doubtful place and the crops of a slide" if name == "roll-review" else ""
    parts = [part for part in places(widget) if not (below and part["top"] > 940)]
    assert len(parts) > 10
    assert all(0 <= part["left"] < part["right"] <= 1400 for part in parts), parts
    assert all(0 <= part["top"] < part["bottom"] <= 1000 for part in parts if part["kind"] != "IMG"), parts
    assert widget.evaluate(SCROLLED) == []


@pytest.mark.parametrize("name", WIDGETS)
def test_no_label_is_cut(page, name):
    widget = shown(page, name)
    labels = widget.evaluate(LABELS)
    assert len(labels) > 5
    assert [text for text, cut in labels if cut] == []


def test_sides_of_five_digits_are_seen_whole(page):
    widget = shown(page, "roll-review")
    sides = widget.locator("input[type=number]")
    assert sides.count() == 5
    for at in range(1, 5):
        sides.nth(at).fill("65535")
        assert sides.nth(at).evaluate("side => side.scrollWidth <= side.clientWidth")
        page.wait_for_function(
            f"side => side.clientWidth >= {DIGIT} * 5 + {ARROWS}", arg=sides.nth(at).element_handle()
        )


@pytest.mark.parametrize("name", WIDGETS)
def test_no_part_covers_another(page, name):
    parts = places(shown(page, name))
    pairs = [(one, other) for at, one in enumerate(parts) for other in parts[:at] if overlap(one, other) > 2]
    assert pairs == []


@pytest.mark.parametrize("name", BESIDE)
def test_histogram_picture_and_controls_are_side_by_side(page, name):
    widget = shown(page, name)
    left, right = (widget.locator(part).first.bounding_box() for part in BESIDE[name])
    assert left["x"] + left["width"] <= right["x"]
    assert max(left["y"], right["y"]) < min(left["y"] + left["height"], right["y"] + right["height"])


@pytest.mark.parametrize("name", STEPS)
def test_nothing_moves_when_a_text_changes(page, name):
    widget, cell = shown(page, name), 1 + WIDGETS.index(name)
    step, text = (widget.locator(part).first for part in STEPS[name])
    before, words = settled(page, cell, widget), text.inner_text()
    step.click()
    page.wait_for_function(CHANGED, arg=[f".irt-{name} {STEPS[name][1]}", words], timeout=SHOWN)
    assert fixed(settled(page, cell, widget)) == fixed(before)


@pytest.mark.parametrize("name", ["slide", "alignment"])
def test_nothing_moves_under_the_mouse_nor_when_pictures_are_compared_otherwise(page, name):
    widget, cell = shown(page, name), 1 + WIDGETS.index(name)
    before = canvas_and_below(settled(page, cell, widget))
    for place in ({"x": 90, "y": 250}, {"x": 100, "y": 260}):
        widget.locator(".irt-comparison canvas").last.hover(position=place)
    page.wait_for_function(CHANGED, arg=[f".irt-{name} .irt-pointer", ""], timeout=SHOWN)
    assert canvas_and_below(settled(page, cell, widget)) == before
    for mode in ("wipe", "blink", "all", "one", "side by side"):
        button = widget.locator(".irt-mode button", has_text=mode)
        button.click()
        page.wait_for_function("button => button.classList.contains('mod-active')", arg=button.element_handle())
        assert canvas_and_below(settled(page, cell, widget)) == before


def test_the_threshold_is_moved(page):
    widget = shown(page, "threshold")
    page.wait_for_function(f"{THRESHOLD} > 0", timeout=SHOWN)
    before = page.evaluate(THRESHOLD)
    widget.locator(".irt-number .noUi-handle").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"Math.abs({THRESHOLD} - {before} - 5 * 0.01) < 0.005", timeout=SHOWN)


def overlap(one, other):
    """The smaller side of what two parts have in common, in pixels."""
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return min(across, down)


def fixed(parts):
    """Places of the controls and of the pictures beside them."""
    return [[part[side] for side in ("left", "top", "right", "bottom")] for part in parts if part["top"] < 900]


def canvas_and_below(parts):
    """Places of the panels and of everything under them."""
    top = max((part["bottom"], part["top"]) for part in parts if part["kind"] == "CANVAS")[1]
    return fixed([part for part in parts if part["top"] >= top])


RAN = "at => window.jupyterapp.shell.currentWidget.content.widgets[at].model.outputs.length > 0"
SCROLL = """async at => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    await notebook.scrollToItem(at, 'start');
    notebook.widgets[at].outputArea.node.scrollIntoView();
}"""
DRAWN = """part => {
    const canvases = [...document.querySelectorAll(`${part} .jupyter-matplotlib canvas:first-of-type`)];
    const pixels = canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const drawn = canvas => canvas.width > 0 && pixels(canvas).some(value => value);
    return canvases.length > 0 && canvases.every(drawn) &&
        [...document.querySelectorAll(`${part} img`)].every(one => one.complete);
}"""
PLACES = """widget => [...widget.querySelectorAll('button, select, input, img, canvas, .widget-html, .widget-readout')]
    .filter(one => one.checkVisibility({visibilityProperty: true}))
    .filter(one => one.tagName != 'CANVAS' || one === one.parentElement.querySelector('canvas'))
    .map(one => {
        const {left, top, right, bottom} = one.getBoundingClientRect();
        return {kind: one.tagName, left, top, right, bottom};
    })
    .filter(part => part.left < part.right && part.top < part.bottom)"""
SCROLLED = """widget => [widget, ...widget.querySelectorAll('.widget-box')]
    .filter(box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX != 'visible')
    .map(box => [box.className, box.scrollWidth, box.clientWidth])"""
LABELS = """widget => [...widget.querySelectorAll('button, .widget-label')]
    .filter(one => one.innerText.trim() && one.checkVisibility({visibilityProperty: true}))
    .map(one => [one.innerText, one.scrollWidth > one.clientWidth + 1])"""
CHANGED = "([part, before]) => document.querySelector(part).innerText.trim() != before.trim()"
