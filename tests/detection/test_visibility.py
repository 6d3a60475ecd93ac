"""Numerous small regions, measured against the visible grain."""

import numpy as np
import pytest
import xarray as xr

import irtoolkit as irt
from irtoolkit.detection.segmentation import join_regions
from irtoolkit.detection.visibility import (
    MANY_DOTS,
    TRACES,
    above_dots,
    measure_visibility_factors,
    rank_above_dots,
    scale_visibility,
    trace_planes,
)

HEIGHT, WIDTH = 301, 403
DEPTH = 0.2


def dotted(number: int, share: float, grain: float, seed: int = 0):
    """Regions of dots of four pixels, on a picture with grain, `share` as deep there as in the infrared."""
    rng = np.random.default_rng(seed)
    places = rng.permutation([(y, x) for y in range(40, HEIGHT - 40, 13) for x in range(40, WIDTH - 40, 13)])[:number]
    y, x = (places[:, [axis] * 4] + offsets for axis, offsets in ((0, [0, 0, 1, 1]), (1, [0, 1, 0, 1])))
    density = 0.5 + grain * rng.normal(size=(3, HEIGHT, WIDTH))
    density[:, y, x] += share * DEPTH
    index = np.sort((y * WIDTH + x).ravel())
    size = index.size
    columns = {"score": np.full(size, 9.0), "residual": np.full(size, DEPTH), "grain": np.full(size, grain)}
    columns |= {
        name: plane.ravel()[index] for name, plane in zip(TRACES, trace_planes(density.astype(np.float32)), strict=True)
    }
    exceedances = xr.Dataset({name: ("pixel", values) for name, values in columns.items()})
    exceedances = exceedances.assign(index=("pixel", index), core=("pixel", np.ones(size, bool)))
    return join_regions(exceedances.assign_attrs(height=HEIGHT, width=WIDTH, infrared_blur=0.0), sign=1)


def test_dots_that_show_in_the_colours_keep_their_visibility():
    factors = measure_visibility_factors(dotted(300, share=1.0, grain=0.02))
    assert factors.values[0] == pytest.approx(1.0, abs=0.12)
    assert (factors.values[1:] == 1).all()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_visibility_of_dots_is_scaled_by_the_share_that_they_show(share):
    regions = dotted(300, share=share, grain=0.02)
    tempered = scale_visibility(regions, measure_visibility_factors(regions))
    assert regions.visibility.values == pytest.approx(np.full(300, 4 * DEPTH / 2 / 0.02))
    assert np.median(tempered.visibility / regions.visibility) == pytest.approx(share, abs=0.12)


def test_a_few_regions_are_not_scaled():
    assert (measure_visibility_factors(dotted(MANY_DOTS - 1, share=0.0, grain=0.02)).values == 1).all()


def test_the_trace_of_a_pixel_is_its_density_above_the_surroundings_and_that_24_rows_below():
    density = np.full((3, 61, 41), 0.5, np.float32)
    density[:, 30, 20] += 0.289
    trace, aside = trace_planes(density)
    assert trace[30, 20] == pytest.approx(0.288, abs=1e-5)
    assert trace[30, 22] == pytest.approx(-0.001, abs=1e-5)
    np.testing.assert_array_equal(aside[6], trace[30])


def ranked(ranks, visibility=1.0, area=4.0):
    """Regions of these ranks, by default small and not to be seen."""
    columns = {"rank": ranks, "visibility": visibility, "visible_area": area}
    shape = np.shape(ranks)
    return xr.Dataset(
        {name: ("region", np.broadcast_to(values, shape).astype(float)) for name, values in columns.items()}
    )


def dots(number, seed=0):
    """Ranks whose cube roots are normal about 2, with a spread of .4."""
    return np.random.default_rng(seed).normal(2, 0.4, number).clip(0) ** 3


NONE = ranked(np.zeros(0))


def test_strong_regions_are_above_the_dots_and_large_ones_always():
    """The 3,000 dots reach a rank of some 40; at a rate of .05 two or three of them may pass with the 50."""
    ranks, strong = dots(3000), np.linspace(101, 900, 50)
    least = rank_above_dots(ranked(np.r_[ranks, strong]), ranked(dots(60, seed=1)), 0.05)
    assert 15 < least <= 101
    assert int(above_dots(ranked(ranks), least).sum()) <= 5
    assert above_dots(ranked(strong), least).all()
    assert above_dots(ranked(ranks, area=60.0), least).all()


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_the_share_of_dots_above_the_rank_is_the_given_rate(rate):
    for seed in range(5):
        ranks, strong = dots(3000, seed), np.random.default_rng(seed).uniform(25, 90, 200)
        least = rank_above_dots(ranked(np.r_[ranks, strong]), NONE, rate)
        false, found = (ranks >= least).sum(), (ranks >= least).sum() + (strong >= least).sum()
        assert false <= 2 * rate * found + 2


def test_of_dots_alone_hardly_any_is_above_the_rank():
    least = rank_above_dots(ranked(dots(3000)), NONE, 0.05)
    assert int(above_dots(ranked(dots(3000)), least).sum()) <= 3


@pytest.mark.parametrize(
    ("defects", "decoys"),
    [
        (NONE, NONE),
        (ranked(dots(MANY_DOTS - 1)), NONE),
        (ranked(dots(600)), ranked(dots(201, seed=1))),
        (ranked(dots(600), visibility=9.0), NONE),
        (ranked(dots(600), area=60.0), NONE),
    ],
    ids=["nothing", "few", "as many decoys", "visible", "large"],
)
def test_without_many_invisible_small_regions_nothing_is_left_out(defects, decoys):
    assert rank_above_dots(defects, decoys, 0.05) == 0
    assert above_dots(defects, 0.0).all()


def test_a_field_of_grain_sized_dots_is_not_marked_but_dust_in_it_is():
    slide = irt.make_slide(3, (500, 700), film="e6", scanner="dotted", defects=60)
    counts = slide[["counts"]].chunk()
    mask, everything = (
        irt.clean_slide(counts, settings=irt.Settings(visibility=limit)).mask.values for limit in (3.0, 0.0)
    )
    truth = slide.truth.values
    plain = slide.visibility.values >= 10
    assert (everything & ~truth).mean() > 0.02
    assert (mask & ~truth).mean() < 0.3 * (everything & ~truth).mean()
    assert mask[truth & plain].mean() > 0.9
