"""Thresholds tried on a slide, by script and in a widget."""

import ipywidgets
import numpy as np
import pytest
import xarray as xr
from matplotlib.backend_bases import MouseEvent

import irtoolkit as irt
from irtoolkit.detection.exceedances import measure_exceedances
from irtoolkit.detection.ranking import explained_by_picture
from irtoolkit.detection.segmentation import join_regions
from irtoolkit.plots import percent
from irtoolkit.widgets import drawing, explore_threshold
from irtoolkit.widgets.trials import Trials, _why_left_alone


@pytest.fixture(scope="module")
def slide():
    return irt.make_slide(5, (301, 402), scanner="plustek", roll=1)


@pytest.fixture(scope="module")
def trials(slide):
    return Trials(slide)


def everything_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything_in(child)


def message(explorer):
    return explorer.children[0].value


def middle_of(ax, sigma):
    """The place on the canvas at this score, halfway up the histogram."""
    return ax.transData.transform((sigma, 1))[0], (ax.bbox.y0 + ax.bbox.y1) / 2


def drag(explorer, *sigmas, released=None):
    """Press the mouse at the first of these places of the histogram, move to the others, and let go there or aside."""
    canvas = explorer.histogram.drawing.figure.canvas
    (ax,) = canvas.figure.axes
    for number, sigma in enumerate(sigmas):
        x, y = middle_of(ax, sigma)
        name = "motion_notify_event" if number else "button_press_event"
        canvas.callbacks.process(name, MouseEvent(name, canvas, x, y, button=1))
    x, y = middle_of(ax, sigmas[-1] if released is None else released)
    canvas.callbacks.process("button_release_event", MouseEvent("button_release_event", canvas, x, y, button=1))


@pytest.mark.parametrize("threshold", ["mirror", 5.5, 2.4, "slope", "local", "ratio", "raw:100"])
def test_a_trial_marks_what_cleaning_marks(slide, trials, threshold):
    settings = irt.Settings(threshold=threshold, visibility=2.0, false_discovery_rate=0.1, excluded=[[0, 0, 60, 300]])
    choice, cleaned = trials.choose(settings), irt.clean_slide(slide, settings=settings)
    marked = np.flatnonzero(cleaned.mask.values)
    np.testing.assert_array_equal(np.sort(choice.defects.pixel_index.values), marked)
    assert (choice.threshold, choice.rate) == (float(cleaned.threshold), float(cleaned.fdr))


def test_the_slide_is_scored_once(trials, monkeypatch):
    trials.choose(irt.Settings())
    monkeypatch.setattr("irtoolkit.widgets.trials.measure_candidates", None)
    fewer = [trials.choose(irt.Settings(threshold=sigma)).defects.sizes["pixel"] for sigma in (3.5, 6.0, 12.0)]
    assert fewer == sorted(fewer, reverse=True)


def test_the_explorer_counts_the_defects_that_cleaning_counts(slide):
    explorer, cleaned = explore_threshold(slide), irt.clean_slide(slide)
    defects = int(cleaned.defects)
    assert defects != explorer.choice.defects.sizes["region"]
    assert f"<b>{defects} defects marked</b> ({percent(float(cleaned.coverage))} of the slide)" in message(explorer)
    false = round(defects * explorer.choice.rate)
    words = f"about {false} of them {'are' if false > 1 else 'is'} probably false"
    words = words if false else "probably none of them is false"
    threshold, shown = explorer.choice.threshold, explorer._number.value
    assert message(explorer).endswith(f"; {words}. Threshold {shown:.2f} sigma.")
    assert shown <= threshold < shown + 0.01
    explorer._method.value = "a fixed number of sigma"
    assert message(explorer).startswith(f"<b>{defects} defects marked</b>")
    assert f"Marked place 1 of {defects}," in explorer._pictures.close_up.caption.value


