"""Synthetic slides together with the true damage."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from irtoolkit.schema import BANDS, DIMENSIONS, VISIBLE, SlideError, describe
from irtoolkit.synthetic.damage import make_dots, make_transmittance
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.scanning import (
    FILMS,
    PAD,
    SCANNERS,
    Exposure,
    Plane,
    blurred,
    cropped,
    develop,
    draw_exposure,
    infrared_light,
    random_stream,
    scan_infrared,
    scan_visible,
    visible_light,
)
from irtoolkit.synthetic.scene import fit_photo, make_scene

TRUTH_BELOW = 0.94
"""Visible transmittance below which a place counts as a defect."""

NOISE_BLOCK = 16
FILM_NAMES = {
    "e6": "Kodak Ektachrome 100",
    "faded-e6": "Kodak Ektachrome 64",
    "c41": "Kodak Portra 400",
    "kodachrome": "Kodak Kodachrome 64",
    "silver": "Ilford HP5 Plus",
}
ROLL_LAYOUTS = (
    "vuescan-rgbi",
    "silverfast-hdri-preview",
    "vuescan-dng",
    "silverfast-dng",
    "sidecar",
    "silverfast-hdri",
)
"""Layouts that the slides of a synthetic roll take in turn."""


def make_slide(
    seed: int,
    shape: tuple[int, int] = (600, 900),
    *,
    film: str = "e6",
    scanner: str = "aligned",
    defects: float | None = None,
    photo: NDArray[Any] | None = None,
    roll: int | None = None,
) -> xr.Dataset:
    """Make a slide with known damage: its counts, the counts without damage, and the true defects.

    Densities of dyes and defects are added and converted to light, which is blurred, displaced (infrared) and converted
    to counts with a black offset and noise; `counts` and `undamaged` share scene, grain and noise.

    Parameters
    ----------
    seed
        Determines everything, 0 or more; scene, grain, defects and noise have independent streams.
    shape
        Height and width in pixels.
    film
        ``"e6"``, ``"faded-e6"``, ``"c41"`` (a negative), ``"kodachrome"`` or ``"silver"``.
    scanner
        ``"aligned"``, ``"plustek"`` (infrared shifted and blurred), ``"drifting"`` (blurred, and the shift grows along
        the carriage by a pixel in 2,000 rows) or ``"dotted"`` (grain-sized dots in the infrared, which belong to the
        film and are not defects).
    defects
        Defects larger than a speck per megapixel at 3617 dpi; None draws a typical number, 0 gives a clean slide.
    photo
        Picture (y, x, 3) to put on the film; integers (a finished photograph) or linear floats.
        None paints a landscape.
    roll
        Seed of the constants that slides of one roll share: slopes, blurs, offset, shift up to a jitter, infrared level
        up to a few per cent. None uses `seed`.

    Returns
    -------
    xarray.Dataset
        In memory: ``counts`` and ``undamaged``, uint16 (band, y, x), bands R, G, B, IR, linear;
        ``transmittance``, float32 (y, x), share of visible light that the defects let through, as sharp as the
        colour bands; ``truth``, bool (y, x), True where that is under .94; ``visibility``, float32 (y, x), for each
        8-connected region of the truth its visible contrast over the visible noise (grain, texture, sensor) for its
        area, in the band with the most contrast: below 3 it is invisible, as in deep shadow; 0 elsewhere.
        Attributes: film, scanner, seed, dpi, polarity (of the picture), shift_y, shift_x, drift (pixels per row, 0 in
        the middle row), blur (pixels), slopes, offset (counts), gamma (visible over infrared density of a defect).

    Raises
    ------
    SlideError
        If film or scanner is not one of the names above.

    Examples
    --------
    >>> slide = make_slide(1, (60, 90), scanner="plustek")
    >>> dict(slide.counts.sizes), bool(slide.truth.any())
    ({'band': 4, 'y': 60, 'x': 90}, True)
    """
    for what, name, names in (("film", film, FILMS), ("scanner", scanner, SCANNERS)):
        if name not in names:
            raise SlideError(f"{what} must be one of {', '.join(names)}, not {name!r}; choose one of these")
    exposure = draw_exposure(FILMS[film], SCANNERS[scanner], seed, seed if roll is None else roll)
    canvas = (shape[0] + 2 * PAD, shape[1] + 2 * PAD)
    light = make_scene(random_stream(seed, "scene"), canvas) if photo is None else fit_photo(photo, canvas)
    number = _usual_number(seed) if defects is None else defects
    damage = make_transmittance(random_stream(seed, "defects"), canvas, number, dpi=exposure.scanner.dpi)
    damaged, undamaged = _scan(develop(light, exposure), damage, exposure)
    transmittance = cropped(blurred(damage, exposure.visible_blur))
    truth = transmittance < TRUTH_BELOW
    slide = xr.Dataset(
        {
            "counts": (DIMENSIONS, damaged),
            "undamaged": (DIMENSIONS, undamaged),
            "transmittance": (DIMENSIONS[1:], transmittance),
            "truth": (DIMENSIONS[1:], truth),
            "visibility": (DIMENSIONS[1:], _visibility(damaged, undamaged, truth, exposure)),
        },
        coords={"band": list(BANDS)},
        attrs={"film": film, "scanner": scanner, **_known(exposure)},
    )
    return describe(slide)


def make_roll(
    folder: str | os.PathLike[str],
    seed: int = 0,
    count: int = 6,
    shape: tuple[int, int] = (480, 720),
    *,
    film: str = "e6",
    scanner: str = "plustek",
    layouts: Sequence[str] = ROLL_LAYOUTS,
    refused: bool = False,
) -> list[Path]:
    """Write the slides of one synthetic roll in the layouts of scanner programs.

    Parameters
    ----------
    folder
        Where to write; created if missing.
    seed
        Determines film, scanner and, with a slide's number, everything else.
    count
        Number of slides.
    shape
        Height and width in pixels.
    film, scanner
        As in `make_slide`; the slides share their constants.
    layouts
        Layouts of `write_scanner_file` that the slides take in turn; those of SilverFast name another scanner.
    refused
        Add one slide without infrared, which cleaning must refuse.

    Returns
    -------
    list of pathlib.Path
        The slides in order, without the infrared sidecars beside them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in make_roll(folder, count=3, shape=(30, 40))]
    ['slide_01.tif', 'slide_02.tif', 'slide_03.dng']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    taken = [layouts[number % len(layouts)] for number in range(count)] + ["rgb"] * refused
    paths = []
    for number, layout in enumerate(taken, start=1):
        slide = make_slide(seed * 1000 + number, shape, film=film, scanner=scanner, roll=seed)
        path = folder / f"slide_{number:02d}.{'dng' if 'dng' in layout else 'tif'}"
        tags = {"dpi": slide.attrs["dpi"], "polarity": slide.attrs["polarity"], "film": FILM_NAMES[film]}
        paths.append(write_scanner_file(path, slide.counts.values, layout, **tags)[0])
    return paths


