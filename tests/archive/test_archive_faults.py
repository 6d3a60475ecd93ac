"""What may go wrong in a long run: nothing is lost, nothing half-written, and the next run makes it good."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import tifffile
from archives import SHAPE, digests, leftovers, outcome

import irtoolkit as irt
from irtoolkit import files
from irtoolkit.archive import capacity, cleaning, previews, tasks
from irtoolkit.archive import run as archive
from irtoolkit.archive.previews import PICTURES
from irtoolkit.archive.tasks import CallError
from irtoolkit.files import targets
from irtoolkit.synthetic.scanner_files import write_scanner_file

WRITES_OF_A_SLIDE = 3 + len(PICTURES)  # mask, healed file, record, and pictures


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """One slide that can be cleaned."""
    slide = irt.make_slide(5, SHAPE, scanner="plustek", roll=1)
    file = tmp_path_factory.mktemp("scan") / "a.tif"
    write_scanner_file(file, slide.counts.values, layout="vuescan-rgbi")
    return file


@pytest.fixture
def tree(scan, tmp_path):
    """A folder of two slides."""
    for name in ("a", "b"):
        (tmp_path / "scans").mkdir(exist_ok=True)
        shutil.copy(scan, tmp_path / "scans" / f"{name}.tif")
    return tmp_path / "scans"


@pytest.fixture(scope="module")
def reference(scan, tmp_path_factory):
    """What comes of that slide, fitted by itself, as `a.tif` and as `b.tif`."""
    folder = tmp_path_factory.mktemp("reference")
    for name in ("a", "b"):
        (folder / "scans").mkdir(exist_ok=True)
        shutil.copy(scan, folder / "scans" / f"{name}.tif")
    clean(folder / "scans", folder / "out")
    return folder / "out"


def clean(tree, out, **choices):
    return irt.clean_archive(tree, out, workers=1, quiet=True, **{"alone": True, **choices})


def fail_at(monkeypatch, write):
    """Let the disk be full when a file is brought to it for the `write`th time; the list of times is returned."""
    real, times = os.fsync, []

    def full(handle):
        times.append(handle)
        if len(times) == write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle)

    monkeypatch.setattr(targets, "_sync_folder", Path.exists)
    monkeypatch.setattr(os, "fsync", full)
    return times


def test_a_disk_that_is_full_at_any_write_loses_nothing(tree, reference, tmp_path, monkeypatch):
    with monkeypatch.context() as sound:
        times = fail_at(sound, 0)
        clean(tree, tmp_path / "sound")
    for write in range(1, len(times) + 1):
        out = tmp_path / f"full at {write}"
        with monkeypatch.context() as broken:
            fail_at(broken, write)
            if write <= WRITES_OF_A_SLIDE * 2:
                rows = clean(tree, out)
                assert sorted(rows.status.values) == ["done", "failed"]
                assert any("disk is full" in str(reason) for reason in rows.reason.values)
            else:
                with pytest.raises(OSError, match="disk is full"):
                    clean(tree, out)
        assert digests(out).items() <= digests(reference).items()
        assert not leftovers(out)
        clean(tree, out)
        assert outcome(out) == outcome(reference)


def test_a_failure_leaves_what_an_earlier_run_made(tree, reference, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")

    def broken(*arguments, **options):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(cleaning, "write_healed", broken)
        assert clean(tree, tmp_path / "out", force=True).status.values.tolist() == ["failed", "failed"]
    assert digests(tmp_path / "out") == digests(reference)


@pytest.mark.changes_sources
def test_a_source_that_changes_while_it_is_read_is_a_row(tree, reference, tmp_path, monkeypatch):
    real = cleaning.score_slide

    def changing(slide, *options):
        if slide.attrs["source"].endswith("a.tif"):
            with open(slide.attrs["source"], "ab") as file:
                file.write(b"more")
        return real(slide, *options)

    with monkeypatch.context() as patched:
        patched.setattr(cleaning, "score_slide", changing)
        rows = clean(tree, tmp_path / "out")
    assert rows.status.values.tolist() == ["failed", "done"]
    assert "a.tif was changed while it was read" in str(rows.reason.values[0])
    assert set(digests(tmp_path / "out")) == {"b_mask.tif", "b_clean.tif"}
    assert clean(tree, tmp_path / "out").status.values.tolist() == ["done", "done"]
    assert digests(tmp_path / "out") == digests(reference)


def test_an_output_folder_that_is_removed_is_told_and_made_again(tree, reference, tmp_path, monkeypatch):
    real = archive.clean_job

    def removing(job):
        outcome_of_slide = real(job)
        if job.task.slide == "a.tif":
            shutil.rmtree(tmp_path / "out")
        return outcome_of_slide

    with monkeypatch.context() as patched:
        patched.setattr(archive, "clean_job", removing)
        rows = clean(tree, tmp_path / "out")
    assert rows.status.values.tolist() == ["failed", "done"]
    assert "was removed during the run" in str(rows.reason.values[0])
    clean(tree, tmp_path / "out")
    assert outcome(tmp_path / "out") == outcome(reference)


@pytest.mark.changes_sources
def test_time_that_runs_backwards_redoes_only_what_changed(tree, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")
    os.utime(tree / "a.tif", (0, 0))
    content = bytearray((tree / "b.tif").read_bytes())
    content[-1] ^= 255
    (tree / "b.tif").write_bytes(content)
    os.utime(tree / "b.tif", (10, 10))
    done = []
    real = archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    clean(tree, tmp_path / "out")
    assert done == ["b.tif"]


@pytest.mark.changes_sources
def test_a_slide_whose_tags_were_edited_in_place_is_done_again(tree, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")
    status = (tree / "a.tif").stat()
    with tifffile.TiffFile(tree / "a.tif", mode="r+") as tiff:
        tiff.pages[0].tags[274].overwrite(6)
    os.utime(tree / "a.tif", ns=(status.st_atime_ns, status.st_mtime_ns))
    done = []
    real = archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    clean(tree, tmp_path / "out")
    assert done == ["a.tif"]
    for kind in ("mask", "clean"):
        with tifffile.TiffFile(tmp_path / "out" / f"a_{kind}.tif") as tiff:
            assert tiff.pages[0].tags[274].value == 6


def test_other_settings_other_models_lost_outputs_and_force_are_done_again(tree, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")
    done = []
    real = archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))

    def cleaned(**choices):
        done.clear()
        clean(tree, tmp_path / "out", **choices)
        return "".join(name[0] for name in done)

    assert cleaned() == ""
    assert cleaned(settings=irt.Settings(false_discovery_rate=0.01)) == "ab"
    assert cleaned() == "ab"
    assert cleaned(alone=False) == "ab"
    assert cleaned(alone=False) == ""
    assert cleaned(model=irt.fit_roll([irt.open_slide(tree / "a.tif")])) == "ab"
    assert cleaned(alone=False, force=True, limit=1) == "a"
    (tmp_path / "out" / "a_mask.tif").unlink()
    (tmp_path / "out" / "b_clean.tif").write_bytes(b"cut off")
    assert cleaned(model=irt.fit_roll([irt.open_slide(tree / "a.tif")])) == "ab"


def test_lost_or_damaged_pictures_are_made_again(tree, reference, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")
    done, real = [], archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    pictures = tmp_path / "out" / "report" / "slides"
    before = {file: file.read_bytes() for file in pictures.rglob("*.jpg")}
    (pictures / "a" / "thumb.jpg").unlink()
    (pictures / "b" / "scan.jpg").write_bytes(b"cut off")
    clean(tree, tmp_path / "out")
    assert done == ["a.tif", "b.tif"]
    assert {file: file.read_bytes() for file in pictures.rglob("*.jpg")} == before
    clean(tree, tmp_path / "out")
    assert len(done) == 2


def test_a_failure_while_pictures_are_written_leaves_those_of_an_earlier_run(tree, tmp_path, monkeypatch):
    clean(tree, tmp_path / "out")
    before = {file: file.read_bytes() for file in (tmp_path / "out" / "report" / "slides").rglob("*.*")}
    with monkeypatch.context() as patched:
        patched.setattr(previews, "write_jpeg", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        rows = clean(tree, tmp_path / "out", settings=irt.Settings(visibility=0.0))
    assert rows.status.values.tolist() == ["failed", "failed"]
    assert {file: file.read_bytes() for file in (tmp_path / "out" / "report" / "slides").rglob("*.*")} == before


def test_a_record_is_gone_from_the_disk_before_its_outputs_are_replaced(tree, tmp_path, monkeypatch):
    """What is renamed or removed, and what is brought to the disk, in their order."""
    clean(tree, tmp_path / "out", limit=1)
    steps, sync, remove, rename = [], targets._sync_folder, Path.unlink, Path.replace
    monkeypatch.setattr(targets, "_sync_folder", lambda folder: steps.append(("sync", folder)) or sync(folder))
    monkeypatch.setattr(Path, "unlink", lambda path, **how: steps.append(("remove", path)) or remove(path, **how))
    monkeypatch.setattr(Path, "replace", lambda path, new: steps.append(("rename", Path(new))) or rename(path, new))
    clean(tree, tmp_path / "out", limit=1, force=True)
    pictures = tmp_path / "out" / "report" / "slides" / "a"
    gone = steps.index(("remove", pictures / "record.json"))
    assert steps[gone + 1] == ("sync", pictures)
    outputs = [pictures / "scan.jpg", tmp_path / "out" / "a_mask.tif", tmp_path / "out" / "a_clean.tif"]
    assert all(steps.index(("rename", file)) > gone for file in [*outputs, pictures / "record.json"])


def test_a_passing_error_is_tried_again_and_a_lasting_one_is_a_row(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "WAITS", (0.0, 0.0))
    real, tries = files.open_slide, []

    def flaky(path, *place, **options):
        tries.append(path.name)
        if path.name == "b.tif" or len(tries) < 3:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *place, **options)

    monkeypatch.setattr(files, "open_slide", flaky)
    rows = clean(tree, tmp_path / "out")
    assert tries == ["a.tif"] * 3 + ["b.tif"] * 3
    assert rows.status.values.tolist() == ["done", "failed"]


def test_a_slide_that_cannot_be_read_for_a_moment_has_its_part_in_the_model_of_its_roll(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "WAITS", (0.0, 0.0))
    real, tries = files.open_slide, []

    def flaky(path, *place, **options):
        tries.append(path.name)
        if len(tries) == 1:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *place, **options)

    clean(tree, tmp_path / "one", alone=False)
    monkeypatch.setattr(files, "open_slide", flaky)
    clean(tree, tmp_path / "other", alone=False)
    one, other = (next((tmp_path / name / "report" / "rolls").rglob("*.json")) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_a_source_tree_is_not_touched(tree, tmp_path):
    for path in (*tree.iterdir(), tree):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_mode) for path in (*tree.iterdir(), tree)}
    assert clean(tree, tmp_path / "out", alone=False).status.values.tolist() == ["done", "done"]
    assert {path: (path.stat().st_mtime_ns, path.stat().st_mode) for path in (*tree.iterdir(), tree)} == before


NAMES = (
    "with space",
    "ü ß 写真",
    "quotes ' and \"",
    "line\nbreak",
    "-leading dash",
    "<b>mark&amp;",
    "per%20cent #?;,",
    "x" * 200,
)


def test_names_of_all_kinds(scan, tmp_path):
    tree = tmp_path / "scans"
    tree.mkdir()
    for name in (*NAMES, os.fsdecode(b"not \xff utf-8")):
        shutil.copy(scan, tree / f"{name}.tif")
    rows = clean(tree, tmp_path / "out")
    assert rows.status.values.tolist() == ["done"] * (len(NAMES) + 1)
    assert {f"{name}_{kind}.tif" for name in NAMES for kind in ("mask", "clean")} <= set(digests(tmp_path / "out"))
    assert {f"{name}.tif" for name in NAMES} <= set(rows.slide.values.tolist())


def test_a_run_that_cannot_fit_is_refused_before_it_starts(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda _: 1000)
    with pytest.raises(CallError, match=r"too little free space .* free are 0\.0 GB"):
        clean(tree, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_and_healed_slides_of_another_run_are_no_slides(tree, tmp_path):
    clean(tree, tmp_path / "out")
    shutil.copytree(tmp_path / "out", tree / "earlier")
    assert clean(tree, tmp_path / "out").slide.values.tolist() == ["a.tif", "b.tif"]