@pytest.mark.parametrize("threshold", ["mirror", 4.7])
def test_a_region_is_either_marked_or_among_the_unmarked(trials, threshold):
    settings = irt.Settings(threshold=threshold, visibility=2.0)
    marked, unmarked = trials.choose(settings).defects, trials.find_unmarked(settings)
    evidence, blur = trials.scored.evidence, trials.scored.crosstalk.blur
    regions = join_regions(measure_exceedances(evidence, infrared_blur=blur), sign=1)
    pixels, owner = regions.pixel_index.values, regions.pixel_region.values
    touched, left = (np.unique(owner[np.isin(pixels, side.pixel_index)]) for side in (marked, unmarked))
    assert min(len(touched), len(left)) > 5
    assert sorted([*touched, *left]) == np.unique(owner).tolist()


def test_nothing_unmarked_reaches_a_number_if_all_is_seen(trials):
    settings = irt.Settings(threshold=4.7, visibility=0.0)
    marked, unmarked = trials.choose(settings).defects, trials.find_unmarked(settings)
    assert unmarked.score.max() < 4.7 <= marked.score.min()


def test_what_is_left_alone_below_the_threshold_scores_less_and_other_rules_are_named():
    trials = Trials(irt.make_slide(11, (300, 450), scanner="plustek", roll=1))
    for threshold in ("mirror", 5.5):
        settings = irt.Settings(threshold=threshold)
        unmarked, least = trials.find_unmarked(settings), trials.choose(settings).threshold
        why, score = unmarked.why.values, unmarked.score.values
        assert (unmarked.visibility.values[why == "below the visibility of 3"] < 3).all()
        assert (score[why == "below the threshold"] < least).all()
        followed = why == "its infrared follows the picture"
        assert explained_by_picture(unmarked)[followed].tolist() == [True, True]
    assert trials.choose(irt.Settings()).threshold < 4.5 < score[followed].max()


def test_the_first_rule_that_leaves_a_region_alone_is_named():
    figures = {"infrared_step": 0.1, "loss": 0.1, "red": 0.1, "green": 0.1, "blue": 0.1, "length": 9, "breadth": 3}
    pixels = {"pixel_index": ("pixel", [0, 9, 12, 15, 18]), "pixel_region": ("pixel", range(5))}
    regions = xr.Dataset({name: ("region", np.full(5, value)) for name, value in figures.items()} | pixels)
    regions = regions.assign(peak=regions.loss, contrast=0 * regions.loss, area=("region", [9, 9, 2, 9, 9]))
    regions = regions.assign(visibility=("region", [2.9, 3, 3, 3, 3])).assign_attrs(slopes=0.4)
    regions["infrared_step"][3] = 0.5  # dust of this residual would show .1 / (1 - 1.1 x .4) = .18 in the infrared
    possible = regions.isel(pixel=[1])
    expected = ["below the visibility of 3", "below the threshold", "smaller than 3 px"]
    expected += ["its infrared follows the picture", "one of many dots that hardly show"]
    assert _why_left_alone(regions, possible, irt.Settings()).tolist() == expected
    otsu = _why_left_alone(regions, possible, irt.Settings(threshold="otsu"))
    assert otsu[1:3].tolist() == ["no visible part is above the threshold", "one of many dots that hardly show"]


def test_what_is_excluded_is_not_offered_as_unmarked(trials):
    usual, excluded = (irt.Settings(excluded=boxes) for boxes in ((), [[0, 0, 301, 402]]))
    assert trials.choose(excluded).defects.sizes["pixel"] == 0
    xr.testing.assert_identical(trials.find_unmarked(excluded), trials.find_unmarked(usual))


def test_dragging_the_threshold_sets_it(slide):
    explorer = explore_threshold(slide)
    assert explorer.settings == irt.Settings()
    before = message(explorer), explorer._pictures._whole.value
    drag(explorer, 4.5, 4.7, 5.2)
    assert explorer.settings.threshold == pytest.approx(5.2, abs=0.06)
    assert (message(explorer), explorer._pictures._whole.value) != before
    drag(explorer, 4.6)
    assert explorer.settings.threshold == pytest.approx(4.6, abs=0.06)
    assert explorer.histogram._line.get_xdata()[0] == explorer.settings.threshold


def test_where_the_mouse_lets_go_counts(slide):
    explorer = explore_threshold(slide)
    drag(explorer, 5.0, released=5.5)
    assert explorer.settings.threshold == pytest.approx(5.5, abs=0.06)


