"""The typed fit, as the public Dataset and in its file."""

import json

import numpy as np
import pytest

from irtoolkit.alignment import sample_slide
from irtoolkit.files import write_model
from irtoolkit.fitting import fit_samples
from irtoolkit.model import OneSlide, Slides, from_dataset, open_model, to_dataset
from irtoolkit.schema import ModelError
from irtoolkit.synthetic import make_slide

SHAPE = (257, 355)


@pytest.fixture(scope="module")
def models():
    """Of one slide, and of three."""
    made = [make_slide(seed, SHAPE, film="kodachrome", scanner="plustek", roll=9)[["counts"]] for seed in (1, 2, 3)]
    samples = [sample_slide(slide.assign_attrs(source=f"{place}.tif")) for place, slide in enumerate(made)]
    return [fit_samples(samples[:1]), fit_samples(samples)]


def flat(record):
    """Every number of a record of records as text, so that NaN and None compare."""
    if isinstance(record, tuple):
        return [flat(field) for field in record]
    return str(record.tolist() if hasattr(record, "tolist") else record)


@pytest.mark.parametrize("place", [0, 1])
def test_a_model_comes_back_from_its_dataset_and_from_its_file_exactly(models, place, tmp_path):
    dataset = to_dataset(models[place])
    assert flat(from_dataset(dataset)) == flat(models[place])
    back = open_model(write_model(dataset, tmp_path / "roll.json"))
    assert flat(from_dataset(back)) == flat(models[place])
    assert back.attrs == dataset.attrs


def test_what_a_slide_does_not_show_is_null_in_the_file(models, tmp_path):
    """The first slide is made one without a defect to measure a ratio on."""
    dataset = to_dataset(models[1])
    dataset.slide_ratios[0] = np.nan
    text = write_model(dataset, tmp_path / "roll.json").read_text()
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["model"]["data_vars"]["slide_ratios"]["data"][0] == [None, None, None]


def test_a_model_rests_on_one_slide_or_on_several(models):
    one, several = (model.basis for model in models)
    assert isinstance(one, OneSlide)
    assert isinstance(several, Slides)
    assert several.names == ("0.tif", "1.tif", "2.tif")
    assert len(several.pooled.misfit) == len(several.why) == 3


def test_a_model_with_other_terms_is_refused(models):
    model = to_dataset(models[0])
    for other in (model.isel(term=slice(1, None)), model.isel(term=slice(None, None, -1)), model.drop_vars("term")):
        with pytest.raises(ModelError, match="fit the roll again"):
            from_dataset(other)


@pytest.mark.parametrize("name", ["exponent", "coefficient", "noise_bias", "displacement_coefficient"])
def test_a_model_that_lacks_something_is_refused_with_its_name(models, name):
    with pytest.raises(ModelError, match=rf"fit the roll again .*{name.split('_')[-1]}"):
        from_dataset(to_dataset(models[0]).drop_vars(name))


NO_MODEL, OTHER_VERSION = "this is no model", "this model was written by another version"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((content, NO_MODEL) for content in ("", "{}", "[1]", "null", '{"kind": "x"}')),
        ('{"kind": "irtoolkit crosstalk model"}', OTHER_VERSION),
    ],
)
def test_another_file_is_no_model(tmp_path, content, message):
    path = tmp_path / "roll.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=rf"roll\.json: {message}"):
        open_model(path)
