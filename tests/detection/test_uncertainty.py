"""What the ghost may be wrong by at the slide's edge and on very dense film."""

import numpy as np
import pytest

from irtoolkit.crosstalk import TERMS, Crosstalk, FilmCurve, blurs_of
from irtoolkit.crosstalk.pointwise import POINTWISE
from irtoolkit.detection.uncertainty import UNKNOWN_SLOPE, ghost_uncertainty

SHAPE = (61, 197)


def known(slopes=0.4, blur=2.0, flare=0.0, densest=2.0):
    curve = FilmCurve(1.0, np.zeros(3), np.zeros(3), np.ones(3), flare, np.full(3, densest))
    coefficients = np.zeros(len(POINTWISE)), np.zeros(len(TERMS)), np.zeros(len(TERMS))
    return Crosstalk(curve, *coefficients, slopes, neutral=0.0, blur=blur, sigma=0.01, r2=0.9)


def unknown(density, crosstalk, contrast=0.0, start=(0, 0), shape=SHAPE):
    density = np.broadcast_to(np.float32(density), (3, *SHAPE)).copy()
    return ghost_uncertainty(
        blurs_of(density, crosstalk), np.full(SHAPE, contrast, np.float32), crosstalk, start, shape
    )


def test_ordinary_film_without_detail_is_known():
    assert not unknown(1.5, known(flare=0.0)).any()


def test_beyond_the_densest_film_a_share_of_the_slope_is_unknown():
    np.testing.assert_allclose(unknown(3.0, known()), UNKNOWN_SLOPE * 0.4, rtol=1e-5)


def test_at_the_edge_half_of_the_blur_sees_what_is_beyond():
    found = unknown(1.0, known(blur=2.0), contrast=1.0)
    assert found[30, 0] == pytest.approx(0.4013, abs=1e-3)
    assert found[0, 100] == found[60, 100] == found[30, 196] == pytest.approx(found[30, 0])
    assert found[0, 0] == pytest.approx(1 - 0.5987**2, abs=1e-3)
    assert found[30, 100] < 1e-6


def test_flare_from_beyond_reaches_dark_film_beside_bright_film():
    dark = np.zeros(SHAPE)
    dark[:, :4] = 3.0
    found = unknown(dark, known(flare=0.02, densest=3.5))
    assert found[30, 0] > 0.1
    assert found[30, 100] < found[30, 0] / 100
    assert unknown(dark, known(flare=0.0, densest=3.5)).max() == 0


def test_a_piece_knows_its_place_on_the_slide():
    """Inside a larger slide nothing is unknown, and at its right edge what is there at a slide's right edge."""
    inside, right = (
        unknown(1.0, known(flare=0.02), contrast=1.0, start=start, shape=(500, 900))
        for start in ((200, 300), (200, 703))
    )
    assert inside.max() < 1e-3
    whole = unknown(1.0, known(flare=0.02), contrast=1.0)
    np.testing.assert_allclose(right[30, 100:], whole[30, 100:], atol=2e-4)
