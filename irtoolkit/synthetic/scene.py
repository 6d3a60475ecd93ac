"""Pictures to put on synthetic film: a procedural landscape, or a photograph fitted to the frame."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

RENDERING = 1.5
"""Exponent from the codes of a finished photograph to light in the scene: display gamma minus print contrast."""

WORDS = ("HOTEL", "1974", "STOP", "BAKERY", "Garage", "No 17", "Lido", "Post")


def make_scene(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Paint a landscape: sky, hills, houses, trees and lettering, with texture at every scale.

    Parameters
    ----------
    rng
        Source of every choice.
    shape
        Height and width in pixels.

    Returns
    -------
    numpy.ndarray
        float32 (y, x, 3), linear light in R, G, B; 1 is white, deep shadows reach .0005, highlights may pass 1.
    """
    canvas = _paint_sky(rng, shape)
    for layer in range(int(rng.integers(2, 5))):
        _paint_hill(canvas, rng, 0.40 + 0.14 * layer)
    for _ in range(int(rng.integers(3, 9))):
        _paint_house(canvas, rng)
    for _ in range(int(rng.integers(2, 6))):
        _paint_tree(canvas, rng)
    _paint_shadow(canvas, rng)
    linear = (np.arange(256, dtype=np.float32) / 255) ** 2
    strength = np.minimum(0.22 * np.exp(0.7 * make_texture(rng, shape, finest=min(shape) / 4)), np.float32(0.6))
    light = np.exp(strength * make_texture(rng, shape, finest=1.5))
    return np.asarray(linear[canvas] * light[..., None] + np.float32(5e-4))


def fit_photo(photo: NDArray[Any], shape: tuple[int, int]) -> Plane:
    """Cut and scale a photograph to `shape`.

    Parameters
    ----------
    photo
        (y, x, 3) in R, G, B; integers are taken as a finished photograph, floats as linear light with 1 for white.
    shape
        Height and width in pixels.

    Returns
    -------
    numpy.ndarray
        float32 (y, x, 3), linear light.
    """
    light: Plane = photo.astype(np.float32)
    if np.issubdtype(photo.dtype, np.integer):
        light = (light / np.float32(np.iinfo(photo.dtype).max)) ** np.float32(RENDERING)
    ratio = max(shape[0] / light.shape[0], shape[1] / light.shape[1])
    height, width = (min(round(side / ratio), limit) for side, limit in zip(shape, light.shape[:2], strict=True))
    top, left = (light.shape[0] - height) // 2, (light.shape[1] - width) // 2
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    fitted = cv2.resize(light[top : top + height, left : left + width], shape[::-1], interpolation=method)
    return np.maximum(fitted, np.float32(5e-4), dtype=np.float32)


def make_texture(rng: np.random.Generator, shape: tuple[int, int], *, finest: float) -> Plane:
    """Noise of deviation 1 whose amplitude decreases by a fifth per octave, from half the frame to `finest` pixels."""
    octaves = np.arange(np.log2(max(shape) / 2), np.log2(finest), -1)
    texture = np.zeros(shape, np.float32)
    for octave in octaves:
        height, width = (int(side / 2**octave) + 2 for side in shape)
        grid = rng.standard_normal((height, width), dtype=np.float32)
        texture += np.float32(2 ** (octave / 3)) * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return texture / np.float32(max(texture.std(), 1e-6))


def _paint_sky(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.uint8]:
    zenith, horizon = rng.uniform((20, 60, 120), (90, 140, 200)), rng.uniform((170, 170, 160), (255, 240, 235))
    ramp = np.linspace(0, 1, shape[0])[:, None, None]
    column = zenith + (horizon - zenith) * np.minimum(ramp * 2, 1)
    return np.ascontiguousarray(np.broadcast_to(column, (*shape, 3))).astype(np.uint8)


def _colour(rng: np.random.Generator, low: float, high: float) -> tuple[int, int, int]:
    brightness = rng.uniform(low, high)
    red, green, blue = np.clip(brightness * rng.uniform(0.55, 1.25, 3), 0, 255).astype(int).tolist()
    return red, green, blue


def _paint_hill(canvas: NDArray[np.uint8], rng: np.random.Generator, level: float) -> None:
    height, width = canvas.shape[:2]
    ridge = level * height + 0.04 * height * make_texture(rng, (1, width), finest=2.0)[0]
    outline = np.stack([np.arange(width), ridge], axis=1)
    outline = np.concatenate([outline, [[width, height], [0, height]]])
    _fill(canvas, outline, _colour(rng, 40, 190))


def _fill(canvas: NDArray[np.uint8], corners: NDArray[Any], colour: tuple[int, int, int]) -> None:
    cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)[:, None]], colour, cv2.LINE_AA, 4)


def _paint_house(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    x, y = rng.uniform(0, 0.9) * width, rng.uniform(0.35, 0.85) * height
    wide, tall = rng.uniform(0.05, 0.2) * width, rng.uniform(0.08, 0.3) * height
    wall = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    _fill(canvas, wall * (wide, tall) + (x, y), _colour(rng, 60, 240))
    _fill(canvas, np.array([[-0.05, 0], [0.5, -0.4], [1.05, 0]]) * (wide, tall) + (x, y), _colour(rng, 20, 110))
    panes = _colour(rng, 2, 60)
    for row in np.linspace(0.15, 0.65, 3):
        for column in np.linspace(0.1, 0.75, 4):
            _fill(canvas, wall * (wide * 0.14, tall * 0.18) + (x + column * wide, y + row * tall), panes)
    size = wide / 160
    place = (int(x + 0.05 * wide), int(y + 0.98 * tall))
    thickness = max(round(2 * size), 1)
    cv2.putText(canvas, str(rng.choice(WORDS)), place, 0, size, _colour(rng, 10, 250), thickness, cv2.LINE_AA)


def _paint_tree(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    root = np.array([rng.uniform(0.02, 0.98) * width, rng.uniform(0.7, 1.0) * height])
    bark = _colour(rng, 5, 70)
    branches = [(root, -np.pi / 2, rng.uniform(0.15, 0.3) * height, 0)]
    while branches:
        start, heading, length, level = branches.pop()
        end = start + length * np.array([np.cos(heading), np.sin(heading)])
        corners = np.round(np.stack([start, end]) * 16).astype(np.int32)[:, None]
        cv2.polylines(canvas, [corners], False, bark, max(int(length / 12), 1), cv2.LINE_AA, 4)
        if level < 6:
            turns = rng.normal(0, 0.5, 3 if level < 4 else 2)
            branches += [(end, heading + turn, length * rng.uniform(0.55, 0.8), level + 1) for turn in turns]


def _paint_shadow(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Paint a deep shadow in a corner, so that every frame has dark pixels."""
    height, width = canvas.shape[:2]
    reach, rise = rng.uniform(0.15, 0.45) * width, rng.uniform(0.05, 0.25) * height
    corner = np.array([[0, height], [reach, height], [reach * 0.6, height - rise], [0, height - rise * 1.5]])
    if rng.random() < 0.5:
        corner = (width, 0) - corner * (1, -1)
    _fill(canvas, corner, _colour(rng, 3, 18))
