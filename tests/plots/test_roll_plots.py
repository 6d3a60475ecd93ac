import numpy as np
import pytest
import xarray as xr

from irtoolkit import SlideError, plots
from irtoolkit.plots.roll_plots import FIGURES, VERMILION, plot_roll


@pytest.fixture
def model():
    """Five slides with known values, the fourth of them an outlier."""
    names = ("slide_shift_y", "slide_shift_x", "slide_r2", "slide_slopes", "slide_sigma", "misfit")
    figures = {name: ("slide", step + np.array([1.0, 2, 3, 60, 5])) for step, name in enumerate(names)}
    outlier = ("slide", [False, False, False, True, False])
    return xr.Dataset(figures | {"outlier": outlier}, {"slide": [f"{letter}.tif" for letter in "abcde"]})


def points(line):
    return list(zip(*(values.tolist() for values in line.get_data()), strict=True))


def test_slides_are_counted_from_one_and_outliers_are_crosses_with_a_name(model, ax):
    assert plots.plot_roll(model, ax, figure="r2") is ax
    used, median, crosses = ax.lines
    assert points(used) == [(1, 3), (2, 4), (3, 5), (5, 7)]
    assert set(median.get_ydata()) == {4.5}
    assert points(crosses) == [(4, 62)]
    assert (crosses.get_marker(), crosses.get_color(), crosses.get_linestyle()) == ("X", VERMILION, "None")
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("d.tif", (4, 62))]
    assert ax.get_legend() is None


def test_both_shifts_differ_in_colour_and_in_mark(model, ax):
    plot_roll(model, ax)
    rows, columns = ax.lines[0], ax.lines[3]
    assert points(rows) == [(1, 1), (2, 2), (3, 3), (5, 5)]
    assert points(columns) == [(1, 2), (2, 3), (3, 4), (5, 6)]
    assert rows.get_color() != columns.get_color()
    assert rows.get_marker() != columns.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["rows down", "columns right"]


@pytest.mark.parametrize("figure", FIGURES)
def test_axes_name_the_quantity_and_its_unit(model, ax, figure):
    plot_roll(model, ax, figure=figure)
    assert ax.get_xlabel() == "slide of the roll"
    assert ax.get_ylabel().endswith(")")
    assert all(float(place).is_integer() for place in ax.get_xticks())


def test_a_roll_without_outliers_has_no_crosses(model, ax):
    plot_roll(model.assign(outlier=model.outlier & False), ax, figure="sigma")
    assert len(ax.lines[0].get_xdata()) == 5
    assert not ax.texts
    assert not points(ax.lines[2])


@pytest.mark.parametrize(("change", "found"), [(lambda model: model.isel(slide=0), "no"), (lambda model: model, "5")])
def test_a_model_of_one_slide_and_an_unknown_figure_are_refused(model, ax, change, found):
    with pytest.raises(SlideError, match=rf"one of shift, r2, slopes, sigma, misfit, found 'hue' .* {found} slides"):
        plot_roll(change(model), ax, figure="hue")
    with pytest.raises(SlideError, match="model of a roll"):
        plot_roll(model.isel(slide=0), ax)
