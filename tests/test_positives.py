"""Positives made from negatives, with the infrared beside them unchanged: marked and healed nearer to the truth."""

import numpy as np
import pytest
import tifffile
import xarray as xr
from commands import rows_of, run

from irtoolkit.alignment import sample_slide
from irtoolkit.archive.short_list import INVERTED
from irtoolkit.pipeline import clean_slide, fit_roll, heal_slide, score_slide
from irtoolkit.settings import Settings
from irtoolkit.synthetic.slides import make_slide

SHAPE = (331, 427)


def positive(counts, like, gamma=2.2, clip=0.2):
    """Counts (3, y, x) of the scene that a negative shows, by a curve that makes `clip` % of `like` white."""
    bands = []
    for band, whole in zip(counts.astype(float), like.astype(float), strict=True):
        base = np.percentile(whole, 99.8)
        scene, all_scenes = (base / np.maximum(light, 30) - 1 for light in (band, whole))
        bands.append(np.clip(scene / np.percentile(all_scenes, 100 - clip), 0, 1) ** (1 / gamma))
    return np.rint(65535 * np.stack(bands)).astype(np.uint16)


def inverted(slide, bits=16, **curve):
    """A slide whose picture is the positive of a negative, and the positive of the undamaged one."""
    counts, undamaged = slide.counts.values, slide.undamaged.values[:3]
    planes = np.concatenate([positive(counts[:3], undamaged, **curve), counts[3:]])
    truth = positive(undamaged, undamaged, **curve)
    if bits == 8:
        planes, truth = (planes >> 8).astype(np.uint8), (truth >> 8).astype(np.uint8)
    return xr.Dataset({"counts": slide.counts.copy(data=planes).chunk()}), truth


def error(healed, truth, where):
    return np.abs(healed[:3].astype(float) - truth)[:, where].mean()


@pytest.fixture(scope="module")
def negative():
    return make_slide(11, SHAPE, film="c41")


@pytest.mark.parametrize(
    ("bits", "curve"),
    [(16, {}), (8, {}), (16, {"gamma": 1.0}), (16, {"clip": 5.0})],
    ids=["usual", "8 bit", "linear", "clipped"],
)
def test_a_positive_is_healed_to_less_than_half_the_error(negative, bits, curve):
    scan, truth = inverted(negative, bits, **curve)
    cleaned = clean_slide(scan)
    healed, mask, damage = cleaned.healed.values, cleaned.mask.values, negative.truth.values
    assert bool(cleaned.inverted)
    assert healed.dtype == scan.counts.dtype
    assert (mask & damage).sum() > 0.9 * damage.sum()
    assert error(healed, truth, damage) < 0.5 * error(scan.counts.values, truth, damage)
    np.testing.assert_array_equal(np.where(mask, 0, healed), np.where(mask, 0, scan.counts.values))


def test_the_other_fillings_work_on_the_positive_itself(negative):
    scan, truth = inverted(negative)
    scored, damage = score_slide(scan), negative.truth.values
    found = scored.found.assign(mask=(("y", "x"), damage)).chunk()
    telea, copy = (heal_slide(found, scored, Settings(heal=name, grain=0.0)) for name in ("telea", "copy"))
    assert error(telea.values, truth, damage) < 0.7 * error(scan.counts.values, truth, damage)
    np.testing.assert_array_equal(copy.values, scan.counts.values)


def test_white_under_a_defect_stays_white(negative):
    """Where the positive is blown out, the defect cannot be seen, and nothing gray is drawn in its place."""
    scan, _ = inverted(negative, clip=20.0)
    planes = scan.counts.values
    planes[:3, 100:150, 200:260] = 65535
    planes[3, 120:124, 215:245] = planes[3, 120:124, 215:245] // 2
    scan = scan.assign(counts=scan.counts.copy(data=planes).chunk())
    scored = score_slide(scan)
    mask = xr.DataArray(np.zeros(SHAPE, bool), dims=("y", "x"))
    mask[119:125, 214:246] = True
    healed = heal_slide(scored.found.assign(mask=mask.chunk()), scored, Settings(grain=0.0)).values
    assert scored.found.inverted
    assert healed[:3, 119:125, 214:246].min() > 63_000


@pytest.mark.parametrize("film", ["c41", "e6", "faded-e6", "kodachrome"])
@pytest.mark.parametrize("scanner", ["aligned", "plustek"])
def test_no_film_as_it_is_scanned_counts_as_a_positive(film, scanner):
    slide = make_slide(21, SHAPE, film=film, scanner=scanner)
    assert not sample_slide(slide[["counts"]]).inverted


@pytest.mark.parametrize("defects", [0, 3])
def test_with_hardly_a_defect_a_positive_is_no_worse_than_its_scan(defects):
    slide = make_slide(150, SHAPE, film="c41", scanner="plustek", defects=defects)
    scan, truth = inverted(slide)
    healed = clean_slide(scan).healed.values
    damage = slide.truth.values
    if damage.any():
        assert error(healed, truth, damage) <= error(scan.counts.values, truth, damage)
    np.testing.assert_array_equal(healed[3], scan.counts.values[3])


def test_answers_do_not_depend_on_chunks():
    scan, _ = inverted(make_slide(11, (203, 261), film="c41", defects=300))
    one, other = (clean_slide(scan.chunk(chunks)) for chunks in ({"y": -1, "x": -1}, {"y": 100, "x": 130}))
    assert one.inverted
    assert one.mask.any()
    np.testing.assert_array_equal(one.mask.values, other.mask.values)
    np.testing.assert_array_equal(one.healed.values, other.healed.values)


def test_a_roll_with_a_positive_is_fitted_as_film():
    slides = [make_slide(70 + number, (240, 320), film="c41", roll=5) for number in range(3)]
    mixed = fit_roll([*(slide[["counts"]] for slide in slides[:2]), inverted(slides[2])[0]])
    assert mixed.slopes > 0
    assert (mixed.misfit[:2] < 3).all()


def test_the_row_names_a_positive_in_words(tmp_path, monkeypatch, negative):
    folder = tmp_path / "scans"
    folder.mkdir()
    planes = np.moveaxis(inverted(negative)[0].counts.values, 0, -1)
    tifffile.imwrite(folder / "a.tif", planes, photometric="rgb", extrasamples=[0], software="VueScan 9")
    assert run(monkeypatch, "clean", folder, "--out", tmp_path / "out", "--heal", "none") == 0
    (row,) = rows_of(tmp_path / "out")
    assert (row["note"], row["inverted"], row["review"]) == (INVERTED, "1", "")
