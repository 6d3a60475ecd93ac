"""Whether a picture is a positive made from a negative, on made film whose signs are known."""

import numpy as np
import pytest
from scans import film, scan, specks, whole

from irtoolkit.alignment.polarity import measure_inversion
from irtoolkit.arrays import from_negative


def as_positive(tile):
    """The tile with the positive of its visible bands; its clearest film becomes black."""
    visible = tile.planes[:3] / tile.planes[:3].max(axis=(1, 2), keepdims=True) * 65535
    return tile._replace(planes=np.concatenate([from_negative(visible), tile.planes[3:]]))


def with_infrared(tile, infrared):
    return tile._replace(planes=np.concatenate([tile.planes[:3], infrared[None]]))


@pytest.fixture
def dusty(textured):
    return scan(film(textured), dust=specks(2, share=0.01))


def test_film_is_no_positive_and_its_positive_is_one(dusty):
    assert not measure_inversion([dusty])
    assert measure_inversion([as_positive(dusty)])
    assert measure_inversion([as_positive(dusty)] * 2)


def test_three_bright_defects_are_too_few(textured):
    dust = np.zeros((233, 301), np.float32)
    for number, (y, x) in enumerate([(40, 50), (90, 200), (180, 120), (60, 260)], 1):
        dust[y : y + 6, x : x + 6] = 0.6
        assert measure_inversion([as_positive(scan(film(textured), dust=dust))]) == (number > 3)


def test_bright_scratches_in_film_that_shows_in_the_infrared_are_no_sign(textured, dusty):
    """Scratches through the emulsion brighten the picture and scatter infrared; the crosstalk remains that of film."""
    dust = specks(2, share=0.01)
    density = film(textured)
    scratched = scan(density, dust=dust)
    bright = scan(density - 2 * dust, dust=dust)
    assert not measure_inversion([with_infrared(bright, scratched.planes[3])])


def test_infrared_dust_that_the_picture_does_not_show_is_no_sign(textured, dusty):
    clean = scan(film(textured))
    assert not measure_inversion([with_infrared(clean, dusty.planes[3])])
    assert not measure_inversion([with_infrared(as_positive(clean), dusty.planes[3])])


def test_inverted_infrared_is_no_positive(dusty):
    assert not measure_inversion([with_infrared(dusty, 65535 - dusty.planes[3])])


def test_unseen_constant_and_clean_tiles_say_nothing(textured):
    tile = as_positive(scan(film(textured)))
    assert not measure_inversion([tile])
    assert not measure_inversion([with_infrared(tile, np.full_like(tile.planes[3], np.nan))])
    assert not measure_inversion([whole(np.full((4, 90, 70), 30_000.0))])


def test_unseen_infrared_beside_dust_changes_nothing(dusty):
    positive = as_positive(dusty)
    infrared = positive.planes[3].copy()
    infrared[:40], infrared[:, -25:] = np.nan, np.nan
    assert measure_inversion([with_infrared(positive, infrared)])
