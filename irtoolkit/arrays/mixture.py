"""Film that is partly under dust, as a mixture: film's residual is normal, dust only adds to it."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr

LEAST_SHARE, LARGEST_SHARE = 0.001, 0.98
LEAST_DEPTH = 3.0
"""Least mean depth of dust, in sigmas of film: fainter dust looks like noise."""

PREVAILS = 0.15
"""Share of dust from which on samples count by the chance that they are film's (docs/method.md)."""

HALF_LOG_TWO_PI = 0.919


class Dust(NamedTuple):
    """The `share` of samples that dust covers, and the density or light, `depth`, that it blocks on average."""

    share: float
    depth: float


def chance_of_film(residual: np.ndarray, sigma: np.ndarray | float, dust: Dust) -> np.ndarray:
    """Chance (samples,) that a residual is that of film, normal around 0, and not of film under dust.

    What dust blocks is exponentially distributed, and film's noise is added (exponentially modified Gaussian; Grushka
    1972, doi:10.1021/ac60319a011). `sigma` is that of film, of each sample or of all.

    >>> chance_of_film(np.array([-0.02, 0.0, 0.1]), 0.01, Dust(0.5, 0.2)).round(2)
    array([0.98, 0.94, 0.  ])
    """
    standard, shallow = residual / sigma, sigma / dust.depth
    of_film = np.log1p(-dust.share) - np.log(sigma) - HALF_LOG_TWO_PI - 0.5 * standard**2
    exponential = 0.5 * shallow**2 - residual / dust.depth
    of_dust = np.log(dust.share / dust.depth) + exponential + log_ndtr(standard - shallow)
    return np.asarray(expit(of_film - of_dust))


def measure_dust(residual: np.ndarray, sigma: float, chance: np.ndarray) -> Dust:
    """The dust, given the `chance` (samples,) that each residual is film's, whose mean sigma is given.

    With `chance_of_film` in turn it is the algorithm of expectation and maximisation (Dempster, Laird & Rubin 1977,
    doi:10.1111/j.2517-6161.1977.tb01600.x).
    """
    dusty = 1 - chance
    depth = (dusty * np.maximum(residual, 0)).sum() / max(dusty.sum(), 1e-9)
    return Dust(float(np.clip(dusty.mean(), LEAST_SHARE, LARGEST_SHARE)), float(max(depth, LEAST_DEPTH * sigma)))
