import json
import pickle

import numpy as np
import pytest
import xarray as xr
from found import find_defects
from scans import whole

from irtoolkit import fitting, pipeline
from irtoolkit.alignment import SlideSample, sample_slide, thin_sample, usual_displacement
from irtoolkit.alignment.displacement import constant_displacement, is_doubtful
from irtoolkit.alignment.film import Appearance, Film
from irtoolkit.files.models import write_model
from irtoolkit.fitting import _check_dyes, fit_samples, fit_to_slide
from irtoolkit.model import from_dataset, open_model, to_dataset
from irtoolkit.pipeline import fit_roll
from irtoolkit.schema import BANDS, ModelError, NotUsableError
from irtoolkit.settings import Settings
from irtoolkit.synthetic.slides import make_slide

SHAPE = (257, 355)


@pytest.fixture(scope="module")
def slides():
    made = [make_slide(seed, SHAPE, scanner="plustek", roll=9) for seed in (1, 2, 3)]
    attributes = {"film": "E-6", "scanner": "Plustek"}
    return [
        slide[["counts"]].drop_attrs().assign_attrs(attributes, source=f"folder/{place}.tif")
        for place, slide in enumerate(made)
    ]


@pytest.fixture(scope="module")
def model(slides):
    return fit_roll(slides)


def constant(source):
    counts = np.full((4, *SHAPE), 20_000, np.uint16)
    return xr.Dataset({"counts": (("band", "y", "x"), counts)}, {"band": list(BANDS)}, {"source": source})


def sample_of(planes):
    film, displacement = Film(np.ones((3, 3), bool)), constant_displacement(0, 0, planes.shape[1:])
    return SlideSample(film, displacement, [whole(planes)], {}, Appearance(0, 0, 0, 0, 0))


def test_a_roll_tells_of_each_of_its_slides(model):
    assert model.slide.values.tolist() == ["0.tif", "1.tif", "2.tif"]
    assert (model.attrs["film"], model.attrs["scanner"], model.attrs["refused"]) == ("E-6", "Plustek", {})
    assert not model.outlier.any()
    assert set(model.why.values) == {""}
    for name in ("slide_shift_y", "slide_r2", "slide_slopes", "slide_sigma", "misfit", "weight"):
        assert np.isfinite(model[name]).all()
        assert model[name].dims == ("slide",)


def test_a_model_of_a_roll_comes_back_from_its_file_exactly(model, tmp_path):
    back = open_model(write_model(model, tmp_path / "roll.json"))
    assert back.attrs == model.attrs
    assert set(back.variables) == set(model.variables)
    for name in model.variables:
        np.testing.assert_array_equal(back[name].values, model[name].values)


def test_samples_that_went_to_another_process_give_the_same_model(slides, model):
    samples = [pickle.loads(pickle.dumps(thin_sample(sample_slide(slide)))) for slide in slides]
    same = to_dataset(fit_samples(samples))
    assert same.identical(model.drop_attrs(deep=False).assign_attrs(film="E-6", scanner="Plustek"))


def test_a_slide_that_cannot_be_used_is_named_and_left_out(slides, model):
    with_constant = fit_roll([slides[0], constant("bad.tif"), *slides[1:]])
    assert list(with_constant.refused) == ["bad.tif"]
    assert "constant" in with_constant.refused["bad.tif"]
    np.testing.assert_array_equal(with_constant.coefficient, model.coefficient)


@pytest.mark.parametrize("number", [1, 2])
def test_a_roll_without_a_usable_slide_is_refused(number):
    with pytest.raises(NotUsableError, match="the infrared is constant"):
        fit_roll([constant("a.tif")] * number)


def test_a_roll_of_one_slide_is_that_slide_fitted_by_itself(slides):
    alone, with_model = (
        find_defects(slides[0], settings=Settings(), model=one) for one in (None, fit_roll(slides[:1]))
    )
    np.testing.assert_array_equal(alone.mask.values, with_model.mask.values)
    assert float(alone.misfit) == float(with_model.misfit) == 0


def test_no_more_slides_are_read_than_a_roll_is_fitted_on(slides, monkeypatch):
    monkeypatch.setattr(pipeline, "MOST_SLIDES", 2)
    assert fit_roll(slides).slide.values.tolist() == ["0.tif", "2.tif"]


@pytest.mark.parametrize(("name", "other"), [("film", "Kodachrome"), ("scanner", "Coolscan")])
def test_a_slide_that_names_other_film_or_another_scanner_is_refused(slides, model, name, other):
    sample, roll = sample_slide(slides[0].assign_attrs({name: other})), from_dataset(model)
    message = rf"another {name} than the model's; fit the slide on its own .*\({other}, not"
    with pytest.raises(ModelError, match=message):
        fit_to_slide(roll, sample)
    assert fit_to_slide(roll, sample._replace(names=sample.names | {name: ""})).misfit < 3


def test_film_that_is_not_of_the_roll_is_refused_by_its_misfit(model):
    other = make_slide(3, SHAPE, scanner="plustek", film="silver")[["counts"]].drop_attrs()
    with pytest.raises(ModelError, match=r"Fit it on its own.*misfit \d+\.\d; 1 is usual, over 8 is too much\)"):
        fit_to_slide(from_dataset(model), sample_slide(other))


@pytest.fixture(scope="module")
def kodachromes():
    return [make_slide(seed, SHAPE, film="kodachrome", scanner="plustek", roll=9)[["counts"]] for seed in (1, 2, 3)]


