"""Makes the pictures of the widgets, as Chromium shows them: python docs/widget_pictures.py (into docs/pictures).

It needs the extra `browser` and Chromium.
"""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
TARGET = HERE / "pictures"
REVIEW = HERE.parent / "notebooks" / "05_review.ipynb"
SLIDE = """from skimage import data
import irtoolkit as irt
from irtoolkit import widgets
slide = irt.make_slide(21, (400, 600), film="e6", scanner="plustek", defects=60, photo=data.coffee())
"""
WIDGETS = {
    "threshold": SLIDE + "widgets.explore_threshold(slide)",
    "slide": SLIDE + "widgets.explore_slide(irt.clean_slide(slide))",
    "alignment": SLIDE + "widgets.explore_alignment(slide)",
    "crosstalk": SLIDE + "widgets.explore_crosstalk(slide)",
}
"""Name of each picture, and the code that makes its widget."""

WIDTH, HEIGHT, PATIENCE = 1020, 1600, 180
DRAWN = """() => [...document.querySelectorAll('canvas:first-of-type')].some(canvas => canvas.width > 0 &&
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value))"""


def main() -> None:
    """Write a picture of every widget."""
    review = [cell for cell in json.loads(REVIEW.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    codes = WIDGETS | {"roll": "\n".join("".join(cell["source"]) for cell in review[:3])}
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name, code in codes.items():
            cells = [nbformat.v4.new_code_cell(code)]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), Path(folder) / f"{name}.ipynb")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "voila", folder, "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
        server = subprocess.Popen(command)
        try:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for name in codes:
                _draw(browser, f"http://127.0.0.1:{port}/voila/render/{name}.ipynb", name)
            browser.close()
        finally:
            server.terminate()
            server.wait()


def _draw(browser: Browser, address: str, name: str) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(PATIENCE * 1000)
    _open(page, address)
    page.wait_for_function(DRAWN)
    if name == "slide":
        page.locator(".irt-closer").click()
    widget, earlier = page.locator(".irt-roll-review" if name == "roll" else f".irt-{name}"), b""
    while (now := widget.screenshot(type="jpeg", quality=80)) != earlier:
        earlier = now
        page.wait_for_timeout(2000)
    (TARGET / f"{name}.jpg").write_bytes(now)
    page.close()


def _open(page: Page, address: str) -> None:
    """Open an address as soon as its server answers."""
    for _ in range(PATIENCE):
        try:
            page.goto(address)
        except Exception:
            page.wait_for_timeout(1000)
        else:
            return
    raise TimeoutError(address)


if __name__ == "__main__":
    main()
