"""Scans of photographs on film with known damage, from the physics of film and scanner.

python -m benchmarks.simulation --out DIR [--photos DIR] [--seed 1]  (previews: visible, infrared, truth)
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, shift
from scipy.signal import lfilter

from benchmarks.damage import TRUTH_BELOW, draw_damage, draw_dots, draw_mount, find_seen
from benchmarks.dirt import draw_dirt, draw_emulsion_scratches
from benchmarks.photographs import (
    FILMS,
    Emulsion,
    Photograph,
    Plane,
    Range,
    cut_photograph,
    develop,
    draw_emulsion,
    form_image,
    open_photographs,
    uneven_lamp,
)

MARGIN = 32
"""Pixels of film beyond the frame on every side, for blur and displacement."""

FRAME = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
FULL_SCALE = 65535
ALLOWED_BELOW = 0.985
"""Visible transmittance under which a mark is no mistake."""

OUT_OF_FOCUS = 1.2
"""Blur of defects on the far side of the film, over the blur of the others (assumed)."""

SCATTER = 0.08
"""Deviation of the ratio from defect to defect, where a ratio is given, as a share (assumed)."""

WAVES, WAVE_ROWS = (55.0, 140.0, 390.0), 150.0
"""Rows per radian of the waves of the carriage's drift, and the drift's rows that they amount to (assumed)."""

COMMON = {
    **{"flare": (0.02, 0.03), "flare_sigma": (8.0, 20.0)},
    **{"offset": (0.0, 150.0), "read": (8.0, 25.0), "wells": (1e5, 4e5)},
    **{"level": (0.80, 0.95), "dot_share": (0.4, 0.6), "holder": (0.02, 0.08)},
}
"""Ranges for every scanner: flare's share and px; offset and read noise in counts, full wells in electrons; light of an
empty frame, visible over infrared density of dots, infrared through a holder (the last two published, else assumed)."""


@dataclass(frozen=True)
class Scanner:
    """Ranges of a scanner's constants.

    `sharpness`: Gaussian sigma, px, of the visible bands; `blur`: deviation, px, of the further blur of infrared, of
    whose variance `defocus` is a disc's; `shift_y`, `shift_x`: px; `turn`: largest rotation, rad, and `stretch`: error
    of scale; `drift`: px per row, and as much again as waves of some hundred rows; `noise`: deviation of ln infrared
    at clear film, with correlation `memory` along rows; `clear`: infrared of clear film, share of full scale.
    """

    dpi: int
    sharpness: Range
    blur: Range
    noise: Range
    clear: Range
    shift_y: Range
    shift_x: Range
    defocus: float = 0.0
    memory: float = 0.0
    turn: float = 0.0
    stretch: float = 0.0
    drift: float = 0.0


SCANNERS = {
    "coolscan": Scanner(4000, (0.5, 0.7), (0, 0.4), (0.012, 0.05), (0.49, 0.78), (-0.5, 0.5), (-0.2, 0.2)),
    "plustek": Scanner(2400, (0.7, 0.9), (1.9, 2.4), (0.0055, 0.0055), (0.53, 0.68), (4, 7), (-0.1, 0.1), 0.75, 0.6),
    "flatbed": Scanner(3200, (0.7, 1.1), (1.5, 3), (0.01, 0.01), (0.7, 0.8), (-3, 3), (-3, 3), 0, 0, 9e-4, 2e-4, 5e-4),
}
"""Coolscan after published figures of LS-5000 scans, plustek after one scan of an OpticFilm 8300i; flatbed assumed."""


@dataclass(frozen=True)
class Scan:
    """A scan and its truth.

    `counts`, `undamaged`: uint16 (4, y, x), R, G, B, IR, alike but for the damage; `transmittance`: float32 (y, x),
    share of green light that the damage lets through, as sharp as the scan; `truth`: where that is under .94 in a
    region that shows above the grain; `allowed`: where it is under .985; `frame`: film, not mount; `known`: what was
    drawn. Infrared at (y + shift_y, x + shift_x) shows what colour shows at (y, x) in the middle of the frame.
    """

    counts: NDArray[np.uint16]
    undamaged: NDArray[np.uint16]
    transmittance: Plane
    truth: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    frame: NDArray[np.bool_]
    dpi: int
    known: dict[str, Any]


class Constants(NamedTuple):
    """What film and scanner bring to a slide: its batch of film, and the rest as in `Scanner` and `COMMON`.

    `ratio` is the density of defects in R, G, B over that in infrared, which then scatters by 8 % from defect to
    defect. What is None is drawn; the ratio from 1 to 1.25, the same for all defects. `dust_shift` (y, x), px, is where
    the infrared shows the dirt beside where it shows the picture. `tone` makes the file's tone curve S-shaped: 0 for a
    plain power, under 1.
    """

    batch: Emulsion | None = None
    optics: dict[str, Any] | None = None
    ratio: tuple[float, float, float] | None = None
    dust_shift: Range = (0.0, 0.0)
    tone: float = 0.0


class Wear(NamedTuple):
    """What a slide has gone through besides dust: the number of drying marks (`smears`), the share of its area under
    `dirt` of every kind, and the number of `scratches` of its emulsion, which brighten it.
    """

    smears: int = 0
    dirt: float = 0.0
    scratches: int = 0


UNWORN = Wear()


def simulate_scan(
    seed: int | np.random.Generator,
    photograph: Photograph,
    shape: tuple[int, int],
    *,
    film: str = "e6",
    scanner: str = "coolscan",
    gamma: float = 1.0,
    exposure: float = 0.0,
    dots: bool = False,
    mount: bool = False,
    defects: float | None = None,
    wear: Wear = UNWORN,
    bits: int = 16,
    constants: Constants | None = None,
) -> Scan:
    """Put a photograph on film and dirt on the film, and scan it at `shape` (y, x).

    `seed` decides everything; `film` and `scanner` are names in `FILMS` and `SCANNERS`; counts are full scale times
    light to the power of 1 / `gamma`, rounded at `bits`; `exposure` is in stops, and -5 leaves a slide nearly black;
    `dots` are the film's own grain-sized infrared dots, no part of the truth; `mount` puts a holder around the
    picture; `defects` is the expected number above 7 px per megapixel, where None draws from a lognormal distribution
    with a median of 80; `wear` is what else the film went through; `constants` are those of the slide's roll.
    """
    picture, emulsion, device, dirt, holder, sensor = np.random.default_rng(seed).spawn(6)
    model, canvas = SCANNERS[scanner], (shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN)
    given = constants or Constants()
    batch, optics = given.batch or draw_emulsion(FILMS[film], emulsion), given.optics or draw_optics(model, device)
    density = develop(cut_photograph(photograph, canvas, picture), FILMS[film], batch, exposure, emulsion)
    density *= draw_emulsion_scratches(picture, canvas, wear.scratches)
    known = optics | batch._asdict() | {"dust_shift": given.dust_shift}
    number = float(np.clip(dirt.lognormal(np.log(80), 0.5), 10, 180)) if defects is None else defects
    damage = draw_damage(dirt, canvas, number, dpi=model.dpi, smears=wear.smears)
    draw_dirt(dirt, damage, wear.dirt, dpi=model.dpi)
    known |= {"scatter": np.float32(1)} if given.ratio is None else _scattered(given.ratio, damage, dirt)
    window = draw_mount(holder, shape, MARGIN) if mount else np.ones(canvas, np.float32)
    spots = draw_dots(emulsion, canvas) if dots else 0 * window
    light = _film_light(density, spots, window, known)
    dirty, clean = _scanned(light, [damage, np.ones_like(damage)], known, sensor)
    transmittance = _image(np.ones_like(window), 1, damage, known)
    grain = 4 * np.pi * (known["sharpness"][1] ** 2 + known["cloud"] ** 2)
    seen = find_seen(transmittance < TRUTH_BELOW, dirty[:3], clean[:3], grain)
    counts, undamaged = (_encoded(light, gamma, bits, given.tone) for light in (dirty, clean))
    frame, allowed = window[FRAME] > 0.5, transmittance < ALLOWED_BELOW
    return Scan(counts, undamaged, transmittance, seen & frame, allowed, frame, model.dpi, known)


def draw_optics(scanner: Scanner, rng: np.random.Generator) -> dict[str, Any]:
    """Draw the constants of one scan, units as in `Scanner` and `COMMON`; lists run over R, G, B, IR."""
    ranges = {name: getattr(scanner, name) for name in ("blur", "noise", "clear", "shift_y", "shift_x")} | COMMON
    known: dict[str, Any] = {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}
    known |= {name: float(rng.uniform(-1, 1)) * getattr(scanner, name) for name in ("turn", "stretch", "drift")}
    known["sharpness"] = (rng.uniform(*scanner.sharpness) * rng.uniform(0.92, 1.08, 4)).tolist()
    known["colour_shift"] = [*(rng.uniform(-0.18, 0.18, (3, 2)) * [[1], [0], [1]]).tolist(), [0.0, 0.0]]
    known["gamma"] = [*(rng.uniform(1.0, 1.22) + rng.uniform(0, 0.03, 3)).tolist(), 1.0]
    known["waves"] = rng.uniform(0, 2 * np.pi, len(WAVES)).tolist()
    return known | {"defocus": scanner.defocus, "memory": scanner.memory}


def _scattered(ratio: tuple[float, float, float], damage: Plane, rng: np.random.Generator) -> dict[str, Any]:
    """The `ratio` as exponents of the bands, and a factor (y, x) that differs from defect to defect."""
    count, labels = cv2.connectedComponents((damage.min(axis=0) < 1).astype(np.uint8), connectivity=8)
    return {"gamma": [*ratio, 1.0], "scatter": np.exp(rng.normal(0, SCATTER, count)).astype(np.float32)[labels]}


def _film_light(density: Plane, spots: Plane, window: Plane, known: dict[str, Any]) -> Plane:
    """Share of light (4, y, x) behind film with infrared `spots` in a mount's `window`; the holder leaks infrared."""
    shares = np.array([known["dot_share"]] * 3 + [1], np.float32)[:, None, None]
    light = np.exp(-np.float32(np.log(10)) * density - shares * spots) * window
    light[3] += np.float32(known["holder"] / known["clear"]) * (1 - window)
    return np.asarray(light)


