"""Tiles on which curves are tried, and what of them is even film."""

import numpy as np

from irtoolkit.alignment import Sample
from irtoolkit.crosstalk.trials import BANDS, halve, keep_even, keep_even_film

SHAPE = (121, 201)


def tile_of(counts):
    """Tile of counts (y, x), the same in every band, with a level of 0."""
    planes = np.stack([*[counts.astype(np.float32)] * BANDS, np.zeros(counts.shape, np.float32)])
    return Sample(planes, (np.arange(SHAPE[0])[:, None], np.arange(SHAPE[1])[None]))


def two_fields():
    """Counts of two even fields that meet at column 80."""
    counts = np.full(SHAPE, 20000.0)
    counts[:, 80:] = 500
    return counts


def test_even_film_is_not_beside_edges_and_of_every_brightness():
    even = np.isfinite(keep_even(halve(tile_of(two_fields()), 1.0)).planes[BANDS])
    assert not even[:, [37, 38, 41, 42]].any()
    assert even[:, :37].any()
    assert even[:, 43:].any()


def test_a_quarter_of_a_rare_brightness_is_even_and_less_of_a_common_one():
    rng = np.random.default_rng(7)
    counts = np.full(SHAPE, 20000.0)
    counts[:30, :40] = 500
    even = np.isfinite(keep_even(halve(tile_of(counts * rng.normal(1, 0.02, SHAPE)), 1.0)).planes[BANDS])
    assert abs(even[:15, :20].mean() - 0.25) < 0.02
    assert abs(even.sum() - 0.25 * 300 - 0.25 / 8 * 6000) < 30


def test_a_square_is_the_mean_of_its_light():
    counts = np.random.default_rng(3).uniform(5000, 6000, SHAPE)
    light = halve(tile_of(counts), 1.0)
    square = light.planes[0, 20:25, 30:35].mean()
    np.testing.assert_allclose(keep_even(light).planes[:BANDS, 22, 32], square, rtol=1e-6)


def test_unknown_infrared_stays_unknown_and_harms_no_neighbour():
    tile = tile_of(np.full(SHAPE, 5000.0))
    tile.planes[3, 40:60, 40:60] = np.nan
    infrared = keep_even(halve(tile, 1.0)).planes[3]
    assert np.isnan(infrared[20:30, 20:30]).all()
    np.testing.assert_allclose(infrared[:20], 5000, rtol=1e-6)


def test_a_small_tile_is_used_whole():
    small = Sample(tile_of(two_fields()).planes[:, :90, 40:130], (np.arange(90)[:, None], np.arange(90)[None]))
    slides = [[halve(small, 1.0)]]
    assert keep_even_film(slides) is slides
    assert keep_even_film([[halve(tile_of(two_fields()), 1.0)]] * 9) is not slides
