"""Exceedances: the pixels of a slide whose score is beyond a level, with all that regions are made of."""

from functools import partial

import cv2
import numpy as np
import xarray as xr

from irtoolkit.arrays import Reduction, blur, measure_together, to_density, to_transmittance
from irtoolkit.crosstalk import Crosstalk, visible_density
from irtoolkit.detection.signature import SIGNATURE, SIGNATURE_DEPTH, measure_signature
from irtoolkit.detection.visibility import TRACE_REACH, TRACES, trace_planes

REGION_LEVEL = 3.2
SHARP = 1.0
CORE_SHARE = 0.25
CORE_WINDOW = 9
FAR_CORE_SHARE = 0.12


def measure_exceedances(
    evidence: xr.Dataset, *, infrared_blur: float, crosstalk: Crosstalk | None = None, level: float = REGION_LEVEL
) -> xr.Dataset:
    """Compute every pixel whose absolute score is at least `level`, in one pass over the slide.

    Parameters
    ----------
    evidence
        On (y, x), float32, lazy: `residual`, `score` and `grain` from `score_infrared`; for their traces in the colours
        `visible` (band, y, x), and where regions are ranked `infrared`, both counts.
    infrared_blur
        Sigma in pixels by which the infrared is blurrier than the visible bands. From 1 px on, only pixels whose
        residual reaches a share of the largest within 4 px are `core`, because the blur widens every mark.
    crosstalk
        That of the slide, where regions are ranked by their signature; without it the signature is 0.
    level
        In sigma.

    Returns
    -------
    xarray.Dataset
        On dimension `pixel`, in row order: `index` (y * width + x), `score`, `residual`, `grain`, `core`, what
        `trace_planes` and `measure_signature` return; attributes `height` and `width`, and the film's `slopes`.
    """
    wanted = find_exceedances(evidence, infrared_blur=infrared_blur, crosstalk=crosstalk, level=level)
    return measure_together(wanted)[0]


def find_exceedances(
    evidence: xr.Dataset, *, infrared_blur: float, crosstalk: Crosstalk | None = None, level: float = REGION_LEVEL
) -> Reduction:
    """The reduction behind `measure_exceedances`, for `measure_together`."""
    height, width = evidence.score.shape
    planes = [evidence[name].data[None] for name in ("score", "residual", "grain")]
    if "visible" in evidence:
        planes.append(evidence.visible.data)
    if crosstalk is not None:
        planes.append(evidence.infrared.data[None])
    slopes = crosstalk.slopes if crosstalk else 0.0
    attributes = {"height": height, "width": width, "infrared_blur": infrared_blur, "slopes": slopes}
    kernel = partial(
        _block_exceedances, infrared_blur=infrared_blur, crosstalk=crosstalk, level=np.float32(level), width=width
    )
    core_reach = max((window for _, window in _core_shares(infrared_blur)), default=0) + 2
    reach = max(core_reach, SIGNATURE_DEPTH, TRACE_REACH)
    return Reduction(kernel, tuple(planes), partial(_concatenate, attributes), reach)


def _concatenate(attributes: dict[str, float], parts: list[dict[str, np.ndarray]]) -> xr.Dataset:
    """The columns of all blocks in row order; they are taken out of the parts one by one, to hold them once."""
    order = np.argsort(np.concatenate([part["index"] for part in parts]))
    joined = ((name, np.concatenate([part.pop(name) for part in parts])) for name in tuple(parts[0]))
    return xr.Dataset({name: ("pixel", column[order]) for name, column in joined}, attrs=attributes)


def _core(residual: np.ndarray, infrared_blur: float) -> np.ndarray:
    """Pixels whose loss of light, which the blur mixes, reaches a share of the largest loss nearby and farther off."""
    core = np.ones(residual.shape, bool)
    if not _core_shares(infrared_blur):
        return core
    smooth = blur(np.nan_to_num(residual), 0.5)
    blocked = smooth > 0
    lost = 1 - to_transmittance(np.abs(smooth))
    for share, window in _core_shares(infrared_blur):
        square = np.ones((window, window), np.uint8)
        dark, bright = (~side | (lost >= share * cv2.dilate(lost * side, square)) for side in (blocked, ~blocked))
        core &= dark & bright
    return core


def _core_shares(infrared_blur: float) -> tuple[tuple[float, int], ...]:
    """Shares of the largest loss and the windows, px, in which it is searched; none if the infrared is sharp."""
    if infrared_blur < SHARP:
        return ()
    return (CORE_SHARE * min(infrared_blur / 1.5, 1.0), CORE_WINDOW), (FAR_CORE_SHARE, 2 * round(4 * infrared_blur) + 1)


def _block_exceedances(
    score: np.ndarray,
    residual: np.ndarray,
    grain: np.ndarray,
    *counts: np.ndarray,
    start: tuple[int, int],
    inside: tuple[slice, slice],
    infrared_blur: float,
    crosstalk: Crosstalk | None,
    level: np.float32,
    width: int,
) -> dict[str, np.ndarray]:
    """Columns of the exceedances of a block; `counts` are those of the visible bands and of the infrared, if known."""
    exceeding = np.abs(score[0]) >= level
    y, x = np.nonzero(exceeding[inside])
    places = y + inside[0].start, x + inside[1].start
    columns = {"index": (y + start[0]) * width + x + start[1]}
    planes = {"score": score[0], "residual": residual[0], "grain": grain[0], "core": _core(residual[0], infrared_blur)}
    if counts:
        density = to_density(counts[0]) if crosstalk is None else visible_density(counts[0], crosstalk.curve)
        planes |= zip(TRACES, trace_planes(density), strict=True)
    columns |= {name: plane[places] for name, plane in planes.items()}
    if crosstalk is None:
        return columns | {name: np.zeros(len(y), np.float32) for name in SIGNATURE}
    return columns | measure_signature(density, counts[1][0], residual[0], exceeding, places, crosstalk)