def test_a_slide_whose_densities_the_rolls_film_does_not_fit_has_its_own_fit(kodachromes):
    roll = from_dataset(fit_roll(kodachromes))
    curve = roll.crosstalk.curve
    wrong = roll._replace(crosstalk=roll.crosstalk._replace(curve=curve._replace(offset=curve.offset + 1000)))
    sample = sample_slide(kodachromes[2], roll.displacement)
    fitted, alone = fit_to_slide(wrong, sample), fit_to_slide(None, sample)
    assert (fitted.own_fit, alone.own_fit) == (True, True)
    for value, expected in zip(fitted.crosstalk, alone.crosstalk, strict=True):
        np.testing.assert_equal(value, expected)
    assert not fit_to_slide(roll, sample).own_fit


def test_the_rolls_fit_stays_where_the_slides_own_is_refused(kodachromes, monkeypatch):
    def refuse(*_):
        raise NotUsableError("silver")

    roll = from_dataset(fit_roll(kodachromes))
    sample = sample_slide(kodachromes[2], roll.displacement)
    monkeypatch.setattr(fitting, "OFFSET", 0.0)
    monkeypatch.setattr(fitting, "_check_dyes", refuse)
    assert not fit_to_slide(roll, sample).own_fit


@pytest.mark.parametrize(("shape", "number"), [((200, 224), 1), ((450, 870), 1), ((460, 900), 21), ((300, 1400), 20)])
def test_a_thin_sample_holds_no_more_than_24_tiles(shape, number):
    planes = np.arange(4 * np.prod(shape), dtype=np.float32).reshape(4, *shape)
    sample = sample_of(planes)
    thin = thin_sample(sample)
    assert len(thin.tiles) == number
    assert sum(tile.planes[0].size for tile in thin.tiles) <= 24 * 128**2
    y, x = sample.tiles[0].place
    for tile in thin.tiles:
        row = np.searchsorted(y[:, 0], tile.place[0][0, 0])
        column = np.searchsorted(x[0], tile.place[1][0, 0])
        height, width = tile.planes.shape[1:]
        np.testing.assert_array_equal(tile.planes, planes[:, row : row + height, column : column + width])
        assert (tile.place[0].shape, tile.place[1].shape) == ((height, 1), (1, width))


def displaced(y, x, uncertainty=0.05, trusted=True):
    return constant_displacement(y, x, SHAPE)._replace(uncertainty=uncertainty, trusted=trusted)


def test_a_roll_lies_where_most_of_its_trusted_slides_do():
    fields = [displaced(y, x) for y, x in ((5.0, 0.1), (5.4, 0.2), (5.2, 0.3), (9.0, 0.2))]
    usual = usual_displacement([*fields, displaced(40.0, 40.0, trusted=False)])
    np.testing.assert_allclose(usual.coefficient[:, 0], (5.3, 0.2))
    np.testing.assert_allclose(usual.scatter, [1.4826 * 0.2, 0.15])
    assert usual.uncertainty == 0.05


@pytest.mark.parametrize(
    ("y", "uncertainty", "trusted", "expected"),
    [(5.2, 0.09, True, False), (5.8, 0.09, True, True), (5.8, 0.06, True, False), (5.2, 0.05, False, True)],
)
def test_a_displacement_is_doubtful_that_is_uncertain_and_far_from_the_rolls(y, uncertainty, trusted, expected):
    """Far is .45 px and more from the roll's 5.2, uncertain a standard error over .075 px."""
    roll = usual_displacement([displaced(y, 0.1) for y in (5.1, 5.2, 5.2, 5.3)])
    assert is_doubtful(displaced(y, 0.1, uncertainty, trusted), roll) == expected


def test_two_slides_do_not_tell_how_far_slides_lie_apart():
    roll = usual_displacement([displaced(5.0, 0.0), displaced(5.0, 0.0)])
    assert not is_doubtful(displaced(-9.0, 4.0, uncertainty=0.4), roll)


def test_a_model_of_another_format_is_refused(model, tmp_path):
    path = write_model(model, tmp_path / "roll.json")
    content = json.loads(path.read_text())
    for number in (None, 1, 2, 3):
        told = {name: value for name, value in content.items() if name != "format"}
        path.write_text(json.dumps(told | ({} if number is None else {"format": number})))
        with pytest.raises(
            ModelError, match=rf"roll\.json: this model .*fit the roll again \(format {number or 1} instead of 5"
        ):
            open_model(path)


@pytest.mark.parametrize(("slopes", "neutral"), [(0.64, 0.91), (0.3, 0.99), (0.7, 0.2)])
def test_a_gray_picture_on_kodachrome_is_not_taken_for_silver(slopes, neutral):
    _check_dyes(slopes, neutral)


@pytest.mark.parametrize(("slopes", "neutral"), [(0.66, 0.99), (0.73, 0.93), (0.8, 0.1)])
def test_silver_is_refused_with_its_figures(slopes, neutral):
    with pytest.raises(NotUsableError, match=f"silver .*slope {slopes:.2f}, .* alike by {neutral:.2f}"):
        _check_dyes(slopes, neutral)


def test_a_slide_with_hardly_a_share_in_its_roll_has_none_in_the_ratio(monkeypatch):
    defects = {"good": np.tile([1.2, 1.2, 1.2, 0.15], (300, 1)), "wrong": np.tile([-0.8, -0.8, -0.8, 0.15], (300, 1))}
    monkeypatch.setattr(fitting, "_weigh_slide", lambda sample, _: defects[sample])
    ratio, each = fitting._measure_ratios(["good", "wrong", "good"], None, np.array([0.5, 0.01, 0.49]))
    np.testing.assert_allclose(ratio.bands, 1.2, atol=0.01)
    assert each[1].tolist() == [0.01] * 3
