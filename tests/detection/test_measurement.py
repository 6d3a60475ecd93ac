"""The table of defects: shapes by hand, regions over block borders, chances of being noise."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

import irtoolkit as irt
from irtoolkit.detection.exceedances import REGION_LEVEL

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EIGHT = np.ones((3, 3))
BOX = ("top", "left", "bottom", "right")
ALWAYS = {*BOX, "area", "length", "width", "straightness", "kind", "peak_opacity", "mean_opacity", "probability_false"}


def plane(values, chunks=(61, 47), dtype=np.float32):
    return xr.DataArray(da.from_array(np.asarray(values, dtype), chunks), dims=("y", "x"))


def table(mask, score=None, residual=None, grain=None, chunks=(61, 47), **options):
    """Table of a mask; its pixels score 10 and block half of the infrared unless told otherwise."""
    mask = np.asarray(mask, bool)
    score = plane(10.0 * mask if score is None else score, chunks)
    residual = plane(np.log10(2) * mask if residual is None else residual, chunks)
    grain = None if grain is None else xr.full_like(residual, grain)
    return irt.measure_defects(plane(mask, chunks, bool), score, residual, grain, **options)


def strip(width, degrees=0.0, length=200, side=260, bend=0.0):
    """Mask of a strip through the middle; `bend` is the angle by which it turns over its length, degrees."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2 + 0.01
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    along, across = x * cosine + y * sine, y * cosine - x * sine
    if bend:
        radius = length / np.radians(bend)
        along, across = radius * np.arctan2(along, radius - across), np.hypot(along, radius - across) - radius
    return (np.abs(along) < length / 2) & (np.abs(across) < width / 2)


def disk(radius, side):
    y, x = np.mgrid[:side, :side] - side // 2
    return y**2 + x**2 < radius**2


