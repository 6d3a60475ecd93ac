import cv2
import dask
import numpy as np
import pytest
import xarray as xr
from found import find_defects

from irtoolkit.alignment import sample_slide, shift_infrared
from irtoolkit.arrays import tiles
from irtoolkit.detection.exceedances import REGION_LEVEL, measure_exceedances
from irtoolkit.detection.scoring import score_infrared
from irtoolkit.detection.segmentation import join_regions, mask_regions
from irtoolkit.files.models import write_model
from irtoolkit.fitting import fit_to_slide
from irtoolkit.healing.methods import heal
from irtoolkit.model import open_model
from irtoolkit.pipeline import clean_slide, fit_roll, heal_slide, score_slide
from irtoolkit.schema import BANDS, VISIBLE, NotUsableError, SlideError
from irtoolkit.settings import Settings
from irtoolkit.synthetic.slides import make_slide

SHAPE = (451, 623)
MEASURED = (
    *("shift_y", "shift_x", "shift_uncertainty", "unseen", "no_data", "holder"),
    *("blur", "r2", "slopes", "sigma", "threshold", "fdr"),
)
LAZY = ("counts", "residual", "score", "mask", "healed", "coverage", "defects")


def opened(slide, chunks=None):
    """The counts of a synthetic slide alone, in chunks, as `open_slide` would give them."""
    return slide[["counts"]].chunk({"y": 128} if chunks is None else chunks)


def widened(mask, pixels):
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(bool)


