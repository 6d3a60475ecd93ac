"""The table of the report in a window and on paper: what fits, what can be read, what is said to be further on."""

import pytest
from playwright.sync_api import expect

from irtoolkit.archive.report import write_report

FOLDER = "2019 Italy - Roma, Napoli and Amalfi coast/Kodak Ektachrome roll 07"
REASON = "its infrared shows damage where its colours show none: is it the infrared of another slide?"
FIGURES = {"defects": 12345, "coverage": 0.0344, "fdr": 0.021, "threshold": 4.44, "shift_y": 5.87, "seconds": 130.0}


def slide(number, **values):
    known = {"slide": f"{FOLDER}/slide_{number:02d}.tif", "roll": f"{FOLDER} (Kodak Ektachrome 100, Nikon LS-5000 ED)"}
    return {**known, "status": "done", "review": "", "weight": 0.0, **FIGURES, **values}


ROWS = [slide(number, review=REASON * (number % 3 == 0), weight=float(number)) for number in range(60)]


@pytest.fixture
def show(browser, tmp_path):
    """A function that opens the report of the rows in a window of some width."""
    pages = []

    def open_report(width, view="all", **options):
        pages.append(browser.new_page(viewport={"width": width, "height": 1000}, **options))
        pages[-1].goto(write_report(ROWS, tmp_path / "report.html").as_uri() + f"#{view}")
        expect(pages[-1].locator("#all tbody button" if view == "all" else "#look h3").first).to_be_attached()
        return pages[-1]

    yield open_report
    for page in pages:
        page.close()


def overflow(page):
    """Pixels of the table to the right of what is seen."""
    return page.locator("#all").evaluate("one => one.scrollWidth - one.clientWidth - one.scrollLeft")


def background(element):
    return element.evaluate("one => getComputedStyle(one).backgroundColor")


def headers(page):
    return [text for text in page.locator("#all thead th:visible").all_inner_texts() if text]


def test_the_columns_that_matter_fit_1400_pixels_and_the_others_come_on_demand(show):
    page = show(1400)
    assert headers(page) == ["Slide", "Roll", "Status", "Why", "Defects", "Coverage", "False share"]
    assert overflow(page) == 0
    for box in (header.bounding_box() for header in page.locator("#all thead th:visible").all()):
        assert 0 <= box["x"] < box["x"] + box["width"] <= 1400
    assert not page.locator("#edge").is_visible()
    more = page.get_by_role("button", name="More columns")
    assert (more.get_attribute("aria-pressed"), background(more)) == ("false", "rgb(250, 250, 248)")
    more.click()
    assert (more.get_attribute("aria-pressed"), background(more)) == ("true", "rgb(10, 94, 168)")
    cut = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.innerText)"
    assert page.locator("#all thead th:visible").evaluate_all(cut) == []
    assert headers(page)[7:] == ["Threshold", "Shift y", "Shift x", "Blur", "Crosstalk", "R²", "Noise", "Time"]
    assert overflow(page) > 0
    expect(page.locator("#edge")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("#rolls")).to_be_visible()
    assert not page.get_by_role("button", name="More columns").is_visible()
    page.keyboard.press("3")
    expect(page.locator("#all")).to_be_visible()
    assert len(headers(page)) == 15


def test_at_700_pixels_a_shadow_says_that_there_is_more_and_the_name_stays(show):
    page = show(700)
    expect(page.locator("#edge")).to_be_visible()
    edge, name = page.locator("#edge").bounding_box(), page.locator("#all tbody th.name .file").first
    assert (edge["x"] + edge["width"], edge["width"] > 20) == (700, True)
    assert page.evaluate("document.documentElement.scrollWidth") == 700
    before = name.bounding_box()
    page.locator("#all").evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    expect(page.locator("#edge")).to_be_hidden()
    assert name.bounding_box() == before
    assert 0 < before["x"] < before["x"] + before["width"] < 350
    assert name.inner_text() == "slide_00.tif"
    row = page.locator("#all tbody tr:not([aria-hidden])").first
    on_top = "([x, y]) => document.elementFromPoint(x, y).closest('th.name') !== null"
    assert page.evaluate(on_top, [before["x"] + 5, before["y"] + 5])
    last = row.locator("td:visible").last.bounding_box()
    assert last["x"] + last["width"] <= 700


@pytest.mark.parametrize("width", [1400, 700])
def test_reasons_and_names_are_not_cut(show, width):
    page = show(width)
    reason = page.locator("#all td.why .clamp").first
    assert reason.inner_text() == REASON
    fits = "one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight + 1"
    assert reason.evaluate(fits)
    assert reason.get_attribute("title") == REASON
    roll = page.locator("#all td.roll .clamp").first
    assert roll.inner_text().startswith("…/Kodak Ektachrome roll 07")
    assert roll.get_attribute("title") == ROWS[0]["roll"]
    name = page.locator("#all tbody th.name .file").first
    assert name.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.locator("#all tbody th.name button").first.get_attribute("title") == ROWS[0]["slide"]


def test_numbers_are_rounded_and_have_units(show):
    page = show(1400)
    page.get_by_role("button", name="More columns").click()
    cells = page.locator("#all tbody tr:not([aria-hidden])").first.locator("td.number").all_inner_texts()
    assert cells == ["12,345", "3.4 %", "2.1 %", "4.4", "5.9 px", *5 * ["\N{EN DASH}"], "2 min"]
    assert page.locator("#typical").inner_text() == "Typically 3.4 % of a slide is marked. 2 min per slide."


def test_the_rows_of_a_long_table_are_where_they_belong(show):
    page = show(1400)
    page.locator("#all").evaluate("one => { one.scrollTop = one.scrollHeight; }")
    last = page.locator("#all tbody tr:not([aria-hidden])").last
    expect(last.locator(".file")).to_have_text("slide_59.tif")
    box = last.bounding_box()
    assert box["height"] == 64
    assert 900 < box["y"] + box["height"] <= 1001


def test_paper_is_white_has_all_cards_and_rows_and_no_controls(show):
    page = show(794, "look", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--text')").strip() == "#24262a"
    for gone in ("nav", "header form", "#help"):
        assert not page.locator(gone).first.is_visible()
    cards = page.locator("#look .cards > li")
    assert cards.count() == 20
    page.emulate_media(media="screen")
    page.evaluate("location.hash = 'all'")
    expect(page.locator("#all tbody button").first).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("#all tbody button").count() == len(ROWS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    right = "cells => Math.max(...cells.map(cell => cell.getBoundingClientRect().right))"
    assert page.locator("#all tr > *:visible").evaluate_all(right) <= 794
    reasons = page.locator("#all td.why:visible .clamp").evaluate_all("all => all.map(one => one.innerText)")
    assert reasons[0] == REASON
