"""Models that were edited by hand: used, or refused with file and field; never another error."""

import json

import numpy as np
import pytest
from edits import GONE, edited, places

from irtoolkit.alignment import sample_slide
from irtoolkit.archive.roll_models import describe_model
from irtoolkit.files import write_model
from irtoolkit.fitting import fit_samples, fit_to_slide
from irtoolkit.model import from_dataset, open_model, to_dataset
from irtoolkit.schema import ModelError
from irtoolkit.synthetic import make_slide

SHAPE = (257, 355)
ODD = (
    *(None, True, -1, 0, 10**18, 1.5, -1e300, 1e300, float("inf"), float("nan"), "", "text", "\ud800", "x" * 10**5),
    *([], [1], [[]], [[1, 2], [3]], [None], {}, {"a": 1}, [{"a": 1}], ["a"]),
)


@pytest.fixture(scope="module")
def sample():
    made = make_slide(4, SHAPE, film="kodachrome", scanner="plustek", roll=9)[["counts"]]
    return sample_slide(made.assign_attrs(source="4.tif"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The files of a model of one slide, and of three."""
    made = [make_slide(seed, SHAPE, film="kodachrome", scanner="plustek", roll=9)[["counts"]] for seed in (1, 2, 3)]
    samples = [sample_slide(slide.assign_attrs(source=f"{place}.tif")) for place, slide in enumerate(made)]
    file = tmp_path_factory.mktemp("models") / "roll.json"
    return [write_model(to_dataset(fit_samples(samples[:n])), file).read_text() for n in (1, 3)]


def ends(place, content):
    """Whether a place is, in every list that it is in, at the first or the last value."""
    for name in place:
        if isinstance(content, list) and name not in (0, len(content) - 1):
            return False
        content = content[name]
    return True


def problem_of(file):
    """Why a file is no model, "" for one that can be used."""
    try:
        describe_model(open_model(file), file)
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("number", [0, 1])
def test_a_model_with_any_value_anywhere_is_used_or_refused_with_file_and_field(texts, tmp_path, number):
    content, file, refused = json.loads(texts[number]), tmp_path / "roll.json", 0
    for turn, place in enumerate(place for place in places(content) if ends(place, content)):
        for value in (*ODD, GONE)[turn % 5 :: 5]:
            file.write_text(json.dumps(edited(content, place, value)))
            problem = problem_of(file)
            refused += bool(problem)
            assert not problem or problem.startswith((f"{file}: this model ", f"{file}: this is no model"))
            assert len(problem) < 600
    assert refused > 200


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("blur", -1.0, "blur must be from 0 to 1000, not -1"),
        ("blur", None, "blur must be finite"),
        ("blur", "2.0", "blur must be a number, not <U3"),
        ("sigma", [1.0, 2.0], "sigma has 0 dimensions, but its values have 1"),
        ("exponent", 0, "exponent must be from 0.01 to 100, not 0"),
        ("flare", 1.0, "flare must be from 0 to 0.99, not 1"),
        ("offset", [1.0, 2.0], "band"),
        ("offset", [1.0, 2.0, None], "offset must be finite"),
        ("densest", [1.0, 2.0, [3.0]], "densest holds no numbers"),
        ("r2", 2.0, "r2 must be from -inf to 1, not 2"),
        ("displacement_coefficient", [[0.0], [0.0]], "displacement_coefficient must be numbers on"),
        ("ratio_bands", [1.0, 1.0, 0.0], "ratio_bands must be from 0.01 to 100"),
        ("information", [[1.0, 2.0], [2.0, 1.0]], "shared"),
        ("weight", [-1.0, 1.0, 1.0], "weight must be from 0"),
        ("slide_shift_y", [None, 1.0, 1.0], "slide_shift_y must be finite"),
    ],
)
def test_what_is_wrong_is_said(texts, tmp_path, name, data, message):
    content = json.loads(texts[1])
    content["model"]["data_vars"][name]["data"] = data
    (tmp_path / "roll.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"roll\.json: this .*" + message.replace("(", r"\(")):
        open_model(tmp_path / "roll.json")


def test_information_is_an_inverse_covariance(texts, tmp_path):
    content = json.loads(texts[1])
    for change in (lambda each: -each, lambda each: each + np.triu(np.abs(each), 1), np.zeros_like):
        data = np.array(content["model"]["data_vars"]["information"]["data"])
        changed = edited(content, ("model", "data_vars", "information", "data"), change(data).tolist())
        (tmp_path / "roll.json").write_text(json.dumps(changed))
        with pytest.raises(ModelError, match="information must be symmetric and positive"):
            open_model(tmp_path / "roll.json")


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_not_known_may_be_missing_and_a_slide_is_fitted(texts, tmp_path, sample, number):
    content = json.loads(texts[number])
    variables = content["model"]["data_vars"]
    variables["standard_error"]["data"][3] = variables["r2"]["data"] = None
    for name in ("displacement_scatter", "displacement_uncertainty", "maximum"):
        variables.pop(name, None)
    (tmp_path / "roll.json").write_text(json.dumps(content))
    model = from_dataset(open_model(tmp_path / "roll.json"))
    assert np.isfinite(fit_to_slide(model, sample).crosstalk.coefficient).all()


def test_a_dataset_is_checked_as_a_file_is(texts, tmp_path):
    (tmp_path / "roll.json").write_text(texts[1])
    model = open_model(tmp_path / "roll.json")
    for wrong in (
        model.assign(blur=-1.0),
        model.assign(blur=("band", [1.0, 1.0, 1.0])),
        model.assign(coefficient=model.coefficient.astype(str)),
        model.assign(sigma=np.nan),
        model.assign_attrs(film=1),
        model.drop_vars("slide"),
        model.isel(pointwise=slice(3)),
    ):
        with pytest.raises(ModelError, match="fit the roll again"):
            from_dataset(wrong)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "9" * 10**5, "\\ud8", '{"kind": []}', "1e999", "NaN"])
def test_another_file_is_no_model(tmp_path, text):
    (tmp_path / "roll.json").write_text(text, errors="surrogatepass")
    with pytest.raises(ModelError, match=r"roll\.json: this is no model"):
        open_model(tmp_path / "roll.json")
