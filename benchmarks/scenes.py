"""Drawn pictures of what photographs seldom hold: rare colours, hard edges, thin lines, black and pure red."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.photographs import Photograph
from benchmarks.simulation import FULL_SCALE

Light = NDArray[np.float64]
TOP, HORIZON = (0.12, 0.28, 0.55), (0.62, 0.74, 0.90)
"""Light of the drawn sky in R, G, B at its two ends, 1 for white."""

CLOTH = ((0.75, 0.04, 0.05), (0.85, 0.65, 0.03), (0.05, 0.45, 0.10), (0.80, 0.25, 0.02), (0.35, 0.04, 0.45))
"""Light of dyed cloth: red, yellow, green, orange, violet."""

CELLS, SPOKES = 60, 36
"""Cells of the drawn chart's checkerboard along a side, and spokes of its star."""


def draw_sky(side: int, _: np.random.Generator) -> Light:
    """A smooth gradient of light (y, x, 3), without texture."""
    return np.linspace(TOP, HORIZON, side)[:, None].repeat(side, axis=1)


def draw_nothing(side: int, _: np.random.Generator) -> Light:
    """No light, (y, x, 3): an unexposed frame."""
    return np.zeros((side, side, 3))


def draw_chart(side: int, _: np.random.Generator) -> Light:
    """Hard edges, light (y, x, 3) of .02 against pure colours: a star of spokes on a checkerboard."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    checks = (np.floor(y * CELLS) + np.floor(x * CELLS)) % 2 == 0
    lit = np.where(np.hypot(y, x) < 0.35, np.sin(SPOKES * np.arctan2(y, x)) > 0, checks)
    patch = (np.floor(y * CELLS / 8) + 3 * np.floor(x * CELLS / 8)).astype(int) % 7 + 1
    return np.where(lit[..., None] & (patch[..., None] >> np.arange(3) & 1 == 1), 0.9, 0.02)


def draw_kite(side: int, rng: np.random.Generator) -> Light:
    """Kites of dyed cloth with their strings before a plain sky."""
    light = draw_sky(side, rng)
    for number in range(8):
        middle, size = rng.uniform(0, side, 2), rng.uniform(0.05, 0.13) * side
        angles = np.sort(rng.uniform(0, 2 * np.pi, 4))
        corners = middle + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(light, [corners.round().astype(np.int32)], CLOTH[number % len(CLOTH)])
        _line(light, middle, middle + rng.normal(0, 0.3 * side, 2), (0.02, 0.02, 0.02), rng.integers(2, 5))
    return light


def draw_branches(side: int, rng: np.random.Generator) -> Light:
    """Twigs and wires, dark and thin, before a plain sky."""
    light = draw_sky(side, rng)
    for _ in range(60):
        start, heading = rng.uniform(0, side, 2), rng.uniform(0, 2 * np.pi)
        for width in range(int(rng.integers(3, 12)), 0, -1):
            end = start + rng.uniform(0.02, 0.05) * side * np.array([np.cos(heading), np.sin(heading)])
            _line(light, start, end, (0.03, 0.025, 0.02), width)
            start, heading = end, heading + rng.normal(0, 0.4)
    return light


def draw_boards(side: int, rng: np.random.Generator) -> Light:
    """Weathered boards with dark gaps of 1 to 6 px and the grain of wood."""
    fibre = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), sigmaX=40, sigmaY=1.2)
    light = np.exp(0.25 * fibre / fibre.std())[..., None] * np.array([0.30, 0.27, 0.24])
    y = 0
    while y < side:
        light[y : y + int(rng.integers(2, 13))] = (0.004, 0.004, 0.004)
        y += int(rng.integers(60, 160))
        light[y - 50 : y] *= rng.uniform(0.7, 1.3)
    return np.clip(light, 0.003, 0.95)


def draw_neon(side: int, rng: np.random.Generator) -> Light:
    """Signs of pure red and blue in the night: red at the black level in a quarter, green and blue in another."""
    light = np.full((side, side, 3), 0.002)
    glow = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), side / 20)
    light += 0.02 * np.clip(glow / glow.std(), 0, None)[..., None] * np.array([0.2, 0.5, 1.0])
    light[: side // 2, : side // 2] = (0.0, 0.12, 0.30)
    light[side // 2 :, side // 2 :] = (0.45, 0.002, 0.004)
    for number in range(40):
        colour = ((0.9, 0.02, 0.03), (0.02, 0.1, 0.9), (0.9, 0.85, 0.7))[number % 3]
        middle = rng.uniform(0, side, 2)
        _line(light, middle, middle + rng.normal(0, 0.1 * side, 2), colour, int(rng.integers(3, 16)))
    return light


def draw_cups(side: int, rng: np.random.Generator) -> Light:
    """Bright, shaded cups with hard rims before black."""
    light = np.full((side, side, 3), 0.003)
    y, x = np.mgrid[:side, :side]
    for _ in range(14):
        middle, radius = rng.uniform(0, side, 2), rng.uniform(0.04, 0.12) * side
        down, right = (y - middle[0]) / radius, (x - middle[1]) / radius
        inside = down**2 + right**2 < 1
        shade = np.clip(0.75 - 0.45 * right - 0.2 * down, 0.02, 1)[..., None] * rng.uniform((0.5,) * 3, (1.0,) * 3)
        light = np.where(inside[..., None], shade, light)
    return np.clip(light, 0, 0.98)


def draw_garden(side: int, rng: np.random.Generator) -> Light:
    """Leaves in sun and shade, with a few flowers whose colours nothing else has."""
    light = np.full((side, side, 3), 0.02)
    for _ in range(4000):
        axes = tuple(int(length) for length in rng.uniform(0.004, 0.016, 2) * side)
        colour = rng.lognormal(-0.5, 0.6) * np.array([0.16, 0.26, 0.06]) * rng.lognormal(0, 0.15, 3)
        middle, turn = tuple(int(place) for place in rng.uniform(0, side, 2)), rng.uniform(0, 180)
        cv2.ellipse(light, middle, axes, turn, 0, 360, np.minimum(colour, 0.95).tolist(), cv2.FILLED)
    for number in range(25):
        middle = tuple(int(place) for place in rng.uniform(0, side, 2))
        cv2.circle(light, middle, int(rng.uniform(0.004, 0.015) * side), CLOTH[number % len(CLOTH)], cv2.FILLED)
    return light


SCENES: dict[str, Callable[[int, np.random.Generator], Light]] = {
    "sky": draw_sky,
    "black frame": draw_nothing,
    "test chart": draw_chart,
    "kite": draw_kite,
    "branches": draw_branches,
    "boards": draw_boards,
    "neon": draw_neon,
    "cups": draw_cups,
    "garden": draw_garden,
}


def draw_scene(name: str, side: int, rng: np.random.Generator) -> Photograph:
    """A drawn picture of `side` px as a photograph; its light is coded as sRGB (IEC 61966-2-1)."""
    light = SCENES[name](side, rng)
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return Photograph(name, np.rint(codes * FULL_SCALE).astype(np.uint16))


def _line(
    light: Light, start: NDArray[np.float64], end: NDArray[np.float64], colour: tuple[float, float, float], width: int
) -> None:
    ends = [(int(x), int(y)) for y, x in (start, end)]
    cv2.line(light, *ends, colour, int(width))
