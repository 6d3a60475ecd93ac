import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from irtoolkit.crosstalk import (
    TERMS,
    fit_crosstalk,
    ghost_density,
    level_model,
    measure_blur,
    subtract_crosstalk,
    subtract_ghost,
    visible_density,
)
from irtoolkit.density import to_counts, to_density
from irtoolkit.model import open_model, write_model
from irtoolkit.schema import ModelError

SHAPE = (233, 301)
SLOPES = (0.05, 0.02, -0.01)


def film(textured, seed=1, shape=SHAPE, gray=False, contrast=0.25):
    """Densities (3, y, x) of colour bands with detail at two scales."""
    planes = [textured(seed + band, shape, 9) + 0.6 * textured(seed + band + 50, shape, 1.5) for band in range(3)]
    return np.stack([0.9 + contrast * planes[0 if gray else band] for band in range(3)])


def scan(density, slopes=SLOPES, level=0.25, blur=0.0, noise=0.002, dust=None, seed=1):
    """Counts (4, y, x), float32, of a film whose infrared density is `level` plus `slopes` times the bands'."""
    ghost = level + np.tensordot(np.float32(slopes), density, axes=1)
    ghost = ghost if dust is None else ghost + dust
    light = np.power(np.float32(10), -ghost)
    light = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    rng = np.random.default_rng(seed)
    infrared = -np.log10(light) + rng.normal(0, noise, light.shape).astype(np.float32)
    bands = density if dust is None else density + dust
    return to_counts(np.concatenate([bands, infrared[None]]))


def specks(seed, shape=SHAPE, share=0.03):
    """Neutral dust of density .4 over about `share` of the picture."""
    points = np.random.default_rng(seed).random(shape) < share / 25
    return cv2.dilate(points.astype(np.float32), np.ones((5, 5))) * np.float32(0.4)


@pytest.mark.parametrize("slopes", [SLOPES, (0.0, 0.0, 0.0), (0.15, 0.1, 0.05), (-0.02, 0.0, 0.03)])
def test_known_slopes_are_recovered(textured, slopes):
    model = fit_crosstalk([[scan(film(textured), slopes)]])
    assert float(model.slopes) == pytest.approx(sum(slopes), abs=0.005)
    assert float(model.sigma) == pytest.approx(0.002, rel=0.1)


def test_dust_does_not_bias_the_slopes(textured):
    dusty, clean = (fit_crosstalk([[scan(film(textured), dust=dust)]]) for dust in (specks(3), None))
    assert float(dusty.slopes) == pytest.approx(sum(SLOPES), abs=0.005)
    assert float(dusty.slopes) == pytest.approx(float(clean.slopes), abs=0.003)


def test_dust_stays_in_the_residual_at_its_full_density_less_the_slopes(textured):
    density, dust = film(textured), np.zeros(SHAPE, np.float32)
    dust[90:120, 140:170] = 0.4
    tile = scan(density, dust=dust)
    model = fit_crosstalk([[tile]])
    residual = subtract_ghost(visible_density(tile[:3], model), tile[3], model)
    assert float(np.median(residual[95:115, 145:165])) == pytest.approx(0.4 * (1 - sum(SLOPES)), abs=0.02)
    assert abs(float(np.median(residual[:80]))) < 0.001


def test_the_residual_of_a_blurred_infrared_is_its_noise(textured):
    tile = scan(film(textured), (0.15, 0.1, 0.05), blur=2.0)
    model = fit_crosstalk([[tile]])
    residual = subtract_ghost(visible_density(tile[:3], model), tile[3], model)[16:-16, 16:-16]
    assert residual.std() == pytest.approx(0.002, rel=0.1)
    assert float(model.r2) > 0.98
    assert float(model.slopes) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("sigma", [0.0, 0.6, 1.0, 1.9, 2.75])
def test_known_blur_is_recovered(textured, sigma):
    density = film(textured)
    tile = scan(density, (0.15, 0.1, 0.05), blur=sigma)
    measured = measure_blur([np.concatenate([density, to_density(tile[3])[None]])])
    assert measured == pytest.approx(sigma, abs=0.2)


def test_blur_of_planes_without_continuous_detail_is_a_number():
    y, x = np.indices(SHAPE)
    checks = np.float32((y + x) % 2)
    single = np.zeros(SHAPE, np.float32)
    single[99, 99] = 1
    for infrared in (checks, single, np.zeros(SHAPE, np.float32)):
        assert 0 <= measure_blur([np.stack([checks, checks, checks, infrared])]) <= 4.5


def test_a_gray_slide_stays_finite_and_right(textured):
    tile = scan(film(textured, gray=True), (0.05, 0.02, 0.03))
    model = fit_crosstalk([[tile]])
    assert np.isfinite(model.coefficient).all()
    assert float(model.slopes) == pytest.approx(0.1, abs=0.005)
    residual = subtract_ghost(visible_density(tile[:3], model), tile[3], model)
    assert residual[16:-16, 16:-16].std() == pytest.approx(0.002, rel=0.1)


def test_constant_colour_explains_nothing():
    tile = np.full((4, *SHAPE), 20_000, np.float32)
    tile[3] += np.random.default_rng(0).normal(0, 100, SHAPE)
    model = fit_crosstalk([[tile]])
    assert np.isfinite(model.coefficient).all()
    assert float(model.r2) == pytest.approx(0, abs=0.01)
    assert float(model.slopes) == pytest.approx(0, abs=0.001)


