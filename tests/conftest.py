import cv2
import numpy as np
import pytest

from irtoolkit import tiles
from irtoolkit.synthetic import make_slide


@pytest.fixture
def counts():
    """R, G, B, IR of a slide of 37 rows and 53 columns, every plane different, uint16."""
    return np.random.default_rng(7).integers(0, 65536, (4, 37, 53), np.uint16)


@pytest.fixture(scope="session")
def plustek_slide():
    """A dusty slide of 301 rows and 427 columns whose infrared is shifted and blurred, in memory."""
    return make_slide(3, (301, 427), scanner="plustek")


@pytest.fixture(scope="session")
def textured():
    """Function (seed, shape, sigma) that returns a float32 plane of Gaussian noise blurred to a deviation of 1."""

    def make(seed, shape, sigma):
        plane = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(shape).astype(np.float32), (0, 0), sigma)
        return plane / plane.std()

    return make


@pytest.fixture
def block_size(monkeypatch):
    """Function (rows, columns) that makes slides be worked on in blocks of at most so many pixels."""

    def set_size(rows, columns):
        monkeypatch.setattr(tiles, "BLOCK_ROWS", rows)
        monkeypatch.setattr(tiles, "BLOCK_COLUMNS", columns)

    return set_size


@pytest.fixture
def small_blocks(block_size):
    """Blocks of at most 5 by 9 pixels, so that small arrays have many."""
    block_size(5, 9)
