"""What a speck takes from every band, on made film."""

import numpy as np
import pytest
import xarray as xr
from scans import film, scan

from irtoolkit.crosstalk.candidates import ghost_contrast
from irtoolkit.crosstalk.curve import infrared_density, visible_density
from irtoolkit.crosstalk.regression import fit_crosstalk
from irtoolkit.detection.exceedances import measure_exceedances
from irtoolkit.detection.signature import SIGNATURE, measure_signature

SHAPE = (233, 301)
SPECK = (slice(100, 108), slice(150, 158))
EVERYWHERE = tuple(np.indices(SHAPE).reshape(2, -1))


@pytest.fixture
def speck(textured):
    """Tile of a slide with a speck of density .3, its residual, and its crosstalk."""
    density, residual = film(textured, contrast=0.05), np.zeros(SHAPE, np.float32)
    residual[SPECK] = 0.3
    return scan(density, dust=residual), residual, fit_crosstalk([[scan(density)]])


def sign(speck, infrared=None):
    """The signature (y, x) of every pixel."""
    tile, residual, crosstalk = speck
    infrared = tile.planes[3] if infrared is None else infrared
    signed = measure_signature(
        visible_density(tile.planes[:3], crosstalk.curve), infrared, residual, residual > 0, EVERYWHERE, crosstalk
    )
    assert tuple(signed) == SIGNATURE
    return {name: values.reshape(SHAPE) for name, values in signed.items()}


def test_dust_takes_alike_from_every_band(speck):
    signed, exponent = sign(speck), speck[2].curve.exponent
    middle = (slice(102, 106), slice(152, 156))
    for name in ("red", "green", "blue", "infrared_step"):
        assert float(signed[name][middle].mean()) / exponent == pytest.approx(0.3, abs=0.08), name
    assert float(signed["likeness"][middle].mean()) > 0.8
    assert np.abs(signed["infrared_step"][20:60, 20:60]).mean() / exponent < 0.03


def test_the_contrast_is_that_of_the_ghost_alone(speck):
    """The speck is in the infrared and in the residual, so the ghost, their difference, does not have it."""
    tile, residual, crosstalk = speck
    residual = np.float32(crosstalk.curve.exponent) * residual
    steep, flat = (sign((tile, residual, crosstalk._replace(slopes=slopes)))["contrast"] for slopes in (0.3, 0.05))
    ghost = infrared_density(tile.planes[3], crosstalk.curve.exponent) - residual
    np.testing.assert_allclose(steep, ghost_contrast(ghost), atol=1e-5)
    assert steep[SPECK].max() < 0.3 * residual.max()
    assert not flat.any()


def test_where_the_infrared_is_not_known_nothing_is_told_apart(speck):
    infrared = np.where(np.arange(301) > 40, speck[0].planes[3], np.float32(np.nan))
    signed = sign(speck, infrared)
    assert np.isfinite(signed["likeness"]).all()
    assert not signed["infrared_step"][:, :41].any()


def test_the_signature_of_exceedances_does_not_depend_on_chunks(speck):
    tile, residual, crosstalk = speck
    planes = {"infrared": tile.planes[3], "residual": residual, "score": 100 * residual, "grain": residual}
    slide = xr.Dataset({name: (("y", "x"), plane) for name, plane in planes.items()})
    slide["visible"] = ("band", "y", "x"), np.clip(tile.planes[:3], 0, 65535).astype(np.uint16)
    one, other = (
        measure_exceedances(slide.chunk({"y": y, "x": x}), infrared_blur=0.0, crosstalk=crosstalk)
        for y, x in ((80, 90), (233, 17))
    )
    assert one.sizes["pixel"] == 64
    assert one.identical(other)
    assert float(one.infrared_step.mean()) > 0.2
