"""Dust, fibres, scratches and drying marks as infrared transmittance; slide mounts; grain-sized infrared dots."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Points = NDArray[np.float64]

OUTLINED_DPI = 3617
"""Resolution, pixels per inch, of ten dusty frames on which 12,000 outlined defects gave areas, lengths and shares."""

FINE = 4
"""Subpixels per pixel along each side while a shape is drawn."""

SPECKS = 0.6
"""Specks of 2 to 7 px for every larger defect; smaller than what was outlined on the ten frames (assumed)."""

SHARES = (0.62, 0.22, 0.145, 0.015)
"""Shares of flakes, clumps, fibres, scratches; dust .629, dirt .222, hairs .143, scratches .005 on the ten frames."""

FAR = 0.3
"""Share of defects that lie on the other side of the film, out of the focus of the infrared (assumed)."""

TRUTH_BELOW = 0.94
"""Visible transmittance under which there is a defect."""

SEEN = 3.0
"""Contrast of a region, in units of the noise over its area, from which it is a defect to the eye."""

DOTS_PER_MEGAPIXEL = 20_000
"""Dark dots in the infrared of a Coolscan LS-5000 at 4000 dpi, counted on a crop of one scan."""


def draw_damage(
    rng: np.random.Generator, shape: tuple[int, int], per_megapixel: float, *, dpi: float, smears: int = 0
) -> Plane:
    """Draw dirt and wear of every kind: float32 (2, y, x), infrared transmittance, 1 where the film is clean.

    The first plane is what lies in focus, the second what does not. `per_megapixel` is the expected number of defects
    above 7 px of area, on top of which come specks; lengths grow with `dpi`; `smears` is the number of drying marks.
    """
    planes = np.ones((2, *shape), np.float32)
    expected = per_megapixel * shape[0] * shape[1] / 1e6
    kinds = rng.choice(len(SHARES), rng.poisson(expected), p=SHARES)
    draw: tuple[Callable[[np.random.Generator, Plane, float], None], ...] = (_flake, _clump, _fibre, _scratch)
    for kind in kinds:
        draw[kind](rng, planes[int(rng.random() < FAR)], dpi / OUTLINED_DPI)
    for _ in range(rng.poisson(SPECKS * expected)):
        lay(planes[int(rng.random() < FAR)], field_blob(rng, rng.uniform(2, 7)), rng.uniform(0, shape))
    for _ in range(smears):
        _smear(rng, planes[0])
    return planes


def draw_mount(rng: np.random.Generator, shape: tuple[int, int], margin: int) -> Plane:
    """Draw the window of a slide mount: float32 (y, x), 1 on film, 0 on the holder.

    The holder, tilted up to a degree, hides 1 to 6 % of the frame `shape` at one to four sides; `margin` pixels beyond
    the frame are drawn as well.
    """
    size = np.array(shape)
    hidden = rng.uniform(0.01, 0.06, (2, 2)) * size
    low, high = np.where(rng.permutation(4).reshape(2, 2) < rng.integers(1, 5), hidden, -size)
    half, radius = (size - high - low) / 2, rng.uniform(0.01, 0.04) * size.min()
    y, x = _places((shape[0] + 2 * margin, shape[1] + 2 * margin), margin + (size - high + low) / 2)
    down, right = _turned(y, x, np.deg2rad(rng.uniform(-1, 1)))
    outside_y, outside_x = np.abs(down) - half[0] + radius, np.abs(right) - half[1] + radius
    distance = np.hypot(np.maximum(outside_y, 0), np.maximum(outside_x, 0)) - radius
    distance += np.minimum(np.maximum(outside_y, outside_x), 0)
    return np.asarray(np.clip(0.5 - distance / 2, 0, 1), np.float32)


def draw_dots(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Draw grain-sized dots: float32 (y, x), natural-log infrared density, dips of 5-15 % over 1-3 px once scanned.

    Each dot is a clump of one to five grains that follow each other in random steps of one pixel.
    """
    count = rng.poisson(DOTS_PER_MEGAPIXEL * shape[0] * shape[1] / 1e6)
    grains = rng.integers(1, 6, count)
    steps = rng.integers(-1, 2, (2, 5, count))
    places = rng.integers(0, np.array(shape)[:, None], (2, count))[:, None] + np.cumsum(steps, axis=1)
    depth = rng.uniform(0.12, 0.38, count) / np.sqrt(grains)
    used = np.arange(5)[:, None] < grains
    y, x = (np.clip(place, 0, size - 1)[used] for place, size in zip(places, shape, strict=True))
    dots = np.zeros(shape, np.float32)
    np.add.at(dots, (y, x), np.broadcast_to(depth, used.shape)[used])
    return np.asarray(cv2.GaussianBlur(dots, (0, 0), 0.4), np.float32)


