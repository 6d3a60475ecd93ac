"""Crowds of small regions, measured against the visible grain."""

import numpy as np
import pytest
import xarray as xr

import irtoolkit as irt
from irtoolkit.detection import join_regions
from irtoolkit.visibility import CROWD, measure_crowds, temper_visibility

HEIGHT, WIDTH = 301, 403
DEPTH = 0.2


def crowd(number: int, share: float, grain: float, seed: int = 0):
    """Visible counts with grain and dots of four pixels, `share` as deep as the infrared's, and the dots' regions."""
    rng = np.random.default_rng(seed)
    places = rng.permutation([(y, x) for y in range(40, HEIGHT - 40, 13) for x in range(40, WIDTH - 40, 13)])[:number]
    y, x = (places[:, [axis] * 4] + offsets for axis, offsets in ((0, [0, 0, 1, 1]), (1, [0, 1, 0, 1])))
    density = 0.5 + grain * rng.normal(size=(3, HEIGHT, WIDTH))
    density[:, y, x] += share * DEPTH
    counts = xr.DataArray(np.round(65535 * 10**-density).astype(np.uint16), dims=("band", "y", "x")).chunk()
    index = np.sort((y * WIDTH + x).ravel())
    size = index.size
    columns = {"score": np.full(size, 9.0), "residual": np.full(size, DEPTH), "grain": np.full(size, grain)}
    tails = xr.Dataset({name: ("pixel", values) for name, values in columns.items()})
    tails = tails.assign(index=("pixel", index), core=("pixel", np.ones(size, bool)))
    return counts, join_regions(tails.assign_attrs(height=HEIGHT, width=WIDTH, infrared_blur=0.0), sign=1)


def test_a_crowd_that_shows_in_the_colours_keeps_its_visibility():
    counts, regions = crowd(300, share=1.0, grain=0.02)
    factors = measure_crowds(counts, regions)
    assert factors.values[0] == pytest.approx(1.0, abs=0.12)
    assert (factors.values[1:] == 1).all()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_crowd_is_tempered_by_the_share_it_shows(share):
    counts, regions = crowd(300, share=share, grain=0.02)
    tempered = temper_visibility(regions, measure_crowds(counts, regions))
    assert regions.visibility.values == pytest.approx(np.full(300, 4 * DEPTH / 2 / 0.02))
    assert np.median(tempered.visibility / regions.visibility) == pytest.approx(share, abs=0.12)


def test_fewer_regions_than_a_crowd_are_left_alone_and_the_colours_are_not_read():
    counts, regions = crowd(CROWD - 1, share=0.0, grain=0.02)

    def fail(block):
        raise AssertionError("the colours were read")

    unread = counts.copy(data=counts.data.map_blocks(fail, dtype=counts.dtype, meta=np.empty((0, 0, 0), counts.dtype)))
    assert (measure_crowds(unread, regions).values == 1).all()


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
