import numpy as np
import pytest

from irtoolkit.arrays import film_sigma
from irtoolkit.crosstalk.curve import visible_density
from irtoolkit.crosstalk.ghost import GROUPS, TERMS, subtract_ghost
from irtoolkit.fitting import fit_alone
from irtoolkit.model import to_dataset
from irtoolkit.plots.crosstalk_sample import (
    choose_terms,
    explain_pixels,
    measure_crosstalk,
    preview_residual,
    sample_crosstalk,
)


@pytest.fixture(scope="module")
def sampled(plustek_slide):
    return sample_crosstalk(plustek_slide)


def test_the_residual_of_the_sampled_film_has_the_sigma_of_the_fit(sampled):
    model = sampled.crosstalk
    pixels = explain_pixels(sampled, model)
    left = (pixels.infrared - pixels.ghost).values
    sigma = film_sigma(left, sampled.pixels[0])
    assert sigma == pytest.approx(float(model.sigma), rel=1e-3)
    assert pixels.density.dims == ("band", "pixel")
    assert 0.5 * 301 * 427 < pixels.sizes["pixel"] < 301 * 427


def test_all_terms_give_the_model_again_and_fewer_leave_more_noise(sampled):
    again, fewer = (choose_terms(sampled, terms) for terms in (TERMS, GROUPS["bands"]))
    np.testing.assert_array_equal(again.coefficient, sampled.crosstalk.coefficient)
    assert float(fewer.sigma) > float(again.sigma) == float(sampled.crosstalk.sigma)
    fitted = [term for term, value in zip(TERMS, fewer.coefficient, strict=True) if value]
    assert fitted == ["1", "R", "G", "B"]


def test_a_slide_is_measured_with_its_own_fit_or_with_a_model(plustek_slide, sampled):
    own = measure_crosstalk(plustek_slide)
    assert own.identical(explain_pixels(sampled, sampled.crosstalk))
    with_model = measure_crosstalk(plustek_slide, to_dataset(fit_alone(sampled.sample)))
    np.testing.assert_array_equal(with_model.infrared, own.infrared)
    np.testing.assert_allclose(with_model.ghost, own.ghost, atol=0.003)


def test_a_part_shows_its_residual_at_its_place(sampled):
    (whole,) = sampled.parts()
    cut = whole._replace(planes=whole.planes[:, 40:, 7:], place=(whole.place[0][40:], whole.place[1][:, 7:]))
    seen = preview_residual(sampled._replace(sample=sampled.sample._replace(tiles=[cut])), sampled.crosstalk, 0)
    assert (seen.y.values[[0, -1]].tolist(), seen.x.values[[0, -1]].tolist()) == ([40, 300], [7, 426])
    density = visible_density(cut.planes[:3], sampled.crosstalk.curve)
    np.testing.assert_array_equal(seen.residual, subtract_ghost(density, cut.planes[3], cut.place, sampled.crosstalk))
    assert sampled.places() == [(0, 0)]
