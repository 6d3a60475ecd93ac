"""Lamps that fall off, and light that strays: neither is a defect, nor changes what the film is found to be."""

import numpy as np
import pytest
from scans import NOISE, SLOPES, STEEP, film, residual_of, scan

from irtoolkit.arrays.shrinking import wide_blur
from irtoolkit.arrays.statistics import blur
from irtoolkit.crosstalk.regression import fit_crosstalk, level_crosstalk


def lit(tile, infrared, visible=0.12):
    """The tile under lamps that fall off to the corners by these shares, the infrared one brighter on the right."""
    y, x = tile.place
    falloff = (y * y + x * x) / 2
    lamps = [1 - visible * falloff] * 3 + [1 - infrared * falloff + 0.02 * x]
    return tile._replace(planes=tile.planes * np.stack(lamps))


def trace(residual):
    """Largest residual of areas some 8 px wide."""
    return np.abs(blur(residual, 8.0)).max()


@pytest.mark.parametrize(("infrared", "most"), [(0.0, 0.001), (0.06, 0.001), (0.12, 0.003), (0.3, 0.02)])
def test_lamps_that_fall_off_unlike_leave_no_trace_and_do_not_change_the_slopes(textured, infrared, most):
    """A fall-off by .06 is .027 of density in the corners; squares follow a strong one less well."""
    even = scan(film(textured))
    uneven = lit(even, infrared)
    plain, model = (fit_crosstalk([[tile]]) for tile in (even, uneven))
    assert model.slopes == pytest.approx(plain.slopes, abs=0.001)
    assert model.sigma == pytest.approx(NOISE, rel=0.1)
    assert trace(residual_of(uneven, model)) < most
    assert trace(residual_of(uneven, plain)) > 0.007


@pytest.mark.parametrize(("other", "most", "slope_error"), [(0.06, 0.001, 0.001), (0.08, 0.01, 0.01)])
def test_two_slides_of_a_roll_under_lamps_of_unlike_strength_and_fall_off(textured, other, most, slope_error):
    """Each slide has its own level; of unlike fall-offs, which a scanner has not, the roll takes the mean."""
    lamps = ((1, 0.2, 0.06), (7, 0.26, other))
    roll = [[lit(scan(film(textured, seed), level=level, seed=seed), fall)] for seed, level, fall in lamps]
    model = fit_crosstalk(roll)
    assert model.slopes == pytest.approx(sum(SLOPES), abs=slope_error)
    for slide in roll:
        _, ((residual, _),) = level_crosstalk(model, slide)
        assert abs(np.median(residual)) < 2e-4
        assert trace(residual) < most


def chart(textured):
    """A patch of density 2.1 within film of density .3."""
    density = film(textured, contrast=0.06) - 0.6
    density[:, 60:170, 140:220] += 1.8
    return scan(density, STEEP)


def hazy(tile, flare, sigma=12.0):
    """The tile with this share of its light, visible and infrared, spread over some `sigma` px."""
    return tile._replace(planes=np.stack([(1 - flare) * band + flare * wide_blur(band, sigma) for band in tile.planes]))


@pytest.mark.parametrize(("flare", "most"), [(0.0, 0.002), (0.03, 0.004)])
def test_flare_beside_a_dark_patch_is_found_and_leaves_no_residual(textured, flare, most):
    tile = hazy(chart(textured), flare)
    model = fit_crosstalk([[tile]])
    assert model.curve.flare == flare
    assert model.slopes == pytest.approx(sum(STEEP), abs=0.003)
    assert np.abs(blur(residual_of(tile, model), 2.0)).max() < most


@pytest.mark.parametrize("sigma", [6.0, 18.0])
def test_the_blur_of_flare_is_found_with_it(textured, sigma):
    model = fit_crosstalk([[hazy(chart(textured), 0.03, sigma)]])
    assert model.curve.flare == pytest.approx(0.03, abs=0.01)
    assert model.curve.flare_blur == sigma


def test_flare_that_is_not_found_would_leave_a_residual(textured):
    """So the test above shows something."""
    clear = chart(textured)
    model = fit_crosstalk([[clear]])
    assert np.abs(blur(residual_of(hazy(clear, 0.03), model), 2.0)).max() > 0.05
