"""The short list: which slides a person should look at, and why, judged by their own figures and by their roll.

All reasons are worded here. `docs/method.md` has the measurements behind the constants.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from math import isfinite, isnan, log10
from typing import NamedTuple

import numpy as np

from irtoolkit.archive.results import Row
from irtoolkit.arrays import robust_centre_and_scale

MIN_SLIDES = 5
"""Slides of a roll below which none is compared with the others."""

MAX_SIGMAS = 6.0
"""Robust sigmas of its roll beyond which a slide is unusual."""

MINOR_SHARE = 0.1
"""Share of its weight that a reason adds to a graver one."""

MIN_AGREEMENT, GOOD_AGREEMENT = 0.3, 0.6
"""Agreement below which infrared and colour are of different slides, and above which they are of one."""

GOOD_R2 = 0.95
"""Share of the infrared that the colours explain above which an aligned infrared is theirs, whatever its agreement."""

MAX_NOISE_RATIO = 2.0
"""Noise over that of the roll above which the infrared holds a picture that the colours do not."""

OTHER_FILM, SAME_FILM = 0.42, 0.2
"""Powers of ten between the slopes of a slide and of its roll: above, it is another film; below, if its damage agrees,
it is of its roll, whatever its misfit."""

MIN_SLOPES = 0.01
"""Smaller slopes do not depend on the film."""

SILVER_SLOPES, SILVER_CHROMA = 0.4, 0.016
"""Silver film has larger slopes and less chroma."""

MAX_MISFIT, MAX_COVERAGE = 5.0, 0.15

DUSTY, BLACK = 0.0005, 2.0
"""Share of a usual slide marked above which it is odd that nothing is; density of the clearest film above which a slide
shows its damage no better than its picture."""

MAX_UNSEEN, MAX_CLIPPED, MIN_CROSSTALK = 0.05, 0.02, -0.02
"""Share of the picture that the infrared does not cover, share that is saturated, and slopes of inverted infrared."""

NEGATIVE_TINT = 0.12
"""Tint of the median slide above which a roll is of negatives."""

MASK_TINT, BASE_DENSITY, MAX_NEGATIVE_DENSITY = 0.04, 0.2, 2.3
"""A negative among slides: more tint, denser clearest film (it has no clear highlights), and no blacks."""

CLEARER, NO_MASK_TINT = 0.25, -0.05
"""A slide among negatives: clearer than their orange base by this density, tint below this, or blacks."""

MAX_NEGATIVE_SLOPES = 0.1
"""Negatives have smaller slopes: their dyes let infrared through."""

SILVER = "silver"

NOT_OF_ITS_ROLL = "it does not match its roll's model and was fitted on its own: another film or scanner?"
"""The `note` of a slide that was fitted on its own because its roll's model was refused."""


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


def _log10(value: float) -> float:
    return log10(max(value, 1e-6))


def _log_slopes(slopes: float) -> float:
    return log10(max(slopes, MIN_SLOPES))


FIGURES = (
    Figure("shift_y", 1.5, 2.0, "its infrared is shifted by {0:.1f} px in y (usual for the roll: {1:.1f} px)"),
    Figure("shift_x", 1.5, 2.0, "its infrared is shifted by {0:.1f} px in x (usual for the roll: {1:.1f} px)"),
    Figure("blur", 0.8, 1.5, "its infrared is blurred by {0:.1f} px (usual for the roll: {1:.1f} px)"),
    Figure(
        "sigma", 0.8, 1.5, "its infrared is noisier ({0:.3f}) than usual for the roll ({1:.3f})", _log10, above=True
    ),
    Figure("coverage", 0.9, 1.5, "more is marked ({0:.2%}) than usual for the roll ({1:.2%})", _log10, above=True),
    Figure("holder", 0.03, 2.0, "holder or mount covers {0:.0%} of it (usual for the roll: {1:.0%})"),
)
"""Differences are in pixels, in density, in shares, and in powers of ten (of sigma and coverage)."""

COLOUR_FIGURES = ("clearest", "tint")


class Usual(NamedTuple):
    """What is usual on a roll: median and robust sigma of each figure, on its scale, and whether it is silver film.

    `figures` is empty for a roll of fewer than 5 slides.
    """

    figures: dict[str, tuple[float, float]]
    silver: bool


def judge_rows(rows: Sequence[Row], false_discovery_rate: float, settled: Collection[str] = ()) -> list[Row]:
    """The rows, each with its `review`, why a person should look, the gravest reason first, and its `weight`.

    The weight is that of the gravest reason and a tenth of the others: many small signs of one cause do not outweigh
    what spoils a slide. Slides that are not done have both, too. `settled` slides, about which a person has decided,
    have neither.
    """
    rolls: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        rolls[row.get("roll", "")].append(row)
    usual = {name: _usual(roll) for name, roll in rolls.items()}
    reasons = (list(_reasons(row, usual[row.get("roll", "")], false_discovery_rate)) for row in rows)
    return [_judged(row, [] if row.get("slide") in settled else why) for row, why in zip(rows, reasons, strict=True)]


def _judged(row: Row, reasons: list[Reason]) -> Row:
    reasons.sort(key=lambda reason: -reason.weight)
    text = "; ".join(reason.text for reason in reasons)
    gravest, others = (sum(reason.weight for reason in part) for part in (reasons[:1], reasons[1:]))
    return row | {"review": text, "weight": round(gravest + MINOR_SHARE * others, 2)}


