"""Makes the gallery from synthetic slides, one for each kind of damage.

python docs/gallery.py                   writes docs/gallery/dust.jpg, hair.jpg, ...
python docs/gallery.py --slides gallery  writes the slides themselves into the folder gallery
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from skimage import data

import irtoolkit as irt
from irtoolkit.pictures import mark_mask, view_picture, write_jpeg
from irtoolkit.synthetic import scanning
from irtoolkit.synthetic.damage import make_transmittance
from irtoolkit.synthetic.rolls import FILM_NAMES
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.scene import fit_photo

Plane = NDArray[np.float32]
Size = tuple[int, int]

TARGET = Path(__file__).parent / "gallery"
SHAPE = 600, 900
SHOWN = 300, 400
GAP = 8
QUALITY = 82


class Piece(NamedTuple):
    """A slide of the gallery: its photograph, damage, film and scanner, and the upper left corner of what is shown."""

    photo: Callable[[], NDArray[np.uint8]]
    draw: Callable[[np.random.Generator, Size], Plane]
    corner: Size
    film: str = "e6"
    scanner: str = "aligned"


def main() -> None:
    """Write the pictures, or the slides."""
    parser = argparse.ArgumentParser(description="Makes the gallery from synthetic slides.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PIECES)}; all, if none is named")
    parser.add_argument("--slides", type=Path, metavar="DIR", help="write the slides into this folder instead")
    call = parser.parse_args()
    for name in call.names or PIECES:
        counts = make_scan(PIECES[name])
        if call.slides:
            call.slides.mkdir(parents=True, exist_ok=True)
            write_scanner_file(call.slides / f"{name}.tif", counts, film=FILM_NAMES[PIECES[name].film])
        else:
            write_jpeg(TARGET / f"{name}.jpg", show(counts, PIECES[name].corner), QUALITY)


def make_scan(piece: Piece, seed: int = 5) -> NDArray[np.uint16]:
    """Counts (band, y, x) of the photograph on film, damaged and scanned."""
    canvas = SHAPE[0] + 2 * scanning.PAD, SHAPE[1] + 2 * scanning.PAD
    exposure = scanning.draw_exposure(scanning.FILMS[piece.film], scanning.SCANNERS[piece.scanner], seed, seed)
    dyes = scanning.develop(fit_photo(piece.photo(), canvas), exposure)
    damage = piece.draw(np.random.default_rng(seed), canvas)
    light = [scanning.visible_light(dyes, band, exposure) * damage for band in range(3)]
    infrared = scanning.infrared_light(dyes, exposure) * damage ** np.float32(1 / exposure.gamma)
    visible = [scanning.scan_visible(plane, band, exposure) for band, plane in enumerate(light)]
    return np.stack([*visible, scanning.scan_infrared(infrared, exposure)])


def show(counts: NDArray[np.uint16], corner: Size) -> NDArray[np.uint8]:
    """Part of a slide before, with its marks, and healed, side by side (y, x, 3)."""
    slide = xr.Dataset({"counts": (("band", "y", "x"), counts)}, {"band": ["R", "G", "B", "IR"]})
    cleaned = irt.clean_slide(slide)
    part = tuple(slice(first, first + size) for first, size in zip(corner, SHOWN, strict=True))
    before, healed = (
        view_picture(picture[:3], reference=counts[:3])[part] for picture in (counts, cleaned.healed.values)
    )
    gap = np.full((SHOWN[0], GAP, 3), 255, np.uint8)
    return np.concatenate([before, gap, mark_mask(before, cleaned.mask.values[part]), gap, healed], axis=1)


def draw_dust(rng: np.random.Generator, shape: Size) -> Plane:
    """Dust and dirt of every size."""
    return make_transmittance(rng, shape, 250)


def draw_hair(rng: np.random.Generator, shape: Size) -> Plane:
    """Curled hairs, nearly opaque."""
    return _lines(rng, shape, number=16, length=260, bend=0.05, width=4, transmittance=0.1)


def draw_scratches(rng: np.random.Generator, shape: Size) -> Plane:
    """Long scratches, nearly parallel, that let half of the light through."""
    plane = np.ones(shape, np.float32)
    for _ in range(12):
        x, slant = rng.uniform(0, shape[1]), rng.normal(0, 0.03) * shape[0]
        _stroke(plane, np.array([[x, 0], [x + slant, shape[0]]]), rng.choice([1, 2]), rng.uniform(0.35, 0.75))
    return cv2.GaussianBlur(plane, (0, 0), 0.6)


def draw_fungus(rng: np.random.Generator, shape: Size) -> Plane:
    """Branching threads that grow outwards from a few places."""
    plane = np.ones(shape, np.float32)
    for _ in range(16):
        centre = rng.uniform((0, 0), shape[::-1])
        for heading in rng.uniform(0, 2 * np.pi, 14):
            _grow(plane, rng, centre, heading, 60)
    return cv2.GaussianBlur(plane, (0, 0), 0.7)


def draw_half_transparent(rng: np.random.Generator, shape: Size) -> Plane:
    """Dried drops that let 40 to 80 % of the light through."""
    plane = np.ones(shape, np.float32)
    for _ in range(45):
        centre, radius = rng.uniform((0, 0), shape[::-1]), rng.uniform(5, 16)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        waves = 1 + 0.12 * np.cos(2 * angle + rng.uniform(0, 6)) + 0.08 * np.cos(3 * angle + rng.uniform(0, 6))
        outline = centre + radius * waves[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        drop = cv2.fillPoly(np.zeros(shape, np.float32), [outline.astype(np.int32)], 1.0)
        np.minimum(plane, 1 - rng.uniform(0.2, 0.6) * cv2.GaussianBlur(drop, (0, 0), 1.2), out=plane)
    return plane


def _lines(
    rng: np.random.Generator, shape: Size, *, number: int, length: float, bend: float, width: int, transmittance: float
) -> Plane:
    plane = np.ones(shape, np.float32)
    for _ in range(number):
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, int(length / 3)).cumsum() * 0.3)
        steps = 3 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        _stroke(plane, rng.uniform((0, 0), shape[::-1]) + steps.cumsum(axis=0), width, transmittance)
    return cv2.GaussianBlur(plane, (0, 0), 0.6)


def _grow(plane: Plane, rng: np.random.Generator, start: NDArray[np.float64], heading: float, length: float) -> None:
    """Draw a thread in short bent pieces, and its branches."""
    place = start
    while length > 4:
        heading += rng.normal(0, 0.25)
        end = place + 5 * np.array([np.cos(heading), np.sin(heading)])
        _stroke(plane, np.stack([place, end]), 1, rng.uniform(0.35, 0.6))
        place, length = end, length - 5
        if rng.random() < 0.12:
            _grow(plane, rng, place, heading + rng.choice([-0.7, 0.7]), 0.6 * length)


def _stroke(plane: Plane, points: NDArray[np.float64], width: int, transmittance: float) -> None:
    """Darken `plane` along points (number, 2) of x and y."""
    corners = np.rint(points * 16).astype(np.int32)[:, None]
    line = cv2.polylines(np.zeros(plane.shape, np.uint8), [corners], False, 255, int(width), cv2.LINE_AA, 4)
    np.minimum(plane, 1 - (1 - transmittance) * line.astype(np.float32) / 255, out=plane)


PIECES = {
    "dust": Piece(data.coffee, draw_dust, (60, 330)),
    "hair": Piece(data.chelsea, draw_hair, (120, 250)),
    "scratch": Piece(data.coffee, draw_scratches, (200, 480)),
    "fungus": Piece(data.coffee, draw_fungus, (0, 400)),
    "half-transparent": Piece(data.chelsea, draw_half_transparent, (120, 250)),
    "kodachrome": Piece(data.rocket, partial(make_transmittance, per_megapixel=160), (150, 300), film="kodachrome"),
}

if __name__ == "__main__":
    main()
