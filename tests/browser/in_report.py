"""The page of a run in a browser: what is seen first."""

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import expect

from irtoolkit.archive.report import write_report

GRAVE, ODD, REFUSED, FAILED, FINE = (
    {"slide": "grave.tif", "status": "done", "review": "other film?", "weight": 3.0},
    {"slide": "odd.tif", "status": "done", "review": "pale", "weight": 1.0},
    {
        "slide": "refused.tif",
        "status": "refused",
        "reason": "no infrared",
        "review": "it was not cleaned",
        "weight": 4.0,
    },
    {"slide": "failed.tif", "status": "failed", "reason": "OSError", "review": "it was not cleaned", "weight": 5.0},
    {"slide": "fine.tif", "status": "done", "review": "", "weight": 0.0},
)


@pytest.fixture
def show(browser, tmp_path):
    """A function that opens the report of rows."""

    def open_report(*rows):
        page = browser.new_page()
        page.goto(write_report(rows, tmp_path / "report.html").as_uri())
        return page

    return open_report


def test_slides_with_pictures_come_first_the_gravest_of_them_on_top(show):
    page = show(REFUSED, FINE, ODD, FAILED, GRAVE)
    cards = page.locator("#look .cards > li")
    assert page.locator("#look").is_visible()
    names = cards.locator("h3").all_inner_texts()
    assert names == ["grave.tif", "odd.tif", "refused.tif", "failed.tif"]
    assert page.locator("#look h2").all_inner_texts() == ["To look at 2", "Refused 1", "Failed 1"]
    assert page.locator("#count-look").inner_text() == "4"
    assert (
        page.locator("#summary").inner_text() == "4 slides: 1 done without remarks, 2 to look at, 1 failed; 1 refused"
    )
    assert cards.locator(".figures").count() == 2
    assert "no infrared" in cards.nth(2).inner_text()


def test_a_roll_has_slides_that_can_be_cleaned_and_counts_what_was_refused_apart(show):
    page = show(FINE | {"roll": "a"}, REFUSED | {"roll": "a"}, FAILED | {"roll": "b"}, REFUSED | {"roll": "c"})
    page.locator("nav a").nth(1).click()
    assert page.locator("#count-rolls").inner_text() == "2"
    assert page.locator(".rolls .name").all_inner_texts() == ["a", "b"]
    assert page.locator(".rolls .what").all_inner_texts() == ["1 slide", "1 slide"]
    assert page.locator(".rolls .flags").all_inner_texts() == ["■ 1 refused", "✕ 1 failed"]
    assert page.locator("#roll option").all_inner_texts() == ["all", "a", "b"]


def test_each_slide_is_in_one_group_of_the_filter(show):
    page = show(REFUSED, FINE, ODD, FAILED, GRAVE)
    page.locator("nav a").last.click()
    counted = []
    for group in ("look", "done", "refused", "failed"):
        page.locator("#state").select_option(group)
        counted.append(int(page.locator("#count-all").inner_text()))
    assert counted == [2, 1, 1, 1]


@pytest.mark.parametrize(
    ("words", "found"), [("cafe", 2), ("CAFÉ", 2), ("cafe\N{COMBINING ACUTE ACCENT}", 2), ("Röm", 1), ("caff", 0)]
)
def test_the_filter_ignores_accents_and_capitals(show, words, found):
    names = ("Caf\N{LATIN SMALL LETTER E WITH ACUTE}.tif", "cafe\N{COMBINING ACUTE ACCENT} Rom.tif", "other.tif")
    page = show(*(FINE | {"slide": name} for name in names))
    page.locator("#words").fill(words)
    assert page.locator("#count-all").inner_text() == str(found)


def test_crosstalk_is_explained_where_it_is_met(show):
    page = show(ODD | {"slopes": 0.1, "r2": 0.9})
    about = "how strongly the picture shows in the infrared, where only damage should: 0 not at all, "
    card = page.locator(".figures div", has_text="Crosstalk")
    assert card.get_attribute("title").startswith(about)
    page.locator("nav a").nth(1).click()
    assert page.locator(".charts b", has_text="Crosstalk").get_attribute("title").startswith(about)
    page.locator("nav a").nth(2).click()
    explained = "share of the infrared's variation that the crosstalk explains: 1 all of it, 0 nothing"
    assert page.locator("#all th button", has_text="R²").get_attribute("title").replace("\u2019", "'") == explained


@pytest.mark.parametrize("rows", [(FINE, REFUSED), (FINE,)])
def test_where_there_are_no_pictures_to_look_at_all_slides_are_seen(show, rows):
    page = show(*rows)
    assert page.locator("#all").is_visible()
    assert not page.locator("#look").is_visible()
    assert page.locator("#all tbody button").all_inner_texts() == [row["slide"] for row in rows]
    page.locator("nav a").first.click()
    assert page.locator("#look .cards > li").count() == len(rows) - 1


