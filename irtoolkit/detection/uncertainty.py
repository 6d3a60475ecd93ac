"""By how much the predicted ghost may be wrong where nothing shows it: near the slide's edge and on very dense film."""

import numpy as np
from scipy.special import ndtr

from irtoolkit.arrays import QUARTER, blur_shrunk, enlarge, mean_of, shrink, to_transmittance
from irtoolkit.crosstalk import Blurs, Crosstalk

SMALLEST_BLUR = 0.5
UNKNOWN_SLOPE = 0.3
"""Share of the slope that is not known beyond the densest film of the fit (assumed; docs/method.md)."""

LEAST_FLARE = 1e-7
"""Share of the light around that is not worth a pass."""


def ghost_uncertainty(
    blurs: Blurs, contrast: np.ndarray, crosstalk: Crosstalk, start: tuple[int, int], shape: tuple[int, int]
) -> np.ndarray:
    """Density (y, x), float32, by which the ghost may be wrong, besides its noise.

    Near the slide's edge the infrared's blur and the flare gather light from beyond, from a picture that is not seen:
    it may differ from what is seen by the ghost's `contrast` (y, x), and be twice as bright or dark. Beyond the densest
    film of the fit the ghost is extrapolated.

    `blurs` are those of a piece of a slide of this `shape`, and `start` is where on it the piece begins.
    """
    sigma = max(crosstalk.blur, SMALLEST_BLUR)
    unknown = np.hypot(_extrapolated(blurs, crosstalk, sigma), contrast * _beyond(start, contrast.shape, shape, sigma))
    share = np.float32(crosstalk.curve.flare) * _beyond(start, contrast.shape, shape, crosstalk.curve.flare_blur)
    if share.max() < LEAST_FLARE:
        return unknown
    return np.hypot(unknown, _flared(blurs, share, crosstalk))


def _beyond(start: tuple[int, int], size: tuple[int, ...], shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Share (y, x) of a blur of `sigma` px around each pixel that is beyond the slide's edge.

    >>> _beyond((0, 7), (1, 2), shape=(60, 80), sigma=1.0).round(3)
    array([[0.309, 0.309]], dtype=float32)
    """
    inside = []
    for first, length, whole in zip(start, size, shape, strict=True):
        index = np.arange(first, first + length) + 0.5
        inside.append((ndtr((whole - index) / sigma) - ndtr(-index / sigma)).astype(np.float32))
    return 1 - inside[0][:, None] * inside[1]


def _extrapolated(blurs: Blurs, crosstalk: Crosstalk, sigma: float) -> np.ndarray:
    """Density (y, x), blurred by `sigma` px, of the ghost of what the visible bands have beyond the densest film."""
    densest = crosstalk.curve.densest.astype(np.float32)[:, None, None]
    beyond = mean_of(np.maximum(blurs.density - densest, 0))
    beyond = enlarge(blur_shrunk(shrink(beyond), sigma), beyond.shape)
    return np.float32(UNKNOWN_SLOPE * crosstalk.slopes) * beyond


def _flared(blurs: Blurs, share: np.ndarray, crosstalk: Crosstalk) -> np.ndarray:
    """Density (y, x) that a `share` (y, x) of the light around takes from the ghost."""
    light = to_transmittance(mean_of(blurs.coarse))
    around = enlarge(blur_shrunk(shrink(light), crosstalk.curve.flare_blur, QUARTER), light.shape)
    return np.float32(crosstalk.slopes) * np.log10(1 + share * enlarge(around / light, share.shape))
