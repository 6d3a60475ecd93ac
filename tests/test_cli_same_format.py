"""`clean --format same`: the scan's own file comes back, healed."""

import shutil
import struct

import numpy as np
import pytest
import tifffile
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import Choices, cleaning, estimate, plan_run
from irtoolkit.archive.search import find_slides
from irtoolkit.files import find_layout, open_picture
from irtoolkit.schema import SlideError
from irtoolkit.settings import Settings
from irtoolkit.synthetic.scanner_files import write_scanner_file

KINDS = {
    "rgbi.TIF": ("vuescan-rgbi", {}),
    "vuescan.dng": ("vuescan-dng", {"byteorder": ">"}),
    "silverfast.dng": ("silverfast-dng", {"tile": (64, 48), "compression": "lzw", "predictor": True}),
    "pair.tif": ("sidecar", {"planar": True, "compression": "deflate"}),
}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A slide in four files."""
    folder = tmp_path_factory.mktemp("same") / "scans"
    folder.mkdir()
    counts = irt.make_slide(3, (97, 131), scanner="plustek").counts.values
    for name, (layout, stored) in KINDS.items():
        write_scanner_file(folder / name, counts, layout, **stored)
    add_digest(folder / "silverfast.dng")
    return folder


def add_digest(path):
    """Make NewRawImageDigest of the last tag of a DNG's first page."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages[0].tags[50708]
        tiff.filehandle.seek(tag.offset)
        tiff.filehandle.write(struct.pack("<H", 51111))


@pytest.fixture(scope="module")
def cleaned(scans):
    """The folder of their masks and healed files."""
    settings = Settings(format="same")
    irt.clean_archive(scans, scans.parent / "out", settings=settings, alone=True, workers=1, quiet=True)
    return scans.parent / "out"


@pytest.fixture(scope="module")
def usual(scans):
    """Its healed R, G, B in the usual format, and its mask."""
    out = scans.parent / "usual"
    irt.clean_archive(scans / "rgbi.TIF", out, workers=1, quiet=True)
    return open_picture(out / "rgbi_clean.tif").values, tifffile.imread(out / "rgbi_mask.tif")


def clean_name(source):
    return f"{source.stem}_clean{source.suffix}"


@pytest.mark.parametrize("name", KINDS)
def test_the_same_file_comes_back_with_the_counts_of_the_usual_one(scans, cleaned, usual, name):
    source = scans / name
    healed = cleaned / clean_name(source)
    np.testing.assert_array_equal(tifffile.imread(cleaned / f"{source.stem}_mask.tif"), usual[1])
    np.testing.assert_array_equal(open_picture(healed), usual[0])
    assert 0 < (usual[0] != open_picture(source).values).sum() <= 3 * (usual[1] > 0).sum()
    assert find_layout(healed).name == find_layout(source).name.replace("sidecar", "RGB")
    if name != "pair.tif":
        np.testing.assert_array_equal(irt.open_slide(healed).counts[3], irt.open_slide(source).counts[3])
    if "compression" not in KINDS[name][1]:
        assert healed.stat().st_size == source.stat().st_size


def test_rows_and_files(scans, cleaned):
    rows = rows_of(cleaned)
    assert {(row["status"], row["note"]) for row in rows} == {("done", "")}
    digest = "tags that no longer fit the pixels: NewRawImageDigest"
    assert {row["slide"]: row["kept"] for row in rows} == dict.fromkeys(KINDS, "") | {"silverfast.dng": digest}
    files = {path.name for path in cleaned.iterdir() if path.suffix.lower() in (".tif", ".tiff", ".dng")}
    assert files == {clean_name(scans / name) for name in KINDS} | {f"{(scans / name).stem}_mask.tif" for name in KINDS}


def test_nothing_is_done_twice_until_the_format_changes(scans, cleaned, tmp_path, monkeypatch, capsys):
    out = shutil.copytree(cleaned, tmp_path / "out")
    call = ("clean", scans, "--out", out, "--alone", "--dry-run")
    assert run(monkeypatch, *call, "--format", "same") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 slides to clean")
    assert run(monkeypatch, *call) == 0
    told = capsys.readouterr().out
    assert "vuescan_clean.tif\n" in told
    assert "4 slides to clean" in told


