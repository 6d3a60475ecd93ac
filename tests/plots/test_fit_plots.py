import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.quiver import Quiver, QuiverKey

from irtoolkit import plots
from irtoolkit.alignment import Displacement, Pieces
from irtoolkit.detection.histogram import (
    measure_histogram,
    threshold_otsu,
    threshold_slope,
    threshold_triangle,
    threshold_yen,
)
from irtoolkit.detection.measurement import measure_defects
from irtoolkit.plots.score_plots import NAME_SPACING
from irtoolkit.schema import SlideError


def scored(score, threshold=4.25, fdr=0.021):
    return xr.Dataset({"score": (("y", "x"), score), "threshold": threshold, "fdr": fdr}).chunk(y=7)


@pytest.fixture
def dusty():
    """Scores of noise, and of one pixel in fifty that is dust."""
    rng = np.random.default_rng(2)
    score = rng.standard_normal((211, 307)).astype(np.float32)
    score.ravel()[::50] += rng.uniform(4, 30, len(score.ravel()[::50]))
    return scored(score)


def test_histogram_counts_every_seen_pixel_and_mirrors_the_bright_side(ax):
    score = np.zeros((30, 40), np.float32)
    score.ravel()[:500] = np.repeat(np.float32([-1.05, 0.55, 1.05, 99.0]), [100, 270, 120, 10])
    assert plots.plot_histogram(scored(score), ax, methods=()) is ax
    pixels, edges, _ = ax.patches[0].get_data()
    found = dict(zip(edges[:-1].round(1), pixels, strict=True))
    assert {edge: number for edge, number in found.items() if number} == {-1.1: 100, 0.5: 270, 1.0: 120, 14.9: 10}
    mirrored, normal, threshold = ax.lines
    x, y = mirrored.get_data()
    assert [(round(at, 2), number) for at, number in zip(x, y, strict=True)] == [(1.05, 100)]
    assert normal.get_ydata().sum() == pytest.approx(500, rel=1e-6)
    assert threshold.get_xdata() == [4.25, 4.25]
    assert ax.get_yscale() == "log"
    assert "about 2.1 % of the marks are probably false" in ax.get_title()


def test_an_infinite_threshold_has_no_line(dusty, ax):
    plots.plot_histogram(dusty.assign(threshold=float("inf")), ax, methods=())
    assert len(ax.lines) == 2


def test_thresholds_of_all_methods_are_drawn_where_they_cut_with_their_names_apart(dusty, ax):
    plots.plot_histogram(dusty, ax)
    histogram = measure_histogram(dusty.score)
    finds = {"otsu": threshold_otsu, "yen": threshold_yen, "triangle": threshold_triangle, "slope": threshold_slope}
    expected = {f"{name} {find(histogram):.1f}": find(histogram) for name, find in finds.items()}
    cuts = dict(
        zip([text.get_text() for text in ax.texts], [line.get_xdata()[0] for line in ax.lines[3:]], strict=True)
    )
    assert cuts == expected
    names = np.array([text.get_position()[0] for text in ax.texts])
    left, right = ax.get_xlim()
    assert np.diff(names).min() >= NAME_SPACING * (right - left) * 0.999
    assert (names >= list(cuts.values())).all()


def test_a_threshold_far_out_is_within_the_axis(dusty, ax):
    plots.plot_histogram(dusty.assign(threshold=22.3), ax, methods=())
    assert ax.get_xlim() == (-6, 24)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["-5", "0", "5", "10", "15", "20", "24+"]


def crosstalk(slope=0.1, number=4000, left=0.002):
    """Densities of film whose infrared is 0.2 plus a share of the red, plus noise."""
    rng = np.random.default_rng(1)
    density = rng.uniform(0.3, 1.8, (3, number)).astype(np.float32)
    ghost = 0.2 + slope * density[0]
    planes = {"infrared": ("pixel", ghost + left * rng.standard_normal(number)), "ghost": ("pixel", ghost)}
    return xr.Dataset({"density": (("band", "pixel"), density), **planes}, {"band": ["R", "G", "B"]})


def test_crosstalk_before_follows_the_fit_and_after_is_flat(ax):
    pixels = crosstalk(number=20_000)
    assert plots.plot_crosstalk(pixels, ax) is ax
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, 0.2 + 0.1 * x, atol=0.001)
    counted = np.asarray(ax.images[0].get_array())
    assert 0.99 * 20_000 < counted.sum() <= 20_000
    span = np.diff(ax.get_ylim())
    plots.plot_crosstalk(pixels, ax, corrected=True)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 0, atol=0.002)
    assert np.diff(ax.get_ylim()) == pytest.approx(span)
    assert ax.get_ylabel() == "residual density (log10)"


def test_crosstalk_of_a_band_without_crosstalk_is_level(ax):
    plots.plot_crosstalk(crosstalk(number=40000), ax, band="G")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 0.2 + 0.1 * 1.05, atol=0.01)
    assert ax.get_xlabel() == "density of G (log10)"


def test_crosstalk_of_even_film_can_be_drawn(ax):
    even = crosstalk(slope=0.0, left=0.0)
    even["density"] = xr.full_like(even.density, 0.5)
    plots.plot_crosstalk(even, ax)
    assert np.asarray(ax.images[0].get_array()).sum() == 4000


def test_crosstalk_of_an_unknown_band_is_refused(ax):
    with pytest.raises(SlideError, match="R, G, B"):
        plots.plot_crosstalk(crosstalk(), ax, band="IR")


