"""The short list: which slides a person should look at, and why, judged by their own figures and by their roll."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import isfinite, isnan, log10
from typing import NamedTuple

import numpy as np

from irtoolkit.results import Row
from irtoolkit.statistics import robust_centre_and_scale

FEWEST = 5
"""Slides of a roll below which none is compared with the others."""

SIGMAS = 6.0
"""Robust sigmas of its roll beyond which a slide stands out."""

MUCH = 0.05
DISAGREES = 0.35
INVERTED = -0.02
CLIPPED = 0.02
FAR = 5.0


class Reason(NamedTuple):
    """Why a person should look at a slide, and how much it matters: 1 a little, 5 very much."""

    weight: float
    text: str


class Figure(NamedTuple):
    """A column by which a slide is compared with its roll, and the smallest difference that matters.

    `scale` brings the column to a scale on which differences count alike; `text` is told the slide's value and the
    roll's; `above` tells whether only larger values matter.
    """

    name: str
    least: float
    weight: float
    text: str
    scale: Callable[[float], float] = float
    above: bool = False


def _tens(value: float) -> float:
    return log10(max(value, 1e-6))


FIGURES = (
    Figure("shift_y", 1.5, 2.0, "its infrared lies {0:.1f} px off in y, that of its roll {1:.1f}"),
    Figure("shift_x", 1.5, 2.0, "its infrared lies {0:.1f} px off in x, that of its roll {1:.1f}"),
    Figure("blur", 0.8, 1.5, "its infrared is blurred by {0:.1f} px, that of its roll by {1:.1f}"),
    Figure(
        "slopes", 0.08, 3.0, "the picture shows in its infrared with slope {0:.2f}, in its roll {1:.2f}: other film?"
    ),
    Figure("sigma", 0.4, 1.5, "its infrared has noise of {0:.4f}, that of its roll {1:.4f}", _tens, above=True),
    Figure("coverage", 0.9, 1.5, "{0:.2%} of it are marked, of its roll {1:.2%}", _tens, above=True),
    Figure("holder", 0.03, 2.0, "{0:.0%} of it are holder or mount, of its roll {1:.0%}"),
)
"""Differences are in pixels, in density, in shares, and in powers of ten (of sigma and coverage)."""

MASKED, FLAT = 0.2, 0.4
"""Differences of tint and contrast, in density, by which a negative stands out of slides and a slide of negatives: on
simulated film negatives have .36 more tint and .9 less contrast in the median; 1 slide in 16 had as much of both."""


def judge_rows(rows: Sequence[Row], false_discovery_rate: float) -> list[Row]:
    """The rows, each with its `review`, why a person should look, the gravest first, and its `weight`, their sum.

    A slide that is not done has both, too.
    """
    rolls: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        rolls[row.get("roll", "")].append(row)
    usual = {name: _usual(roll) for name, roll in rolls.items()}
    return [_judged(row, list(_reasons(row, usual[row.get("roll", "")], false_discovery_rate))) for row in rows]


def _judged(row: Row, reasons: list[Reason]) -> Row:
    reasons.sort(key=lambda reason: -reason.weight)
    text = "; ".join(reason.text for reason in reasons)
    return row | {"review": text, "weight": sum(reason.weight for reason in reasons)}


def _usual(roll: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Median and robust sigma of each figure of a roll, on its scale; nothing of a roll of few slides."""
    done = [row for row in roll if row["status"] == "done"]
    scales = {figure.name: figure.scale for figure in FIGURES} | {"tint": float, "contrast": float}
    usual = {}
    for name, scale in scales.items():
        values = [scale(row[name]) for row in done if isfinite(row.get(name, float("nan")))]
        if len(values) >= FEWEST:
            usual[name] = robust_centre_and_scale(np.array(values))
    return usual


def _reasons(row: Row, usual: dict[str, tuple[float, float]], rate: float) -> Iterator[Reason]:
    if row["status"] != "done":
        yield Reason(5.0 if row["status"] == "failed" else 4.0, "it was not cleaned")
        return
    yield from _own_reasons(row, rate)
    yield from _film_reasons(row, usual)
    for figure in FIGURES:
        value = row.get(figure.name, float("nan"))
        if figure.name in usual and isfinite(value):
            centre, spread = usual[figure.name]
            off = figure.scale(value) - centre
            if (off if figure.above else abs(off)) > max(figure.least, SIGMAS * spread):
                median = 10**centre if figure.scale is _tens else centre
                yield Reason(figure.weight, figure.text.format(value, median))


def _film_reasons(row: Row, usual: dict[str, tuple[float, float]]) -> Iterator[Reason]:
    """A negative among slides, or a slide among negatives: the orange mask, and the negative's low contrast."""
    if "tint" in usual:
        tint, contrast = (row[name] - usual[name][0] for name in ("tint", "contrast"))
        for sign, kind, others in ((1, "a negative", "slides"), (-1, "a slide", "negatives")):
            if sign * tint > MASKED and -sign * contrast > FLAT:
                yield Reason(2.0, f"its colours look like those of {kind}, its roll's like those of {others}")


def _own_reasons(row: Row, rate: float) -> Iterator[Reason]:
    """What a slide's own figures say."""
    if row.get("note"):
        yield Reason(3.0, row["note"])
    if row["agreement"] < DISAGREES:
        text = "where its infrared shows damage, its colours show none: is it the infrared of another slide?"
        yield Reason(5.0, text)
    if row["misfit"] > FAR:
        yield Reason(3.0, "its infrared does not follow its colours as in its roll: other film, or another slide's?")
    if not row["aligned"] and isnan(row["agreement"]):
        yield Reason(1.0, "its infrared gave no evidence of where it lies")
    if not isfinite(row["threshold"]):
        yield Reason(2.0, "its damage cannot be told from the noise, so nothing is marked")
    if row["coverage"] > MUCH:
        yield Reason(2.0, f"{row['coverage']:.1%} of the picture are marked")
    if row["fdr"] > 2 * rate:
        yield Reason(2.0, f"{row['fdr']:.0%} of what is marked may be no defect")
    if row["slopes"] < INVERTED:
        yield Reason(3.0, f"its infrared runs against the picture (slope {row['slopes']:.2f}): is it inverted?")
    if row["unseen"] > MUCH:
        yield Reason(1.5, f"{row['unseen']:.0%} of the picture were not seen by the infrared")
    if row["clipped"] > CLIPPED:
        yield Reason(2.0, f"{row['clipped']:.0%} of its infrared are as bright as can be: scan with less exposure")
