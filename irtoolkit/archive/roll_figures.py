"""What is usual on a roll, and which figures of a slide are not."""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, log10
from typing import NamedTuple

import numpy as np

from irtoolkit.archive.results import Row
from irtoolkit.arrays import robust_centre_and_scale

MIN_SLIDES = 5
"""Slides of a roll below which none is compared with the others."""

MAX_SIGMAS = 6.0
"""Robust sigmas of its roll beyond which a slide is unusual."""

MIN_SLOPES = 0.01
"""Smaller slopes do not depend on the film."""

SILVER = "silver"
"""A word in the reason why silver film is refused."""


class Reason(NamedTuple):
    """Why a person should look at a slide, and how much it matters: 1 a little, 5 very much."""

    weight: float
    text: str


class Figure(NamedTuple):
    """A column by which a slide is compared with its roll, and the smallest difference that matters.

    `scale` brings the column to a scale on which differences count alike; `text` is formatted with the values of the
    slide and of the roll; if `above`, only larger values matter.
    """

    name: str
    least: float
    weight: float
    text: str
    scale: Callable[[float], float] = float
    above: bool = False


def log10_of(value: float) -> float:
    """The logarithm of a share or a noise, -6 at least."""
    return log10(max(value, 1e-6))


def log_slopes(slopes: float) -> float:
    """The logarithm of slopes; all small ones are alike."""
    return log10(max(slopes, MIN_SLOPES))


FIGURES = (
    Figure("shift_y", 1.5, 2.0, "its infrared is shifted by {0:.1f} px in y (usual for the roll: {1:.1f} px)"),
    Figure("shift_x", 1.5, 2.0, "its infrared is shifted by {0:.1f} px in x (usual for the roll: {1:.1f} px)"),
    Figure("blur", 0.8, 1.5, "its infrared is blurred by {0:.1f} px (usual for the roll: {1:.1f} px)"),
    Figure(
        "sigma", 0.8, 1.5, "its infrared is noisier ({0:.3f}) than usual for the roll ({1:.3f})", log10_of, above=True
    ),
    Figure("coverage", 0.9, 1.5, "more is marked ({0:.2%}) than usual for the roll ({1:.2%})", log10_of, above=True),
    Figure("holder", 0.03, 2.0, "holder or mount covers {0:.0%} of it (usual for the roll: {1:.0%})"),
)
"""Differences are in pixels, in density, in shares, and in powers of ten (of sigma and coverage)."""

OTHER_FIGURES = ("clearest", "tint", "densest", "threshold", "ratio_g")
"""Figures without a remark of their own here, on their own scale."""


class Usual(NamedTuple):
    """What is usual on a roll: median and robust sigma of each figure, on its scale, and whether it is silver film.

    `figures` is empty for a roll of fewer than 5 slides.
    """

    figures: dict[str, tuple[float, float]]
    silver: bool


def measure_usual(roll: Sequence[Row]) -> Usual:
    """What is usual on the slides of a roll that were cleaned."""
    done = [row for row in roll if row["status"] == "done"]
    scales = {figure.name: figure.scale for figure in FIGURES}
    scales |= dict.fromkeys(OTHER_FIGURES, float) | {"slopes": log_slopes}
    figures = {}
    for name, scale in scales.items():
        values = [scale(row[name]) for row in done if isfinite(row.get(name, float("nan")))]
        if len(values) >= MIN_SLIDES:
            figures[name] = robust_centre_and_scale(np.array(values))
    silver = sum(is_silver(row) for row in roll)
    return Usual(figures, silver >= max(MIN_SLIDES, len(roll) / 2))


def is_silver(row: Row) -> bool:
    """Whether a slide was refused as silver film."""
    return row["status"] == "refused" and SILVER in row["reason"]


def compare_with_roll(row: Row, usual: Usual) -> Iterator[Reason]:
    """The figures of a slide that are unusual on its roll."""
    for figure in FIGURES:
        value = row.get(figure.name, float("nan"))
        if figure.name in usual.figures and isfinite(value):
            centre, spread = usual.figures[figure.name]
            off = figure.scale(value) - centre
            if (off if figure.above else abs(off)) > max(figure.least, MAX_SIGMAS * spread):
                median = 10**centre if figure.scale is log10_of else centre
                yield Reason(figure.weight, figure.text.format(value, median))