def test_a_healed_file_is_refused_by_its_name(cleaned, tmp_path, monkeypatch, capsys):
    healed = cleaned / "vuescan_clean.dng"
    assert run(monkeypatch, "info", healed) == 1
    assert "cannot be used: by its name this slide was healed already; clean the scan itself" in capsys.readouterr().out
    assert run(monkeypatch, "clean", healed, "--out", tmp_path, "--quiet") == 1
    (row,) = rows_of(tmp_path)
    reason = "by its name this slide was healed already; clean the scan itself, or rename it"
    assert (row["status"], row["reason"]) == ("refused", reason)
    assert run(monkeypatch, "fit", healed, "--out", tmp_path / "roll.json", "--quiet") == 2
    other = shutil.copy(healed, tmp_path / "again.dng")
    assert run(monkeypatch, "info", other) == 0


def test_folders_are_searched_past_healed_files(cleaned, scans, tmp_path):
    """A file of such a name without a mask beside it may be someone's scan: it is found, and its row says why not."""
    folder = shutil.copytree(cleaned, tmp_path / "out")
    shutil.copy(scans / "vuescan.dng", folder / "a.dng")
    assert [task.slide for task in find_slides([str(folder)])] == ["a.dng"]
    (folder / "vuescan_mask.tif").unlink()
    assert [task.slide for task in find_slides([str(folder)])] == ["a.dng", "vuescan_clean.dng"]


def test_healed_files_have_no_part_in_a_roll(scans, cleaned, tmp_path):
    for file in (scans / "rgbi.TIF", scans / "vuescan.dng", cleaned / "rgbi_clean.TIF"):
        shutil.copy(file, tmp_path)
    plan = plan_run([str(tmp_path)], tmp_path / "out", Choices(), quiet=True)
    assert [known.task.slide for known in plan.slides] == ["rgbi.TIF", "rgbi_clean.TIF", "vuescan.dng"]
    assert [task.slide for roll, _ in plan.rolls for task in roll.tasks] == ["rgbi.TIF", "vuescan.dng"]


def test_8_bit_colour_with_16_bit_infrared(tmp_path, monkeypatch):
    counts = irt.make_slide(3, (97, 131), scanner="plustek").counts.values
    (tmp_path / "scans").mkdir()
    colour = (counts // 257).astype(np.uint8)
    source = tmp_path / "scans" / "a.tif"
    write_scanner_file(source, colour, "silverfast-hdri", infrared=counts[3])
    assert run(monkeypatch, "clean", source, "--out", tmp_path / "out", "--format", "same", "--quiet") == 0
    healed, infrared = (tifffile.imread(tmp_path / "out" / "a_clean.tif", key=key) for key in (0, 1))
    mask = tifffile.imread(tmp_path / "out" / "a_mask.tif") > 0
    np.testing.assert_array_equal(healed[~mask], np.moveaxis(colour[:3], 0, -1)[~mask])
    assert (healed[mask] != np.moveaxis(colour[:3], 0, -1)[mask]).mean() > 0.5
    np.testing.assert_array_equal(infrared, counts[3])


def test_what_cannot_be_written_is_a_refusal_in_words(scans, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise SlideError(f"{scans / 'rgbi.TIF'}: its compression cannot be written; use --format rgb")

    monkeypatch.setattr(cleaning, "write_same", refuse)
    assert run(monkeypatch, "clean", scans / "rgbi.TIF", "--out", tmp_path, "--format", "same", "--quiet") == 1
    (row,) = rows_of(tmp_path)
    assert (row["status"], row["reason"]) == ("refused", "its compression cannot be written; use --format rgb")
    assert not list(tmp_path.glob("*rgbi*.*"))


def test_the_format_in_a_file_of_settings(scans, tmp_path, monkeypatch, capsys):
    (tmp_path / "settings.toml").write_text('format = "dng"\n')
    call = ("clean", scans / "vuescan.dng", "--out", tmp_path / "out", "--settings", tmp_path / "settings.toml")
    assert run(monkeypatch, *call) == 2
    assert "settings.toml: format must be one of rgb, same, not 'dng'" in capsys.readouterr().err
    (tmp_path / "settings.toml").write_text('format = "same"\n')
    assert run(monkeypatch, *call, "--dry-run") == 0
    assert "vuescan_clean.dng" in capsys.readouterr().out


def test_the_space_that_copies_take(scans, tmp_path):
    source = scans / "rgbi.TIF"
    plans = [plan_run([str(source)], tmp_path, Choices(settings=Settings(format=form))) for form in ("rgb", "same")]
    usual, copied = (estimate(plan).bytes for plan in plans)
    assert copied - usual == source.stat().st_size - 97 * 131 * 3 * 2
