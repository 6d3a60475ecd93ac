import numpy as np
import pytest
from scans import SHAPE, SLOPES, STEEP, film, residual_of, scan, sky, specks, whole

from irtoolkit.crosstalk.curve import visible_density
from irtoolkit.crosstalk.ghost import GROUPS, TERMS
from irtoolkit.crosstalk.regression import fit_crosstalk, level_crosstalk


@pytest.mark.parametrize("slopes", [SLOPES, (0.0, 0.0, 0.0), STEEP, (-0.02, 0.0, 0.03)])
def test_known_slopes_are_recovered(textured, slopes):
    model = fit_crosstalk([[scan(film(textured), slopes)]])
    assert model.slopes == pytest.approx(sum(slopes), abs=0.005)
    assert model.sigma == pytest.approx(0.002, rel=0.1)


def test_dust_does_not_bias_the_slopes(textured):
    dusty, clean = (fit_crosstalk([[scan(film(textured), dust=dust)]]) for dust in (specks(3), None))
    assert dusty.slopes == pytest.approx(sum(SLOPES), abs=0.005)
    assert dusty.slopes == pytest.approx(clean.slopes, abs=0.003)


def test_dust_stays_in_the_residual_at_its_full_density_less_the_slopes(textured):
    density, dust = film(textured), np.zeros(SHAPE, np.float32)
    dust[90:120, 140:170] = 0.4
    tile = scan(density, dust=dust)
    model = fit_crosstalk([[tile]])
    residual = residual_of(tile, model)
    assert float(np.median(residual[95:115, 145:165])) == pytest.approx(0.4 * (1 - sum(SLOPES)), abs=0.02)
    assert abs(float(np.median(residual[:80]))) < 0.001


def test_the_residual_of_a_blurred_infrared_is_its_noise(textured):
    tile = scan(film(textured), STEEP, blur=2.0)
    model = fit_crosstalk([[tile]])
    residual = residual_of(tile, model)[16:-16, 16:-16]
    assert residual.std() == pytest.approx(0.002, rel=0.1)
    assert model.r2 > 0.98
    assert model.slopes == pytest.approx(0.3, abs=0.01)


def test_a_gray_slide_stays_finite_and_right(textured):
    tile = scan(film(textured, gray=True), (0.05, 0.02, 0.03))
    model = fit_crosstalk([[tile]])
    assert np.isfinite(model.coefficient).all()
    assert model.slopes == pytest.approx(0.1, abs=0.005)
    residual = residual_of(tile, model) / model.curve.exponent
    assert residual[16:-16, 16:-16].std() == pytest.approx(0.002, rel=0.1)


def test_constant_colour_explains_nothing():
    planes = np.full((4, *SHAPE), 20_000, np.float32)
    planes[3] += np.random.default_rng(0).normal(0, 100, SHAPE)
    model = fit_crosstalk([[whole(planes)]])
    assert np.isfinite(model.coefficient).all()
    assert model.r2 == pytest.approx(0, abs=0.01)
    assert model.slopes == pytest.approx(0, abs=0.001)


def test_terms_that_are_left_out_have_no_part_in_the_fit(textured):
    tile = scan(film(textured), STEEP)
    model = fit_crosstalk([[tile]], GROUPS["bands"])
    coefficient = dict(zip(TERMS, model.coefficient, strict=True))
    assert [term for term, value in coefficient.items() if value] == ["1", "R", "G", "B"]
    assert [term for term, error in zip(TERMS, model.standard_error, strict=True) if error] == ["1", "R", "G", "B"]
    assert [coefficient[band] for band in "RGB"] == pytest.approx(STEEP, abs=0.003)
    level = fit_crosstalk([[tile]], ())
    assert level.r2 == pytest.approx(0, abs=1e-5)
    assert level.slopes == 0
    assert np.isfinite(level.standard_error).all()


def test_slides_of_a_roll_share_slopes_and_keep_their_own_level(textured):
    roll = [[scan(film(textured, seed), level=level, seed=seed)] for seed, level in ((1, 0.15), (7, 0.25), (9, 0.45))]
    model = fit_crosstalk(roll)
    assert model.slopes == pytest.approx(sum(SLOPES), abs=0.005)
    assert model.sigma == pytest.approx(0.002, rel=0.2)
    for slide in roll:
        levelled, _ = level_crosstalk(model, slide)
        assert abs(np.median(residual_of(slide[0], levelled))) < 2e-4
        np.testing.assert_array_equal(levelled.coefficient[1:], model.coefficient[1:])


def test_levelling_takes_up_a_change_of_level_alone(textured):
    density = film(textured)
    model = fit_crosstalk([[scan(density, level=0.25)]])
    levelled, _ = level_crosstalk(model, [scan(density, level=0.4)])
    assert float(levelled.coefficient[0] - model.coefficient[0]) == pytest.approx(0.15, abs=0.001)


def test_levelling_hands_over_what_the_levelled_model_leaves_and_the_density(textured):
    model = fit_crosstalk([[scan(film(textured), level=0.25)]])
    tile = scan(film(textured), level=0.4)
    levelled, ((residual, density),) = level_crosstalk(model, [tile])
    np.testing.assert_array_equal(density, visible_density(tile.planes[:3], model.curve))
    np.testing.assert_allclose(residual, residual_of(tile, levelled), atol=1e-6)


def test_infrared_that_was_not_seen_takes_no_part_in_fit_and_level(textured):
    tile = scan(film(textured))
    model = fit_crosstalk([[tile]])
    planes = tile.planes.copy()
    planes[3, :40], planes[:3, :40] = np.nan, 0
    unseen = whole(planes)
    cut, holed = fit_crosstalk([[whole(tile.planes[:, 40:])]]), fit_crosstalk([[unseen]])
    for name in ("slopes", "sigma", "r2"):
        assert getattr(holed, name) == pytest.approx(getattr(cut, name), rel=0.05, abs=0.003), name
    assert holed.blur**2 == pytest.approx(cut.blur**2, abs=0.01)
    levelled, ((residual, _),) = level_crosstalk(model, [unseen])
    assert np.isnan(residual[:40]).all()
    assert np.isfinite(residual[40:]).all()
    assert float(levelled.coefficient[0]) == pytest.approx(float(model.coefficient[0]), abs=3e-4)


def expected_of_a_speck(model, density):
    """Largest infrared density (y, x) that a model expects of a speck of density .2 in the colours."""
    speck = np.zeros(density.shape[1:], np.float32)
    speck[100:105, 150:155] = 0.2
    plain, dusty = (scan(density + part, noise=0.0) for part in (0 * speck, speck))
    of_colours_alone = dusty._replace(planes=np.concatenate([dusty.planes[:3], plain.planes[3:]]))
    return np.abs(residual_of(plain, model) - residual_of(of_colours_alone, model)).max() / model.curve.exponent


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_dust_in_a_smooth_sky_does_not_teach_the_fit(textured, seed):
    """Film of density .2 adds .012; were the dust fitted along, its residual of .376 would end under .16."""
    density, dust = sky(textured, seed), specks(seed, share=0.02)
    clean, dusty = (fit_crosstalk([[scan(density, dust=given, seed=seed)]]) for given in (None, dust))
    for model in (clean, dusty):
        assert model.slopes == pytest.approx(sum(SLOPES), abs=0.01)
        assert expected_of_a_speck(model, density) < 0.03
    left = residual_of(scan(density, dust=dust, seed=seed), dusty)[dust > 0] / dusty.curve.exponent
    assert np.median(left) == pytest.approx(0.4 * (1 - sum(SLOPES)), rel=0.12)
