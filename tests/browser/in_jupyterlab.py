"""A widget in JupyterLab itself, live."""

SHOWN = 120_000
THRESHOLD = "Number(document.querySelector('.irt-message').innerText.match(/Threshold (.*) sigma/)[1])"
"""The threshold that the explorer names; its slider has steps of .05, and starts at the one next to the slide's own."""
CELLS = (
    "import irtoolkit as irt\nfrom irtoolkit.widgets import explore_threshold",
    "slide = irt.make_slide(5, (301, 402), scanner='plustek', roll=1)",
    "explorer = explore_threshold(slide)\nexplorer",
)


def test_the_threshold_is_moved(jupyterlab):
    page = jupyterlab(*CELLS)
    knob = page.locator(".irt-number .noUi-handle")
    knob.wait_for(timeout=SHOWN)
    page.locator(".irt-threshold canvas").last.wait_for(timeout=SHOWN)
    before = page.evaluate(THRESHOLD)
    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"Math.abs({THRESHOLD} - {before} - 5 * 0.05) <= 0.03")
