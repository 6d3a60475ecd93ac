"""Places of a slide in turn, each in the middle of its picture."""

import cv2
import numpy as np
import pytest
import xarray as xr

from irtoolkit.pictures import MARK, orient
from irtoolkit.settings import Settings
from irtoolkit.widgets.close_up import GAP, PANEL, SIZE, CloseUp, Regions
from irtoolkit.widgets.views import RING

HEIGHT, WIDTH = 301, 402
LARGE, SMALL, PIECE, CORNER, UNSEEN = (150, 200), (40, 310), (40, 318), (0, 0), (290, 7)


def regions_at(places, score, visibility):
    """Squares of 3 px from these places on, one region each, but for a place that names its region."""
    index = [((y + dy) * WIDTH + x + dx, region) for (y, x), region in places for dy in range(3) for dx in range(3)]
    pixels, owner = np.array(sorted(index)).T
    figures = {"score": ("region", np.array(score)), "visibility": ("region", np.array(visibility))}
    return xr.Dataset({"pixel_index": ("pixel", pixels), "pixel_region": ("pixel", owner), **figures})


MARKED = regions_at([(LARGE, 0), (SMALL, 1), (PIECE, 1)], [9.0, 2.0, 1.0], [8.0, 4.0, 4.0])
UNMARKED = regions_at([(UNSEEN, 0), (CORNER, 1)], [7.0, 1.5], [1.0, 3.5]).assign(why=("region", ["too faint", "odd"]))


def close_up(orientation=1, marked=MARKED, **settings):
    """A close-up of a slide that is black but for the upper left pixel of each place, also in infrared."""
    counts = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    for y, x in (LARGE, SMALL, PIECE, CORNER, UNSEEN):
        counts[:, y, x] = 255
    slide = xr.Dataset({"counts": (("band", "y", "x"), counts)}, attrs={"orientation": orientation})
    infrared = xr.DataArray(counts[0].astype(np.float32), dims=("y", "x"))
    shown = CloseUp(slide, lambda bands: orient(np.moveaxis(bands.values, 0, -1), orientation), infrared)
    shown.show(Regions(Settings(**settings), marked, lambda: UNMARKED))
    return shown


def panels(shown):
    """The colour and the infrared."""
    seen = cv2.imdecode(np.frombuffer(shown.image.value, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert seen.shape == (*SIZE, 3)
    return seen[:, : PANEL[1]], seen[:, PANEL[1] + GAP :]


def picture(shown):
    return panels(shown)[0]


def alike(seen, colour):
    return np.argwhere(np.abs(seen - np.array(colour)).max(axis=2) < 60)


def first_words(shown, kind, number):
    return [(shown.caption.value, shown.steps[kind].click())[0].split(":")[0] for _ in range(number)]


def test_marked_places_are_counted_as_defects_the_least_certain_first():
    shown = close_up()
    words = first_words(shown, "marked", 4)
    assert words == [f"Marked place {at} of 3, least certain first" for at in (1, 2, 3, 1)]
    shown = close_up()
    assert "9 px, contrast 4.0, score 2.00 sigma." in shown.caption.value
    assert "sigma" in close_up(threshold=5.0).caption.value
    assert "sigma" not in close_up(threshold="otsu").caption.value


def test_unmarked_places_with_enough_contrast_come_first():
    shown = close_up()
    shown.steps["unmarked"].click()
    place = "Unmarked place 1 of 2, strongest first: 9 px, contrast 3.5, score 1.50 sigma. Left alone: odd."
    assert shown.caption.value == place
    shown.steps["unmarked"].click()
    assert shown.caption.value.endswith("9 px, contrast 1.0, score 7.00 sigma. Left alone: too faint.")
    shown.steps["marked"].click()
    assert shown.caption.value.startswith("Marked place 2 of 3")


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(("kind", "turns"), [("marked", 0), ("marked", 2), ("unmarked", 1), ("unmarked", 2)])
def test_the_place_is_in_the_middle_with_a_ring_around_it(orientation, kind, turns):
    shown = close_up(orientation)
    for _ in range(turns):
        shown.steps[kind].click()
    middle = np.array(PANEL) / 2
    for seen in panels(shown):
        ring = alike(seen, RING)
        np.testing.assert_allclose(ring.mean(axis=0), middle, atol=1.5)
        radius = np.hypot(*(ring - middle).T)
        assert 8 < radius.min() < radius.max() < 18
        bright = np.argwhere(seen.min(axis=2) > 200)
        assert np.abs(bright - middle).max(axis=1).min() <= 4


def test_only_what_is_marked_is_outlined_and_that_can_be_left_out():
    shown = close_up()
    outlines = alike(picture(shown), MARK)
    assert len(outlines) > 30
    shown.outline(False)
    assert len(alike(picture(shown), MARK)) == 0
    shown.outline(True)
    np.testing.assert_array_equal(alike(picture(shown), MARK), outlines)
    shown.steps["unmarked"].click()
    assert len(alike(picture(shown), MARK)) == 0


def test_a_place_larger_than_the_picture_is_seen_whole():
    hair = regions_at([((150, x), 0) for x in range(3, 390, 3)], [50.0], [9.0])
    outlines = alike(picture(close_up(marked=hair)), MARK)
    assert np.ptp(outlines[:, 1]) == pytest.approx(PANEL[1] / 3, abs=6)


def test_where_there_is_no_place_a_sentence_says_so():
    shown = close_up(marked=MARKED.isel(pixel=slice(0)))
    assert (shown.caption.value, shown.image.value) == ("There is no marked place.", b"")
    shown.steps["unmarked"].click()
    assert shown.image.value
    shown.outline(False)
    shown.steps["marked"].click()
    assert shown.image.value == b""
