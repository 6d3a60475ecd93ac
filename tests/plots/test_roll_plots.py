import numpy as np
import pytest

from irtoolkit import SlideError, plots
from irtoolkit.alignment import UsualDisplacement
from irtoolkit.crosstalk import POINTWISE, SHARED, TERMS, Crosstalk, FilmCurve, Pooled
from irtoolkit.detection import PLAIN, SQUARED, Noise
from irtoolkit.healing import Ratio
from irtoolkit.model import Model, OneSlide, Slides, to_dataset
from irtoolkit.plots.roll_plots import FIGURES, VERMILION, plot_roll


def model_of(basis):
    curve = FilmCurve(1.0, np.zeros(3), np.zeros(3), np.ones(3), 0.0, np.ones(3))
    coefficients = np.zeros(len(POINTWISE)), np.zeros(len(TERMS)), np.zeros(len(TERMS))
    crosstalk = Crosstalk(curve, *coefficients, *[0.0] * 5)
    return to_dataset(Model(crosstalk, UsualDisplacement(np.zeros((2, 5))), basis, "", ""))


def roll_with(outlier):
    """Five slides whose figures are known by their place; 0 is the weight of an outlier."""
    shift_y, shift_x, *figures = (step + np.array([1.0, 2, 3, 60, 5]) for step in range(6))
    pooled = Pooled(np.eye(len(SHARED)), 1.0, *figures, np.where(outlier, 0.0, 0.25))
    names = tuple(f"{letter}.tif" for letter in "abcde")
    ratios = np.array([[1.0, 1.1, 1.2], [1.1, 1.2, 1.3], [np.nan] * 3, [2.0, 2.1, 2.2], [1.3, 1.4, 1.5]])
    return model_of(Slides(pooled, names, shift_y, shift_x, Ratio((1.0, 1.1, 1.2), 0.1, 0.1), ratios))


@pytest.fixture
def model():
    """The fourth slide is an outlier."""
    return roll_with([False, False, False, True, False])


@pytest.fixture
def model_of_one():
    features = np.zeros(len(PLAIN) + len(SQUARED))
    return model_of(OneSlide(Noise(features, features, features, *np.zeros((3, len(PLAIN)))), 0.01))


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


def test_the_ratio_of_each_band_has_a_gap_where_a_slide_shows_no_defect(model, ax):
    plot_roll(model, ax, figure="ratio")
    green, median = ax.lines[3:5]
    np.testing.assert_array_equal(green.get_xydata(), [(1, 1.1), (2, 1.2), (3, np.nan), (5, 1.4)])
    assert set(median.get_ydata()) == {1.2}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["red", "green", "blue"]


@pytest.mark.parametrize("figure", FIGURES)
def test_axes_name_the_quantity_and_its_unit(model, ax, figure):
    plot_roll(model, ax, figure=figure)
    assert ax.get_xlabel() == "slide of the roll"
    assert ax.get_ylabel().endswith(")")
    assert all(float(place).is_integer() for place in ax.get_xticks())


def test_a_roll_without_outliers_has_no_crosses(ax):
    plot_roll(roll_with(np.zeros(5, bool)), ax, figure="sigma")
    assert len(ax.lines[0].get_xdata()) == 5
    assert not ax.texts
    assert not points(ax.lines[2])


@pytest.mark.parametrize(("kind", "found"), [("model_of_one", "no"), ("model", "5")])
def test_a_model_of_one_slide_and_an_unknown_figure_are_refused(request, model_of_one, ax, kind, found):
    with pytest.raises(
        SlideError, match=rf"one of shift, r2, slopes, sigma, ratio, misfit, not 'hue' .* {found} slides"
    ):
        plot_roll(request.getfixturevalue(kind), ax, figure="hue")
    with pytest.raises(SlideError, match="model of a roll"):
        plot_roll(model_of_one, ax)
