"""Masks of one's own are healed by pixel for pixel, and masks are written for other programs."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import xarray as xr
from archives import SHAPE, digests
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.own_masks import find_own_mask, read_own_mask
from irtoolkit.archive.results import rounded
from irtoolkit.archive.search import _is_slide
from irtoolkit.archive.tasks import CallError
from irtoolkit.files import write_mask_as
from irtoolkit.pictures import orient
from irtoolkit.schema import SlideError
from irtoolkit.synthetic.scanner_files import write_scanner_file

MASK = np.zeros((5, 8), bool)
MASK[1, 2:5] = MASK[4, 7] = True
GRAY = np.uint8(255) * MASK


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Slides `roll/a.tif`, and `roll/b.tif`."""
    folder = tmp_path_factory.mktemp("scans")
    for number, name in enumerate("ab", 5):
        (folder / "roll").mkdir(exist_ok=True)
        slide = irt.make_slide(number, SHAPE, scanner="plustek", roll=1)
        write_scanner_file(folder / "roll" / f"{name}.tif", slide.counts.values, layout="vuescan-rgbi")
    return folder


@pytest.fixture
def own(tmp_path):
    """A folder with a mask for `a`, and that mask."""
    marked = np.zeros(SHAPE, bool)
    marked[20:24, 30:50] = marked[-1, -1] = True
    (tmp_path / "own" / "roll").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "own" / "roll" / "a_mask.png"), np.uint8(255) * marked)
    return tmp_path / "own", marked


def clean(scans, out, **choices):
    return irt.clean_archive(scans, out, alone=True, workers=1, quiet=True, **choices)


def saved(file, picture, orientation=None):
    if file.suffix == ".png":
        cv2.imwrite(str(file), picture)
    else:
        tags = [(274, "H", 1, orientation, True)] if orientation else []
        tifffile.imwrite(file, picture, extratags=tags)
    return file


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize(
    "picture",
    [
        GRAY,
        GRAY // 255 * 128,
        np.stack([GRAY] * 3, axis=2),
        np.stack([GRAY, GRAY, GRAY * 0], axis=2),
        np.dstack([GRAY, GRAY, GRAY, np.full_like(GRAY, 9)]),
        np.dstack([np.zeros((*MASK.shape, 3), np.uint8), GRAY]),
        np.dstack([np.full((*MASK.shape, 3), 255, np.uint8), GRAY]),
        np.uint16(257) * GRAY,
    ],
    ids=["gray", "half", "rgb", "two colours", "transparent", "alpha on black", "alpha on white", "16 bit"],
)
def test_what_is_lighter_than_half_is_a_defect(tmp_path, suffix, picture):
    file = saved(tmp_path / f"a_mask{suffix}", picture)
    np.testing.assert_array_equal(read_own_mask(file, MASK.shape, 1), MASK)


def test_a_wholly_black_opaque_mask_marks_nothing(tmp_path):
    black = np.dstack([np.zeros((*MASK.shape, 3), np.uint8), np.full(MASK.shape, 255, np.uint8)])
    assert not read_own_mask(saved(tmp_path / "a_mask.png", black), MASK.shape, 1).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_its_slide_is_stored(tmp_path, orientation):
    upright = orient(GRAY, orientation)
    files = [
        saved(tmp_path / "stored.tif", GRAY, orientation),
        saved(tmp_path / "upright.tif", upright, 1),
        saved(tmp_path / "untagged.tif", GRAY),
        saved(tmp_path / "stored.png", GRAY),
    ]
    files += [saved(tmp_path / "upright.png", upright)] if orientation > 4 else []
    for file in files:
        np.testing.assert_array_equal(read_own_mask(file, MASK.shape, orientation), MASK, file.name)


