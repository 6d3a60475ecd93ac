"""Names of outputs: each slide has its own, short enough, and the same in every run."""

import json
import os
import shutil
from itertools import permutations
from urllib.parse import unquote

import pytest
from archives import SHAPE, digests
from commands import rows_of

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.names import name_slides, output_name
from irtoolkit.files import remove_leftovers, replacing, shorten
from irtoolkit.files.targets import LONGEST_NAME, temporary
from irtoolkit.synthetic.scanner_files import write_scanner_file

LONG = "Лето в деревне, колодец " * 6


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """One slide as TIFF and as DNG."""
    folder = tmp_path_factory.mktemp("kinds")
    counts = irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values
    write_scanner_file(folder / "a.tif", counts, layout="vuescan-rgbi")
    write_scanner_file(folder / "a.dng", counts, layout="vuescan-dng")
    return {".tif": folder / "a.tif", ".dng": folder / "a.dng"}


def put(scans, *files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scans[file.suffix.lower()], file)


@pytest.mark.parametrize(
    ("slides", "names"),
    [
        (["scan.tif", "scan.dng"], {"scan.tif": "scan", "scan.dng": "scan.dng"}),
        (["scan.tif", "SCAN.TIF"], {"scan.tif": "scan", "SCAN.TIF": "SCAN.TIF"}),
        (["Roll/a.tif", "roll/a.tif"], {"roll/a.tif": "roll/a", "Roll/a.tif": "Roll/a.tif"}),
        (["a/x.tif", "b/x.dng"], {"a/x.tif": "a/x", "b/x.dng": "b/x"}),
        (
            ["scan.tif", "scan.dng", "scan.dng.tif"],
            {"scan.tif": "scan", "scan.dng": "scan.dng", "scan.dng.tif": "scan.dng.tif"},
        ),
        (["\u00e9.tif", "e\u0301.dng"], {"e\u0301.dng": "e\u0301", "\u00e9.tif": "\u00e9.tif"}),
    ],
)
def test_the_first_has_the_plain_name_and_the_others_keep_their_ending(slides, names):
    for order in permutations(slides):
        assert name_slides(order, {}) == names


def test_names_stay_unique_where_endings_do_not_tell_slides_apart():
    slides = ["scan.tif", "SCAN.TIF", "Scan.Tif", "scan.TIF", "scan.dng.tif", "scan.dng", "scan.tif.tif"]
    names = name_slides(slides, {})
    assert len({name.casefold() for name in names.values()}) == len(slides)


def test_a_slide_keeps_the_name_of_an_earlier_run_and_takes_no_other_slides():
    assert name_slides(["scan.tif", "scan.dng"], {"scan.dng": "scan"}) == {"scan.dng": "scan", "scan.tif": "scan.tif"}
    assert name_slides(["scan.dng"], {"scan.tif": "scan"}) == {"scan.dng": "scan.dng"}


def test_a_long_name_is_cut_at_a_character_and_stays_unique():
    slides = [f"roll/{LONG}{letter}.tif" for letter in "абв"]
    names = name_slides(slides, {})
    assert len(set(names.values())) == 3
    for name in names.values():
        last = name.removeprefix("roll/")
        assert len(os.fsencode(f"{last}_clean_ir.tiff")) <= LONGEST_NAME
        assert LONG.startswith(last[:-9])
    assert shorten("a" * 246, 9) == "a" * 246
    assert len(shorten("a" * 247, 9)) == 246
    assert os.fsencode(shorten(os.fsdecode(b"\xff" * 300), 9)).startswith(b"\xff" * 237 + b"-")


def test_a_file_with_the_longest_name_is_written(tmp_path):
    file = tmp_path / ("й" * 127 + "j")
    with replacing(file) as part:
        assert part.name.startswith(".й")
        assert part.name.endswith(".part")
        part.write_text("whole")
    assert file.read_text() == "whole"
    temporary(file).touch()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [file]


def test_every_slide_is_done_under_a_name_of_its_own(scans, tmp_path):
    tree, out = tmp_path / "scans", tmp_path / "out"
    odd = 'roll #7 50% "A&B" why? <b>x'
    longest = "щ" * 122
    put(scans, tree / f"{odd}.tif", tree / f"{longest}.tif", tree / f"{longest}.dng")
    put(scans, *(tree / "twice" / name for name in ("scan.tif", "scan.dng", "SCAN.TIF")))
    table = irt.clean_archive(tree, out, alone=True, workers=1, quiet=True, compression="deflate")
    assert table.status.values.tolist() == ["done"] * 6
    names = [output_name(row) for row in rows_of(out)]
    assert {odd, "twice/scan", "twice/scan.dng", "twice/SCAN.TIF"} < set(names)
    assert set(digests(out)) == {f"{name}_{kind}.tif" for name in names for kind in ("mask", "clean")}
    shown = json.loads((out / "report" / "slides.js").read_text().removeprefix("window.slides = ").removesuffix(";\n"))
    for slide in shown:
        assert (out / unquote(slide["pictures"]) / "thumb.jpg").is_file()


def test_a_slide_that_is_added_renames_and_redoes_no_other(scans, tmp_path, monkeypatch):
    tree, out, done = tmp_path / "scans", tmp_path / "out", []
    put(scans, tree / "scan.dng")
    irt.clean_archive(tree, out, alone=True, workers=1, quiet=True)
    before = digests(out)
    assert set(before) == {"scan_mask.tif", "scan_clean.tif"}
    put(scans, tree / "scan.tif")
    real = archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    irt.clean_archive(tree, out, alone=True, workers=1, quiet=True)
    assert done == ["scan.tif"]
    assert set(digests(out)) == {*before, "scan.tif_mask.tif", "scan.tif_clean.tif"}
    assert before.items() <= digests(out).items()
    assert [(row["slide"], row["name"]) for row in rows_of(out)] == [("scan.dng", "scan"), ("scan.tif", "scan.tif")]


def test_rows_of_earlier_versions_have_plain_names():
    assert output_name({"slide": "roll7/a.tif"}) == "roll7/a"
    assert output_name({"slide": "roll7/a.dng", "name": "roll7/a.dng"}) == "roll7/a.dng"
