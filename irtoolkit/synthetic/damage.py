"""Dust, dirt, hairs and scratches as a plane of transmittance, with the sizes and counts of real dusty frames."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Points = NDArray[np.float64]

OUTLINE_DPI = 3617
"""Resolution of the ten frames whose defects were outlined and measured."""

SPECKS_PER_MEGAPIXEL = 150.0
"""Specks of 2 to 4 pixels per megapixel, besides a typical 82 larger defects; counted on a Plustek frame."""

USUAL_PER_MEGAPIXEL = 82.0
SUPERSAMPLING = 4
OUTLINE_SLACK = 2.0
DOT_SIZES = (0.3, 0.6, 0.9)


@dataclass(frozen=True)
class Kind:
    """One class of defects: its share, its lognormal area and outline width in pixels, its natural-log density."""

    name: str
    share: float
    log_area: float
    area_spread: float
    width: float
    density: float
    density_spread: float


KINDS = (
    Kind("dust", 0.629, 4.36, 0.35, 9.6, 0.45, 0.8),
    Kind("dirt", 0.222, 5.04, 0.56, 12.0, 0.60, 0.8),
    Kind("short hair", 0.110, 5.73, 0.68, 8.8, 0.50, 0.5),
    Kind("long hair", 0.033, 6.96, 0.60, 7.6, 0.40, 0.6),
    Kind("scratch", 0.006, 7.66, 1.16, 9.0, 0.30, 0.5),
)
"""Shares, areas and widths of 12,000 outlined defects; densities from the infrared of some 500 (median .48)."""


def make_transmittance(
    rng: np.random.Generator, shape: tuple[int, int], per_megapixel: float, *, dpi: float = OUTLINE_DPI
) -> Plane:
    """Draw dirt of every kind and return its transmittance.

    Parameters
    ----------
    rng
        Source of every choice.
    shape
        Height and width in pixels.
    per_megapixel
        Defects larger than a speck per megapixel at 3617 dpi; specks are in proportion. 0 gives a clean film.
    dpi
        Resolution; lengths increase with it, counts per megapixel decrease.

    Returns
    -------
    numpy.ndarray
        float32 (y, x), 1 where the film is clean, near 0 under opaque dirt.
    """
    plane = np.ones(shape, np.float32)
    scale = dpi / OUTLINE_DPI
    megapixels = shape[0] * shape[1] / 1e6
    for kind in rng.choice(len(KINDS), rng.poisson(per_megapixel * megapixels / scale**2), p=[k.share for k in KINDS]):
        _add_defect(plane, rng, KINDS[kind], scale)
    for _ in range(rng.poisson(SPECKS_PER_MEGAPIXEL * per_megapixel / USUAL_PER_MEGAPIXEL * megapixels)):
        _add_speck(plane, rng)
    return plane


def make_dots(rng: np.random.Generator, shape: tuple[int, int], per_megapixel: float, *, blur: float) -> Plane:
    """Draw the grain-sized dots that some films show in the infrared.

    Parameters
    ----------
    rng
        Source of every choice.
    shape
        Height and width in pixels.
    per_megapixel
        Number of dots per megapixel; genuine Coolscan scans show some 20,000.
    blur
        Gaussian sigma in pixels by which the scanner will blur them.

    Returns
    -------
    numpy.ndarray
        float32 (y, x), natural-log infrared density; once blurred each dot is .05 to .15 deep and 1 to 3 pixels wide.
    """
    dots = np.zeros(shape, np.float32)
    for size in DOT_SIZES if per_megapixel else ():
        count = rng.poisson(per_megapixel * shape[0] * shape[1] / 1e6 / len(DOT_SIZES))
        depth = rng.uniform(0.05, 0.15, count) * 2 * np.pi * (size**2 + blur**2)
        points = np.zeros(shape, np.float32)
        np.add.at(points, (rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)), depth)
        dots += cv2.GaussianBlur(points, (0, 0), size)
    return dots


def _add_speck(plane: Plane, rng: np.random.Generator) -> None:
    radius = np.sqrt(rng.uniform(2, 4) / np.pi)
    outline = _blob(rng, radius, 1.0, 0.15) + rng.uniform(0, plane.shape)
    _stamp(plane, outline, 0.0, 1 - np.exp(-rng.uniform(0.5, 2.5)), rng.uniform(0.1, 0.3))


def _add_defect(plane: Plane, rng: np.random.Generator, kind: Kind, scale: float) -> None:
    area = rng.lognormal(kind.log_area, kind.area_spread)
    width = kind.width * rng.lognormal(0, 0.18)
    length = area / width * scale
    width = max(width - OUTLINE_SLACK, 1.5) * scale
    opacity = _opacity(rng, kind)
    softness = rng.uniform(0.2, 0.9) * scale
    centre = rng.uniform(0, plane.shape)
    if kind.name == "scratch":
        _add_scratch(plane, rng, centre + _path(rng, length, 0.0004), width * 0.6, opacity)
    elif "hair" in kind.name:
        _stamp(plane, centre + _path(rng, length, 0.018 / scale), width * 0.75, opacity, softness)
    else:
        radius = max(np.sqrt(area / np.pi) - OUTLINE_SLACK / 2, 1.0) * scale
        stretch, roughness = (1.15, 0.12) if kind.name == "dust" else (rng.uniform(1.2, 2.2), 0.28)
        _stamp(plane, centre + _blob(rng, radius, stretch, roughness), 0.0, opacity, softness)


def _opacity(rng: np.random.Generator, kind: Kind) -> float:
    """Share of light blocked in the core: faint to strong, one in eight nearly opaque."""
    density = rng.uniform(2.5, 5.0) if rng.random() < 0.12 else kind.density * rng.lognormal(0, kind.density_spread)
    return float(1 - np.exp(-np.clip(density, 0.08, 5.0)))


def _blob(rng: np.random.Generator, radius: float, stretch: float, roughness: float) -> Points:
    """Outline (points, 2) of a grain of dust: a randomly rotated ellipse with a varying radius."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    orders = np.arange(2, 8)[:, None]
    waves = (
        rng.normal(0, roughness, (6, 1)) / np.sqrt(orders - 1) * np.cos(orders * angle + rng.uniform(0, 6.3, (6, 1)))
    )
    distance = radius * np.clip(1 + waves.sum(axis=0), 0.3, 2.0)
    across, along = distance * np.sin(angle) / np.sqrt(stretch), distance * np.cos(angle) * np.sqrt(stretch)
    turn = rng.uniform(0, np.pi)
    return np.stack(
        [np.cos(turn) * across + np.sin(turn) * along, np.cos(turn) * along - np.sin(turn) * across], axis=1
    )


