import html
import re

import ipywidgets
import numpy as np
import pytest

import irtoolkit as irt
from irtoolkit.alignment import sample_slide
from irtoolkit.crosstalk.ghost import GROUPS, TERMS
from irtoolkit.fitting import fit_alone
from irtoolkit.model import to_dataset
from irtoolkit.schema import NotUsableError, SlideError
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.widgets import drawing, explore_crosstalk
from irtoolkit.widgets.crosstalk_explorer import MEANING

SHAPE = (151, 223)


def small_slide(seed, **choices):
    return irt.make_slide(seed, SHAPE, film="kodachrome", scanner="plustek", roll=1, **choices)


@pytest.fixture(scope="module")
def slide():
    return small_slide(1)


@pytest.fixture(scope="module")
def shared(slide):
    return explore_crosstalk(slide)


@pytest.fixture
def explorer(shared):
    """The explorer of one slide with all terms chosen."""
    for box in boxes(shared).values():
        box.value = True
    return shared


def everything(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def boxes(explorer):
    return {part.description: part for part in everything(explorer) if isinstance(part, ipywidgets.Checkbox)}


def control(explorer, description):
    return next(part for part in everything(explorer) if getattr(part, "description", "") == description)


def words(explorer, name):
    """Text of the part of this class, without its tags."""
    (part,) = (part for part in everything(explorer) if f"irt-{name}" in getattr(part, "_dom_classes", ()))
    return html.unescape(re.sub("<[^>]*>", " ", part.value))


def test_with_all_terms_the_fit_is_that_of_the_chain(explorer, slide):
    fitted = fit_alone(sample_slide(slide)).crosstalk
    np.testing.assert_array_equal(explorer.shown.coefficient[1:], fitted.coefficient[1:])
    for name in ("r2", "sigma", "slopes"):
        assert getattr(explorer.shown, name) == getattr(fitted, name), name
    assert set(explorer.terms) == set(TERMS) - {"1"}


def test_a_choice_of_terms_is_fitted_at_once_as_a_script_does(explorer, slide):
    before = float(explorer.shown.sigma)
    unchecked = ("squares and products", "blurred bands", "blurred ghost")
    for name in unchecked:
        boxes(explorer)[name].value = False
    left_out = tuple(term for name in unchecked for term in GROUPS[name])
    assert not set(left_out) & set(explorer.terms)
    coefficient = dict(zip(TERMS, explorer.shown.coefficient, strict=True))
    assert all((coefficient[term] == 0) == (term in left_out) for term in TERMS)
    fitted = fit_alone(sample_slide(slide), explorer.terms)
    assert explorer.shown.sigma == fitted.crosstalk.sigma > before
    assert explorer.fit_model().identical(to_dataset(fitted))
    assert f"{fitted.crosstalk.r2:.4f}" in words(explorer, "figures")


def test_the_model_of_a_choice_can_clean(explorer, slide):
    boxes(explorer)["blurred bands"].value = False
    cleaned = irt.clean_slide(slide, model=explorer.fit_model())
    assert 0 < float(cleaned.coverage) < 0.5


def test_without_any_term_nothing_is_explained(explorer):
    for box in boxes(explorer).values():
        box.value = False
    assert explorer.terms == ()
    assert float(explorer.shown.r2) == pytest.approx(0, abs=1e-5)


def test_the_pictures_follow_the_choice_the_band_and_the_part(explorer):
    axes = explorer._axes
    first, left = axes[0].get_xlabel(), np.asarray(axes[2].images[0].get_array())
    boxes(explorer)["bands"].value = boxes(explorer)["blurred ghost"].value = False
    assert np.nanstd(axes[2].images[0].get_array()) > 1.05 * np.nanstd(left)
    control(explorer, "Band").value = "B"
    assert (first, axes[0].get_xlabel()) == ("density of R (log10)", "density of B (log10)")
    assert axes[1].get_ylabel() == "residual density (log10)"
    assert len(explorer._drawing.figure.axes) == 3
    control(explorer, "Band").value = "R"


def test_parts_of_a_larger_slide_are_named_by_their_place():
    """Of 4 by 5 pieces of 128 px the second and fourth of each row are shown."""
    explorer = explore_crosstalk(irt.make_slide(2, (600, 701), scanner="plustek"))
    part = control(explorer, "Part")
    places = [f"row {row}, column {column}" for row in (0, 157, 314, 472) for column in (143, 429)]
    assert [name for name, _ in part.options] == places
    part.value = 4
    left, right, bottom, top = explorer._axes[2].images[0].get_extent()
    assert (left, right, bottom, top) == pytest.approx((142.5, 270.5, 441.5, 313.5))


def test_every_control_has_a_name_and_takes_the_keyboard(explorer):
    kinds = (ipywidgets.Checkbox, ipywidgets.Dropdown, ipywidgets.ToggleButtons, ipywidgets.Button)
    controls = [part for part in everything(explorer) if hasattr(part, "description") and hasattr(part, "disabled")]
    controls = [part for part in controls if not isinstance(part, ipywidgets.HTML)]
    assert len(controls) == len(GROUPS) + 4
    assert all(part.description and isinstance(part, kinds) for part in controls)
    assert set(boxes(explorer)) == set(GROUPS) == set(MEANING)


def test_without_ipympl_the_picture_is_drawn_anew(slide, monkeypatch):
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    explorer = explore_crosstalk(slide)
    (image,) = (part for part in everything(explorer) if isinstance(part, ipywidgets.Image))
    first = bytes(image.value)
    boxes(explorer)["bands"].value = False
    assert first.startswith(b"\x89PNG")
    assert bytes(image.value).startswith(b"\x89PNG")
    assert bytes(image.value) != first


def test_the_roll_is_fitted_and_listed(slide):
    slides = [slide.assign_attrs(source="box/a.tif"), small_slide(2), small_slide(3)]
    explorer = explore_crosstalk(slides)
    assert [name for name, _ in control(explorer, "Slide").options] == ["a.tif", "slide 2", "slide 3"]
    assert explorer.roll is None
    control(explorer, "Fit the roll").click()
    table = words(explorer, "roll")
    assert "a.tif" in table
    for sigma in explorer.roll.slide_sigma.values:
        assert f"{sigma:.4f}" in table
    control(explorer, "Slide").value = 2
    own = fit_alone(sample_slide(slides[2]))
    assert explorer.shown.sigma == own.crosstalk.sigma
    of_roll = explore_crosstalk(slides, model=explorer.roll)
    assert float(of_roll.shown.sigma) == pytest.approx(float(explorer.roll.slide_sigma[0]), rel=0.1)


def sentences(slide):
    explorer = explore_crosstalk(slide)
    assert explorer.shown is None
    assert explorer._drawing.widget.layout.display == "none"
    with pytest.raises(SlideError, match="choose another"):
        explorer.fit_model()
    for box in boxes(explorer).values():
        box.value = False
    control(explorer, "Band").value = "G"
    return words(explorer, "message")


@pytest.mark.changes_sources
def test_slides_that_cannot_be_fitted_get_a_sentence(slide, tmp_path):
    assert "there is no slide" in sentences([])
    assert "the slide has no infrared" in sentences(slide.isel(band=slice(3)))
    assert "constant" in sentences(slide.assign(counts=slide.counts.where(slide.band != "IR", 30000).astype(np.uint16)))
    path = tmp_path / "gone.tif"
    write_scanner_file(path, slide.counts.values, layout="vuescan-rgbi")
    opened = irt.open_slide(path)
    path.unlink()
    assert "gone.tif" in sentences(opened)


def test_a_roll_that_cannot_be_fitted_gets_a_sentence(slide):
    explorer = explore_crosstalk([slide, slide.isel(band=slice(3))])
    control(explorer, "Fit the roll").click()
    assert "cannot be fitted" in words(explorer, "roll")
    assert explorer.roll is None
    control(explorer, "Slide").value = 1
    assert "infrared" in words(explorer, "message")
    control(explorer, "Slide").value = 0
    assert explorer.shown is not None
    assert explorer._drawing.widget.layout.display == ""


def test_silver_is_shown_and_cannot_be_cleaned():
    explorer = explore_crosstalk(irt.make_slide(1, SHAPE, film="silver", scanner="plustek"))
    assert float(explorer.shown.slopes) > 0.55
    with pytest.raises(NotUsableError, match="silver"):
        explorer.fit_model()