def test_the_mouse_moves_nothing_when_no_button_is_held(slide):
    explorer = explore_threshold(slide)
    drag(explorer, 5.4)
    canvas = explorer.histogram.drawing.figure.canvas
    x, y = middle_of(canvas.figure.axes[0], 4.8)
    canvas.callbacks.process("motion_notify_event", MouseEvent("motion_notify_event", canvas, x, y))
    assert explorer.settings.threshold == pytest.approx(5.4, abs=0.06)


def test_controls_set_the_settings_and_have_labels(slide):
    explorer = explore_threshold(slide, settings=irt.Settings(grain=0.0))
    controls = [part for part in everything_in(explorer) if hasattr(part, "description") and hasattr(part, "disabled")]
    assert len(controls) == 7
    assert all(control.description for control in controls)
    by_name = {control.description: control for control in controls}
    by_name["False discovery rate"].value = 0.1
    by_name["Visibility"].value = 1.5
    assert explorer.settings == irt.Settings(grain=0.0, false_discovery_rate=0.1, visibility=1.5)
    by_name["Method"].value = "slope"
    assert explorer.settings.threshold == "slope"
    by_name["Threshold (sigma)"].value = 5.5
    assert explorer.settings.threshold == 5.5
    by_name["Method"].value = "mirror"
    assert explorer.settings.threshold == "mirror"
    assert explorer.choice.threshold == pytest.approx(by_name["Threshold (sigma)"].value, abs=0.01)


def test_the_histogram_shows_what_the_threshold_applies_to(slide, trials):
    explorer = explore_threshold(slide)
    (ax,) = explorer.histogram.drawing.figure.axes
    choice = trials.choose(irt.Settings())
    found, decoys = (patch.get_data()[0].sum() for patch in ax.patches)
    assert (found, decoys) == (choice.possible.sizes["region"], choice.decoys.sizes["region"])
    assert ax.get_xlabel() == "score of a region (sigma)"
    explorer._visibility.value = 0.0
    assert ax.patches[0].get_data()[0].sum() > found
    explorer._method.value = "otsu"
    assert ax.get_xlabel().startswith("score of a pixel")
    assert ax.patches[0].get_data()[0].sum() == trials.histogram["count"].sum()
    assert explorer.histogram._line.get_xdata()[0] == explorer.choice.threshold


@pytest.mark.parametrize("given", [{"visibility": 30.0}, {"threshold": "raw:100"}, {"false_discovery_rate": 0.03}])
def test_settings_outside_the_usual_choices_are_kept_when_another_is_changed(slide, given):
    explorer = explore_threshold(slide, settings=irt.Settings(grain=0.5, **given))
    changed = "false_discovery_rate" if "visibility" in given else "visibility"
    {"false_discovery_rate": explorer._rate, "visibility": explorer._visibility}[changed].value = 0.2
    assert explorer.settings == irt.Settings(grain=0.5, **given | {changed: 0.2})


@pytest.mark.parametrize("method", ["otsu", "ratio", "mirror"])
def test_legend_and_axes_are_in_the_picture_after_the_method_changed(slide, method):
    explorer = explore_threshold(slide, settings=irt.Settings(threshold="mirror" if method != "mirror" else "otsu"))
    explorer._method.value = method
    figure = explorer.histogram.drawing.figure
    figure.canvas.draw()
    (left, bottom), (right, top) = figure.get_tightbbox().get_points()
    width, height = figure.get_size_inches()
    assert 0 <= left < right <= width
    assert 0 <= bottom < top <= height


def test_sliders_that_the_method_does_not_use_are_hidden(slide):
    explorer = explore_threshold(slide)
    seen = {}
    for method in ("mirror", "otsu", "a fixed number of sigma"):
        explorer._method.value = method
        seen[method] = [slider.layout.visibility for slider in (explorer._number, explorer._rate)]
    assert list(seen.values()) == [[None, None], ["hidden", "hidden"], [None, "hidden"]]


