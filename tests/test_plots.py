import collections

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import irtoolkit as irt
from irtoolkit import plots, tiles
from irtoolkit.pictures import MARK
from irtoolkit.schema import BANDS, DIMENSIONS

matplotlib.use("Agg")

SPECK = (11, 29)
PICTURES = (plots.plot_picture, plots.plot_infrared, plots.plot_residual, plots.plot_mask, plots.plot_healed)


@pytest.fixture
def ax():
    yield plt.figure().subplots()
    plt.close("all")


@pytest.fixture
def cleaned(counts):
    """A slide as `clean_slide` describes it, with one pixel that is a defect, brightest in the infrared for once."""
    counts = counts // 2
    counts[(3, *SPECK)] = 65535
    mask = np.zeros(counts.shape[1:], bool)
    mask[SPECK] = True
    score = np.random.default_rng(5).standard_normal(mask.shape).astype(np.float32)
    score[SPECK] = 40
    planes = {"residual": score * np.float32(0.01), "score": score, "mask": mask}
    scalars = {"threshold": 4.5, "fdr": 0.02, "sigma": 0.01, "blur": 1.5, "shift_y": 5.4, "shift_x": -0.01}
    return xr.Dataset(
        {
            "counts": (DIMENSIONS, counts),
            "healed": (DIMENSIONS, counts[:, ::-1]),
            **{name: (DIMENSIONS[1:], plane) for name, plane in planes.items()},
            **scalars,
            "coverage": mask.mean(),
            "defects": 1,
        },
        {"band": list(BANDS)},
        {"source": "box/slide.tif", "film": "Kodak Portra 400", "scanner": "", "polarity": "negative"},
    ).chunk(y=10)


def place_of_brightest(ax):
    """Stored (y, x) of the brightest pixel of an image, read from the scales of its axes."""
    image = ax.images[0]
    drawn = np.asarray(image.get_array(), float)
    down, across = np.unravel_index(drawn.argmax(), drawn.shape)
    left, right, bottom, top = image.get_extent()
    horizontal = left + (across + 0.5) / drawn.shape[1] * (right - left)
    vertical = top + (down + 0.5) / drawn.shape[0] * (bottom - top)
    return {ax.get_xlabel(): horizontal, ax.get_ylabel(): vertical}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("window", [None, (slice(5, 30), slice(20, 50))])
def test_scales_tell_stored_rows_and_columns(cleaned, ax, orientation, window):
    cleaned.attrs["orientation"] = orientation
    plots.plot_infrared(cleaned, ax, window=window)
    expected = {"row y (px)": SPECK[0], "column x (px)": SPECK[1]}
    assert place_of_brightest(ax) == pytest.approx(expected)


@pytest.mark.parametrize("plot", PICTURES)
def test_each_picture_is_drawn_on_its_axes(cleaned, ax, plot):
    assert plot(cleaned, ax) is ax
    assert np.asarray(ax.images[0].get_array()).shape[:2] == (37, 53)
    assert ax.get_title()
    assert ax.get_xlabel() == "column x (px)"


@pytest.mark.parametrize("plot", PICTURES)
def test_a_preview_serves_in_place_of_the_slide(cleaned, ax, plot):
    window = (slice(2, 20), slice(4, 44))
    seen = plots.preview(cleaned, window=window)
    drawn = [np.asarray(plot(slide, ax, window=window).images[-1].get_array()) for slide in (cleaned, seen)]
    np.testing.assert_array_equal(*drawn)


def test_window_keeps_the_colours_of_the_whole_slide(cleaned, ax):
    whole = np.asarray(plots.plot_picture(cleaned, ax).images[-1].get_array())
    part = plots.plot_picture(cleaned, ax, window=(slice(5, 12), slice(20, 40))).images[-1].get_array()
    np.testing.assert_array_equal(part, whole[5:12, 20:40])