def test_crosstalk_of_a_slide_is_sampled_and_fitted(plustek_slide, ax):
    plots.plot_crosstalk(plustek_slide, ax, band="B")
    assert np.asarray(ax.images[0].get_array()).sum() > 10_000


def displaced(trusted=True):
    """A drift of one pixel over a thousand rows, measured by four pieces, one of them badly."""
    coefficient = np.array([[5.4, 1.0, 0, 0, 0], [-2.0, 0, 0, 0, 0]])
    places = np.array([[0.0, 100.0], [500, 300], [1000, 500], [500, 0]])
    measured = np.array([[4.9, -2.0], [5.4, -2.0], [5.9, -2.0], [7.4, -2.5]])
    pieces = Pieces(places, measured, np.array([0.05, 0.05, 0.05, 3.0]))
    return Displacement(coefficient, (1001, 601), uncertainty=0.03, trusted=trusted, pieces=pieces)


def test_displacement_shows_the_pieces_and_the_field_relative_to_the_centre(ax):
    assert plots.plot_displacement(displaced(), ax) is ax
    field, pieces = (artist for artist in ax.collections if isinstance(artist, Quiver))
    np.testing.assert_allclose(field.V, [-0.5, 0, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(field.U, 0, atol=1e-6)
    np.testing.assert_allclose(pieces.V, [-0.5, 0, 0.5, 2.0])
    np.testing.assert_allclose(pieces.U, [0, 0, 0, -0.5])
    assert pieces.get_alpha()[3] < 0.2 < 0.9 < pieces.get_alpha()[0]
    bottom, top = ax.get_ylim()
    assert bottom > top
    assert "+5.40 rows, -2.00 columns (± 0.03 px)" in ax.get_title(loc="left")


def test_the_key_is_between_axes_and_title_and_says_how_much_longer_arrows_are_drawn():
    figure = plt.figure(figsize=(8, 5), layout="constrained")
    ax = plots.plot_displacement(displaced(), figure.subplots())
    figure.canvas.draw()
    (key,) = [one for one in ax.get_children() if isinstance(one, QuiverKey)]
    words, title = key.text.get_window_extent(), ax.title if ax.get_title() else ax._left_title
    assert ax.bbox.y1 < words.y0 < words.y1 < title.get_window_extent().y0
    assert key.text.get_text() == "0.5 px (drawn 400 times as long)"
    assert 1 / key.Q.scale == pytest.approx(400, rel=0.1)
    plt.close(figure)


def test_a_displacement_that_is_the_same_everywhere_has_no_arrows(ax):
    steady = displaced()
    steady.coefficient[0, 1] = 0
    near = steady._replace(pieces=steady.pieces._replace(move=np.tile([5.45, -2.0], (4, 1))))
    plots.plot_displacement(near, ax)
    assert [text.get_text() for text in ax.texts] == ["the same everywhere (within 0.1 px)"]
    assert not [one for one in ax.get_children() if isinstance(one, Quiver)]


@pytest.mark.parametrize("pieces", [True, False])
def test_the_title_says_if_no_shift_could_be_measured(ax, pieces):
    nothing = displaced(trusted=False)
    plots.plot_displacement(nothing if pieces else nothing._replace(pieces=None), ax)
    assert "No shift could be measured" in ax.get_title(loc="left")


def table(dpi=None):
    residual = xr.DataArray(np.zeros((90, 200), np.float32), dims=("y", "x"))
    residual[10:13, 5:180] = 0.3
    for column in range(10, 190, 20):
        residual[40:44, column : column + 4] = 0.1
    return measure_defects(residual > 0, residual / 0.01, residual, dpi=dpi)


@pytest.mark.parametrize(("dpi", "label", "length"), [(None, "length (px)", 175), (2540, "length (µm)", 1750)])
def test_defects_are_counted_by_kind_and_size(ax, dpi, label, length):
    assert plots.plot_defects(table(dpi), ax) is ax
    counted = {patch.get_label(): patch.get_data() for patch in ax.patches}
    assert {name: values.sum() for name, (values, *_) in counted.items()} == {
        "dust: 9": 9,
        "hair: 0": 0,
        "scratch: 1": 1,
    }
    values, edges, _ = counted["scratch: 1"]
    place = int(np.argmax(values))
    assert edges[place] <= length < edges[place + 1]
    assert ax.get_xlabel() == label


def test_defects_by_area(ax):
    plots.plot_defects(table(2540), ax, size="area")
    values, edges, _ = ax.patches[0].get_data()
    assert edges[np.argmax(values)] <= 1600 < edges[np.argmax(values) + 1]
    assert ax.get_xlabel() == "area (µm²)"


def test_no_defects_and_an_unknown_size(ax):
    plots.plot_defects(table().isel(defect=slice(0)), ax)
    assert ax.get_title() == "No defects"
    with pytest.raises(SlideError, match="length, width, area"):
        plots.plot_defects(table(), ax, size="weight")


def test_everything_can_be_rendered(dusty, tmp_path):
    for plot, given in (
        (plots.plot_histogram, dusty),
        (plots.plot_crosstalk, crosstalk()),
        (plots.plot_displacement, displaced()),
        (plots.plot_defects, table(2540)),
    ):
        figure, one = plt.subplots(layout="constrained")
        plot(given, one)
        figure.savefig(tmp_path / "plot.png", dpi=40)
