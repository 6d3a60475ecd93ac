import cv2
import dask
import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from irtoolkit.alignment import sample_slide, shift_infrared
from irtoolkit.detection.scoring import score_infrared
from irtoolkit.fitting import fit_to_slide
from irtoolkit.schema import VISIBLE
from irtoolkit.synthetic.slides import make_slide

SHAPE = (501, 703)
BORDER = 8


def score_and_grain(counts):
    sample = sample_slide(counts.to_dataset(name="counts"))
    fitted = fit_to_slide(None, sample)
    visible = counts.sel(band=list(VISIBLE))
    infrared = shift_infrared(counts, sample.displacement, sample.film)
    scored = score_infrared(visible, infrared, fitted.crosstalk, fitted.noise)
    return scored.score, scored.grain


@pytest.mark.parametrize("scanner", ["aligned", "plustek"])
@pytest.mark.parametrize("film", ["e6", "c41"])
def test_score_of_film_without_defects_is_a_standard_normal(film, scanner):
    slide = make_slide(2, SHAPE, film=film, scanner=scanner, defects=0)
    score, grain = dask.compute(*score_and_grain(slide.counts.chunk({"y": 256})))
    inside = score.values[BORDER:-BORDER, BORDER:-BORDER]
    np.testing.assert_allclose(np.quantile(inside, norm.cdf([-2, -1, 1, 2])), [-2, -1, 1, 2], rtol=0.1)
    assert abs(np.median(inside)) < 0.1
    for part in np.array_split(inside, 3) + np.array_split(inside, 3, axis=1):
        assert abs(np.median(part)) < 0.15
    assert score.dtype == grain.dtype == np.float32
    assert (grain.values > 0).all()


CLASSES = 3
QUANTILES = np.array([-2, -1, 1, 2])


@pytest.mark.parametrize("scanner", ["aligned", "plustek"])
@pytest.mark.parametrize(("film", "mean", "quantiles"), [("e6", 0.08, 0.15), ("c41", 0.05, 0.05)])
@pytest.mark.parametrize("seed", [2, 6])
def test_score_of_clean_film_is_as_normal_in_shadows_as_in_highlights(film, scanner, mean, quantiles, seed):
    slide = make_slide(seed, SHAPE, film=film, scanner=scanner, defects=0)
    score, _ = score_and_grain(slide.counts.chunk({"y": 256}))
    inside = (slice(BORDER, -2 * BORDER), slice(BORDER, -BORDER))
    values, brightness = score.values[inside], slide.counts.values[:3].mean(axis=0)[inside]
    assert abs(values.mean()) < 0.03
    thirds = np.searchsorted(np.quantile(brightness, np.arange(1, CLASSES) / CLASSES), brightness)
    for third in range(CLASSES):
        of_class = values[thirds == third]
        assert abs(of_class.mean()) < mean
        np.testing.assert_allclose(np.quantile(of_class, norm.cdf(QUANTILES)), QUANTILES, rtol=quantiles)


@pytest.mark.parametrize("film", ["e6", "c41"])
def test_the_score_of_film_between_much_dirt_is_that_of_film(film):
    """Dirt with soft edges on 40 % of the film, which takes as much from the visible as from the infrared."""
    slide = make_slide(2, SHAPE, film=film, scanner="aligned", defects=0)
    field = cv2.GaussianBlur(np.random.default_rng(4).normal(size=SHAPE).astype(np.float32), (0, 0), 4)
    dirt = 0.3 * np.maximum(field / field.std() - 0.25, 0)
    dirty = (slide.counts * xr.DataArray(10**-dirt, dims=("y", "x"))).round().astype(np.uint16)
    score, _ = score_and_grain(dirty.chunk({"y": 256}))
    clean = cv2.erode((dirt == 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    of_film, of_dirt = score.values[clean], score.values[dirt > 0.1]
    assert 0.25 < clean.mean() < 0.5
    np.testing.assert_allclose(np.quantile(of_film, norm.cdf([-1, 1])), [-1, 1], atol=0.35)
    assert np.median(of_dirt) > 8


@pytest.mark.parametrize(("film", "scanner"), [("e6", "aligned"), ("c41", "plustek")])
def test_film_between_hairs_on_two_thirds_of_it_scores_as_film_and_the_hairs_high(film, scanner):
    """Fine dirt everywhere, faint and dark, with visible texture of its own."""
    slide = make_slide(2, SHAPE, film=film, scanner=scanner, defects=0)
    rng = np.random.default_rng(4)
    fine, wide = (cv2.GaussianBlur(rng.normal(size=SHAPE).astype(np.float32), (0, 0), sigma) for sigma in (1.5, 12))
    dirt = 0.2 * np.exp(wide / wide.std() / 2) * np.maximum(fine / fine.std() + 0.4, 0)
    dirty = (slide.counts * xr.DataArray(10**-dirt, dims=("y", "x"))).round().astype(np.uint16)
    score, _ = score_and_grain(dirty.chunk({"y": 256}))
    clean = cv2.erode((dirt == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert 0.6 < (dirt > 0).mean() < 0.7
    assert np.quantile(score.values[clean], 0.9) < 2.5
    assert np.median(score.values[(dirt > 0.05) & (dirt < 0.1)]) > 6.5
    assert np.median(score.values[dirt > 0.2]) > 20


def test_the_middle_of_large_dirt_scores_as_high_as_its_sides():
    """Film is up to 28 px away, farther than the windows reach from which noise is filled."""
    slide = make_slide(2, SHAPE, defects=0)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = np.hypot(y - 250, x - 350)
    light = np.where(away < 28, 0.5, 1.0)
    dirty = (slide.counts * xr.DataArray(light, dims=("y", "x"))).round().astype(np.uint16)
    score, _ = score_and_grain(dirty.chunk({"y": 256}))
    assert score.values[away < 4].min() > 0.5 * np.median(score.values[(away > 18) & (away < 24)]) > 8


def test_a_speck_scores_high_at_its_place_and_does_not_raise_its_own_noise():
    slide = make_slide(2, (301, 427), defects=0)
    counts = slide.counts.copy(deep=True)
    speck = (slice(148, 153), slice(210, 215))
    counts.values[:, *speck] = counts.values[:, *speck] * 0.6
    (clean, usual), (dirty, grain) = (score_and_grain(planes.chunk({"y": 100})) for planes in (slide.counts, counts))
    assert dirty.values[150, 212] > 15
    assert abs(clean.values[150, 212]) < 4
    far = np.ones(dirty.shape, bool)
    far[100:200, 160:260] = False
    assert (np.abs(dirty.values - clean.values)[far] > 1).mean() < 1e-4
    assert grain.values[150, 212] == pytest.approx(usual.values[150, 212], rel=0.5)


def test_light_that_is_not_blocked_but_added_scores_negative():
    counts = make_slide(2, (301, 427), defects=0).counts
    counts.values[3, 148:153, 210:215] = counts.values[3, 148:153, 210:215] * 1.2
    assert score_and_grain(counts.chunk({"y": 100}))[0].values[150, 212] < -8


def test_block_borders_do_not_show(block_size):
    counts = make_slide(2, (301, 427), defects=200).counts.chunk({"y": 100})
    whole = dask.compute(*score_and_grain(counts))
    block_size(120, 150)
    for one, other in zip(whole, dask.compute(*score_and_grain(counts)), strict=True):
        assert (np.abs(other - one) > 0.05 + 0.02 * np.abs(one)).mean() < 1e-4
