"""Runs over files with several slides, and files that do not say where their infrared is."""

import numpy as np
import pytest
import tifffile
from commands import rows_of, run
from odd_files import rgbi

import irtoolkit as irt
from irtoolkit.archive.search import find_slides
from irtoolkit.archive.tasks import NAMED_BY_FILE, CallError
from irtoolkit.files import find_layout
from irtoolkit.schema import LayoutError, SlideError
from irtoolkit.settings import Settings

SHAPE = (96, 131)


@pytest.fixture(scope="module")
def slides():
    """Counts of three small slides."""
    return [irt.make_slide(30 + number, SHAPE, scanner="plustek").counts.values for number in range(3)]


def write_strip(path, slides):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as tiff:
        for counts in slides:
            tiff.write(np.moveaxis(counts[:3], 0, -1), photometric="rgb", metadata=None)
            tiff.write(counts[3], photometric="minisblack", metadata=None)


def test_each_slide_of_a_file_is_cleaned(tmp_path, monkeypatch, slides, capsys):
    write_strip(tmp_path / "scans" / "strip.tif", slides)
    assert run(monkeypatch, "clean", tmp_path / "scans", "--out", tmp_path / "out", "--quiet") == 0
    assert [row["slide"] for row in rows_of(tmp_path / "out")] == ["strip_1.tif", "strip_2.tif", "strip_3.tif"]
    for number, counts in enumerate(slides, 1):
        mask = tifffile.imread(tmp_path / "out" / f"strip_{number}_mask.tif") > 0
        healed = np.moveaxis(tifffile.imread(tmp_path / "out" / f"strip_{number}_clean.tif"), -1, 0)
        np.testing.assert_array_equal(healed[:, ~mask], counts[:3, ~mask])
    capsys.readouterr()
    assert run(monkeypatch, "info", tmp_path / "scans") == 0
    described = capsys.readouterr().out
    assert [described.count(f"strip.tif (frame {number})") for number in (1, 2, 3, 4)] == [1, 1, 1, 0]


def test_frames_get_no_name_of_another_file(tmp_path, slides):
    write_strip(tmp_path / "a.tif", slides[:2])
    rgbi(tmp_path / "a_1.tif", slides[2])
    tasks = {task.name: (task.path.name, task.frame) for task in find_slides([str(tmp_path)])}
    assert tasks == {"a_frame_1": ("a.tif", 1), "a_frame_2": ("a.tif", 2), "a_1": ("a_1.tif", 0)}


def test_frames_have_names_whatever_other_files_are_called(tmp_path, slides):
    write_strip(tmp_path / "a.tif", slides[:2])
    for other in ("a_1", "a_frame_1", "a_picture_1", "a_frame_2_1"):
        rgbi(tmp_path / f"{other}.tif", slides[2])
    names = {task.name for task in find_slides([str(tmp_path)]) if task.frame}
    assert names == {"a_frame_3_1", "a_frame_3_2"}


def test_alpha_is_infrared_for_a_whole_call(tmp_path, monkeypatch, slides):
    (tmp_path / "scans").mkdir()
    for number, counts in enumerate(slides):
        pixels, storage = np.moveaxis(counts, 0, -1), {"extrasamples": [2], "planarconfig": "contig"}
        tifffile.imwrite(tmp_path / "scans" / f"{number}.tif", pixels, photometric="rgb", metadata=None, **storage)
    out, settings = tmp_path / "out", tmp_path / "settings.toml"
    settings.write_text('infrared = "sample:3"\nheal = "none"\n')
    assert run(monkeypatch, "clean", tmp_path / "scans", "--out", out, "--quiet") == 1
    assert all("--infrared sample:3" in row["reason"] for row in rows_of(out))
    assert run(monkeypatch, "clean", tmp_path / "scans", "--out", out, "--quiet", "--settings", settings) == 0
    assert [row["status"] for row in rows_of(out)] == ["done"] * 3


def test_infrared_files_of_a_named_ending_are_no_slides(tmp_path, slides):
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(slides[0][:3], 0, -1), photometric="rgb", metadata=None)
    tifffile.imwrite(tmp_path / "a.nir.tif", slides[0][3], metadata=None)
    (task,) = find_slides([str(tmp_path)], infrared=".nir.tif")
    np.testing.assert_array_equal(task.open().counts, slides[0])
    assert task.layout() == find_layout(tmp_path / "a.tif", tmp_path / "a.nir.tif")