def pixel_f1(mask, truth):
    """A mark within 2 px of the truth is right; truth within 1 px of a mark is found."""
    precision = (mask & widened(truth, 2)).sum() / max(mask.sum(), 1)
    recall = (truth & widened(mask, 1)).sum() / max(truth.sum(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def refuse_to_compute(*_, **__):
    raise AssertionError("a lazy step computed something")


@pytest.fixture(scope="module")
def cleaned(plustek_slide):
    return clean_slide(opened(plustek_slide))


@pytest.mark.parametrize(("scanner", "least"), [("aligned", 0.90), ("plustek", 0.85)])
@pytest.mark.parametrize("seed", [1, 4])
def test_marks_are_where_the_damage_is(scanner, least, seed):
    slide = make_slide(seed, SHAPE, scanner=scanner)
    found = find_defects(opened(slide), settings=Settings())
    assert pixel_f1(found.mask.values, slide.truth.values) >= least


@pytest.mark.parametrize(("film", "scanner", "seed"), [("e6", "aligned", 5), ("c41", "plustek", 6)])
def test_a_clean_slide_has_at_most_one_region_per_megapixel(film, scanner, seed):
    slide = make_slide(seed, (751, 1203), film=film, scanner=scanner, defects=0)
    found = find_defects(opened(slide), settings=Settings())
    assert int(found.defects) <= 1


def test_figures_describe_the_slide(plustek_slide, cleaned):
    known = plustek_slide.attrs
    assert float(cleaned.shift_y) == pytest.approx(known["shift_y"], abs=0.25)
    assert float(cleaned.shift_x) == pytest.approx(known["shift_x"], abs=0.25)
    assert float(cleaned.blur) == pytest.approx(known["blur"], abs=0.3)
    assert float(cleaned.slopes) == pytest.approx(known["slopes"], abs=0.02)
    assert bool(cleaned.aligned)
    assert 0 <= float(cleaned.fdr) <= 0.05
    assert float(cleaned.coverage) == cleaned.mask.values.mean()
    assert int(cleaned.defects) == cv2.connectedComponents(cleaned.mask.values.astype(np.uint8), connectivity=8)[0] - 1


def test_the_result_is_what_the_contract_says(plustek_slide, cleaned):
    dims = {"counts": ("band", "y", "x"), "healed": ("band", "y", "x"), "coverage": (), "defects": ()}
    types = {"residual": np.float32, "score": np.float32, "mask": bool, "counts": np.uint16, "healed": np.uint16}
    for name in LAZY:
        assert cleaned[name].dims == dims.get(name, ("y", "x")), name
        assert dask.is_dask_collection(cleaned[name]), name
        assert cleaned[name].dtype == types.get(name, cleaned[name].dtype), name
    for name in MEASURED:
        assert cleaned[name].dims == (), name
        assert not dask.is_dask_collection(cleaned[name]), name
        assert np.isfinite(float(cleaned[name])), name
    assert set(VISIBLE) <= set(cleaned.band.values) <= set(BANDS)
    assert cleaned.attrs == plustek_slide.attrs
    assert set(cleaned.data_vars) >= {*LAZY, *MEASURED}


def test_healed_is_the_source_outside_the_mask(plustek_slide, cleaned):
    healed, mask = dask.compute(cleaned.healed, cleaned.mask)
    assert mask.values.any()
    counts = plustek_slide.counts.sel(band=healed.band)
    assert not (healed != counts).values[:, ~mask.values].any()
    assert (healed != counts).sel(band=list(VISIBLE)).values[:, mask.values].mean() > 0.9


def test_healing_brings_the_picture_back(plustek_slide, cleaned):
    before, after = (
        np.abs(planes.sel(band=list(VISIBLE)).astype(int) - plustek_slide.undamaged.sel(band=list(VISIBLE)))
        for planes in (plustek_slide.counts, cleaned.healed)
    )
    truth = plustek_slide.truth.values
    assert after.values[:, truth].mean() < 0.5 * before.values[:, truth].mean()


def test_unseen_rows_and_columns_by_hand(plustek_slide):
    """Infrared of row y lies at y + 5.25: past the last row, 300, from row 295 on, which is 6 of 301 rows."""
    found = find_defects(opened(plustek_slide), settings=Settings())
    down, across = float(found.shift_y), float(found.shift_x)
    assert 4 < down < 6
    assert -0.25 < across < 0.25
    seen = slice(0, 301 - int(np.ceil(down))), slice(int(across < 0), 427 - int(across > 0))
    assert float(found.unseen) == pytest.approx(1 - found.mask[seen].size / found.mask.size)
    unseen = np.ones(found.mask.shape, bool)
    unseen[seen] = False
    for name in ("score", "mask", "residual"):
        assert not found[name].values[unseen].any(), name
    edge = 1 + round(1.5 * float(found.blur))
    assert found.score.values[seen][edge:, edge:-edge].all()


WAYS = {
    "one chunk": {"band": 4, "y": 201, "x": 287},
    "a row or so": {"band": 4, "y": 3, "x": 287},
    "odd columns": {"band": 4, "y": 201, "x": 17},
    "odd all over": {"band": 3, "y": 47, "x": 101},
    "one band": {"band": 1, "y": 100, "x": 200},
    "uneven": {"band": 2, "y": (1, 150, 49, 1), "x": (260, 27)},
}


@pytest.fixture(scope="module")
def by_any_chunks(plustek_slide):
    """The same slide cleaned in blocks of at most 110 by 130 px, for every way to chunk it, on one thread or two."""
    cut = plustek_slide.isel(y=slice(201), x=slice(287))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "BLOCK_ROWS", 110)
        patch.setattr(tiles, "BLOCK_COLUMNS", 130)
        results = {}
        for number, (way, chunks) in enumerate(WAYS.items()):
            with dask.config.set(scheduler="threads", num_workers=1 + number % 2):
                results[way] = clean_slide(opened(cut, chunks)).compute()
    return results


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_every_chunking_gives_the_same_bits(by_any_chunks, way):
    assert by_any_chunks[way].mask.values.any()
    for name in by_any_chunks[way].data_vars:
        np.testing.assert_array_equal(by_any_chunks[way][name].values, by_any_chunks["one chunk"][name].values, name)


def test_threads_do_not_change_a_bit(plustek_slide):
    cut = plustek_slide.isel(y=slice(201), x=slice(287))
    results = []
    for scheduler, workers in (("synchronous", 1), ("threads", 1), ("threads", 2)):
        with dask.config.set(scheduler=scheduler, num_workers=workers):
            results.append(find_defects(opened(cut), settings=Settings()).compute())
    assert results[0].identical(results[1])
    assert results[0].identical(results[2])


def test_lazy_steps_compute_nothing(plustek_slide):
    counts = opened(plustek_slide).counts
    sample, whole_slide = sample_slide(opened(plustek_slide)), score_slide(opened(plustek_slide))
    fitted = fit_to_slide(None, sample)
    with dask.config.set(scheduler=refuse_to_compute):
        visible = counts.sel(band=list(VISIBLE))
        infrared = shift_infrared(counts, sample.displacement, sample.film)
        scored = score_infrared(visible, infrared, fitted.crosstalk, fitted.noise)
    exceedances = measure_exceedances(scored, infrared_blur=2.0)
    regions = join_regions(exceedances, sign=1)
    with dask.config.set(scheduler=refuse_to_compute):
        mask, number = mask_regions(regions, scored.score.shape)
        healed = heal(visible, mask)
        found = xr.Dataset({"counts": counts, "mask": mask, "infrared": infrared})
        whole = heal_slide(found, whole_slide, Settings())
        lazy = (infrared, scored.residual, scored.score, scored.grain, mask, number, healed, whole)
        assert all(dask.is_dask_collection(step) for step in lazy)
        with pytest.raises(AssertionError, match="computed something"):
            whole.compute()


def test_silver_film_is_refused_with_its_slope():
    with pytest.raises(NotUsableError, match=r"silver black-and-white film.* slope 0\.\d\d"):
        clean_slide(opened(make_slide(3, (301, 427), film="silver")))


@pytest.fixture(scope="module")
def roll():
    return [make_slide(seed, (301, 427), scanner="plustek", roll=9) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def model(roll, tmp_path_factory):
    model = fit_roll(opened(slide) for slide in roll)
    return open_model(write_model(model, tmp_path_factory.mktemp("model") / "roll.json"))


def test_a_roll_is_fitted_together_and_its_model_serves_each_slide(roll, model):
    assert float(model.slopes) == pytest.approx(roll[0].attrs["slopes"], abs=0.01)
    assert float(model.blur) == pytest.approx(roll[0].attrs["blur"], abs=0.2)
    for slide in roll[:2]:
        found = find_defects(opened(slide), settings=Settings(), model=model)
        assert pixel_f1(found.mask.values, slide.truth.values) >= 0.85
        assert float(found.slopes) == pytest.approx(float(model.slopes), abs=0.02)
        assert float(found.blur) == float(model.blur)
        assert 0 < float(found.misfit) < 3
        assert abs(np.median(found.residual.values)) < 0.002


def test_a_slide_that_tells_no_shift_is_shifted_as_its_roll(roll, model):
    """A blank slide with noise of 1 % and a single speck, which is in the infrared alone."""
    counts = np.median(roll[0].counts, axis=(1, 2))[:, None, None] * np.random.default_rng(0).normal(
        1, 0.01, (4, 301, 427)
    )
    counts[3, 150:157, 200:207] *= 0.3
    blank = xr.Dataset({"counts": (("band", "y", "x"), counts.astype(np.uint16))}, {"band": list(BANDS)})
    alone, with_roll = (find_defects(opened(blank), settings=Settings(), model=one) for one in (None, model))
    assert not bool(alone.aligned)
    assert not bool(with_roll.aligned)
    assert (float(alone.shift_y), float(alone.unseen)) == (0, 0)
    assert float(with_roll.shift_y) == float(model.shift_y) == pytest.approx(roll[0].attrs["shift_y"], abs=0.3)
    assert float(with_roll.shift_x) == float(model.shift_x)
    for found, row in ((alone, 153), (with_roll, 153 - float(model.shift_y))):
        assert np.median(np.nonzero(found.mask.values)[0]) == pytest.approx(row, abs=0.5)


def test_a_slide_that_tells_its_shift_keeps_it_whatever_its_roll_says(plustek_slide, cleaned):
    model = fit_roll([opened(plustek_slide)])
    other = model.assign(displacement_coefficient=model.displacement_coefficient * 0 + 4)
    found = find_defects(opened(plustek_slide), settings=Settings(), model=other)
    assert bool(found.aligned)
    for name in ("shift_y", "shift_x", "shift_uncertainty"):
        assert float(found[name]) == float(cleaned[name])


def test_a_roll_of_no_slides_is_refused():
    with pytest.raises(SlideError, match="at least one"):
        fit_roll([])


def test_a_low_number_as_threshold_marks_every_pixel_of_a_region():
    settings = Settings(threshold=2.0, visibility=0.0, heal="none")
    found = clean_slide(opened(make_slide(4, (301, 427))), settings=settings).compute()
    assert float(found.threshold) == 2.0
    above = found.score.values >= np.float32(REGION_LEVEL)
    beside = np.pad(above, 1)
    pinhole = beside[:-2, 1:-1] & beside[2:, 1:-1] & beside[1:-1, :-2] & beside[1:-1, 2:]
    np.testing.assert_array_equal(found.mask.values, above | pinhole)
    np.testing.assert_array_equal(found.healed.values, found.counts.sel(band=found.healed.band).values)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_the_threshold_reported_marks_the_same_when_given_back(plustek_slide, rate):
    first = find_defects(plustek_slide, settings=Settings(false_discovery_rate=rate))
    again = find_defects(plustek_slide, settings=Settings(threshold=float(first.threshold)))
    np.testing.assert_array_equal(again.mask.values, first.mask.values)
    assert (float(again.threshold), float(again.fdr)) == (float(first.threshold), float(first.fdr))
    assert 2 < float(first.threshold) < 8


def test_slides_in_memory_are_cleaned_too(plustek_slide, cleaned):
    found = find_defects(plustek_slide, settings=Settings())
    np.testing.assert_array_equal(found.mask.values, cleaned.mask.values)


def test_the_ratio_is_measured_where_healing_divides_by_it_and_only_there(plustek_slide, cleaned):
    filled = clean_slide(opened(plustek_slide), settings=Settings(heal="telea"))
    for name in ("ratio_r", "ratio_g", "ratio_b"):
        assert 0.5 < float(cleaned[name]) < 2
        assert np.isnan(float(filled[name]))