def test_slides_of_a_roll_share_slopes_and_keep_their_own_level(textured):
    roll = [[scan(film(textured, seed), level=level, seed=seed)] for seed, level in ((1, 0.15), (7, 0.25), (9, 0.45))]
    model = fit_crosstalk(roll)
    assert float(model.slopes) == pytest.approx(sum(SLOPES), abs=0.005)
    assert float(model.sigma) == pytest.approx(0.002, rel=0.2)
    for slide in roll:
        levelled, _ = level_model(model, slide)
        residual = subtract_ghost(visible_density(slide[0][:3], levelled), slide[0][3], levelled)
        assert abs(np.median(residual)) < 2e-4
        np.testing.assert_array_equal(levelled.coefficient[1:], model.coefficient[1:])


def test_levelling_takes_up_a_change_of_level_alone(textured):
    density = film(textured)
    model = fit_crosstalk([[scan(density, level=0.25)]])
    levelled, _ = level_model(model, [scan(density, level=0.4)])
    assert float(levelled.coefficient[0] - model.coefficient[0]) == pytest.approx(0.15, abs=0.001)


def test_levelling_hands_over_what_the_levelled_model_leaves_and_the_density(textured):
    model = fit_crosstalk([[scan(film(textured), level=0.25)]])
    tile = scan(film(textured), level=0.4)
    levelled, ((residual, density),) = level_model(model, [tile])
    np.testing.assert_array_equal(density, visible_density(tile[:3], model))
    np.testing.assert_allclose(residual, subtract_ghost(density, tile[3], levelled), atol=1e-6)


def test_infrared_that_was_not_seen_takes_no_part_in_fit_and_level(textured):
    tile = scan(film(textured))
    model = fit_crosstalk([[tile]])
    unseen = tile.copy()
    unseen[3, :40], unseen[:3, :40] = np.nan, 0
    cut, holed = fit_crosstalk([[tile[:, 40:]]]), fit_crosstalk([[unseen]])
    for name in ("slopes", "sigma", "r2", "blur"):
        assert float(holed[name]) == pytest.approx(float(cut[name]), rel=0.05, abs=0.003), name
    levelled, ((residual, _),) = level_model(model, [unseen])
    assert np.isnan(residual[:40]).all()
    assert np.isfinite(residual[40:]).all()
    assert float(levelled.coefficient[0]) == pytest.approx(float(model.coefficient[0]), abs=3e-4)


def test_a_model_with_other_terms_is_refused(textured):
    tile = scan(film(textured))
    model = fit_crosstalk([[tile]])
    for other in (model.isel(term=slice(1, None)), model.isel(term=slice(None, None, -1)), model.drop_vars("term")):
        with pytest.raises(ModelError, match="fit the roll again"):
            level_model(other, [tile])


def test_a_model_comes_back_from_its_file_exactly(textured, tmp_path):
    tile = scan(film(textured))
    model = fit_crosstalk([[tile]])
    back = open_model(write_model(model, tmp_path / "roll.json"))
    for name in model.variables:
        np.testing.assert_array_equal(back[name].values, model[name].values)
    assert tuple(back.term.values) == TERMS
    assert level_model(back, [tile])[0].equals(level_model(model, [tile])[0])


@pytest.mark.parametrize("content", ["", "{}", "[1]", "null", '{"kind": "irtoolkit crosstalk model"}', '{"kind": "x"}'])
def test_another_file_is_no_model(tmp_path, content):
    path = tmp_path / "roll.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=r"roll\.json: expected a model"):
        open_model(path)


def test_the_ghost_is_the_quadratic_of_the_densities_at_each_pixel():
    names = ["1", "R", "G", "B", "R*R", "R*G", "R*B", "G*G", "G*B", "B*B"]
    model = xr.Dataset({"prediction": ("pointwise", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10.0])}, {"pointwise": names})
    density = np.array([0.5, 1, 2], np.float32)[:, None, None]
    by_hand = 1 + 2 * 0.5 + 3 * 1 + 4 * 2 + 5 * 0.25 + 6 * 0.5 + 7 * 1 + 8 * 1 + 9 * 2 + 10 * 4
    np.testing.assert_allclose(ghost_density(density, model), [[by_hand]], rtol=1e-6)


def test_lazy_subtraction_equals_the_kernel_over_many_blocks(textured, block_size):
    block_size(80, 90)
    tile = np.rint(scan(film(textured), blur=1.5)).astype(np.uint16)
    model = fit_crosstalk([[tile.astype(np.float32)]])
    visible = xr.DataArray(da.from_array(tile[:3], (1, 50, 77)), dims=("band", "y", "x"))
    infrared = xr.DataArray(da.from_array(tile[3].astype(np.float32), (61, 301)), dims=("y", "x"))
    lazy = subtract_crosstalk(visible, infrared, model)
    assert lazy.dims == ("y", "x")
    assert lazy.dtype == np.float32
    assert lazy.data.numblocks == (3, 4)
    whole = subtract_ghost(visible_density(tile[:3], model), tile[3].astype(np.float32), model)
    np.testing.assert_allclose(lazy.values, whole, atol=2e-6)