def scattered(scores, visible=0.1):
    """One-pixel regions with these scores, marked where positive: mask, score and residual."""
    rows = -(-len(scores) // 60)
    score = np.zeros((3 * rows, 180), np.float32)
    score[1::3, 1::3].flat[: len(scores)] = scores
    return score > 0, score, np.sign(score) * visible


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("upright", [False, True])
def test_a_long_straight_strip_has_its_width_and_length(width, upright):
    mask = np.zeros((40, 640), bool)
    mask[10 : 10 + width, 20:620] = True
    defects = table(mask.T if upright else mask)
    assert defects.width.values == pytest.approx([width], rel=0.005)
    assert defects.length.values == pytest.approx([600], rel=0.005)
    assert defects.straightness.values == pytest.approx([1], abs=0.005)
    assert defects.kind.values.tolist() == ["scratch"]


@pytest.mark.parametrize("width", [2, 3, 5, 9, 15])
@pytest.mark.parametrize("degrees", [3, 10, 26, 45, 71])
def test_a_strip_at_a_slant_is_nearly_as_wide_and_straight(width, degrees):
    """Steps of the edge take up to 7 % of the width, which is the area over the length of 200."""
    defects = table(strip(width, degrees))
    assert 0.92 < defects.width.item() / (defects.area.item() / 200) < 1.02
    assert defects.straightness.item() > 0.92
    assert defects.kind.item() == "scratch"


@pytest.mark.parametrize(("bend", "kind"), [(45, "scratch"), (140, "hair")])
def test_a_bent_strip_is_a_hair(bend, kind):
    """The chord of an arc over the arc: sin(angle / 2) / (angle / 2)."""
    defects, half = table(strip(5, bend=bend)), np.radians(bend) / 2
    assert defects.straightness.item() == pytest.approx(np.sin(half) / half, abs=0.06)
    assert defects.kind.item() == kind


@pytest.mark.parametrize("radius", [5, 20, 100])
def test_a_disk_is_dust_four_thirds_of_its_radius_wide(radius):
    """Mean distance to the edge is a third of the radius, also where that is farther than blocks see."""
    defects = table(disk(radius, 2 * radius + 9))
    assert defects.width.item() == pytest.approx(4 / 3 * np.sqrt(defects.area.item() / np.pi), rel=0.06)
    assert defects.kind.item() == "dust"
    assert defects.straightness.item() == pytest.approx(2 / (0.75 * np.pi), abs=0.1)


def test_a_pixel_by_hand():
    mask = np.arange(99).reshape(9, 11) == 3 * 11 + 7
    defects = table(mask, residual=mask * 1.0)
    assert [defects[name].item() for name in BOX] == [3, 7, 4, 8]
    assert [defects[name].item() for name in ("area", "length", "width", "straightness")] == [1, 1, 1, 1]
    assert (defects.y.item(), defects.x.item(), defects.kind.item()) == (3, 7, "dust")
    assert defects.peak_opacity.item() == pytest.approx(0.9)


def test_the_border_of_the_slide_is_an_edge():
    mask = np.zeros((300, 40), bool)
    mask[:, :3] = True
    defects = table(mask)
    assert defects.width.item() == pytest.approx(3, rel=0.01)
    assert [defects[name].item() for name in BOX] == [0, 0, 300, 3]
    assert table(np.ones((50, 50))).area.item() == 2500


def test_a_ring_is_as_wide_as_its_line_and_what_lies_inside_is_another_defect():
    mask = disk(60, 140) & ~disk(56, 140)
    mask[69:72, 69:72] = True
    defects = table(mask)
    assert defects.area.values.tolist() == [int(mask.sum()) - 9, 9]
    assert defects.width[0].item() == pytest.approx(4, rel=0.08)
    assert (defects.bottom - defects.top).values.tolist() == [119, 3]
    assert defects.kind.values.tolist() == ["hair", "dust"]


def test_opacities_are_shares_of_light():
    mask = np.pad(np.ones((1, 3), bool), ((2, 2), (1, 2)))
    residual = mask * [9, 0, np.log10(2), 1, 9, 9]
    defects = table(mask, residual=residual)
    assert defects.peak_opacity.item() == pytest.approx(0.9)
    assert defects.mean_opacity.item() == pytest.approx((0 + 0.5 + 0.9) / 3)


@FEW
@given(st.integers(1, 30), st.integers(1, 40), st.sampled_from([0.02, 0.15, 0.4, 0.9]), st.integers(0, 9999))
def test_regions_are_those_of_the_whole_plane(small_blocks, height, width, density, seed):
    mask = np.random.default_rng(seed).random((height, width)) < density
    defects = table(mask, chunks=(7, 11))
    labels, number = ndimage.label(mask, EIGHT)
    first = [np.flatnonzero(labels == label)[0] for label in range(1, number + 1)]
    order = np.argsort(first)
    boxes = np.array([[s.start for s in box] + [s.stop for s in box] for box in ndimage.find_objects(labels)])
    boxes = boxes.reshape(-1, 4)[order]
    assert defects.area.values.tolist() == np.bincount(labels.ravel(), minlength=number + 1)[1:][order].tolist()
    assert np.stack([defects[name] for name in BOX], axis=1).tolist() == boxes.tolist()
    assert (defects.width >= 1).all()
    assert ((defects.straightness > 0) & (defects.straightness <= 1)).all()


def test_two_pixels_over_a_corner_of_blocks_are_one_defect(block_size):
    block_size(10, 10)
    mask = np.zeros((20, 20), bool)
    mask[[9, 10, 0, 0], [9, 10, 3, 5]] = True
    assert table(mask).area.values.tolist() == [1, 1, 2]


@pytest.mark.parametrize("chunks", [(300, 300), (7, 300), (41, 53)])
def test_the_table_is_the_same_for_any_chunks_and_blocks(chunks, block_size):
    rng = np.random.default_rng(5)
    mask = disk(110, 281) | strip(3, 20, side=281, length=278) | (rng.random((281, 281)) < 0.01)
    score = np.where(mask, 6, 2 * rng.standard_normal(mask.shape))
    residual = 0.02 * score
    whole = table(mask, score, residual, 0.03, chunks=(281, 281), dpi=4000)
    block_size(60, 50)
    xr.testing.assert_identical(table(mask, score, residual, 0.03, chunks=chunks, dpi=4000), whole)


def test_planes_are_read_once_and_may_be_in_memory():
    read = []

    def count(block):
        read.append(block.shape)
        return block

    lazy = plane(9.0 * strip(4, 30, side=300), (100, 300))
    score = lazy.copy(data=lazy.data.map_blocks(count, dtype=np.float32, meta=np.empty((0, 0), np.float32)))
    defects = irt.measure_defects(lazy > 0, score, lazy)
    assert read == [(100, 300)] * 3
    xr.testing.assert_identical(irt.measure_defects(*(p.compute() for p in (lazy > 0, lazy, lazy))), defects)


def test_visibility_is_contrast_over_the_grain_of_the_area():
    mask = np.pad(np.ones((2, 4), bool), 3)
    defects = table(mask, residual=0.2 * mask, grain=0.02)
    assert defects.visibility.item() == pytest.approx(8 * 0.2 / np.sqrt(8) / 0.02)
    assert "visibility" not in table(mask)
    blurred = table(mask, residual=0.2 * mask, grain=0.02, infrared_blur=1.0)
    assert blurred.visibility.item() == pytest.approx(8 * 0.2 / np.sqrt(4) / 0.02)


def test_probability_follows_the_share_of_noise():
    """Noise of exponential rank goes both ways; at rank r it is 2000 exp(-r) regions to 200 true ones a unit of r."""
    rng = np.random.default_rng(2)
    scores = REGION_LEVEL + np.concatenate([rng.exponential(1, 4000), rng.uniform(0, 20, 4000)])
    scores[:2000] *= -1
    defects = table(*scattered(scores))
    rank = scores[scores > 0] - REGION_LEVEL
    expected = 1 / (1 + 0.1 * np.exp(rank))
    assert np.abs(defects.probability_false.values - expected).max() < 0.15
    assert defects.probability_false.sum().item() == pytest.approx(expected.sum(), rel=0.1)
    assert (np.diff(defects.probability_false.values[np.argsort(rank)]) <= 0).all()
    assert 0 < defects.probability_false.min().item() < 0.001


def test_probability_without_noise_and_without_anything_else():
    alone = table(*scattered(REGION_LEVEL + np.linspace(20, 30, 99)))
    assert alone.probability_false.values == pytest.approx(np.full(99, 0.5 / 100))
    even = table(*scattered(np.r_[np.full(50, 5.0), np.full(50, -5.0)]))
    assert even.probability_false.values == pytest.approx(np.full(50, 50.5 / 51))
    mask, score, residual = scattered(np.full(50, 3.0))
    assert (table(mask, score, residual).probability_false == 1).all()


def test_noise_less_visible_than_every_defect_does_not_count():
    mask, score, residual = scattered(np.r_[np.full(50, 5.0), np.full(50, -5.0)])
    residual[score < 0] *= 0.1
    assert (table(mask, score, residual, 0.01).probability_false == pytest.approx(0.5 / 51)).all()


def test_micrometres_and_units():
    defects = table(strip(3), dpi=2540)
    assert defects.attrs == {"dpi": 2540}
    assert defects.length_um.values == pytest.approx(10 * defects.length.values)
    assert defects.width_um.values == pytest.approx(10 * defects.width.values)
    assert defects.area_um2.values == pytest.approx(100 * defects.area.values)
    assert [defects[name].attrs["units"] for name in ("y", "area", "width_um", "area_um2")] == ["px", "px", "um", "um2"]
    plain = table(strip(3))
    assert set(plain.data_vars) == ALWAYS
    assert not plain.attrs


def test_no_defects_make_an_empty_table_with_all_columns():
    some, none = (table(mask, grain=0.02, dpi=3600) for mask in (strip(3), strip(3) & False))
    assert none.sizes["defect"] == 0
    kinds = [{name: column.dtype.kind for name, column in each.variables.items()} for each in (some, none)]
    assert kinds[0] == kinds[1]


def test_planes_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="sizes"):
        irt.measure_defects(plane(np.ones((5, 6)), dtype=bool), plane(np.ones((5, 7))), plane(np.ones((5, 6))))


def test_as_many_defects_as_the_chain_counts(plustek_slide):
    found = irt.clean_slide(plustek_slide[["counts"]].chunk(), settings=irt.Settings(heal="copy"))
    defects = irt.measure_defects(found.mask, found.score, found.residual, dpi=plustek_slide.attrs["dpi"])
    assert defects.sizes["defect"] == int(found.defects) > 0
    assert int(defects.area.sum()) == int(found.mask.sum())
    assert defects.mean_opacity.min().item() > 0
    assert defects.probability_false.mean().item() < 0.1
