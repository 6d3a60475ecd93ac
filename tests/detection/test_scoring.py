"""The residual and the score of a slide, block by block."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scans import STEEP, film, residual_of, scan

from irtoolkit.crosstalk.regression import fit_crosstalk
from irtoolkit.detection.noise import fit_noise
from irtoolkit.detection.scoring import EDGE_BLURS, score_infrared


def lazy(tile, chunks=(1, 50, 77)):
    """Visible and infrared counts of a tile as lazy arrays."""
    visible = xr.DataArray(da.from_array(tile.planes[:3].astype(np.uint16), chunks), dims=("band", "y", "x"))
    return visible, xr.DataArray(da.from_array(tile.planes[3], (61, 301)), dims=("y", "x"))


def fitted(tile, **constants):
    """A tile in whole counts, the crosstalk fitted to it with some constants replaced, and its noise."""
    counts = tile._replace(planes=np.clip(np.rint(tile.planes), 0, 65535))
    crosstalk = fit_crosstalk([[counts]])._replace(**constants)
    noise = fit_noise([(residual_of(counts, crosstalk), -np.log10(tile.planes[:3] / 65535))], crosstalk)
    return counts, crosstalk, noise


def edge_of(shape, width):
    outer = np.ones(shape, bool)
    outer[width:-width, width:-width] = False
    return outer


def test_the_residual_is_the_kernels_over_many_blocks_but_for_the_flare_beyond_them(textured, block_size):
    """Blocks see 40 px around them, 3.3 sigma of the flare."""
    block_size(80, 90)
    tile, crosstalk, noise = fitted(scan(film(textured), blur=1.5))
    residual = score_infrared(*lazy(tile), crosstalk, noise).residual
    assert residual.dims == ("y", "x")
    assert residual.dtype == np.float32
    assert residual.data.numblocks == (3, 4)
    known = ~edge_of(residual.shape, 1 + round(EDGE_BLURS * crosstalk.blur))
    np.testing.assert_allclose(residual.values[known], residual_of(tile, crosstalk)[known], atol=1e-4)


@pytest.mark.parametrize(("sigma", "width"), [(0.0, 1), (1.0, 1), (1.9, 2), (3.0, 3)])
def test_along_the_edge_of_the_slide_nothing_is_known_and_nothing_is_scored(textured, block_size, sigma, width):
    """1 px and half the blur, to the even where it is half a pixel: 1, 1.5, 1.95 and 2.5 px."""
    block_size(80, 90)
    tile, crosstalk, noise = fitted(scan(film(textured), STEEP), blur=sigma)
    scored = score_infrared(*lazy(tile), crosstalk, noise)
    edge = edge_of(scored.score.shape, width)
    np.testing.assert_array_equal(np.isnan(scored.residual.values), edge)
    assert not scored.score.values[edge].any()
    assert scored.score.values[~edge].all()


def test_the_score_does_not_depend_on_chunks(textured, block_size):
    block_size(80, 90)
    tile, crosstalk, noise = fitted(scan(film(textured), STEEP, blur=1.5))
    one, other = (score_infrared(*lazy(tile, chunks), crosstalk, noise) for chunks in ((1, 50, 77), (3, 233, 40)))
    for name in ("residual", "score", "grain"):
        np.testing.assert_array_equal(one[name].values, other[name].values)
