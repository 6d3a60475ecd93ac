"""Strips and tiles that are encoded anew are decoded to the same counts."""

import imagecodecs
import numpy as np
import pytest
from tifffile import TIFF

from irtoolkit.files.encoders import DNG_JPEG_XL, JPEG, JPEG_2000, JPEG_XL, encode, order_counts
from irtoolkit.files.lossless_jpeg import decode_lossless_jpeg
from irtoolkit.files.pages import Page

BYTES = [1, 5, 8, 32946, 32773, 34925, 50000]
PICTURES = {
    JPEG: decode_lossless_jpeg,
    JPEG_2000: imagecodecs.jpeg2k_decode,
    JPEG_XL: imagecodecs.jpegxl_decode,
    DNG_JPEG_XL: imagecodecs.jpegxl_decode,
}


def page(compression, order, bits, predictor=1):
    tags = {258: bits, 259: compression, 317: predictor}
    return Page("a.tif", 0, 0, (0,), order, {code: np.array([value]) for code, value in tags.items()})


@pytest.fixture(params=[(np.uint8, 1), (np.uint8, 3), (np.uint16, 1), (np.uint16, 3), (np.uint16, 4)])
def values(request):
    dtype, samples = request.param
    values = np.random.default_rng(1).integers(0, 2**16, (13, 17, samples)).astype(dtype)
    values[:3, :, -1] = 0
    return values


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("compression", BYTES)
def test_bytes(values, compression, predictor, order):
    of = page(compression, order, 8 * values.itemsize, predictor)
    data = encode(order_counts(values, of), of)
    if compression > 1:
        data = TIFF.DECOMPRESSORS[compression](data, out=values.nbytes)
    decoded = np.frombuffer(data, of.dtype).reshape(values.shape).astype(values.dtype)
    predicted = predictor == 2 and compression > 1
    np.testing.assert_array_equal(imagecodecs.delta_decode(decoded, axis=1) if predicted else decoded, values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", PICTURES)
def test_pictures(values, compression, order):
    of = page(compression, order, 8 * values.itemsize)
    decoded = PICTURES[compression](encode(order_counts(values, of), of))
    np.testing.assert_array_equal(decoded.reshape(values.shape), values)


def test_packbits_packs_each_row_by_itself():
    of, values = page(32773, "<", 8), np.zeros((3, 5, 1), np.uint8)
    assert encode(order_counts(values, of), of) == b"\xfc\0" * 3
