"""Synthetic slides together with the true damage."""

from typing import Any

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from irtoolkit.schema import BANDS, DIMENSIONS, VISIBLE, SlideError, describe
from irtoolkit.synthetic.damage import make_dots, make_transmittance
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


def make_slide(
    seed: int,
    shape: tuple[int, int] = (600, 900),
    *,
    film: str = "e6",
    scanner: str = "aligned",
    defects: float | None = None,
    photo: NDArray[Any] | None = None,
    roll: int | None = None,
    magnified: float = 1.0,
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
    magnified
        How many times larger than the frame the landscape is, of which the frame shows the middle; 1 or more. At 1, a
        whole landscape is on a few millimetres of film, with twigs as thin as a scanner resolves.

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
    light = _landscape(seed, canvas, magnified) if photo is None else fit_photo(photo, canvas)
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


def _landscape(seed: int, canvas: tuple[int, int], magnified: float) -> Plane:
    """Light (y, x, 3) of the middle of a landscape that is so many times larger than the canvas."""
    height, width = (round(side * magnified) for side in canvas)
    top, left = (height - canvas[0]) // 2, (width - canvas[1]) // 2
    scene = make_scene(random_stream(seed, "scene"), (height, width))
    return scene[top : top + canvas[0], left : left + canvas[1]]


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
