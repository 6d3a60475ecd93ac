"""Every link inside the project, in its texts and on its site, leads to a file and a heading."""

import re

import pytest
from pages import PAGES, TOP, anchors_of, name_of

from docs import check_links, stage

LINK = re.compile(r"\]\(([^)\s]+)\)|\[\[?[^]]*\]: (\S+)")
SITE = "https://irtoolkit.github.io/irtoolkit/"
PICTURES = "https://raw.githubusercontent.com/irtoolkit/irtoolkit/main/"


def links_of(page):
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return ["".join(found) for found in LINK.findall(text)]


def is_known(link, page):
    """Whether a link leads somewhere; those to other sites are believed."""
    place, _, anchor = link.partition("#")
    if place.startswith(SITE):
        names = {name.rsplit(".", 1)[0] for name in stage.find_pages().values()}
        return place.removeprefix(SITE).removesuffix(".html") in names | {""}
    if place.startswith(PICTURES):
        return (TOP / place.removeprefix(PICTURES)).is_file()
    if re.match(r"[a-z]+:", place):
        return True
    target = (page.parent / place) if place else page
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors_of(target))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_somewhere(page):
    assert [link for link in links_of(page) if not is_known(link, page)] == []


def test_a_wrong_link_is_found():
    page = TOP / "docs" / "start.md"
    wrong = ["nosuch.md", "#nosuch", "limits.md#nosuch", f"{SITE}nosuch.html", f"{PICTURES}docs/nosuch.jpg"]
    assert [link for link in wrong if is_known(link, page)] == []


def test_every_page_of_the_site_is_linked_from_the_readme_or_another_page():
    linked = {
        (page.parent / link.split("#")[0]).resolve() for page in PAGES for link in links_of(page) if ":" not in link
    }
    pages = {path for path in PAGES if path.is_relative_to(TOP / "docs") and path.name != "index.md"}
    assert pages - linked == set()


def test_links_are_rewritten_for_the_site():
    pages = {"docs/howto/a.md": "howto/a.md", "data/README.md": "formats.md", "docs/b.md": "b.md"}
    links = "[1](../b.md#x) [2](../../data/README.md) [3](../../Makefile) [4](https://a.b/c) [5](#d)\n"
    assert stage.relink(f"{links}```\n[6](../b.md)\n```\n", "docs/howto/a.md", pages) == (
        "[1](../b.md#x) [2](../formats.md) [3](https://github.com/irtoolkit/irtoolkit/blob/main/Makefile)"
        " [4](https://a.b/c) [5](#d)\n```\n[6](../b.md)\n```\n"
    )


def test_help_and_names_are_filled_in():
    filled = stage.fill("<!-- help: irtoolkit info -->\n<!-- names: irtoolkit.widgets -->")
    assert "Usage: irtoolkit info [OPTIONS] PATH..." in filled
    assert "   review_roll" in filled
    assert "<!--" not in filled


def test_faults_of_a_site_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="top-of-a"></h1><a href="b.html#here">b</a><a href="#top-of-a">a</a>')
    (tmp_path / "b.html").write_text('<p id="here"></p><img src="https://a.b/c.png"><a href="https://a.b">ok</a>')
    assert check_links.problems(tmp_path) == ["b.html: loads https://a.b/c.png from a network"]
    (tmp_path / "b.html").write_text('<img src="c.png">')
    assert check_links.problems(tmp_path) == ["a.html: b.html#here does not exist", "b.html: c.png does not exist"]
