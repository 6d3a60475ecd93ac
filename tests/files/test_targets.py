"""Where files are written: complete or not at all, and never over or next to a source."""

import errno
import os
import re

import numpy as np
import pytest

from irtoolkit.files import targets
from irtoolkit.files.sources import check_target
from irtoolkit.files.targets import LEFTOVER, open_own, remove_leftovers, replacing, replacing_together, temporary
from irtoolkit.files.writer import write_healed, write_mask
from irtoolkit.schema import SlideError


def test_other_errors_of_the_system_stay_as_they_are(tmp_path):
    with pytest.raises(PermissionError, match="not yours"), replacing(tmp_path / "a.csv"):
        raise PermissionError("not yours")


def test_replacing_shows_the_file_only_when_it_is_complete(tmp_path):
    path = tmp_path / "slides.csv"
    path.write_text("old")
    with replacing(path) as part:
        assert part.parent == tmp_path
        assert re.fullmatch(r"\.slides\.csv\.irt-[0-9a-f]{8}\.part", part.name)
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
    kept = [tmp_path / "a.part", tmp_path / ".hidden", tmp_path / "roll" / "a_mask.tif", tmp_path / ".film.zip.part"]
    deep = temporary(tmp_path / "roll" / "deep" / "a\nb.tif")
    gone = [temporary(tmp_path / "slides.csv"), deep, deep.with_suffix(".raw.part"), temporary(deep)]
    for path in kept + gone:
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_links_with_the_names_of_leftovers_and_what_they_lead_to_stay(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    for folder in (out, other):
        folder.mkdir()
    kept = temporary(other / "a.tif")
    kept.touch()
    link("symbolic", other, out / "linked")
    link("symbolic", kept, temporary(out / "b.tif"))
    remove_leftovers(out)
    assert kept.is_file()
    assert len(list(out.iterdir())) == 2


def test_temporary_names_cannot_be_guessed(tmp_path):
    names = {temporary(tmp_path / "a.tif").name for _ in range(100)}
    assert len(names) == 100
    assert all(LEFTOVER.search(name) for name in names)


@pytest.mark.parametrize("mode", ["ab", "wb", "r+b", "xb"])
def test_nothing_is_opened_for_writing_through_a_link(tmp_path, mode):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    link("symbolic", precious, tmp_path / "link")
    with pytest.raises(OSError, match="link"):
        open_own(tmp_path / "link", mode)
    assert precious.read_bytes() == b"precious"


def test_a_link_under_a_temporary_name_is_not_written_through(tmp_path, monkeypatch):
    monkeypatch.setattr(targets.secrets, "token_hex", lambda _: "01234567")
    precious, path = tmp_path / "precious", tmp_path / "out" / "a.tif"
    precious.write_bytes(b"precious")
    path.parent.mkdir()
    link("symbolic", precious, temporary(path))
    with pytest.raises(FileExistsError), replacing(path):
        pass
    assert precious.read_bytes() == b"precious"
    assert not path.exists()


def test_a_link_under_the_final_name_is_replaced_and_what_it_leads_to_stays(tmp_path):
    precious, path = tmp_path / "precious", tmp_path / "a.csv"
    precious.write_bytes(b"precious")
    link("symbolic", precious, path)
    with replacing(path) as part:
        part.write_text("new")
    assert not path.is_symlink()
    assert path.read_text() == "new"
    assert precious.read_bytes() == b"precious"


def test_of_several_files_none_changes_if_one_is_not_written(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text("old")

    def write(fail):
        with replacing_together(paths) as parts:
            for part in parts:
                with replacing(part) as inner:
                    inner.write_text("new")
                    if part == parts[fail]:
                        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="disk is full"):
        write(fail=1)
    assert [path.read_text() for path in paths] == ["old", "old"]
    assert sorted(tmp_path.iterdir()) == paths


def test_folders_that_cannot_be_synced_are_no_obstacle(tmp_path, monkeypatch):
    real = os.open

    def refuse_folders(path, *how):
        if os.path.isdir(path):
            raise PermissionError
        return real(path, *how)

    monkeypatch.setattr(os, "open", refuse_folders)
    with replacing(tmp_path / "a.txt") as part:
        part.write_text("complete")
    assert (tmp_path / "a.txt").read_text() == "complete"
