import numpy as np
import pytest
import xarray as xr
from matplotlib.backend_bases import MouseEvent
from matplotlib.quiver import Quiver, QuiverKey

import irtoolkit as irt
from irtoolkit.alignment.displacement import constant_displacement
from irtoolkit.alignment.film import measure_film
from irtoolkit.alignment.registration import measure_displacement
from irtoolkit.arrays.samples import sample_tiles
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.widgets.alignment_explorer import VIEWS, describe_displacement, explore_alignment
from irtoolkit.widgets.views import View

SHAPE = 301, 427


@pytest.fixture(scope="module")
def explorer():
    return explore_alignment(irt.make_slide(3, SHAPE, scanner="plustek"))


def pictures(explorer):
    return [image.get_array() for ax in explorer.comparison.panels.drawing.figure.axes for image in ax.images]


def measured(shift, error=0.05, trusted=True, evidence=50.0):
    return constant_displacement(*shift, SHAPE)._replace(uncertainty=error, trusted=trusted, evidence=evidence)


def colour_of(picture):
    """Mean difference between red and the other two, in gray levels."""
    return float(np.abs(picture[..., 0].astype(float) - picture[..., 1]).mean())


def test_both_agree_better_once_aligned(explorer):
    explorer.comparison.mode.value = "side by side"
    scanned, aligned = pictures(explorer)
    assert colour_of(aligned) < 0.8 * colour_of(scanned)


def test_one_plane_alone_is_gray(explorer):
    explorer.comparison.mode.value = "all"
    shown = dict(zip(VIEWS, pictures(explorer), strict=True))
    assert {name for name, picture in shown.items() if colour_of(picture) == 0} == {
        "colour",
        "infrared as scanned",
        "infrared aligned",
    }


def test_the_displacement_is_that_of_a_script(explorer):
    cleaned = irt.clean_slide(irt.make_slide(3, SHAPE, scanner="plustek"))
    assert explorer.displacement.shift[0] == float(cleaned.shift_y)
    shift = f"shifted by {float(cleaned.shift_y):+.2f} rows and {float(cleaned.shift_x):+.2f} columns"
    assert shift in explorer.message.value


def test_every_piece_measures_its_displacement():
    slide = irt.make_slide(3, (801, 1203), scanner="plustek")
    counts = slide.counts.chunk()
    found = measure_displacement(sample_tiles(counts.data), measure_film(counts), counts.shape[1:])
    assert found.pieces.move.shape == (15, 2)
    near = found.pieces.error < 0.2
    assert near.sum() > 5
    missed = np.abs(found.pieces.move - found.shift)
    assert np.median(missed[near]) < 0.1


def test_the_displacement_in_words():
    known = "The infrared is shifted by +5.40 rows and -0.10 columns (± 0.05 px), the same everywhere."
    assert describe_displacement(measured((5.4, -0.1))) == known
    assert "(evidence 50 sigma, 10 needed). Nothing is shifted." in describe_displacement(
        measured((0, 0), trusted=False)
    )
    of_roll = "The roll's is used: +5.00 rows and +0.00 columns."
    assert of_roll in describe_displacement(measured((5, 0), trusted=False))


def test_the_words_say_how_much_the_displacement_varies():
    field = measured((2, 0))
    field.coefficient[0, 1] = 10.0
    assert "up to 1.50 px more or less elsewhere" in describe_displacement(field)


def key_of(explorer):
    """Length of the key's arrow in pixels, its words, and the slide pixels that an arrow is long per pixel."""
    (key,) = [one for one in explorer._map.drawing.figure.axes[0].get_children() if isinstance(one, QuiverKey)]
    return key.U, key.text.get_text(), 1 / key.Q.scale


def test_the_key_says_how_much_longer_the_arrows_are_drawn(explorer):
    explorer.less_shift.value = False
    length, words, factor = key_of(explorer)
    assert length in (1, 2, 5)
    assert words == f"{length:g} px (drawn {float(f'{factor:.1g}'):.0f} times as long)"
    fitted = next(one for one in explorer._map.drawing.figure.axes[0].collections if isinstance(one, Quiver))
    assert 0.08 < np.hypot(fitted.U, fitted.V).max() * factor / max(SHAPE) < 0.12


def test_where_the_shift_is_the_same_everywhere_a_sentence_takes_the_place_of_arrows():
    explorer = explore_alignment(irt.make_slide(3, SHAPE, scanner="plustek"))
    field = measured((5.4, -0.1))
    explorer._map._displacement = field
    explorer._map.draw_arrows(less_shift=True)
    (ax,) = explorer._map.drawing.figure.axes
    assert [text.get_text() for text in ax.texts] == ["the same everywhere\n(within 0.1 px)"]
    assert not [one for one in ax.get_children() if isinstance(one, Quiver)]
    field.coefficient[0, 1] = 10.0
    explorer._map.draw_arrows(less_shift=True)
    assert not ax.texts
    assert key_of(explorer)[0] == 1.0


def test_a_click_on_the_map_goes_there(explorer):
    figure = explorer._map.drawing.figure
    x, y = figure.axes[0].transData.transform((300, 90))
    event = MouseEvent("button_press_event", figure.canvas, x, y, button=1)
    figure.canvas.callbacks.process("button_press_event", event)
    assert explorer.comparison.view[:2] == pytest.approx((90, 300))
    (window,) = figure.axes[0].patches
    assert window.get_y() < 90 < window.get_y() + window.get_height()
    explorer.less_shift.value = True
    assert "minus that of the middle" in figure.axes[0].get_title()
    assert figure.axes[0].patches


def test_arrows_on_a_turned_slide_are_turned():
    slide = irt.make_slide(3, SHAPE, scanner="plustek")
    slide.attrs["orientation"] = 6
    explorer = explore_alignment(slide)
    fitted, _ = [one for one in explorer._map.drawing.figure.axes[0].collections if len(one.get_offsets())][:2]
    down, across = explorer.displacement.shift
    np.testing.assert_allclose(fitted.V, across, atol=0.2)
    np.testing.assert_allclose(fitted.U, -down, atol=0.2)
    explorer.comparison.go(View(20.5, 10.5, 0.5))
    assert "y 290, x 20:" in explorer.comparison.status.value


def test_a_slide_without_detail_is_shown_as_it_is():
    noise = np.random.default_rng(4).normal(20000, 300, (4, 150, 170)).astype(np.uint16)
    slide = xr.Dataset({"counts": (("band", "y", "x"), noise)}, {"band": ["R", "G", "B", "IR"]})
    explorer = explore_alignment(slide)
    assert "Nothing is shifted" in explorer.message.value
    assert explorer.comparison.view[:2] == (75, 85)


@pytest.mark.changes_sources
def test_slides_that_cannot_be_aligned_get_a_sentence(tmp_path):
    slide = irt.make_slide(3, (101, 103))
    assert "the slide has no infrared" in explore_alignment(slide.isel(band=slice(0, 3))).message.value
    assert explore_alignment(slide.isel(y=slice(0, 20))).comparison is None
    write_scanner_file(tmp_path / "gone.tif", slide.counts.values)
    opened = irt.open_slide(tmp_path / "gone.tif")
    (tmp_path / "gone.tif").unlink()
    assert "gone.tif" in explore_alignment(opened).message.value