def find_seen(mask: NDArray[np.bool_], dirty: Plane, clean: Plane, grain: float) -> NDArray[np.bool_]:
    """Regions of `mask` (y, x), 8-connected, that show in some band of `dirty` against `clean` (band, y, x).

    The contrast summed over the region is at least `SEEN` times what the fine detail of `clean` (grain, texture) sums
    to there when neighbours within `grain` px of area are alike.
    """
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    area, best = np.bincount(labels.ravel(), minlength=number), np.zeros(number)
    for lit, unlit in zip(clean, dirty, strict=True):
        detail = np.abs(lit - cv2.GaussianBlur(lit, (0, 0), 2))
        noise = np.sqrt(np.pi / 2) * cv2.blur(detail, (33, 33)) + 1e-6
        contrast = np.bincount(labels.ravel(), ((lit - unlit) / noise).ravel(), number)
        best = np.maximum(best, contrast / np.sqrt(area * np.minimum(area, grain)))
    best[0] = 0
    return np.asarray((best >= SEEN)[labels])


def _places(shape: tuple[int, int], middle: Points) -> tuple[Points, Points]:
    """Distances in pixels of all rows (y, 1) and columns (x,) from `middle`."""
    return np.arange(shape[0])[:, None] - middle[0], np.arange(shape[1]) - middle[1]


def _turned(y: Points, x: Points, angle: float) -> tuple[Points, Points]:
    """Coordinates (y, x) in axes turned by `angle` radians."""
    return y * np.cos(angle) - x * np.sin(angle), x * np.cos(angle) + y * np.sin(angle)


def _opacity(rng: np.random.Generator) -> float:
    """Share of light blocked in the core: .06 to 1 with a median near .4, as cores on Coolscans (ratio .62)."""
    return float(min(0.06 + 0.94 * rng.beta(0.8, 1.1), 0.995))


def _flake(rng: np.random.Generator, plane: Plane, scale: float) -> None:
    lay(plane, field_blob(rng, _inner(rng.lognormal(4.36, 0.35), scale)), rng.uniform(0, plane.shape))


def _inner(outlined: float, scale: float) -> float:
    """Area, px, of a defect whose outline was drawn 1 px outside it, at `scale` times the outlines' resolution."""
    return float(max(np.sqrt(outlined / np.pi) - 1, 0.8) ** 2 * np.pi * scale**2)


def field_blob(rng: np.random.Generator, area: float) -> Plane:
    """Transmittance of the highest `area` pixels of a smooth random field that falls off from its middle."""
    size = FINE * int(2.6 * np.sqrt(area) + 4)
    noise = rng.standard_normal((size, size), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), FINE * np.sqrt(area) * rng.uniform(0.12, 0.3))
    y, x = _places((size, size), np.full(2, (size - 1) / 2))
    across, along = _turned(y, x, rng.uniform(0, np.pi))
    stretch = rng.uniform(1, 1.8)
    radius2 = ((along / stretch) ** 2 + (across * stretch) ** 2) * np.pi / (area * FINE**2)
    field = smooth / smooth.std() - rng.uniform(1, 3) * radius2
    count = round(area * FINE**2)
    return _solid(rng, field >= np.partition(field.ravel(), -count)[-count])


def _clump(rng: np.random.Generator, plane: Plane, scale: float) -> None:
    """A heap of overlapping discs whose middles follow each other in random steps."""
    area = _inner(rng.lognormal(5.04, 0.56), scale)
    count = int(rng.integers(3, 15))
    radius = np.sqrt(area / (0.55 * np.pi * count)) * rng.lognormal(0, 0.35, count) * FINE
    middles = np.cumsum(rng.normal(0, 0.8 * radius.mean(), (count, 2)), axis=0)
    low = (middles - radius[:, None]).min(axis=0) - FINE
    height, width = (np.ceil(((middles + radius[:, None]).max(axis=0) - low) / FINE).astype(int) + 1) * FINE
    inside = np.zeros((height, width), np.uint8)
    for (y, x), size in zip((middles - low).round().astype(int).tolist(), radius, strict=True):
        cv2.circle(inside, (x, y), max(round(size), 1), 1, cv2.FILLED)
    lay(plane, _solid(rng, inside > 0), rng.uniform(0, plane.shape))


