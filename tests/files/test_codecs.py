"""Strips and tiles of every compression that loses nothing; those that lose are refused."""

import numpy as np
import pytest
import tifffile
from odd_files import DNG, lossless_jpeg, rgbi

from irtoolkit.files.reader import open_slide
from irtoolkit.schema import LayoutError


@pytest.mark.parametrize(
    ("compression", "options"),
    [
        ("zstd", {"predictor": True}),
        ("lzma", {}),
        ("jpeg2000", {"tile": (16, 32)}),
        ("jpegxl", {"compressionargs": {"lossless": True}, "tile": (16, 32)}),
        ("png", {"rowsperstrip": 7}),
    ],
)
def test_what_loses_nothing_is_read(tmp_path, counts, compression, options):
    rgbi(tmp_path / "a.tif", counts, compression=compression, **options)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts[:, 9:20, 30:41], counts[:, 9:20, 30:41])


@pytest.mark.parametrize("interleaved", [True, False])
def test_tiles_of_lossless_jpeg(tmp_path, counts, interleaved):
    pixels = np.pad(np.moveaxis(counts, 0, -1), [(0, 11), (0, 11), (0, 0)], mode="edge")
    tiles = [pixels[y : y + 16, x : x + 32] for y in range(0, 48, 16) for x in range(0, 64, 32)]
    flat = (tile if interleaved else tile.reshape(16, -1, 1) for tile in tiles)
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 32), "compression": 7, "extrasamples": [0]}
    encoded = (lossless_jpeg(tile) for tile in flat)
    tifffile.imwrite(tmp_path / "a.dng", encoded, shape=(37, 53, 4), dtype=np.uint16, metadata=None, **storage)
    np.testing.assert_array_equal(open_slide(tmp_path / "a.dng").counts, counts)


def test_a_tile_with_other_samples_is_refused(tmp_path, counts):
    tile = np.moveaxis(counts, 0, -1)[:16, :16]
    storage = {"photometric": DNG, "planarconfig": "contig", "tile": (16, 16), "compression": 7, "extrasamples": [0]}
    encoded = iter([lossless_jpeg(tile[:, :15])])
    tifffile.imwrite(tmp_path / "a.dng", encoded, shape=(16, 16, 4), dtype=np.uint16, metadata=None, **storage)
    with pytest.raises(LayoutError, match=r"damaged page 0: strip or tile .*it holds 960 samples, not \(16, 16, 4\)"):
        open_slide(tmp_path / "a.dng").counts.compute(scheduler="synchronous")
