"""Photographs to put on film; the film: characteristic curves, dyes, grain; the image that optics form of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

Plane = NDArray[np.float32]
Range = tuple[float, float]
Triple = tuple[float, float, float]

SHIPPED = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)
"""Colour photographs that the wheel of scikit-image brings along."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
REDUCTION = (1.5, 3.0)
"""Least and largest reduction of a photograph; a Bayer mosaic resolves about 1/1.5 of its pixels (assumed)."""

TEXTURE = 0.05
"""Deviation of ln light of the texture that sharpens photographs too small to reduce (assumed)."""

DARKEST = 3e-4
"""Light of the first code of an 8-bit sRGB picture, 1/255/12.92 (IEC 61966-2-1)."""

SCANNED_BLUR = 0.9
"""Gaussian sigma, px, of dye cloud and scanner together, for which the amplitude of `Film.grain` is stated."""


class Photograph(NamedTuple):
    """A finished picture: its name, and codes uint8 or uint16 (y, x, 3) in R, G, B, encoded as sRGB."""

    name: str
    pixels: NDArray[Any]


@dataclass(frozen=True)
class Film:
    """A film.

    `curve` holds points (log10 exposure, 0 for white in a finished picture; density above base) of a neutral scale;
    `base` the density of clear film in R, G, B; `dye` the share of cyan, magenta and yellow dye that is left;
    `infrared` the range of the infrared density per visible density of a neutral at density 1, of which the cyan dye
    gives `cyan` and magenta the rest, the cyan part growing by `bend` of itself per density; `grain` the range of the
    relative deviation of scanned light at density 1; `neutral` is one layer of silver instead of three of dye.
    """

    curve: tuple[tuple[float, float], ...]
    base: Triple
    infrared: Range
    grain: Range
    dye: Triple = (1.0, 1.0, 1.0)
    cyan: float = 0.85
    bend: float = 0.0
    neutral: bool = False


REVERSAL = ((-3.5, 3.15), (-2.9, 3.0), (-2.3, 2.62), (-1.8, 2.08), (-1.0, 1.06), (-0.5, 0.5), (-0.1, 0.2), (0.4, 0.02))
CONTRASTY = (
    (-3.5, 3.65),
    (-2.9, 3.5),
    (-2.3, 3.05),
    (-1.8, 2.4),
    (-1.0, 1.18),
    (-0.5, 0.52),
    (-0.1, 0.18),
    (0.4, 0.02),
)
NEGATIVE = ((-3.5, 0.0), (-2.8, 0.06), (-2.2, 0.27), (-1.4, 0.70), (-0.6, 1.10), (0.1, 1.42), (1.0, 1.72))

FILMS = {
    "e6": Film(REVERSAL, (0.14, 0.15, 0.17), (0.035, 0.045), (0.045, 0.06)),
    "faded-e6": Film(REVERSAL, (0.20, 0.27, 0.42), (0.035, 0.06), (0.05, 0.07), dye=(0.58, 0.86, 0.70)),
    "c41": Film(NEGATIVE, (0.30, 0.60, 0.87), (0.035, 0.045), (0.06, 0.10)),
    "kodachrome": Film(CONTRASTY, (0.12, 0.12, 0.14), (0.10, 0.45), (0.04, 0.05), cyan=0.92, bend=0.10),
    "silver": Film(NEGATIVE, (0.22, 0.22, 0.22), (0.65, 1.0), (0.06, 0.09), cyan=1.0, neutral=True),
}
"""Films. Infrared of e6 and c41, base and grain of c41 as measured on a scan of Portra 400; curves after the shape of
data sheets (contrast 1.3 to 1.6 of slides, .5 of negatives); the loss of dyes and the infrared of Kodachrome assumed.
"""

ABSORPTION = np.array([[0.90, 0.08, 0.02], [0.14, 0.80, 0.06], [0.05, 0.19, 0.76]])
"""Density in R, G, B (rows) of unit cyan, magenta, yellow dye (columns), equal dyes making a neutral (assumed)."""


class Emulsion(NamedTuple):
    """A batch of a film: infrared density per visible, relative grain, sigma of a dye cloud in px."""

    slope: float
    grain: float
    cloud: float