def test_mask_is_outlined_and_counted(cleaned, ax):
    plots.plot_mask(cleaned, ax)
    marked = (np.asarray(ax.images[0].get_array()) == MARK).all(axis=2)
    y, x = SPECK
    assert sorted(map(tuple, np.argwhere(marked))) == [(y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)]
    assert ax.get_title() == "Mask (whole slide: defects 1, coverage 0.05%)"


def test_residual_is_dark_where_light_is_blocked(cleaned, ax):
    image = plots.plot_residual(cleaned, ax).images[0]
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(0.1, rel=0.2)
    assert image.cmap(image.norm(np.array([0.1]))).max() == 1
    assert image.cmap(1.0)[:3] == pytest.approx((0, 0, 0))


def test_histogram_counts_every_seen_pixel_and_mirrors_the_bright_side(ax):
    score = np.zeros((30, 40), np.float32)
    score.ravel()[:500] = np.repeat(np.float32([-1.05, 0.55, 1.05, 99.0]), [100, 270, 120, 10])
    cleaned = xr.Dataset({"score": (("y", "x"), score), "threshold": 4.25, "fdr": 0.021}).chunk(y=7)
    assert plots.plot_score_histogram(cleaned, ax) is ax
    pixels, edges, _ = ax.patches[0].get_data()
    found = dict(zip(edges[:-1].round(1), pixels, strict=True))
    assert {edge: number for edge, number in found.items() if number} == {-1.1: 100, 0.5: 270, 1.0: 120, 14.9: 10}
    mirrored, normal, threshold = ax.lines
    x, y = mirrored.get_data()
    assert [(round(at, 2), number) for at, number in zip(x, y, strict=True) if number > 0] == [(1.05, 100)]
    assert normal.get_ydata().sum() == pytest.approx(500, rel=1e-6)
    assert threshold.get_xdata() == [4.25, 4.25]
    assert ax.get_yscale() == "log"
    assert "2.1%" in ax.get_title()


def test_no_line_where_nothing_can_be_accepted(cleaned, ax):
    plots.plot_score_histogram(cleaned.assign(threshold=float("inf")), ax)
    assert len(ax.lines) == 2


class CountingReader:
    """Zeros over (4, 2000, 1200) that remember how often each place was read."""

    shape, dtype = (4, 2000, 1200), np.dtype(np.uint16)

    def __init__(self):
        self.reads = collections.Counter()

    def __getitem__(self, key):
        self.reads[tuple((part.start, part.stop) for part in key)] += 1
        return np.zeros([part.stop - part.start for part in key], self.dtype)


@pytest.mark.parametrize("window", [None, (slice(100, 300), slice(0, 50))])
def test_large_slides_are_read_once_and_drawn_small(ax, window):
    reader = CountingReader()
    counts = tiles.from_reader(reader, ((3, 1), (441,) * 4 + (236,), (1200,)), f"counting-{window}")
    slide = xr.Dataset({"counts": (DIMENSIONS, counts)}, {"band": list(BANDS)})
    plots.plot_picture(slide, ax, window=window)
    assert max(reader.reads.values()) == 1
    drawn = np.asarray(ax.images[0].get_array()).shape[:2]
    assert drawn == ((667, 400) if window is None else (200, 50))


def test_six_plots_of_a_cleaned_slide(tmp_path):
    path = irt.make_roll(tmp_path, seed=4, count=2, shape=(180, 260))[1]
    cleaned = irt.clean_slide(irt.open_slide(path))
    figure = plots.plot_slide(cleaned, window=(slice(10, 100), slice(20, 160)))
    try:
        titles = [ax.get_title().split(":")[0].split(" (")[0] for ax in figure.axes if ax.get_title()]
        names = ["Colour as scanned", "Infrared as scanned", "Residual", "Mask", "Healed", "Score"]
        assert titles == names
        assert "slide_02.tif" in figure.get_suptitle()
        figure.savefig(tmp_path / "six.png", dpi=40)
    finally:
        plt.close(figure)