def test_a_method_that_finds_no_threshold_says_so_and_has_no_line_and_no_broken_picture(slide):
    explorer = explore_threshold(slide)
    explorer._method.value = "ratio"
    assert np.isinf(explorer.choice.threshold)
    assert message(explorer) == "Nothing is marked: this method finds no threshold on this slide."
    assert np.isnan(explorer.histogram._line.get_xdata()).all()
    assert explorer._pictures.close_up.image.layout.visibility == "hidden"
    explorer._method.value = "mirror"
    assert explorer._pictures.close_up.image.layout.visibility is None


def test_a_threshold_of_pixels_is_not_dragged_and_does_not_move_the_slider(slide):
    explorer = explore_threshold(slide)
    before = explorer._number.value
    explorer._method.value = "otsu"
    drag(explorer, 5.0, 7.0)
    assert explorer.settings.threshold == "otsu"
    assert explorer._number.value == before


def test_the_slider_runs_from_below_the_least_score_of_the_slide_to_above_the_largest(slide, trials):
    explorer = explore_threshold(slide, settings=irt.Settings(threshold=15.0))
    choice = trials.choose(irt.Settings(visibility=0.0))
    scores = np.r_[choice.possible.score.values, choice.decoys.score.values]
    least, most = scores.min(), scores.max()
    assert least - 0.2 <= explorer._number.min <= least - 0.1 < most + 0.1 <= explorer._number.max <= most + 0.2
    assert explorer._number.value == explorer._number.max
    assert explorer.histogram.drawing.figure.axes[0].get_xlim() == (explorer._number.min, explorer._number.max)
    assert explorer.settings.threshold == 15.0


def test_the_rounding_of_a_browser_is_no_choice(slide):
    """A browser rounds the slider to its steps, with an error in the last digit, and sends the result back."""
    explorer = explore_threshold(slide)
    steps = (explorer._number.value - explorer._number.min) / explorer._number.step
    assert steps == pytest.approx(round(steps), abs=1e-9)
    explorer._number.value += 1e-15 * explorer._number.value
    assert explorer.settings.threshold == "mirror"


def test_an_unknown_rate_is_told(slide):
    explorer = explore_threshold(slide)
    explorer._describe(explorer.choice._replace(rate=float("nan")))
    assert "; how many of them are false is not known. Threshold" in message(explorer)


def test_with_the_infrared_of_another_slide_no_rate_is_stated():
    slide, other = (irt.make_slide(number, (270, 405), scanner="plustek", roll=4) for number in (7001, 7101))
    explorer = explore_threshold(slide.assign(counts=slide.counts.where(slide.counts.band != "IR", other.counts)))
    assert explorer.choice.rate < 0.05
    assert "how many of them are false is not known" in message(explorer)


def test_without_ipympl_the_histogram_is_a_picture_that_follows(slide, monkeypatch):
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    explorer = explore_threshold(slide)
    picture = explorer.histogram.drawing.widget
    assert isinstance(picture, ipywidgets.Image)
    before = bytes(picture.value)
    assert before.startswith(b"\x89PNG")
    explorer._number.value = 5.2
    assert bytes(picture.value) != before


def test_where_nothing_is_marked_a_sentence_says_so(slide):
    explorer = explore_threshold(slide, settings=irt.Settings(visibility=10.0, threshold=4.5))
    undamaged = explore_threshold(slide.assign(counts=slide.undamaged), settings=irt.Settings(threshold=15.0))
    assert "marked</b>" in message(explorer)
    assert message(undamaged).startswith("Nothing is marked")
    assert undamaged._pictures.close_up.image.value == b""


def test_outlines_can_be_left_out_of_both_pictures(slide):
    explorer = explore_threshold(slide)
    pictures = explorer._pictures
    before = pictures._whole.value, pictures.close_up.image.value
    explorer._outlined.value = False
    without = pictures._whole.value, pictures.close_up.image.value
    assert all(one != other for one, other in zip(before, without, strict=True))
    explorer._outlined.value = True
    assert (pictures._whole.value, pictures.close_up.image.value) == before


def test_a_slide_that_cannot_be_used_gets_a_sentence(slide):
    without = slide.sel(band=["R", "G", "B"])
    assert "no infrared" in message(explore_threshold(without))
    constant = slide.assign(counts=slide.counts.where(slide.counts.band != "IR", 30000).astype("uint16"))
    assert message(explore_threshold(constant)).startswith("This slide cannot be explored: ")
