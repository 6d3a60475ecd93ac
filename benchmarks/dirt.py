"""Film that was kept badly: stains, fungus and crowds of dust up to a share of the area; scratches of the emulsion."""

import numpy as np

from benchmarks.damage import TRUTH_BELOW, Plane, draw_damage, field_blob, follow, lay, stroke, wander

DUST_PER_ROUND = 150.0
"""Defects above 7 px per megapixel that are drawn before the share is looked at again."""


def draw_dirt(rng: np.random.Generator, planes: Plane, share: float, *, dpi: float) -> None:
    """Multiply dirt into planes (2, y, x) of infrared transmittance until `share` of the film loses 6 % of its light.

    Half of the rounds draw dust, a quarter each fungus and stains.
    """
    while (planes.min(axis=0) < TRUTH_BELOW).mean() < share:
        kind = rng.integers(4)
        if kind < 2:
            planes *= draw_damage(rng, planes.shape[1:], DUST_PER_ROUND, dpi=dpi)
        elif kind == 2:
            _fungus(rng, planes[0])
        else:
            _stain(rng, planes[0])


def draw_emulsion_scratches(rng: np.random.Generator, shape: tuple[int, int], number: int) -> Plane:
    """Share of the dyes (y, x) that scratches of the emulsion leave: what they take away makes the film brighter."""
    left = np.ones(shape, np.float32)
    for _ in range(number):
        count = int(rng.uniform(80, 400))
        heading = rng.uniform(0, np.pi) + 0.01 * wander(rng, count, 400)
        path = follow(heading)
        width = np.clip(rng.uniform(1, 4) * np.exp(0.2 * wander(rng, count, 40)), 0.75, 6)
        stroke(left, path - path.mean(axis=0) + rng.uniform(0, shape), width, np.full(count, rng.uniform(0.3, 3)))
    return left


def _fungus(rng: np.random.Generator, plane: Plane) -> None:
    """Threads that branch from one place, 1 to 4 px wide, each taking 10 to 50 % of the light."""
    middle = rng.uniform(0, plane.shape)
    for _ in range(int(rng.integers(15, 50))):
        count = int(rng.uniform(30, 150))
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(0.05 * wander(rng, count, 15))
        path = follow(heading)
        width = rng.uniform(1, 4) * np.linspace(1, 0.4, count)
        density = -np.log1p(-rng.uniform(0.1, 0.5)) * np.linspace(1, 0.5, count)
        start = middle + rng.normal(0, 20, 2)
        stroke(plane, start + path, width, density)


def _stain(rng: np.random.Generator, plane: Plane) -> None:
    """A wide patch with a hard edge."""
    lay(plane, field_blob(rng, rng.lognormal(np.log(4000), 0.8)), rng.uniform(0, plane.shape))
