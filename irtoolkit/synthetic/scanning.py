"""Simulation of film and scanner: from a scene to dyes, light, blur, shift, noise and counts."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Counts = NDArray[np.uint16]
Range = tuple[float, float]
Triple = tuple[float, float, float]

PAD = 16
"""Pixels of picture beyond every side of the frame, so that a shifted infrared shows picture at the border."""

FULL_SCALE = 65535
READ_VARIANCE = 4e-8
SHOT_VARIANCE = 3e-6
SIDE_ABSORPTION = np.array([[0.0, 0.08, 0.02], [0.12, 0.0, 0.06], [0.05, 0.22, 0.0]])
"""Unwanted absorption of the cyan, magenta and yellow dyes (columns) in the other bands (rows R, G, B)."""


@dataclass(frozen=True)
class Film:
    """A film: base density and reach of its dyes, slope and middle of their curve, infrared slopes, grain.

    `steepness` is negative if light reduces the dye (a positive picture); `crosstalk` is the range of the mean slope of
    infrared on visible density; `grain` the relative noise of light at a density of 1.
    """

    floor: Triple
    reach: Triple
    steepness: float
    middle: float
    crosstalk: Range
    grain: float
    bend: float = 0.0
    neutral: bool = False


FILMS = {
    "e6": Film((0.10, 0.10, 0.11), (2.9, 2.6, 2.4), -2.2, -1.3, (0.036, 0.045), 0.050),
    "faded-e6": Film((0.14, 0.18, 0.30), (1.7, 2.3, 1.6), -2.0, -1.3, (0.036, 0.060), 0.060),
    "c41": Film((0.30, 0.58, 0.80), (1.3, 1.3, 1.3), 1.7, -1.0, (0.035, 0.045), 0.060),
    "kodachrome": Film((0.10, 0.10, 0.10), (3.1, 2.8, 2.6), -2.4, -1.3, (0.12, 0.45), 0.040, bend=0.08),
    "silver": Film((0.15, 0.15, 0.15), (1.9, 1.9, 1.9), 1.6, -1.0, (0.65, 0.98), 0.060, neutral=True),
}
"""Film presets. Slopes of e6 and c41 were measured on scans; those of kodachrome and silver are guesses."""

CROSSTALK_SHARES = np.array([0.85, 0.12, 0.03])
"""Relative infrared density of the cyan, magenta and yellow dyes."""


@dataclass(frozen=True)
class Scanner:
    """A scanner: resolution, sharpness, displacement of its infrared, and infrared noise (natural log).

    `visible_blur` and `blur` are Gaussian sigmas in pixels, the second of infrared against colour; `clear` is the
    infrared level of clear film; `gamma` the visible density of a defect over its infrared density; `drift` pixels
    of shift per row; `noise_blur` the correlation (down, across) of the infrared noise; `dots` grain-sized infrared
    dots per megapixel.
    """

    dpi: int
    visible_blur: Range
    blur: Range
    noise: float
    clear: Range
    gamma: Range
    shift_y: Range = (0.0, 0.0)
    shift_x: Range = (0.0, 0.0)
    drift: float = 0.0
    noise_blur: Range = (0.0, 0.0)
    dots: float = 0.0


SCANNERS = {
    "aligned": Scanner(4000, (0.5, 0.7), (0.0, 0.3), 0.012, (0.49, 0.78), (1.0, 1.25)),
    "dotted": Scanner(4000, (0.5, 0.7), (0.0, 0.3), 0.012, (0.49, 0.78), (1.0, 1.25), dots=20_000),
    "plustek": Scanner(
        2400, (0.8, 1.0), (1.9, 2.4), 0.0055, (0.53, 0.68), (1.0, 1.1), (4.8, 6.0), (-0.05, 0.05), 0.0, (0.46, 0.70)
    ),
    "drifting": Scanner(
        3200, (0.6, 0.8), (1.5, 3.0), 0.010, (0.70, 0.80), (1.0, 1.25), (-3.0, 3.0), (-0.1, 0.1), 1 / 2000
    ),
}
"""Scanner presets: "aligned" from Coolscans, "plustek" from an OpticFilm 8300i; "drifting", a flatbed, is assumed."""


@dataclass(frozen=True)
class Exposure:
    """Constants of one slide, drawn from the ranges of its film and scanner; units as in `Film` and `Scanner`."""

    film: Film
    scanner: Scanner
    seed: int
    visible_blur: float
    blur: float
    shift_y: float
    shift_x: float
    clear: float
    gamma: float
    offset: float
    slopes: float
    lamp: float
    brightness: float


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return a random generator for one purpose, independent of those for other purposes."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw_exposure(film: Film, scanner: Scanner, seed: int, roll: int) -> Exposure:
    """Draw the constants of one slide; `roll` seeds those of film and scanner, `seed` those that differ by slide."""
    shared, own = random_stream(roll, "roll"), random_stream(seed, "slide")
    jitter = own.normal(0, 0.1) if any(scanner.shift_y) else 0.0
    return Exposure(
        film=film,
        scanner=scanner,
        seed=seed,
        visible_blur=shared.uniform(*scanner.visible_blur),
        blur=shared.uniform(*scanner.blur),
        shift_y=shared.uniform(*scanner.shift_y) + jitter,
        shift_x=shared.uniform(*scanner.shift_x),
        clear=shared.uniform(*scanner.clear) * own.uniform(0.96, 1.0),
        gamma=shared.uniform(*scanner.gamma),
        offset=shared.uniform(0, 120),
        slopes=shared.uniform(*film.crosstalk),
        lamp=own.uniform(0.85, 0.97),
        brightness=own.normal(0, 0.12),
    )


def develop(light: Plane, exposure: Exposure) -> Plane:
    """Turn a scene into film.

    Parameters
    ----------
    light
        float32 (y, x, 3), linear light in R, G, B, above 0.
    exposure
        The slide's constants.

    Returns
    -------
    numpy.ndarray
        float32 (dye, y, x), density of the cyan, magenta and yellow dyes; grain increases with its square root.
    """
    film, rng = exposure.film, random_stream(exposure.seed, "grain")
    amplitude = film.grain / np.log(10) * 2 * np.sqrt(np.pi * (exposure.visible_blur**2 + 0.25))
    dyes = np.empty((3, *light.shape[:2]), np.float32)
    for band, dye in enumerate(dyes):
        if film.neutral and band:
            dye[:] = dyes[0]
            continue
        exposed = np.log10(light.mean(axis=2) if film.neutral else light[..., band])
        dye[:] = film.reach[band] / (1 + np.exp(-film.steepness * (exposed + exposure.brightness - film.middle)))
        grain = blurred(rng.standard_normal(dye.shape, dtype=np.float32), 0.5)
        dye += np.float32(amplitude) * np.sqrt(dye + np.float32(0.1)) * grain
    return dyes


def visible_light(dyes: Plane, band: int, exposure: Exposure) -> Plane:
    """Light of colour band 0, 1 or 2 behind the film: float32 (y, x), 1 for full scale, darker in the corners."""
    density = np.tensordot(_absorption(exposure.film)[band].astype(np.float32), dyes, axes=1)
    return _lit(density + np.float32(exposure.film.floor[band]), exposure.lamp, -0.12)


def infrared_light(dyes: Plane, exposure: Exposure) -> Plane:
    """Infrared light behind the film: float32 (y, x); its density changes by `slopes` per unit of all visible ones."""
    film = exposure.film
    equal_step = np.linalg.solve(_absorption(film), np.ones(3))
    shares = exposure.slopes * CROSSTALK_SHARES / (CROSSTALK_SHARES @ equal_step)
    density = np.tensordot(shares.astype(np.float32), dyes, axes=1)
    density *= 1 + np.float32(film.bend) * (dyes[0] - 1)
    return _lit(density, exposure.clear, -0.06)


def scan_visible(light: Plane, band: int, exposure: Exposure) -> Counts:
    """Counts uint16 (y, x) of a colour band; `light` is wider than the frame by `PAD` on every side."""
    rng = random_stream(exposure.seed, f"noise {band}")
    seen = cropped(blurred(light, exposure.visible_blur))
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    return _quantised(seen, SHOT_VARIANCE * seen, noise, exposure.offset)


def scan_infrared(light: Plane, exposure: Exposure) -> Counts:
    """Counts uint16 (y, x) of the infrared, blurred and displaced; `light` as in `scan_visible`."""
    scanner = exposure.scanner
    noise: Plane = random_stream(exposure.seed, "noise IR").standard_normal(light.shape, dtype=np.float32)
    if any(scanner.noise_blur):
        down, across = scanner.noise_blur
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), across, sigmaY=down), np.float32)
        noise /= noise.std()
    seen = _displaced(blurred(light, float(np.hypot(exposure.visible_blur, exposure.blur))), exposure)
    return _quantised(seen, (scanner.noise * seen) ** 2, cropped(noise), exposure.offset)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Convolve with a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def cropped(plane: Plane) -> Plane:
    """Remove the margin of `PAD` pixels."""
    return plane[PAD:-PAD, PAD:-PAD]


def _absorption(film: Film) -> NDArray[np.float64]:
    """Density of each band (rows) for unit density of each dye (columns)."""
    return np.eye(3) + (0 if film.neutral else SIDE_ABSORPTION)


def _lit(density: Plane, level: float, falloff: float) -> Plane:
    """Light through a density: `level` in the middle and 1 + falloff times that in the corners."""
    y, x = (np.linspace(-1, 1, size, dtype=np.float32) ** 2 for size in density.shape)
    light: Plane = np.exp(-np.float32(np.log(10)) * density)
    light *= np.float32(level) * (1 + np.float32(falloff / 2) * (y[:, None] + x))
    return light


def _displaced(light: Plane, exposure: Exposure) -> Plane:
    """The frame, displaced so that (y + shift_y, x + shift_x) shows what the colour shows at (y, x)."""
    height, width = cropped(light).shape
    middle = (height - 1) / 2
    rows = middle + (np.arange(height) - middle - exposure.shift_y) / (1 + exposure.scanner.drift)
    columns = np.arange(width) - exposure.shift_x
    return _resampled(_resampled(light, rows + PAD).T, columns + PAD).T


def _resampled(plane: Plane, rows: NDArray[np.floating]) -> Plane:
    """Rows of `plane` at fractional positions, by a six-tap Lanczos kernel."""
    first = np.floor(rows).astype(int)
    if np.array_equal(first, rows):
        return plane[first]
    taps = np.arange(-2, 4)
    distance = rows[:, None] - first[:, None] - taps
    weights = np.sinc(distance) * np.sinc(distance / 3)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    result = np.zeros((len(rows), plane.shape[1]), np.float32)
    for tap, weight in zip(taps, weights.T, strict=True):
        result += weight[:, None] * plane[first + tap]
    return result


def _quantised(light: Plane, variance: Plane, noise: Plane, offset: float) -> Counts:
    counts = FULL_SCALE * (light + np.sqrt(variance + np.float32(READ_VARIANCE)) * noise) + np.float32(offset)
    return np.clip(np.rint(counts), 0, FULL_SCALE).astype(np.uint16)