@pytest.mark.parametrize("choice", ["sample:x", "sample:", "../b.tif", True])
def test_infrared_must_be_a_page_a_sample_or_an_ending(choice):
    with pytest.raises(SlideError, match="infrared must be the number of a page, sample:N, or how the name"):
        Settings(infrared=choice)


def test_a_wrong_choice_is_an_error_of_the_call(tmp_path, monkeypatch, slides, capsys):
    rgbi(tmp_path / "a.tif", slides[0])
    assert run(monkeypatch, "info", tmp_path, "--infrared", "sample:x") == 2
    assert "--infrared must be the number of a page" in capsys.readouterr().err
    assert Settings(infrared=2).infrared == "2"


def test_what_cannot_be_read_is_in_the_row(tmp_path, monkeypatch, slides):
    (tmp_path / "scans").mkdir()
    rgbi(tmp_path / "scans" / "a.tif", slides[0], software="Scanner" * 9)
    data = (tmp_path / "scans" / "a.tif").read_bytes()
    at = data.index(b"\x31\x01\x02\0") + 8
    (tmp_path / "scans" / "a.tif").write_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])
    run(monkeypatch, "clean", tmp_path / "scans", "--out", tmp_path / "out", "--quiet", "--heal", "none")
    (row,) = rows_of(tmp_path / "out")
    assert row["status"] == "done"
    assert row["note"].startswith("a part of the file could not be read: tag 305: truncated or damaged")


def test_nothing_to_find_is_an_error_of_the_call(tmp_path):
    (tmp_path / "notes.txt").write_text("no slides")
    with pytest.raises(CallError, match="no slides"):
        find_slides([str(tmp_path)])


@pytest.mark.parametrize("choice", ["sample:3", "1", "_NIR.tif"])
def test_a_choice_holds_where_a_slide_has_it(tmp_path, monkeypatch, slides, choice):
    scans = tmp_path / "scans"
    write_strip(scans / "strip.tif", slides[:2])
    pixels, storage = np.moveaxis(slides[2], 0, -1), {"extrasamples": [2], "planarconfig": "contig"}
    tifffile.imwrite(scans / "gimp.tif", pixels, photometric="rgb", metadata=None, **storage)
    done = run(
        monkeypatch, "clean", scans, "--out", tmp_path / "out", "--quiet", "--infrared", choice, "--heal", "none"
    )
    rows = {row["slide"]: (row["status"], row["note"]) for row in rows_of(tmp_path / "out")}
    taken = ("done", NAMED_BY_FILE)
    assert (rows.pop("strip_1.tif"), rows.pop("strip_2.tif")) == (taken, taken)
    assert rows == {"gimp.tif": ("done" if choice == "sample:3" else "refused", "")}
    assert done == (0 if choice == "sample:3" else 1)


def test_a_page_is_no_infrared_of_a_file_with_several_slides(tmp_path, slides):
    write_strip(tmp_path / "strip.tif", slides)
    for place in ("page:1", 1, tmp_path / "strip.tif"):
        with pytest.raises(LayoutError, match="holds 3 slides, each with its own infrared; leave out where"):
            find_layout(tmp_path / "strip.tif", place)


@pytest.mark.parametrize("name", ["false_discovery_rate", "visibility", "grain"])
@pytest.mark.parametrize("value", ['"0.5"', "true"])
def test_a_text_is_no_number_in_a_settings_file(tmp_path, monkeypatch, slides, capsys, name, value):
    rgbi(tmp_path / "a.tif", slides[0])
    settings = tmp_path / "settings.toml"
    settings.write_text(f"{name} = {value}\n")
    assert run(monkeypatch, "clean", tmp_path / "a.tif", "--out", tmp_path / "out", "--settings", settings) == 2
    assert f"{settings}: {name} must be a number, not " in capsys.readouterr().err


def test_a_strip_in_its_own_form_names_what_is_healed_in_it(tmp_path, monkeypatch, slides):
    write_strip(tmp_path / "scans" / "strip.tif", slides[:2])
    run(monkeypatch, "clean", tmp_path / "scans", "--out", tmp_path / "out", "--quiet", "--format", "same")
    kept = [row["kept"] for row in rows_of(tmp_path / "out")]
    assert kept == [f"the file holds 2 slides, and only slide {number} is healed in it" for number in (1, 2)]
