"""Every variable that a public function returns has a name to read and a unit, which xarray writes on its plots."""

from importlib import import_module

import matplotlib.pyplot as plt
import pytest
import xarray as xr

import irtoolkit as irt
from irtoolkit import plots, widgets
from irtoolkit.schema import MODEL, VARIABLES, describe


def returning_datasets():
    """Public functions that return a Dataset, as door.name."""
    for door in ("irtoolkit", "irtoolkit.plots", "irtoolkit.widgets"):
        for name in import_module(door).__all__:
            if getattr(getattr(import_module(door), name), "__annotations__", {}).get("return") is xr.Dataset:
                yield f"{door}.{name}"


@pytest.fixture(scope="module")
def models(plustek_slide):
    """A model of one slide, and one of a roll."""
    other = irt.make_slide(4, (301, 427), scanner="plustek", roll=3)
    return irt.fit_roll([plustek_slide]), irt.fit_roll([plustek_slide, other])


@pytest.fixture(scope="module")
def datasets(plustek_slide, models, cleaned, cleaned_folder, tmp_path_factory):
    """Datasets of every public function, by its name."""
    home, out = tmp_path_factory.mktemp("described"), cleaned_folder / "out"
    source = cleaned_folder / "a.tif"
    written = [irt.write_model(model, home / f"{place}.json") for place, model in enumerate(models)]
    run = irt.clean_archive(source, home / "run", settings=irt.Settings(heal="none"), workers=1, quiet=True)
    sampled = plots.sample_crosstalk(plustek_slide)
    from_files = widgets.open_cleaned(source, out / "a_mask.tif", out / "a_clean.tif")
    table = irt.measure_defects(cleaned.mask, cleaned.score, cleaned.residual, xr.ones_like(cleaned.residual), dpi=4000)
    return {
        "irtoolkit.make_slide": [plustek_slide],
        "irtoolkit.open_slide": [irt.open_slide(source), xr.open_dataset(source, engine="irtoolkit", chunks={})],
        "irtoolkit.clean_slide": [cleaned],
        "irtoolkit.measure_defects": [table],
        "irtoolkit.fit_roll": models,
        "irtoolkit.open_model": [irt.open_model(file) for file in written],
        "irtoolkit.clean_archive": [run],
        "irtoolkit.open_results": [irt.open_results(home / "run")],
        "irtoolkit.plots.preview": [plots.preview(cleaned)],
        "irtoolkit.plots.explain_pixels": [plots.explain_pixels(sampled, sampled.crosstalk)],
        "irtoolkit.plots.preview_residual": [plots.preview_residual(sampled, sampled.crosstalk, 0)],
        "irtoolkit.widgets.open_cleaned": [from_files],
    }


def test_every_public_function_that_returns_a_dataset_is_looked_at(datasets):
    assert set(datasets) == set(returning_datasets())


@pytest.mark.parametrize("function", list(returning_datasets()))
def test_every_variable_has_a_long_name_and_units(datasets, function):
    for dataset in datasets[function]:
        assert dataset.variables
        for name, variable in dataset.variables.items():
            assert variable.attrs.get("long_name"), name
            assert variable.attrs.get("units"), name


def test_a_model_keeps_them_in_its_file(models, datasets):
    for model, read in zip(models, datasets["irtoolkit.open_model"], strict=True):
        assert {name: variable.attrs for name, variable in read.variables.items()} == {
            name: variable.attrs for name, variable in model.variables.items()
        }


def test_what_is_lazy_stays_so(cleaned):
    assert all(cleaned[name].chunks for name in ("counts", "infrared", "residual", "score", "mask", "healed"))


def test_the_units_are_those_of_the_values(cleaned, models):
    units = {name: cleaned[name].attrs["units"] for name in ("counts", "shift_y", "score", "coverage")}
    assert units == {"counts": "count", "shift_y": "px", "score": "sigma", "coverage": "1"}
    assert models[1].weight.attrs["long_name"] == "weight of the slide in the roll"
    assert VARIABLES["weight"] != MODEL["weight"]


def test_a_dataset_is_described_without_a_change_to_the_given_one():
    given = xr.Dataset({"score": ("x", [1.0], {"of": "a test"}), "own": 1})
    described = describe(given)
    assert described.score.attrs == {"of": "a test", "long_name": VARIABLES["score"][0], "units": "sigma"}
    assert given.score.attrs == {"of": "a test"}
    assert described.own.attrs == {}


def test_xarray_writes_them_on_its_plots(cleaned, ax):
    image = cleaned.score.plot(ax=ax)
    assert image.colorbar.ax.get_ylabel().replace("\n", " ") == "score: residual over local noise [sigma]"
    plt.close("all")