def test_white_is_zero_is_read_as_it_looks(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", 255 - GRAY, photometric="miniswhite")
    np.testing.assert_array_equal(read_own_mask(tmp_path / "a.tif", MASK.shape, 1), MASK)


def test_a_mask_of_another_size_or_kind_is_refused_in_words(tmp_path):
    with pytest.raises(irt.SlideError, match=r"differ in size; save it .*\(5 x 8 against 6 x 8 rows x columns\)"):
        read_own_mask(saved(tmp_path / "a.tif", GRAY), (6, 8), 1)
    for name in ("a.png", "b.tif"):
        (tmp_path / name).write_bytes(b"no picture")
        with pytest.raises(irt.SlideError, match="cannot be read; save the mask as an 8-bit TIFF or PNG"):
            read_own_mask(tmp_path / name, (5, 8), 1)
    tifffile.imwrite(tmp_path / "c.tif", GRAY, photometric="palette", colormap=np.zeros((3, 256), np.uint16))
    with pytest.raises(irt.SlideError, match="palette"):
        read_own_mask(tmp_path / "c.tif", (5, 8), 1)


def test_a_slide_is_healed_by_its_own_mask_pixel_for_pixel(scans, own, tmp_path, monkeypatch):
    folder, marked = own
    out = tmp_path / "out"
    clean(scans, out)
    automatic = digests(out)
    assert run(monkeypatch, "clean", scans / "roll", "--out", tmp_path / "x", "--masks", tmp_path / "none") == 2
    assert run(monkeypatch, "clean", scans, "--out", out, "--alone", "--masks", folder) == 0
    np.testing.assert_array_equal(tifffile.imread(out / "roll" / "a_mask.tif") > 0, marked)
    source, healed = (tifffile.imread(file) for file in (scans / "roll" / "a.tif", out / "roll" / "a_clean.tif"))
    changed = (healed != source[..., :3]).any(axis=2)
    assert not changed[~marked].any()
    assert changed[marked].mean() > 0.5
    first, second = rows_of(out)
    assert first["note"] == "healed by a mask of its own: a_mask.png"
    assert (first["threshold"], first["fdr"], first["candidates"]) == ("", "", "")
    assert (float(first["coverage"]), first["defects"]) == (rounded(marked.mean()), "2")
    assert "false" not in first["review"]
    assert second["note"] == f"no mask of its own in {folder}: marked automatically"
    assert "mask" not in second["review"]
    assert digests(out)["roll/b_mask.tif"] == automatic["roll/b_mask.tif"]


def test_a_changed_mask_redoes_its_slide_and_without_masks_all_is_as_before(scans, own, tmp_path, monkeypatch):
    folder, marked = own
    out = tmp_path / "out"
    clean(scans, out)
    automatic, done, real = digests(out), [], archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    for masks in (folder, str(folder)):
        clean(scans, out, masks=masks)
    assert done == ["roll/a.tif"]
    cv2.imwrite(str(folder / "roll" / "a_mask.png"), np.uint8(255) * ~marked)
    clean(scans, out, masks=folder)
    clean(scans, out)
    assert done == ["roll/a.tif"] * 3
    assert digests(out) == automatic
    assert {row["note"] for row in rows_of(out)} == {""}


def test_a_mask_of_another_size_refuses_that_slide_alone(scans, own, tmp_path):
    cv2.imwrite(str(own[0] / "roll" / "b_mask.png"), GRAY)
    table = clean(scans, tmp_path / "out", masks=own[0])
    assert table.status.values.tolist() == ["done", "refused"]
    assert "differ in size" in str(table.reason.values[1])


def test_a_mask_that_cannot_be_looked_at_costs_its_slide_alone(scans, own, tmp_path, monkeypatch):
    real = Path.is_file

    def denied(path):
        if path.name == "b_mask.tif" and path.is_relative_to(own[0]):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", denied)
    rows = clean(scans, tmp_path / "out", masks=own[0])
    assert rows.status.values.tolist() == ["done", "failed"]
    assert "Permission denied" in str(rows.reason.values[1])


def test_excluded_regions_of_a_given_mask_stay_as_they_are(scans, own, tmp_path):
    settings = irt.Settings(excluded=[[0, 0, 22, 2000]], heal="none")
    clean(scans / "roll" / "a.tif", tmp_path / "out", masks=own[0] / "roll", settings=settings)
    expected = own[1].copy()
    expected[:22] = False
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a_mask.tif") > 0, expected)


def test_the_latest_of_several_masks_counts_and_the_output_folder_has_none_of_its_own(scans, own, tmp_path):
    file = saved(own[0] / "roll" / "a_mask.tif", GRAY)
    png = own[0] / "roll" / "a_mask.png"
    for time, later in enumerate((file, png, file)):
        os.utime(later, (time, time))
        os.utime(png if later is file else file, (time - 1, time - 1))
        assert find_own_mask(own[0], "roll/a") == later
    assert find_own_mask(own[0], "roll/c") is None
    for place in (own[0], own[0].parent):
        with pytest.raises(CallError, match="copy your masks to a folder of their own"):
            clean(scans, place, masks=own[0])


@pytest.mark.parametrize("kind", ["png", "pfm"])
def test_masks_for_other_programs_are_written_and_no_slides(scans, tmp_path, kind):
    settings = irt.Settings(heal="none")
    for form in ("tiff", kind):
        clean(scans / "roll" / "a.tif", tmp_path / "out", mask_format=form, settings=settings)
    file, wanted = tmp_path / "out" / f"a_mask.{kind}", tifffile.imread(tmp_path / "out" / "a_mask.tif")
    np.testing.assert_array_equal(255 * read_pfm(file) if kind == "pfm" else cv2.imread(str(file), -1), wanted)
    assert wanted.any()
    shutil.copy(file, tmp_path / f"copy_mask.{kind}")
    assert not [slide for slide in tmp_path.rglob("*_mask.*") if _is_slide(slide)]
    with pytest.raises(CallError, match="mask_format must be one of tiff, png, pfm"):
        clean(scans, tmp_path / "out", mask_format="jpeg")


def read_pfm(file):
    """Numbers (y, x) of a gray PFM file, its first row at the top."""
    kind, size, scale, numbers = file.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    assert (kind, float(scale)) == (b"Pf", -1.0)
    return np.frombuffer(numbers, "<f4").reshape(height, width)[::-1]


def test_a_pfm_mask_is_written_block_by_block_last_row_first(scans, tmp_path, small_blocks):
    marked = np.random.default_rng(1).random((37, 53)) < 0.3
    blocks = xr.DataArray(marked, dims=("y", "x")).chunk(y=5, x=9)
    file = write_mask_as("pfm", blocks, tmp_path / "a_mask.pfm", source=scans / "roll" / "a.tif", page=(0,))
    np.testing.assert_array_equal(read_pfm(file), marked)
    with pytest.raises(irt.SlideError, match="next to the source"):
        write_mask_as("png", blocks, scans / "roll" / "a_mask.png", source=scans / "roll" / "a.tif", page=(0,))


@pytest.mark.parametrize("name", ["a.tif", "tiles.tif", "a.png"])
def test_a_damaged_mask_is_read_or_refused_and_needs_no_more_memory(tmp_path, name):
    marked = np.random.default_rng(0).random((37, 53)) > 0.9
    gray, file = marked.astype(np.uint8) * np.uint8(255), tmp_path / name
    if name.endswith("png"):
        cv2.imwrite(str(file), gray)
    else:
        how = {"compression": "lzw", "tile": (16, 16)} if name == "tiles.tif" else {}
        tifffile.imwrite(file, gray, **how)
    whole, rng, refused = file.read_bytes(), np.random.default_rng(1), 0
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400), 3):
            content[place] = rng.choice([0, 1, 255])
        file.write_bytes(content)
        try:
            assert read_own_mask(file, (37, 53), 1).shape == (37, 53)
        except SlideError:
            refused += 1
    assert refused > 20


def test_the_size_of_a_mask_is_looked_at_before_its_pixels(tmp_path, monkeypatch):
    file = tmp_path / "a_mask.png"
    cv2.imwrite(str(file), np.zeros((40, 50), np.uint8))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(SlideError, match="40 x 50 against 400 x 500"):
        read_own_mask(file, (400, 500), 1)
