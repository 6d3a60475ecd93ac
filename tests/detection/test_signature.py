"""What a speck takes from every band, on made film."""

import dask
import numpy as np
import pytest
import xarray as xr
from scans import film, scan

from irtoolkit.crosstalk.regression import fit_crosstalk
from irtoolkit.detection.segmentation import SIGNATURE
from irtoolkit.detection.signature import add_signature

SHAPE = (233, 301)
SPECK = (slice(100, 108), slice(150, 158))


def evidence(textured, dust, chunks=(80, 90)):
    """Evidence of a slide with a speck of density .3, whose score is known, and its crosstalk."""
    density, speck = film(textured, contrast=0.05), np.zeros(SHAPE, np.float32)
    speck[SPECK] = 0.3
    tile, clean = scan(density, dust=dust * speck), scan(density)
    planes = {"infrared": tile.planes[3], "residual": speck, "score": 100 * speck}
    slide = xr.Dataset({name: (("y", "x"), plane) for name, plane in planes.items()})
    slide["visible"] = ("band", "y", "x"), np.clip(tile.planes[:3], 0, 65535).astype(np.uint16)
    return slide.chunk({"y": chunks[0], "x": chunks[1]}), fit_crosstalk([[clean]])


def test_dust_takes_alike_from_every_band(textured):
    slide, crosstalk = evidence(textured, 1)
    signed = add_signature(slide, crosstalk).compute() / crosstalk.curve.exponent
    middle = (slice(102, 106), slice(152, 156))
    for name in ("red", "green", "blue", "infrared_step"):
        assert float(signed[name].values[middle].mean()) == pytest.approx(0.3, abs=0.08), name
    assert float(signed.likeness.values[middle].mean()) * crosstalk.curve.exponent > 0.8
    far = np.abs(signed.infrared_step.values[20:60, 20:60]).mean()
    assert far < 0.03


def test_the_signature_is_lazy_float32_and_does_not_depend_on_chunks(textured):
    signed = add_signature(*evidence(textured, 1))
    assert all(dask.is_dask_collection(signed[name]) and signed[name].dtype == np.float32 for name in SIGNATURE)
    other = add_signature(*evidence(textured, 1, chunks=(233, 17)))
    for name in SIGNATURE:
        np.testing.assert_array_equal(signed[name].values, other[name].values)


def test_where_the_infrared_is_not_known_nothing_is_told_apart(textured):
    slide, crosstalk = evidence(textured, 1)
    slide["infrared"] = slide.infrared.where(xr.DataArray(np.arange(301) > 40, dims="x"))
    signed = add_signature(slide, crosstalk).compute()
    assert np.isfinite(signed.likeness.values).all()
    assert not signed.infrared_step.values[:, :41].any()