@pytest.mark.parametrize(("slopes", "notes"), [(0.38, 1), (0.04, 0)])
def test_a_roll_whose_infrared_follows_the_picture_is_said_to_be_like_kodachrome(show, slopes, notes):
    page = show(*(FINE | {"slide": f"r/{number}.tif", "slopes": slopes} for number in (1, 2, 3)))
    page.goto(page.url.split("#")[0] + "#rolls")
    about = page.locator(".roll .note", has_text=f"crosstalk {slopes}), as on Kodachrome")
    assert about.count() == notes


def test_what_a_person_has_decided_is_the_status_of_a_slide(show):
    decided = ODD | {"review": "", "weight": 0.0}
    rejected = {"slide": "b.tif", "decision": "rejected", "defects": 0}
    page = show(GRAVE, decided | {"slide": "a.tif", "decision": "threshold 5.0; accepted"}, decided | rejected)
    assert "Accept, reject or change slides with widgets.review_roll" in page.locator("#look").inner_text()
    page.locator("nav a").nth(2).click()
    rows = page.locator("#all tbody tr:has(button)").all_inner_texts()
    assert [name in row for name, row in zip(("to look at", "accepted", "rejected"), rows, strict=True)] == [True] * 3
    assert "not known" not in rows[2]


def test_a_card_shows_the_doubtful_place_and_says_what_is_not_known(show):
    page = show(GRAVE | {"worst_y": 1204.0, "worst_x": 77.0, "defects": 3}, ODD | {"fdr": 0.02})
    grave, odd = (page.locator("#look .cards > li").nth(number) for number in (0, 1))
    assert "Most doubtful place: row 1,204, column 77" in grave.inner_text()
    assert grave.locator("figure.worst figcaption span").all_inner_texts() == ["visible", "infrared", "marks", "healed"]
    assert "False share\nnot known" in grave.inner_text()
    assert odd.locator("figure.worst").count() == 0
    assert "False share\n2.0 %" in odd.inner_text()


@pytest.mark.parametrize(
    ("name", "folder", "kind"),
    [
        ("Rome (1984)", "Rome (1984)", ""),
        ("roll 2 (Kodak) (Portra (old), 2400 dpi, 16 bit)", "roll 2 (Kodak)", "Portra (old), 2400 dpi, 16 bit"),
    ],
)
def test_a_folder_keeps_its_parentheses(show, name, folder, kind):
    assert show(FINE).evaluate("name => partsOfRoll(name)", name) == {"path": folder, "kind": kind}


def test_the_page_runs_under_a_policy_that_allows_nothing_else(browser, tmp_path):
    requests, told = [], []
    page = browser.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    picture = tmp_path / "report" / "slides" / "grave" / "thumb.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(imagecodecs.jpeg_encode(np.zeros((8, 9, 3), np.uint8)))
    page.goto(write_report([GRAVE, REFUSED, FINE], tmp_path / "report.html").as_uri())
    page.evaluate("document.getElementById('help').click()")
    page.locator("#keys button").click()
    assert not page.locator("#keys").is_visible()
    page.locator("nav a").last.click()
    expect(page.locator("#all tbody button")).to_have_count(3)
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 9
    assert [text for text in told if "Content Security Policy" in text or "violates" in text] == []
    assert page.evaluate(LOADED, picture.as_uri()) == 9
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}
    refused = page.evaluate(ATTEMPTS)
    assert refused == ["connect-src", "font-src", "frame-src", "img-src", "script-src-attr", "script-src-elem"]
    assert page.evaluate("window.evil") is None


LOADED = """address => new Promise(done => {
    const image = new Image();
    image.onload = () => done(image.naturalWidth);
    image.onerror = () => done(0);
    image.src = address;
})"""
ATTEMPTS = """() => new Promise(done => {
    const refused = new Set();
    document.addEventListener('securitypolicyviolation', event => refused.add(event.effectiveDirective));
    const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
    fetch('http://127.0.0.1:9/').catch(() => {});
    add('img', {src: 'http://127.0.0.1:9/a.png'});
    add('script', {src: 'http://127.0.0.1:9/a.js'});
    add('script', {text: 'window.evil = 1'});
    add('iframe', {src: 'http://127.0.0.1:9/'});
    new FontFace('a', 'url(http://127.0.0.1:9/a.woff)').load().catch(() => {});
    const button = document.createElement('button');
    button.setAttribute('onclick', 'window.evil = 1');
    document.body.append(button);
    button.click();
    setTimeout(() => done([...refused].sort()), 500);
})"""
