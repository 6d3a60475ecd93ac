"""How many defects are drawn, and how large."""

import cv2
import numpy as np

from irtoolkit.synthetic.damage import make_transmittance


def test_number_and_area_of_defects_are_those_of_dusty_frames():
    rng = np.random.default_rng(0)
    numbers, shares = [], []
    for _ in range(4):
        marked = (make_transmittance(rng, (1000, 1003), 82.0) < 0.94).astype(np.uint8)
        number, _, boxes, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
        numbers.append((boxes[1:, cv2.CC_STAT_AREA] > 20).sum())
        shares.append(marked.mean())
        assert 100 < number - 1 - numbers[-1] < 200
    assert 60 < np.mean(numbers) < 95
    assert 0.005 < np.mean(shares) < 0.025


def test_defects_grow_with_resolution():
    fine, coarse = (make_transmittance(np.random.default_rng(1), (900, 901), 82.0, dpi=dpi) for dpi in (7234, 3617))
    sizes = []
    for plane in (fine, coarse):
        boxes = cv2.connectedComponentsWithStats((plane < 0.94).astype(np.uint8), connectivity=8)[2]
        areas = boxes[1:, cv2.CC_STAT_AREA]
        sizes.append((np.median(areas[areas > 20]), (areas > 20).sum()))
    assert sizes[0][0] > 2.5 * sizes[1][0]
    assert sizes[0][1] < sizes[1][1] / 2
