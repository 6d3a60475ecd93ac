"""Where files are written: complete or not at all, and never over or next to a source."""

import numpy as np
import pytest

from irtoolkit.files import targets
from irtoolkit.files.targets import check_target, remove_leftovers, replacing
from irtoolkit.files.writer import write_healed, write_mask
from irtoolkit.schema import SlideError


def test_other_errors_of_the_system_stay_as_they_are(tmp_path):
    with pytest.raises(PermissionError, match="not yours"), replacing(tmp_path / "a.csv"):
        raise PermissionError("not yours")


def test_replacing_shows_the_file_only_when_it_is_complete(tmp_path):
    path = tmp_path / "slides.csv"
    path.write_text("old")
    with replacing(path) as part:
        assert part == tmp_path / ".slides.csv.part"
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def link(kind, source, target):
    try:
        target.symlink_to(source) if kind == "symbolic" else target.hardlink_to(source)
    except OSError:
        pytest.skip(f"no {kind} links here")


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_source_is_not_overwritten_through_a_link(source, healed, tmp_path, kind):
    link(kind, source, tmp_path / "link.tif")
    before = source.read_bytes()
    with pytest.raises(SlideError, match=r"link\.tif would overwrite the source .*a\.tif; write to another folder"):
        write_healed(healed, tmp_path / "link.tif", source=source)
    with pytest.raises(SlideError, match="would overwrite the source"):
        write_mask(np.zeros((37, 53), bool), source, source=source)
    assert source.read_bytes() == before


def test_nothing_is_written_next_to_a_source(source, healed, tmp_path):
    with pytest.raises(SlideError, match=r"b\.tif would be next to the source .*a\.tif; write to another folder"):
        write_healed(healed, source.parent / "b.tif", source=source)
    with pytest.raises(SlideError, match="next to the source"):
        write_mask(np.zeros((37, 53), bool), source.parent / ".." / "slides" / "b.tif", source=source)
    assert list(source.parent.iterdir()) == [source]
    check_target(source.parent / "below" / "b.tif", [source])
    check_target(tmp_path / "b.tif", [source])


def test_nothing_is_written_next_to_a_source_through_a_linked_folder(source, tmp_path):
    link("symbolic", source.parent, tmp_path / "linked")
    with pytest.raises(SlideError, match="next to the source"):
        check_target(tmp_path / "linked" / "b.tif", [source])
    (tmp_path / "other").mkdir()
    link("symbolic", source, tmp_path / "other" / "a.tif")
    for folder in (tmp_path / "other", source.parent):
        with pytest.raises(SlideError, match="next to the source"):
            check_target(folder / "b.tif", [tmp_path / "other" / "a.tif"])


def test_every_source_counts(tmp_path):
    sources = [tmp_path / "one" / "a.tif", tmp_path / "two" / "a.tif"]
    check_target(tmp_path / "three" / "a.tif", sources)
    with pytest.raises(SlideError, match="next to the source"):
        check_target(tmp_path / "two" / "b.tif", sources)


def test_a_name_that_differs_in_case_alone_is_the_same(source):
    with pytest.raises(SlideError, match=r"SLIDES.* would be next to the source|SLIDES.* would overwrite"):
        check_target(source.parent.parent / "SLIDES" / "A.TIF", [source])


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "roll" / "deep").mkdir(parents=True)
    kept = [tmp_path / "a.part", tmp_path / ".hidden", tmp_path / "roll" / "a_mask.tif"]
    gone = [tmp_path / ".slides.csv.part", tmp_path / "roll" / "deep" / ".a.tif.part", tmp_path / ".a.tif.raw.part"]
    for path in kept + gone:
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_folders_that_cannot_be_synced_are_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(targets.os, "open", lambda *_: (_ for _ in ()).throw(PermissionError()))
    with replacing(tmp_path / "a.txt") as part:
        part.write_text("complete")
    assert (tmp_path / "a.txt").read_text() == "complete"