def _solid(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Plane:
    """Transmittance (y, x) of a shape in subpixels: hard-edged, thinner in a rim of .3 to 2 px."""
    depth = cv2.distanceTransform(np.pad(inside, FINE).astype(np.uint8), cv2.DIST_L2, 3) / FINE
    edge, rim = rng.uniform(0.3, 0.7), rng.uniform(0.3, 2.0)
    density = -np.log1p(-_opacity(rng)) * (edge + (1 - edge) * np.minimum(depth / rim, 1)) * (depth > 0)
    return _coarse(np.exp(-density).astype(np.float32))


def _coarse(fine: Plane) -> Plane:
    size = (fine.shape[1] // FINE, fine.shape[0] // FINE)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float32)


def lay(plane: Plane, patch: Plane, corner: Points) -> None:
    """Multiply `patch` into `plane` with its first pixel at `corner` (y, x), rounded down; what sticks out is lost."""
    top, left = np.floor(corner).astype(int)
    rows = slice(max(top, 0), max(min(top + patch.shape[0], plane.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + patch.shape[1], plane.shape[1]), 0))
    part = patch[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    plane[rows, columns] *= part


def wander(rng: np.random.Generator, count: int, memory: float) -> Points:
    """Ornstein-Uhlenbeck walk of deviation 1 that forgets over `memory` steps."""
    kept = np.exp(-1 / memory)
    walk = rng.standard_normal(count)
    walk[1:] *= np.sqrt(1 - kept**2)
    for step in range(1, count):
        walk[step] += kept * walk[step - 1]
    return walk


def follow(heading: Points) -> Points:
    """Path (point, 2), y and x in px, of steps of 1.5 px in these directions, radians."""
    return 1.5 * np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)


def _fibre(rng: np.random.Generator, plane: Plane, scale: float) -> None:
    """A fibre whose curvature wanders, 1 to 6 px wide and thinner at its ends; one in five is long."""
    long = rng.random() < 0.2
    count = max(int(rng.lognormal(np.log(300 if long else 85), 0.5) * scale / 1.5), 4)
    curvature = rng.normal(0, 0.012) + rng.uniform(0.015, 0.06) * wander(rng, count, rng.uniform(5, 40))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(curvature)
    path = follow(heading)
    taper = np.sqrt(np.sin(np.linspace(0.15, np.pi - 0.15, count)))
    width = np.clip(rng.uniform(1.2, 5.5) * scale * taper * np.exp(0.15 * wander(rng, count, 20)), 0.75, 6)
    density = -np.log1p(-_opacity(rng)) * np.exp(0.35 * wander(rng, count, 30))
    stroke(plane, path - path.mean(axis=0) + rng.uniform(0, plane.shape), width, density)


def _scratch(rng: np.random.Generator, plane: Plane, scale: float) -> None:
    """A long, nearly straight, interrupted line, mostly along the film's edges; three in five block 5 to 25 %."""
    count = max(int(rng.lognormal(np.log(600), 0.9) * scale / 1.5), 20)
    lean = rng.uniform(0, np.pi) if rng.random() < 0.2 else rng.normal(0, 0.03) + rng.choice((0, np.pi / 2))
    heading = lean + 0.01 * wander(rng, count, 400)
    path = follow(heading)
    path += rng.uniform(0.1, 0.5) * np.stack([wander(rng, count, 6), wander(rng, count, 6)], axis=1)
    opacity = rng.uniform(0.05, 0.25) if rng.random() < 0.6 else _opacity(rng)
    presence = np.clip(rng.uniform(0.3, 1.2) + 0.8 * wander(rng, count, rng.uniform(15, 80)), 0, 1.15)
    width = np.clip(rng.uniform(1, 3.5) * scale * np.exp(0.2 * wander(rng, count, 40)), 0.75, 5)
    stroke(plane, path - path.mean(axis=0) + rng.uniform(0, plane.shape), width, -np.log1p(-opacity) * presence)


def stroke(plane: Plane, path: Points, width: Points, density: Points) -> None:
    """Draw a line through `path` (y, x) px with `width` px and natural-log `density` at each of its points."""
    near = np.all((path > -8) & (path < np.array(plane.shape) + 8), axis=1)
    if not near.any():
        return
    low = np.floor(path[near].min(axis=0)) - 8
    height, length = (np.ceil(path[near].max(axis=0) - low).astype(int) + 8) * FINE
    fine = np.zeros((height, length), np.float32)
    places = np.round((path - low) * FINE).astype(int)
    thickness = np.maximum(np.round(width * FINE).astype(int), 1)
    for step in np.flatnonzero(near[1:] & near[:-1]).tolist():
        start, end = places[step, ::-1].tolist(), places[step + 1, ::-1].tolist()
        cv2.line(fine, start, end, float(density[step]), int(thickness[step]))
    lay(plane, _coarse(np.exp(-fine)), low)


def _smear(rng: np.random.Generator, plane: Plane) -> None:
    """The rim of a dried drop: a wavering ring of 40 to 150 px radius and 5 to 20 px width, transmittance .9 to .97."""
    radius, width = rng.uniform(40, 150), rng.uniform(5, 20)
    y, x = _places((plane.shape[0], plane.shape[1]), rng.uniform(0, plane.shape))
    narrow = rng.uniform(0.6, 1)
    angle, distance = np.arctan2(y, x * narrow), np.hypot(y, x * narrow)
    wave = sum(rng.normal(0, 0.06) * np.cos(order * angle + rng.uniform(0, 6.3)) for order in (2, 3, 4))
    inwards = (radius * (1 + wave) - distance) / width
    ring = np.where(inwards > 0, np.exp(-np.maximum(inwards, 0)), np.exp(-((inwards * 3) ** 2)))
    plane *= (1 - rng.uniform(0.03, 0.10) * ring).astype(np.float32)
