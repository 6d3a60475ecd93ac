"""The rank of regions by hand: dust over what is left of a picture, and a mirror image ranks as its region."""

import numpy as np
import pytest
import xarray as xr

from irtoolkit.detection.ranking import (
    NULL_RANKS,
    NULL_REGIONS,
    NULL_SHARES,
    explained_by_picture,
    null_share,
    rank_features,
    score_regions,
)
from irtoolkit.detection.segmentation import join_regions
from irtoolkit.detection.signature import SIGNATURE, SIGNED

DUST = {"red": 0.2, "green": 0.2, "blue": 0.2, "infrared_step": 0.2, "ghost_step": 0.0}
DUST |= {"likeness": 0.9, "contrast": 0.1}
PICTURE = {"red": 0.9, "green": 0.1, "blue": 0.0, "infrared_step": 0.3, "ghost_step": 0.25}
PICTURE |= {"likeness": 0.1, "contrast": 0.1}


def exceedances(kind, sign=1, side=5, residual=0.2):
    """A square region of one sign in a slide of 40 by 60 pixels."""
    y, x = (place.ravel() for place in np.mgrid[10 : 10 + side, 20 : 20 + side])
    number = y.size
    planes = {"score": sign * 9.0, "residual": sign * residual, "grain": 0.01, "core": True}
    planes |= {name: sign * value if name in SIGNED else value for name, value in kind.items()}
    columns = {name: ("pixel", np.full(number, value)) for name, value in planes.items()}
    return xr.Dataset(columns | {"index": ("pixel", y * 60 + x)}, attrs={"height": 40, "width": 60, "infrared_blur": 0})


def regions(*arguments, **options):
    sign = options.get("sign", 1)
    return join_regions(exceedances(*arguments, **options), sign=sign)


def test_features_by_hand():
    size, agreement, step, likeness = rank_features(regions(DUST))[:, 0]
    assert size == pytest.approx(np.log(25 * (9 - 3.2) + 0.3))
    assert agreement == pytest.approx(np.log(0.02))
    assert step == pytest.approx(np.log(0.02))
    assert likeness == pytest.approx(0.9)


def test_agreement_is_that_of_the_worst_band():
    """The infrared lost 1 - 10^-.3, red 1 - 10^-.9, over the loss 1 - 10^-.2 and its noise of .013 over 5."""
    agreement = rank_features(regions(PICTURE))[1, 0]
    lost = 10**-0.0 - 10 ** -np.array([0.3, 0.9, 0.1, 0.0, 0.2])
    worst = np.abs(lost[0] - lost[1:4]).max() / (lost[4] + 2.3 * 0.013 / 5)
    assert agreement == pytest.approx(np.log(0.02 + worst))


@pytest.mark.parametrize("kind", [DUST, PICTURE])
def test_a_region_and_its_mirror_image_score_alike(kind):
    one, other = (score_regions(regions(kind, sign=sign)) for sign in (1, -1))
    assert float(one.score[0]) == float(other.score[0])


def test_dust_scores_above_what_is_left_of_a_picture_and_size_saturates():
    dust, picture = (float(score_regions(regions(kind)).score[0]) for kind in (DUST, PICTURE))
    assert dust > picture + 0.5
    large, larger = (float(score_regions(regions(DUST, side=side)).score[0]) for side in (9, 15))
    assert large == pytest.approx(larger)


def test_a_score_is_the_normal_quantile_of_its_probability():
    scored = score_regions(regions(DUST))
    share = null_share(scored.score.values)
    assert 0 < share[0] < NULL_SHARES[-1]
    shares = null_share(np.array([0.0, 4.0, 5.0, 9.0]))
    assert shares[0] == 1
    assert (np.diff(shares) <= 0).all()
    assert shares[2] == pytest.approx(2.87e-7 / NULL_REGIONS, rel=0.01)


def test_the_pooled_null_falls():
    assert (np.diff(NULL_RANKS) > 0).all()
    assert (np.diff(NULL_SHARES) < 0).all()
    assert set(DUST) == set(SIGNATURE)


@pytest.mark.parametrize(
    ("slopes", "infrared", "explained"), [(0.3, 0.3, False), (0.3, 0.7, True), (0.05, 0.7, False), (0.3, -0.7, False)]
)
def test_the_picture_explains_what_is_darker_than_dust_of_that_residual(slopes, infrared, explained):
    """Dust of .3 leaves .2 on film of slope .3 and ratio 1.1; twice that, 2 * .2 / .67 = .6, is too much for dust."""
    kind = DUST | {"infrared_step": infrared}
    found = join_regions(exceedances(kind).assign_attrs(slopes=slopes, height=40, width=60, infrared_blur=0), sign=1)
    assert explained_by_picture(found).tolist() == [explained]


@pytest.mark.parametrize(("length", "infrared", "explained"), [(39, 0.55, False), (41, 0.55, True), (41, 0.4, False)])
def test_of_long_straight_lines_the_picture_explains_more(length, infrared, explained):
    """The same film: 1.5 * .2 / .67 = .45 is too much for a line that is dust, and .6 for any other dust."""
    found = regions(DUST | {"infrared_step": infrared}).assign(length=("region", [length]), breadth=("region", [5.0]))
    assert explained_by_picture(found.assign_attrs(slopes=0.3)).tolist() == [explained]
    assert not explained_by_picture(found.assign(breadth=("region", [6.0])).assign_attrs(slopes=0.3)).any()


@pytest.mark.parametrize(("contrast", "slopes", "explained"), [(0.6, 0.3, False), (0.7, 0.3, True), (0.7, 0.05, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_line_far_weaker_than_the_edge_beside_it_is_left_of_the_edge(sign, contrast, slopes, explained):
    """Three tenths of the ghost's contrast is .18 and .21; the line has a residual of .2, of either sign."""
    found = regions(DUST | {"contrast": contrast}, sign=sign).assign_attrs(slopes=slopes)
    line = found.assign(length=("region", [41.0]), breadth=("region", [5.0]))
    assert explained_by_picture(line).tolist() == [explained]
    assert not explained_by_picture(found).any()
