"""The holder around and between frames: straight strips along the sides of a scan, and bars across it."""

import cv2
import numpy as np

ALONG_A_SIDE = 0.6
LARGEST_SHARE = 0.6
LARGEST_ROUNDED = 1.2
WIDEST = 0.3
STRAIGHT = 0.5
OBLIQUE = (0.0, 0.01, -0.01, 0.02, -0.02, 0.03, -0.03, 0.04, -0.04, 0.05, -0.05)
ACROSS = 0.95
EDGE, STRAIGHT_EDGE = 2, 0.65
LEAST_FILM = 0.15


def find_holder(dark: np.ndarray, opaque: np.ndarray) -> np.ndarray:
    """Which dark cells (y, x) bool are a holder's: strips along sides, bars across, and what rounds their corners.

    A dark area that reaches much farther in than its strips and bars is a picture's shadow there. The cells of bars are
    `opaque`, too: shadows of Kodachrome are as dark, but let some infrared through.
    """
    _, labels = cv2.connectedComponents(np.ascontiguousarray(dark, np.uint8), connectivity=4)
    bars = find_bars(opaque)
    holder = bars | _strips(labels)
    for label in np.unique(labels[holder]):
        area = labels == label
        if label and area.sum() <= LARGEST_ROUNDED * (area & holder).sum():
            holder |= area
    if holder.mean() > (1 - LEAST_FILM if bars.any() else LARGEST_SHARE):
        holder[:] = False
    return holder


def _strips(labels: np.ndarray) -> np.ndarray:
    """The cells (y, x) of strips along the sides of dark areas, which are numbered from 1."""
    holder = np.zeros(labels.shape, bool)
    for turns in range(4):
        turned, strips = np.rot90(labels, turns), np.rot90(holder, turns)
        side = np.bincount(turned[:, 0])
        for label in np.flatnonzero(side >= ALONG_A_SIDE * len(turned)):
            if label:
                strips |= _strip(turned == label)
    return holder


def _strip(area: np.ndarray) -> np.ndarray:
    """The cells of an area (y, x) within a strip along its left side, straight and up to 3 degrees oblique.

    Its width is that of at least half of the rows, within a cell, and at most .3 of the frame; other rows, as beside
    dust or a shadow, may differ. Otherwise there is no strip.
    """
    height, width = area.shape
    reach = np.where(area.all(axis=1), width, np.argmin(area, axis=1))
    strip, largest = np.zeros_like(area), STRAIGHT * height
    for slope in OBLIQUE:
        oblique = slope * (np.arange(height) - (height - 1) / 2)
        widths = np.rint(reach - oblique).astype(int)
        counts = np.bincount(widths[(reach > 0) & (widths > 0) & (widths <= WIDEST * width)], minlength=3)
        rows = np.convolve(counts, np.ones(3), "same")
        if rows.max() > largest:
            largest = rows.max()
            strip = area & (np.arange(width) < (rows.argmax() + 1 + oblique)[:, None])
    return strip


def find_bars(dark: np.ndarray) -> np.ndarray:
    """The dark cells (y, x) bool of straight bars that span the scan, or go from bar to bar, up to 3 degrees oblique.

    Frames are between them. A single bar along one side, wider than .3 of the scan, is taken for a night picture's
    shadow, and so are all bars if less than .15 of the scan is between them.
    """
    bars = max((_oblique_bars(dark, slope) for slope in OBLIQUE), key=np.count_nonzero)
    frames, _ = cv2.connectedComponents((~bars).astype(np.uint8), connectivity=4)
    sides = sum(side.mean() >= ACROSS for side in (bars[0], bars[-1], bars[:, 0], bars[:, -1]))
    night = frames == 2 and sides == 1 and bars.mean() > WIDEST
    return np.zeros_like(bars) if night or bars.mean() > 1 - LEAST_FILM else bars


def _oblique_bars(dark: np.ndarray, slope: float) -> np.ndarray:
    """Bars whose vertical edges move by `slope` cells to the right for each row down."""
    bars = _cut(_turned(dark, slope))
    return _turned(bars, -slope) & dark


def _turned(cells: np.ndarray, slope: float) -> np.ndarray:
    """Cells (y, x) bool turned about their middle, so that lines of this slope become upright."""
    height, width = cells.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(np.rad2deg(np.arctan(-slope))), 1)
    nearest, same = cv2.INTER_NEAREST, cv2.BORDER_REPLICATE
    turned = cv2.warpAffine(cells.astype(np.uint8), matrix, (width, height), flags=nearest, borderMode=same)
    return np.asarray(turned > 0)


def _cut(dark: np.ndarray, turned: bool = False) -> np.ndarray:
    """Bars (y, x) bool from the top to the bottom of a piece, then those across each piece between them, and so on."""
    bars = np.zeros(dark.shape, bool)
    bars[:, _upright(dark)] = True
    if not bars.any():
        return bars if turned else _cut(dark.T, turned=True).T
    for start, stop in _runs(~bars[0]):
        bars[:, start:stop] = _cut(dark[:, start:stop].T).T
    return bars


def _upright(dark: np.ndarray) -> np.ndarray:
    """Columns (x,) bool that are dark from top to bottom, in bars both of whose edges are straight."""
    columns = dark.mean(axis=0) >= ACROSS
    crooked = np.zeros_like(columns)
    for start, stop in _runs(~columns):
        frame = dark[:, start:stop]
        crooked[max(start - 1, 0)] |= not _is_straight(frame)
        crooked[min(stop, len(columns) - 1)] |= not _is_straight(frame[:, ::-1])
    for start, stop in _runs(columns):
        columns[start:stop] = not crooked[start:stop].any()
    return columns


def _is_straight(frame: np.ndarray) -> bool:
    """Whether film begins within 2 cells of the left side of a frame (y, x) of dark cells, in most of its rows."""
    rows = frame[frame.mean(axis=1) < ACROSS]
    return bool((~rows[:, :EDGE]).any(axis=1).sum() >= STRAIGHT_EDGE * max(len(rows), 1))


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False].astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
