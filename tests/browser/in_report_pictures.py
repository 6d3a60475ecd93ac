"""The pictures of an opened slide in the report of a run: zoom, divider, outlines, crops of the marks."""

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import expect

from irtoolkit.archive.report import write_report
from irtoolkit.pictures import write_jpeg

SCAN, MARKED, HEALED, DARK = (200, 40, 40), (255, 0, 200), (40, 180, 60), (20, 20, 20)
HEIGHT, WIDTH = 400, 640
SLIDE = {
    "slide": "grave.tif",
    "status": "done",
    "review": "pale",
    "weight": 3.0,
    "defects": 127,
    "candidates": 200,
    "megapixels": 9.216,
}


def plain(colour, height=HEIGHT, width=WIDTH):
    return np.full((height, width, 3), colour, np.uint8)


def write_pictures(folder, healed=True):
    """A scan, red, its marks a magenta column a quarter from the left, and the healed slide, green; crops of 24 marks,
    each before, marked and healed, before darker from row to row."""
    folder.mkdir(parents=True)
    marked = plain(SCAN)
    marked[:, WIDTH // 4 - 20 : WIDTH // 4 + 20] = MARKED
    rows = [
        [plain((10 * row, 0, 0), 96, 96), plain(MARKED, 96, 96), plain(HEALED, 96, 96)][: 2 + healed]
        for row in range(24)
    ]
    gap, line = plain(DARK, 96, 4), plain(DARK, 4, 96 * (2 + healed) + 4 * (1 + healed))
    strips = [np.hstack([part for crop in row for part in (gap, crop)][1:]) for row in rows]
    pictures = {"scan": plain(SCAN), "mask": marked, "marks": np.vstack([p for s in strips for p in (line, s)][1:])}
    for name, picture in (pictures | ({"healed": plain(HEALED)} if healed else {})).items():
        write_jpeg(folder / f"{name}.jpg", picture)


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens the report of three slides with pictures, and the first of them."""
    pages = []

    def open_slide(size=(1400, 1000), healed=True, **options):
        for name in ("grave", "b", "c"):
            write_pictures(tmp_path / "report" / "slides" / name, healed)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, **options)
        pages.append(page)
        others = [{**SLIDE, "slide": f"{name}.tif", "weight": 1.0} for name in "bc"]
        page.goto(write_report([SLIDE, *others], tmp_path / "report.html").as_uri())
        page.locator("#look button.open").first.click()
        expect(page.locator(".stage .layer")).to_have_count(3 if healed else 2)
        page.wait_for_function("[...document.querySelectorAll('.stage .layer')].every(image => image.naturalWidth)")
        expect(page.locator(".marks-list li")).to_have_count(24)
        return page

    yield open_slide
    for page in pages:
        page.close()


def colour_at(page, x, y):
    """The colour on the screen at a share of the stage."""
    box = page.locator(".stage").bounding_box()
    place = {"x": box["x"] + x * box["width"] - 2, "y": box["y"] + y * box["height"] - 2, "width": 5, "height": 5}
    return imagecodecs.png_decode(page.screenshot(clip=place))[..., :3].reshape(-1, 3).mean(axis=0)


def is_near(colour, wanted):
    return np.abs(colour - np.array(wanted)).max() < 40


def zoom_of(page):
    """The zoom as written, of the scan, and that of the picture: pixels on the screen per pixel of it; both in %."""
    box = page.locator(".layer.scan").evaluate("image => image.getBoundingClientRect().width / image.naturalWidth")
    return int(page.locator(".choices output").inner_text().split()[0]), round(100 * box)


def of_scan(percent):
    """What is written for such a zoom of the picture, whose pixel shows several rows and columns of the scan."""
    reduced = round((SLIDE["megapixels"] * 1e6 / (WIDTH * HEIGHT)) ** 0.5)
    assert reduced > 1
    return int(percent / reduced + 0.5)


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*((a + b) / 2 for a, b in zip(start, end, strict=True)))
    page.mouse.move(*end)
    page.mouse.up()


@pytest.mark.parametrize("size", [(1400, 1000), (700, 1000)])
def test_an_opened_slide_fits_the_window_and_nothing_covers_another(opened, size):
    page = opened(size)
    boxes = page.locator(".choices > :not(.gap), .stage").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.top, box.right, box.bottom])"
    )
    assert len(boxes) == 10
    assert all(left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1] for left, top, right, bottom in boxes)
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
    assert page.locator("#detail").evaluate("one => one.scrollWidth <= one.clientWidth")
    stage = page.locator(".stage").bounding_box()
    picture = page.locator(".layer.scan").bounding_box()
    assert picture["width"] <= stage["width"] + 1
    assert picture["height"] <= stage["height"] + 1
    assert max(picture["width"] / stage["width"], picture["height"] / stage["height"]) == pytest.approx(1, abs=0.01)


def test_zoom_reaches_100_percent_and_beyond_by_buttons_wheel_and_keys(opened):
    page = opened()
    page.get_by_role("button", name="One pixel of the picture").click()
    assert zoom_of(page) == (of_scan(100), 100)
    page.get_by_role("button", name="Zoom in").click()
    assert zoom_of(page) == (of_scan(125), 125)
    for _ in range(12):
        page.keyboard.press("+")
    assert zoom_of(page) == (of_scan(800), 800)
    page.keyboard.press("0")
    fitted = zoom_of(page)[0]
    box = page.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -100)
    page.wait_for_function(
        "least => parseInt(document.querySelector('.choices output').textContent) > least", arg=fitted
    )
    assert is_near(colour_at(page, 0.25, 0.5), MARKED), "the place under the wheel stays where it is"


def test_a_zoomed_picture_is_moved_by_dragging_and_by_keys_but_not_off_the_stage(opened):
    page = opened()
    for _ in range(8):
        page.keyboard.press("+")
    box, before = page.locator(".stage").bounding_box(), page.locator(".layer.scan").bounding_box()
    start = box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7
    drag(page, start, (start[0] + 90, start[1] - 40))
    moved = page.locator(".layer.scan").bounding_box()
    assert moved["x"] - before["x"] == pytest.approx(90, abs=1)
    assert moved["y"] - before["y"] == pytest.approx(-40, abs=1)
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".layer.scan").bounding_box()["x"] - moved["x"] == pytest.approx(-60, abs=1)
    for _ in range(60):
        page.keyboard.press("Shift+ArrowLeft")
    assert page.locator(".layer.scan").bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    assert page.locator(".head .place").inner_text() == "1 of 3"


def test_the_divider_parts_before_from_healed_by_mouse_and_keyboard(opened):
    page = opened()
    assert is_near(colour_at(page, 0.4, 0.3), SCAN)
    assert is_near(colour_at(page, 0.6, 0.3), HEALED)
    stage, handle = page.locator(".stage").bounding_box(), page.locator(".divider").bounding_box()
    middle = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    assert middle[0] == pytest.approx(stage["x"] + stage["width"] / 2, abs=1)
    drag(page, middle, (stage["x"] + 0.8 * stage["width"], middle[1]))
    assert is_near(colour_at(page, 0.6, 0.3), SCAN)
    assert is_near(colour_at(page, 0.9, 0.3), HEALED)
    assert page.locator(".divider").get_attribute("aria-valuenow") == "80"
    page.locator(".divider").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".divider").get_attribute("aria-valuenow") == "78"
    page.keyboard.press("Home")
    assert is_near(colour_at(page, 0.1, 0.3), HEALED)
    page.keyboard.press("s")
    assert is_near(colour_at(page, 0.9, 0.3), SCAN)
    page.keyboard.press("b")
    assert page.locator(".divider").get_attribute("aria-valuenow") == "50"
    assert page.locator(".head .place").inner_text() == "1 of 3"


def test_the_divider_follows_a_finger(opened):
    page = opened((700, 1000), has_touch=True)
    stage, handle = page.locator(".stage").bounding_box(), page.locator(".divider").bounding_box()
    y = handle["y"] + handle["height"] / 2
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.4), ("touchMove", 0.2), ("touchEnd", None)):
        points = [] if share is None else [{"x": stage["x"] + share * stage["width"], "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".divider")).to_have_attribute("aria-valuenow", "20")
    assert is_near(colour_at(page, 0.3, 0.3), HEALED)


def test_outlines_are_shown_or_hidden_in_the_picture_and_in_the_crops(opened):
    page = opened()
    first = page.locator(".marks-list img.before").first
    first.scroll_into_view_if_needed()
    assert is_near(imagecodecs.png_decode(first.screenshot())[40:50, 40:50, :3].reshape(-1, 3).mean(axis=0), MARKED)
    page.locator(".stage").scroll_into_view_if_needed()
    assert is_near(colour_at(page, 0.25, 0.3), MARKED)
    page.keyboard.press("m")
    assert is_near(colour_at(page, 0.25, 0.3), SCAN)
    assert page.locator(".choices .outlines").get_attribute("aria-pressed") == "false"
    page.keyboard.press("j")
    expect(page.locator(".head .place")).to_have_text("2 of 3")
    expect(page.locator(".choices .outlines")).to_have_attribute("aria-pressed", "false")


def test_crops_of_marks_are_at_100_percent_in_their_order_and_say_how_many_of_how_many(opened):
    page = opened()
    page.keyboard.press("m")
    figure = page.locator(".mark-crops")
    assert figure.locator("p").inner_text().startswith("The least certain of 127 marks in 24 crops at 100 %")
    for row in (0, 11, 23):
        crops = figure.locator("li").nth(row).locator("img")
        assert crops.count() == 2
        for crop, colour in ((crops.first, (10 * row, 0, 0)), (crops.last, HEALED)):
            crop.scroll_into_view_if_needed()
            box, seen = crop.bounding_box(), imagecodecs.png_decode(crop.screenshot())[3:93, 3:93, :3]
            assert (round(box["width"]), round(box["height"])) == (96, 96)
            assert np.abs(seen.astype(int) - colour).max() < 12
            assert 0 <= box["x"] < box["x"] + box["width"] <= 1400
    assert "one pixel of this picture shows 6 by 6 of the scan" in page.locator(".scale").inner_text()


def test_a_slide_that_was_not_healed_has_no_divider(opened):
    page = opened(healed=False)
    expect(page.locator(".divider")).to_be_hidden()
    assert is_near(colour_at(page, 0.9, 0.3), SCAN)
    assert page.locator(".marks-list img").count() == 24