def open_photographs(folder: Path | None) -> list[Photograph]:
    """Read the photographs of a folder in order of their names, or for None those that scikit-image ships."""
    here = Path(skimage.data.__file__).parent
    paths = [here / name for name in SHIPPED] if folder is None else sorted(folder.iterdir())
    photographs = list(_read(path for path in paths if path.suffix.lower() in SUFFIXES))
    if not photographs:
        raise FileNotFoundError(f"expected photographs ({', '.join(SUFFIXES)}), found none in {folder or here}")
    return photographs


def cut_photograph(photograph: Photograph, shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Cut a piece of `shape` (y, x) at a random place, flipped and turned at random, sharp at its pixels.

    The photograph is reduced 1.5 to 3 times by averages of areas where it is large enough, else repeated in mirrors
    at its own size under a multiplied texture. Returns linear light, float32 (y, x, 3) in R, G, B, 1 for white.
    """
    turned = bool(rng.random() < 0.5)
    size = np.array(shape[::-1] if turned else shape)
    largest = min(np.array(photograph.pixels.shape[:2]) / size)
    if largest >= REDUCTION[0]:
        light = _reduced(photograph.pixels, size, min(largest, REDUCTION[1]), rng)
    else:
        light = _tiled(photograph.pixels, size, rng)
    light = light[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
    return np.ascontiguousarray(light.swapaxes(0, 1) if turned else light)


def draw_emulsion(film: Film, rng: np.random.Generator) -> Emulsion:
    """Draw what differs between batches of a film."""
    return Emulsion(rng.uniform(*film.infrared), rng.uniform(*film.grain), rng.uniform(0.5, 0.8))


def develop(light: Plane, film: Film, emulsion: Emulsion, stops: float, rng: np.random.Generator) -> Plane:
    """Expose film to linear light (y, x, 3), 1 for white, `stops` above the normal exposure, and develop it.

    Grain is Poisson numbers of grains per pixel and layer, each the middle of a Gaussian dye cloud. Returns densities,
    float32 (4, y, x), in R, G, B, IR.
    """
    grains = (np.log(10) / (2 * np.sqrt(np.pi) * SCANNED_BLUR * emulsion.grain)) ** 2
    exposed = np.log10(light + np.float32(DARKEST)) + np.float32(stops * np.log10(2))
    layers = exposed.mean(axis=2, keepdims=True) if film.neutral else exposed
    dyes = [film.dye[number] * _curve(film, layers[..., number]) for number in range(layers.shape[2])]
    cyan, magenta, yellow = ([_grained(dye, grains, emulsion.cloud, rng) for dye in dyes] * 3)[:3]
    density = np.empty((4, *cyan.shape), np.float32)
    for band, row in enumerate(np.eye(3) if film.neutral else ABSORPTION):
        density[band] = film.base[band] + row[0] * cyan + row[1] * magenta + row[2] * yellow
    share = film.cyan * (1 + film.bend * (cyan - 1))
    density[3] = emulsion.slope * (share * cyan + (1 - film.cyan) * magenta)
    return density


def form_image(light: Plane, sigma: float, *, shift: Range, disc: float, flare: float, flare_sigma: float) -> Plane:
    """Image (y, x) of `light`: a Gaussian of `sigma` px on square pixels, a disc of `disc` px radius, a wide flare.

    `shift` (y, x), px, is where the image moves to; `flare` the share of light that a Gaussian of `flare_sigma` px
    spreads. All of them act on light, not on density.
    """
    down, across = (_kernel(sigma, -distance) for distance in shift)
    sharp = cv2.sepFilter2D(light, -1, across, down, borderType=cv2.BORDER_REFLECT_101)
    if disc:
        sharp = cv2.filter2D(sharp, -1, _disc(disc), borderType=cv2.BORDER_REFLECT_101)
    small = cv2.resize(light, (light.shape[1] // 4, light.shape[0] // 4), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(small, (0, 0), flare_sigma / 4), light.shape[::-1])
    return np.asarray(sharp + np.float32(flare) * (wide - sharp), np.float32)


def _kernel(sigma: float, shift: float) -> NDArray[np.float64]:
    """Gaussian integrated over each pixel of -r to r, its middle at `shift` px."""
    reach = np.ceil(4 * sigma) + 1
    weights = np.diff(ndtr((np.arange(-reach, reach + 2) - 0.5 - shift) / sigma))
    return np.asarray(weights / weights.sum())


def _disc(radius: float) -> Plane:
    """Disc of `radius` px, each pixel weighted by about its covered share; deviation along an axis `radius` / 2."""
    reach = int(np.ceil(radius))
    distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    disc = np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)
    return np.asarray(disc / disc.sum())


def uneven_lamp(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Lamp and sensor (y, x), 1 in the middle: quadratic to the sides within 10 %, at times a column off by .6 %."""
    y, x = (np.linspace(-1, 1, size) for size in shape)
    falloff = rng.uniform((0.0, -0.02, -0.06), (0.0, 0.02, 0.0), (2, 3))
    lamp = 1 + np.polyval(falloff[0, ::-1], y)[:, None] + np.polyval(falloff[1, ::-1], x)
    lamp[:, rng.integers(shape[1])] += rng.uniform(-0.006, 0.006) * (rng.random() < 1 / 3)
    return lamp.astype(np.float32)


def _read(paths: Iterator[Path]) -> Iterator[Photograph]:
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if pixels is not None:
            yield Photograph(path.stem, np.ascontiguousarray(pixels[..., ::-1]))


def _linear(codes: NDArray[Any]) -> Plane:
    """Linear light of sRGB codes (IEC 61966-2-1)."""
    value = np.linspace(0, 1, np.iinfo(codes.dtype).max + 1)
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(table.astype(np.float32)[codes])


def _reduced(pixels: NDArray[Any], size: NDArray[Any], largest: float, rng: np.random.Generator) -> Plane:
    reduction = np.exp(rng.uniform(np.log(REDUCTION[0]), np.log(largest)))
    height, width = np.floor(size * reduction).astype(int)
    top = rng.integers(0, pixels.shape[0] - height + 1)
    left = rng.integers(0, pixels.shape[1] - width + 1)
    light = _linear(pixels[top : top + height, left : left + width])
    return np.asarray(cv2.resize(light, (int(size[1]), int(size[0])), interpolation=cv2.INTER_AREA), np.float32)


def _tiled(pixels: NDArray[Any], size: NDArray[Any], rng: np.random.Generator) -> Plane:
    places = []
    for length, period in zip(size, pixels.shape, strict=False):
        place = (np.arange(length) + rng.integers(0, 2 * period)) % (2 * period)
        places.append(np.minimum(place, 2 * period - 1 - place))
    texture = _texture((int(size[0]), int(size[1])), rng)
    return np.asarray(_linear(pixels[np.ix_(*places)]) * np.exp(np.float32(TEXTURE) * texture)[..., None])


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Noise of deviation 1 whose amplitude falls as frequency^-.75, without periods above 32 px."""
    spectrum = rfft2(rng.standard_normal(shape, dtype=np.float32))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    spectrum *= np.where(frequency > 1 / 32, np.maximum(frequency, 1 / 32) ** -0.75, 0).astype(np.float32)
    texture = irfft2(spectrum, s=shape)
    return np.asarray(texture / texture.std(), np.float32)


def _curve(film: Film, exposed: Plane) -> Plane:
    """Density above base, through the points of the film's curve (PCHIP, tabulated every .002)."""
    points = np.array(film.curve)
    grid = np.arange(points[0, 0], points[-1, 0], 0.002)
    return np.asarray(np.interp(exposed, grid, PchipInterpolator(points[:, 0], points[:, 1])(grid)), np.float32)


def _grained(dye: Plane, grains: float, cloud: float, rng: np.random.Generator) -> Plane:
    """Density `dye` made of grains: `grains` per pixel at density 1, blurred by `cloud` px where they deviate."""
    deviation = (rng.poisson(dye * grains) / grains - dye).astype(np.float32)
    return dye + np.asarray(cv2.GaussianBlur(deviation, (0, 0), cloud), np.float32)