def _usual(roll: Sequence[Row]) -> Usual:
    done = [row for row in roll if row["status"] == "done"]
    scales = {figure.name: figure.scale for figure in FIGURES}
    scales |= dict.fromkeys(COLOUR_FIGURES, float) | {"slopes": _log_slopes}
    figures = {}
    for name, scale in scales.items():
        values = [scale(row[name]) for row in done if isfinite(row.get(name, float("nan")))]
        if len(values) >= MIN_SLIDES:
            figures[name] = robust_centre_and_scale(np.array(values))
    silver = sum(_is_silver(row) for row in roll)
    return Usual(figures, silver >= max(MIN_SLIDES, len(roll) / 2))


def _is_silver(row: Row) -> bool:
    return row["status"] == "refused" and SILVER in row["reason"]


def _reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    if row["status"] != "done":
        like_others = usual.silver and _is_silver(row)
        text = "it was not cleaned, like most of its roll" if like_others else "it was not cleaned"
        yield Reason(1.0 if like_others else 5.0 if row["status"] == "failed" else 4.0, text)
        return
    if usual.silver:
        yield Reason(4.0, "most of its roll was refused as silver film, but it was not: another film?")
    yield from _film_reasons(row, usual)
    yield from _infrared_reasons(row, usual)
    yield from _polarity_reasons(row, usual)
    yield from _mark_reasons(row, usual, rate)
    for figure in FIGURES:
        value = row.get(figure.name, float("nan"))
        if figure.name in usual.figures and isfinite(value):
            centre, spread = usual.figures[figure.name]
            off = figure.scale(value) - centre
            if (off if figure.above else abs(off)) > max(figure.least, MAX_SIGMAS * spread):
                median = 10**centre if figure.scale is _log10 else centre
                yield Reason(figure.weight, figure.text.format(value, median))


def _film_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs of another film: how the picture shows in the infrared, and what the roll's model leaves."""
    slopes = usual.figures.get("slopes", (float("nan"), 0.0))[0]
    difference = abs(_log_slopes(row["slopes"]) - slopes)
    if difference > OTHER_FILM:
        text = f"its crosstalk is {row['slopes']:.2f} (usual for the roll: {10**slopes:.2f}): another film?"
        yield Reason(3.0, text)
    if row["slopes"] > SILVER_SLOPES and row["chroma"] < SILVER_CHROMA:
        yield Reason(4.0, "it has no colours and its infrared shows the picture: silver film?")
    if row["agreement"] > GOOD_AGREEMENT and difference < SAME_FILM:
        return
    if row.get("note"):
        yield Reason(3.0, row["note"])
    if row["misfit"] > MAX_MISFIT:
        text = "its infrared does not follow its colours as usual for the roll: another film or another slide's?"
        yield Reason(3.0, text)


def _infrared_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs of the infrared of another slide, or of a bad infrared scan."""
    if row["agreement"] < MIN_AGREEMENT and not (row["aligned"] and row["r2"] > GOOD_R2):
        text = "its infrared shows damage where its colours show none: is it the infrared of another slide?"
        yield Reason(5.0, text)
    elif not row["aligned"] and not row["agreement"] > GOOD_AGREEMENT:
        sigma = 10 ** usual.figures.get("sigma", (float("inf"), 0.0))[0]
        if row["sigma"] > MAX_NOISE_RATIO * sigma:
            yield Reason(4.0, "its infrared does not match its colours: is it the infrared of another slide?")
        elif isnan(row["agreement"]):
            yield Reason(1.0, "the shift of its infrared could not be measured")
    if row["slopes"] < MIN_CROSSTALK:
        yield Reason(3.0, "its infrared is bright where the picture is dark: is it inverted?")
    if row["unseen"] > MAX_UNSEEN:
        yield Reason(1.5, f"{row['unseen']:.0%} of the picture was not covered by the infrared")
    if row["clipped"] > MAX_CLIPPED:
        yield Reason(2.0, f"{row['clipped']:.0%} of its infrared is saturated: scan with less exposure")


def _polarity_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs of a negative among slides, or of a slide among negatives.

    No negative has film clearer than its orange base, nor nearly as black as a slide's shadows.
    """
    if any(name not in usual.figures for name in COLOUR_FIGURES):
        return
    clearest, tint = (row[name] - usual.figures[name][0] for name in COLOUR_FIGURES)
    if usual.figures["tint"][0] > NEGATIVE_TINT:
        if clearest < -CLEARER or row["densest"] > MAX_NEGATIVE_DENSITY or row["tint"] < NO_MASK_TINT:
            yield Reason(2.0, "its film is clearer, blacker or less orange than the roll's negatives: is it a slide?")
        return
    masked = tint > MASK_TINT and row["tint"] > 0 and row["slopes"] < MAX_NEGATIVE_SLOPES
    if masked and clearest > BASE_DENSITY and row["densest"] < MAX_NEGATIVE_DENSITY:
        yield Reason(2.0, "its film is orange where the roll's is clear, and has no blacks: is it a negative?")


def _mark_reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    """Signs that too much or too little is marked."""
    dusty = usual.figures.get("coverage", (0.0, 0.0))[0] > _log10(DUSTY)
    if not row["coverage"] and not isfinite(row["threshold"]) and dusty and row["clearest"] < BLACK:
        yield Reason(1.5, "nothing is marked: the slide is clean, or its damage is hidden in the noise")
    if row["coverage"] > MAX_COVERAGE:
        yield Reason(2.0, f"{row['coverage']:.0%} of the picture is marked")
    if row["fdr"] > 2 * rate:
        yield Reason(2.0, f"about {row['fdr']:.0%} of what is marked is probably false")
