"""Makes the pictures of a run's report: python docs/report_pictures.py (into docs/pictures; needs Chromium)."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import irtoolkit as irt

TARGET = Path(__file__).parent / "pictures"
SIZE = {"width": 1400, "height": 1000}
OPENED = "slide_03.dng"


def main() -> None:
    """Write `report.jpg`, the short list, and `report_slide.jpg`, an opened slide; two slides have swapped infrared."""
    with tempfile.TemporaryDirectory() as folder:
        scans, cleaned = Path(folder, "Roll 8"), Path(folder, "cleaned")
        irt.make_roll(scans, 8, 12, (620, 940), film="kodachrome", magnified=3.0)
        _swap(scans / "slide_05_IR.tif", scans / "slide_11_IR.tif")
        irt.clean_archive(scans, cleaned)
        _photograph((cleaned / "report.html").as_uri())


def _swap(one: Path, other: Path) -> None:
    aside = one.with_suffix(".aside")
    for source, target in ((one, aside), (other, one), (aside, other)):
        source.rename(target)


def _photograph(address: str) -> None:
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        page.wait_for_function("[...document.querySelectorAll('#look img')].slice(0, 3).every(image => image.complete)")
        page.screenshot(path=TARGET / "report.jpg", quality=75)
        page.keyboard.press("3")
        page.locator("#all tbody button", has_text=OPENED).click()
        page.locator(".marks-list li").last.wait_for()
        page.wait_for_function("[...document.querySelectorAll('#detail img')].every(image => image.complete)")
        page.screenshot(path=TARGET / "report_slide.jpg", quality=75)
        browser.close()


if __name__ == "__main__":
    main()