def _scanned(light: Plane, damages: list[Plane], known: dict[str, Any], rng: np.random.Generator) -> list[Plane]:
    """Light with offset and noise (4, y, x), share of full scale, under each of `damages`; the noise is the same."""
    scans = [np.empty((4, *damage[0][FRAME].shape), np.float32) for damage in damages]
    for band, film_light in enumerate(light):
        lamp = uneven_lamp(film_light[FRAME].shape, rng) * np.float32(known["level" if band < 3 else "clear"])
        noise = _noise(lamp.shape, known["memory"] if band == 3 else 0.0, rng)
        per_light = 1 / known["wells"] if band < 3 else known["noise"] ** 2 * known["clear"]
        for scan, damage in zip(scans, damages, strict=True):
            image = lamp * _image(film_light, band, damage, known)
            scan[band] = image + noise * np.sqrt(per_light * image + (known["read"] / FULL_SCALE) ** 2)
            scan[band] += np.float32(known["offset"] / FULL_SCALE)
    return scans


def _image(light: Plane, band: int, damage: Plane, known: dict[str, Any]) -> Plane:
    """What the sensor sees in the frame of film under `damage` (2, y, x), by the optics of `band`."""
    near, far, sigma, blur = *damage, known["sharpness"][band], known["blur"]
    optics = {"shift": known["colour_shift"][band], "flare": known["flare"], "flare_sigma": known["flare_sigma"]}
    if band < 3:
        dirty = light * (near * far) ** (np.float32(known["gamma"][band]) * known["scatter"])
        return form_image(dirty, sigma, disc=0.0, **optics)[FRAME]
    if any(known["dust_shift"]):
        near, far = (shift(plane, known["dust_shift"], order=1, mode="nearest") for plane in damage)
    far = cv2.GaussianBlur(far, (0, 0), np.hypot(blur, sigma) * np.sqrt(OUT_OF_FOCUS**2 - 1))
    gaussian, disc = np.hypot(sigma, blur * np.sqrt(1 - known["defocus"])), 2 * blur * np.sqrt(known["defocus"])
    image = form_image(light * near * far, gaussian, disc=disc, **optics)
    return np.asarray(map_coordinates(image, _places(image.shape, known), order=3, mode="nearest"), np.float32)


