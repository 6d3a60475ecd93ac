"""The page of a run: one file and its folder, whatever the slides are called and whatever is known of them."""

import json
import math
import os
import re
from html.parser import HTMLParser
from importlib import resources
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

from irtoolkit.archive.previews import preview_folder
from irtoolkit.archive.report import SCRIPTS, STYLES, write_report

ODD_NAMES = [
    "<img src=x onerror=alert(1)>.tif",
    "a\"b'c.tif",
    "line\nbreak.tif",
    "ü ß/写真.tif",
    "%41#?.tif",
    "</script><script>alert(1)</script>.tif",
    "\u2028.tif",
    "back\\slash.tif",
    "two.dots.tif",
    "x" * 200 + ".tif",
    os.fsdecode(b"caf\xe9.tif"),
]


class Outline(HTMLParser):
    """Addresses that a page loads, and the tags that it leaves open."""

    def __init__(self):
        super().__init__()
        self.loads, self.open, self.ids = [], [], []

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.loads += [known[name] for name in ("src", "href") if name in known]
        self.ids += [known["id"]] if "id" in known else []
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def row(slide="a.tif", **values):
    return {"slide": slide, "status": "done", "reason": "", "review": "", **values}


def data(folder):
    text = (folder / "report" / "slides.js").read_text(encoding="ascii")
    head, *lines, foot = text.splitlines()
    assert (head, foot) == ("window.slides = [", "];")
    return [json.loads(line.removesuffix(",")) for line in lines if line]


def test_a_row_is_a_line_of_data_with_what_is_known(tmp_path):
    rows = [row(coverage=0.0123456789, defects=3, film="", roll="7", dpi=4000), row("b.tif", status="refused")]
    assert write_report(rows, tmp_path / "report.html") == tmp_path / "report.html"
    first, second = data(tmp_path)
    assert first == {
        "slide": "a.tif",
        "status": "done",
        "roll": "7",
        "coverage": 0.0123457,
        "defects": 3,
        "dpi": 4000,
        "pictures": "report/slides/a",
    }
    assert second == {"slide": "b.tif", "status": "refused"}


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, np.float32(np.inf)])
def test_numbers_that_are_not_finite_are_null(tmp_path, value):
    write_report([row(threshold=value, blur=np.float32(0.5), defects=np.int64(4))], tmp_path / "report.html")
    (told,) = data(tmp_path)
    assert (told["threshold"], told["blur"], told["defects"]) == (None, 0.5, 4)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_name_is_told_and_its_pictures_are_found(tmp_path, name):
    write_report([row(name, review=name, roll=name)], tmp_path / "report.html")
    (told,) = data(tmp_path)
    assert told["slide"] == told["review"] == told["roll"] == name
    assert re.fullmatch(r"[\w./~%-]+", told["pictures"], re.ASCII)
    folder = preview_folder(tmp_path, name.removesuffix(".tif"))
    assert tmp_path / os.fsdecode(unquote_to_bytes(told["pictures"])) == folder
    text = (tmp_path / "report" / "slides.js").read_text(encoding="ascii")
    assert "<" not in text
    assert text.count("\n") == 3
    assert name not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_loads_nothing_but_its_data(tmp_path):
    write_report([row()], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert {load for load in outline.loads if not load.startswith("#")} == {"report/slides.js", "data:,"}
    assert {load[1:] for load in outline.loads if load.startswith("#")} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert set(re.findall(r"https?://[^\s'\"]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert "url(" not in page


def test_no_text_becomes_markup_and_every_script_is_strict():
    page = resources.files("irtoolkit.archive") / "page"
    assert {f"{name}.js" for name in SCRIPTS} == {file.name for file in page.iterdir() if file.name.endswith(".js")}
    assert {f"{name}.css" for name in STYLES} == {file.name for file in page.iterdir() if file.name.endswith(".css")}
    for name in SCRIPTS:
        script = (page / f"{name}.js").read_text(encoding="utf-8")
        assert script.startswith("'use strict';\n")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|</script", script)
        assert len(script.splitlines()) < 260


def test_ids_that_scripts_ask_for_are_on_the_page():
    page = resources.files("irtoolkit.archive") / "page"
    shell = (page / "report.html").read_text(encoding="utf-8")
    scripts = "".join((page / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    asked = set(re.findall(r"byId\('([\w-]+)'\)", scripts))
    assert {"look", "rolls", "all", "detail", "words"} <= asked <= set(re.findall(r'id="([\w-]+)"', shell))


def test_a_run_without_slides_and_one_that_was_stopped_have_a_report(tmp_path):
    write_report([], tmp_path / "report.html")
    assert data(tmp_path) == []
    assert "0 slides" in (tmp_path / "report.html").read_text(encoding="utf-8")
    write_report([row(), row("b.tif", status="failed", reason="OSError: <full>")], tmp_path / "report.html")
    assert [told["slide"] for told in data(tmp_path)] == ["a.tif", "b.tif"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["report", "report.html", "slides.js"]


def test_an_error_leaves_the_earlier_report(tmp_path, monkeypatch):
    write_report([row()], tmp_path / "report.html")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(KeyError):
        write_report([{"slide": "b.tif"}], tmp_path / "report.html")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
