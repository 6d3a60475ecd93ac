"""Slides are found once, through links and under endings in any case."""

import os
import shutil

import pytest

import irtoolkit as irt
from irtoolkit.archive.search import find_slides
from irtoolkit.archive.tasks import CallError
from irtoolkit.synthetic.scanner_files import write_scanner_file


@pytest.fixture
def scans(tmp_path):
    """A tree with the slides `roll7/a.tif` and `roll7/more/b.tif`."""
    for name in ("a.tif", "more/b.tif"):
        file = tmp_path / "scans" / "roll7" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "scans"


def link(link, target):
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")


def write(file):
    file.parent.mkdir()
    write_scanner_file(file, irt.make_slide(1, (70, 90)).counts.values, layout="vuescan-rgbi")


def found(*paths, out=None):
    return [task.slide for task in find_slides([str(path) for path in paths], out)]


def test_links_to_folders_are_followed_once_and_real_folders_come_first(scans, tmp_path):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "c.tif").touch()
    link(scans / "a first", tmp_path / "elsewhere")
    link(scans / "b second", tmp_path / "elsewhere")
    link(scans / "roll6", scans / "roll7")
    link(scans / "z deep", tmp_path / "elsewhere" / "deep")
    assert found(scans) == ["a first/deep/c.tif", "roll7/a.tif", "roll7/more/b.tif"]


def test_links_that_go_round_in_circles_end(scans, tmp_path):
    link(scans / "roll7" / "up", scans)
    link(scans / "roll7" / "more" / "above", tmp_path)
    link(scans / "self", "self")
    link(scans / "broken.tif", "missing.tif")
    link(scans / "loop.tif", "loop.tif")
    (tmp_path / "other.tif").touch()
    assert found(scans) == ["roll7/a.tif", "roll7/more/b.tif"]
    assert found(scans / "**" / "*.tif") == ["a.tif", "more/b.tif"]


def test_a_link_as_path_is_followed_and_a_file_is_one_slide_however_it_is_named(scans, tmp_path):
    link(tmp_path / "linked", scans)
    link(scans / "roll7" / "0 favourite.tif", scans / "roll7" / "a.tif")
    assert found(tmp_path / "linked") == ["roll7/a.tif", "roll7/more/b.tif"]
    assert found(scans, tmp_path / "linked") == ["scans/roll7/a.tif", "scans/roll7/more/b.tif"]
    assert found(scans / "roll7" / "a.tif", scans) == ["roll7/a.tif", "roll7/more/b.tif"]
    link(tmp_path / "only.tif", scans / "roll7" / "a.tif")
    assert found(tmp_path / "only.tif") == ["only.tif"]


@pytest.mark.changes_sources
def test_the_output_folder_and_hidden_folders_are_left_out_through_links_too(scans, tmp_path):
    for name in (".hidden/x.tif", "out/y.tif"):
        (scans / name).parent.mkdir()
        (scans / name).touch()
    link(scans / "results", scans / "out")
    link(scans / "y.tif", scans / "out" / "y.tif")
    assert found(scans, out=scans / "out") == ["roll7/a.tif", "roll7/more/b.tif", "y.tif"]
    (scans / "y.tif").unlink()
    assert found(scans, out=scans / "out") == ["roll7/a.tif", "roll7/more/b.tif"]
    assert found(scans / "*" / "*.tif", out=scans / "out") == ["a.tif"]
    assert len(found(scans)) == 3


def test_endings_are_found_in_any_case(tmp_path):
    names = ["a.Tif", "b.TIFF", "c.Dng", "d.tIF"]
    for name in names:
        (tmp_path / name).touch()
    assert found(tmp_path) == names
    assert found(tmp_path / "*.[tT]*") == ["a.Tif", "b.TIFF", "d.tIF"]


def test_a_mask_is_no_slide_in_any_case(tmp_path):
    write(tmp_path / "scans" / "a.tif")
    irt.clean_archive(tmp_path / "scans", tmp_path / "out", workers=1, quiet=True)
    shutil.copy(tmp_path / "out" / "a_mask.tif", tmp_path / "scans" / "A_MASK.TIF")
    assert found(tmp_path / "scans") == ["a.tif"]


def test_a_linked_folder_is_cleaned_under_the_name_of_the_link(tmp_path):
    write(tmp_path / "disk" / "a.tif")
    (tmp_path / "scans").mkdir()
    link(tmp_path / "scans" / "roll7", tmp_path / "disk")
    table = irt.clean_archive(tmp_path / "scans", tmp_path / "out", workers=1, quiet=True)
    assert table.slide.values.tolist() == ["roll7/a.tif"]
    assert (tmp_path / "out" / "roll7" / "a_clean.tif").is_file()
    assert os.listdir(tmp_path / "disk") == ["a.tif"]
    with pytest.raises(CallError, match="is the folder of the scans"):
        irt.clean_archive(tmp_path / "scans" / "roll7", tmp_path / "disk", quiet=True)