def _places(canvas: tuple[int, ...], known: dict[str, Any]) -> NDArray[np.float64]:
    """Places (2, y, x) on the canvas that the infrared sees at each pixel of the frame."""
    height, width = (size - 2 * MARGIN for size in canvas)
    seen_y, seen_x = np.mgrid[:height, :width].astype(np.float64)
    y, x = seen_y, seen_x
    for _ in range(2):
        down, right = y - (height - 1) / 2, x - (width - 1) / 2
        waves = [np.sin(down / rows + phase) - np.sin(phase) for rows, phase in zip(WAVES, known["waves"], strict=True)]
        y = seen_y - known["shift_y"] - known["stretch"] * down - known["turn"] * right
        y -= known["drift"] * (down + WAVE_ROWS * sum(waves))
        x = seen_x - known["shift_x"] - known["stretch"] * right + known["turn"] * down
    return np.stack([y, x]) + MARGIN


def _noise(shape: tuple[int, ...], memory: float, rng: np.random.Generator) -> Plane:
    """Noise (y, x) of deviation 1, correlated by `memory` between neighbours in a row, half as much in a column."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    for axis, kept in enumerate((memory / 2, memory) if memory else ()):
        noise = lfilter([np.sqrt(1 - kept**2)], [1, -kept], noise, axis=axis).astype(np.float32)
    return noise


def _encoded(light: Plane, gamma: float, bits: int, tone: float = 0.0) -> NDArray[np.uint16]:
    """Counts of light, share of full scale: a power of 1 / `gamma`, then `tone`, rounded at `bits`, spread over 16."""
    largest, codes = 2**bits - 1, np.clip(light, 0, 1) ** np.float32(1 / gamma)
    if tone:
        codes -= np.float32(tone / (2 * np.pi)) * np.sin(np.float32(2 * np.pi) * codes)
    codes = np.rint(codes * largest)
    return np.asarray(np.rint(codes * (FULL_SCALE / largest)), np.uint16)


def _preview(scan: Scan) -> NDArray[np.uint8]:
    """Visible, infrared and truth beside each other, B, G, R, stretched to 99.5 % and shown with gamma 2.2."""
    light = scan.counts / np.percentile(scan.counts, 99.5, axis=(1, 2))[:, None, None]
    shown = (255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    truth = np.where(scan.truth, 255, np.where(scan.allowed, 96, 0)).astype(np.uint8)
    parts = [np.dstack([shown[2], shown[1], shown[0]]), np.dstack([shown[3]] * 3), np.dstack([truth] * 3)]
    return np.concatenate(parts, axis=1)


def main() -> None:
    """Write the previews."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    photographs = open_photographs(options.photos)
    options.out.mkdir(parents=True, exist_ok=True)
    for number, (film, scanner) in enumerate(product(FILMS, SCANNERS)):
        photograph = photographs[number % len(photographs)]
        scan = simulate_scan(options.seed + number, photograph, (640, 960), film=film, scanner=scanner)
        cv2.imwrite(str(options.out / f"{film}-{scanner}.png"), _preview(scan))


if __name__ == "__main__":
    main()
