import collections

import numpy as np
import pytest
import xarray as xr

from irtoolkit import plots
from irtoolkit.arrays import tiles
from irtoolkit.pictures import MARK
from irtoolkit.plots.slide_plots import TINT
from irtoolkit.schema import BANDS, DIMENSIONS, SlideError

SPECK = (11, 29)
PICTURES = (plots.plot_picture, plots.plot_infrared, plots.plot_residual, plots.plot_mask, plots.plot_healed)


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
def test_scales_show_stored_rows_and_columns(cleaned, ax, orientation, window):
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
def test_a_preview_can_replace_the_slide(cleaned, ax, plot):
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
    assert ax.get_title() == "Mask (whole slide: defects 1, marked 0.051 %)"


def test_a_tint_colours_the_marked_pixels_alone(cleaned, ax):
    plain, marked = (
        np.asarray(plot(cleaned, ax).images[-1].get_array(), float)
        for plot in (plots.plot_picture, lambda *given: plots.plot_mask(*given, style="tint"))
    )
    expected = plain.copy()
    expected[SPECK] = np.rint((1 - TINT) * plain[SPECK] + TINT * np.array(MARK))
    np.testing.assert_array_equal(marked, expected)
    assert (expected != plain).any()


def test_an_unknown_style_of_mask_is_refused(cleaned, ax):
    with pytest.raises(SlideError, match="outline, tint"):
        plots.plot_mask(cleaned, ax, style="glow")


def test_bands_have_a_panel_each_with_their_own_black_and_white(cleaned, ax):
    assert plots.plot_bands(cleaned, ax) is ax
    for place, panel in enumerate(ax.child_axes):
        counts = cleaned.counts.values[place]
        np.testing.assert_array_equal(panel.images[0].get_array(), counts)
        assert panel.images[0].get_clim() == pytest.approx(np.percentile(counts, [0.1, 99.9]))
        assert panel.texts[0].get_text().startswith(f"{BANDS[place]}: ")
    assert len(ax.child_axes) == 4
    assert place_of_brightest(ax.child_axes[3]) == pytest.approx({"row y (px)": SPECK[0], "column x (px)": SPECK[1]})


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_before_is_on_the_left_and_after_on_the_right(cleaned, ax, orientation):
    cleaned.attrs["orientation"] = orientation
    before, after, both = (
        np.asarray(plot(cleaned, ax).images[-1].get_array())
        for plot in (plots.plot_picture, plots.plot_healed, plots.plot_before_after)
    )
    middle = before.shape[1] // 2
    np.testing.assert_array_equal(both, np.concatenate([before[:, :middle], after[:, middle:]], axis=1))
    assert (before[:, middle:] != after[:, middle:]).any()
    left, right = ax.images[-1].get_extent()[:2]
    assert ax.lines[0].get_xdata()[0] == pytest.approx(left + (right - left) * middle / before.shape[1])
    assert [text.get_text() for text in ax.texts] == ["before", "after"]


def test_before_and_after_side_by_side(cleaned, ax):
    window = (slice(3, 20), slice(10, 45))
    plots.plot_before_after(cleaned, ax, window=window, side_by_side=True)
    drawn = [np.asarray(panel.images[0].get_array()) for panel in ax.child_axes]
    for plot, picture in zip((plots.plot_picture, plots.plot_healed), drawn, strict=True):
        np.testing.assert_array_equal(plot(cleaned, ax, window=window).images[-1].get_array(), picture)


def test_residual_is_black_at_the_limit_that_is_asked_for(cleaned, ax):
    assert plots.plot_residual(cleaned, ax, limit=0.25).images[0].get_clim() == (-0.25, 0.25)


def test_residual_is_dark_where_light_is_blocked(cleaned, ax):
    image = plots.plot_residual(cleaned, ax).images[0]
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(0.1, rel=0.2)
    assert image.cmap(image.norm(np.array([0.1]))).max() == 1
    assert image.cmap(1.0)[:3] == pytest.approx((0, 0, 0))


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