def _path(rng: np.random.Generator, length: float, curliness: float) -> Points:
    """Curve (points, 2) in steps of 3 pixels with random curvature; `curliness` in radians per pixel and step."""
    steps = max(int(length / 3), 2)
    bend = rng.normal(0, 3 * curliness) + np.cumsum(rng.normal(0, curliness, steps))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(bend - bend.mean() * rng.uniform(0, 1))
    path = 3 * np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)
    return np.asarray(path - path.mean(axis=0))


def _add_scratch(plane: Plane, rng: np.random.Generator, path: Points, width: float, opacity: float) -> None:
    """Draw a scratch in pieces of 60 pixels of varying depth; one in three scratches has gaps."""
    skip = 0.25 if rng.random() < 0.33 else 0.0
    depth = 1.0
    for start in range(0, len(path) - 1, 20):
        depth = np.clip(depth + rng.normal(0, 0.08), 0.5, 1.2)
        if rng.random() >= skip:
            _stamp(plane, path[start : start + 21], width * depth, min(opacity * depth, 0.99), 0.5)


def _stamp(plane: Plane, points: Points, width: float, opacity: float, softness: float) -> None:
    """Darken `plane` under a line of `width` pixels, or inside the outline where `width` is 0."""
    margin = int(width / 2 + 3 * softness + 2)
    low = np.floor(points.min(axis=0)).astype(int) - margin
    high = np.ceil(points.max(axis=0)).astype(int) + margin + 1
    top, left = np.clip(low, 0, plane.shape)
    bottom, right = np.clip(high, 0, plane.shape)
    if top >= bottom or left >= right:
        return
    coverage = _coverage(points - low, (high - low).tolist(), width, softness)
    part = coverage[top - low[0] : bottom - low[0], left - low[1] : right - low[1]]
    view = plane[top:bottom, left:right]
    np.minimum(view, 1 - opacity * part, out=view)


def _coverage(points: Points, size: list[int], width: float, softness: float) -> Any:
    """Share of each pixel that the drawn shape covers, blurred by `softness` pixels."""
    fine = np.zeros((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), np.uint8)
    corners = np.round(((points[:, ::-1] + 0.5) * SUPERSAMPLING - 0.5) * 16).astype(np.int32)[:, None]
    if width:
        cv2.polylines(fine, [corners], False, 255, max(round(width * SUPERSAMPLING), 1), cv2.LINE_8, 4)
    else:
        cv2.fillPoly(fine, [corners], 255, cv2.LINE_8, 4)
    coverage = cv2.resize(fine, (size[1], size[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.GaussianBlur(coverage, (0, 0), softness)