def _usual_number(seed: int) -> float:
    """Defects per megapixel of a slide: from 4.5 to 107 with a median of 82, as on ten dusty frames."""
    return float(4.5 + 102.5 * random_stream(seed, "number").beta(1.2, 0.6))


def _scan(dyes: Plane, damage: Plane, exposure: Exposure) -> NDArray[np.uint16]:
    """Counts (damaged and undamaged, band, y, x) of a film under `damage`."""
    rng = random_stream(exposure.seed, "dots")
    dot_share = rng.uniform(0.4, 0.6)
    dots = make_dots(rng, damage.shape, exposure.scanner.dots, blur=exposure.visible_blur)
    counts = np.empty((2, len(BANDS), *cropped(damage).shape), np.uint16)
    for band in range(len(VISIBLE)):
        light = visible_light(dyes, band, exposure) * np.exp(-np.float32(dot_share) * dots)
        counts[0, band] = scan_visible(light * damage, band, exposure)
        counts[1, band] = scan_visible(light, band, exposure)
    light = infrared_light(dyes, exposure) * np.exp(-dots)
    counts[0, -1] = scan_infrared(light * damage ** np.float32(1 / exposure.gamma), exposure)
    counts[1, -1] = scan_infrared(light, exposure)
    return counts


def _visibility(
    damaged: NDArray[np.uint16], undamaged: NDArray[np.uint16], truth: NDArray[np.bool_], exposure: Exposure
) -> Plane:
    """Contrast of every region over the noise averaged over the independent grains in its area; 0 outside."""
    number, labels = cv2.connectedComponents(truth.astype(np.uint8), connectivity=8)
    pixels_per_grain = 4 * np.pi * (exposure.visible_blur**2 + 0.25)
    best = np.zeros(number)
    for band in range(len(VISIBLE)):
        light = undamaged[band].astype(np.float32)
        contrast = (light - damaged[band]) / _local_noise(light)
        energy = np.bincount(labels.ravel(), np.square(contrast).ravel(), number)
        best = np.maximum(best, np.sqrt(energy / pixels_per_grain))
    best[0] = 0
    return best.astype(np.float32)[labels]


def _local_noise(light: Plane) -> Plane:
    """Deviation of fine detail, by medians of blocks, so that hard edges of the picture do not count as noise."""
    fine = np.abs(light - blurred(light, 2))
    bottom, right = (-size % NOISE_BLOCK for size in light.shape)
    fine = np.pad(fine, ((0, bottom), (0, right)), "symmetric")
    blocks = fine.reshape(fine.shape[0] // NOISE_BLOCK, NOISE_BLOCK, -1, NOISE_BLOCK)
    noise = 1.4826 * np.median(blocks.swapaxes(1, 2).reshape(*blocks.shape[::2], -1), axis=2) + 1
    height, width = light.shape
    return cv2.resize(noise.astype(np.float32), fine.shape[::-1])[:height, :width]


def _known(exposure: Exposure) -> dict[str, Any]:
    """Attributes with the true constants of the slide."""
    measured = ("seed", "shift_y", "shift_x", "blur", "slopes", "offset", "gamma")
    return {
        "dpi": exposure.scanner.dpi,
        "polarity": "positive" if exposure.film.steepness < 0 else "negative",
        "drift": exposure.scanner.drift,
        **{name: getattr(exposure, name) for name in measured},
    }
