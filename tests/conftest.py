import numpy as np
import pytest


@pytest.fixture
def counts():
    """R, G, B, IR of a slide of 37 rows and 53 columns, every plane different, uint16."""
    return np.random.default_rng(7).integers(0, 65536, (4, 37, 53), np.uint16)
