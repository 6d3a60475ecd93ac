"""A widget in JupyterLab itself, live."""

SHOWN = 120_000
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
    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.irt-message').innerText.includes('Threshold 4.75 sigma')")
