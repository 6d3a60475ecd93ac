"""The short list: which slides a person should look at, and why, judged by their own figures and by their roll."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from math import isfinite, isnan, log10
from typing import NamedTuple

import numpy as np

from irtoolkit.archive.results import Row
from irtoolkit.arrays import robust_centre_and_scale

FEWEST = 5
"""Slides of a roll below which none is compared with the others."""

SIGMAS = 6.0
"""Robust sigmas of its roll beyond which a slide stands out."""

OTHERS = 0.1
"""What a reason counts beside a graver one."""

DISAGREES = 0.3
"""Agreement under which infrared and colour show different slides; `measure_agreement` says what was measured."""

EXPLAINED = 0.95
"""Share of the infrared that the colours explain from which on, if they are also aligned, it is theirs: that of another
slide had at most .86, and none of 80 was aligned. On dense Kodachrome damage may not be seen to agree."""

NOISY = 2.0
"""Noise over that of the roll from which on a slide's infrared holds a picture that its colours do not."""

AGREES = 0.6
"""Agreement from which on infrared and colour show one slide."""

OTHER, ALIKE = 0.42, 0.2
"""Powers of ten between the slopes of a slide and its roll from which on it is another film, and under which, if its
damage agrees, it is of its roll, however the roll's model fits: on 40 simulated rolls at most .34 for slides of the
roll, and at least .48 between Kodachrome and other film."""

FAINTEST = 0.01
"""Slopes under which a slide's do not tell of its film."""

SILVERY, COLOURLESS = 0.4, 0.016
"""Slopes and chroma of silver film: .58 and more, and .012 and less; film of dyes has a chroma of .021 and more."""

FAR = 5.0
"""Misfit that matters: at most 4.6 on simulated rolls of Kodachrome for their own slides."""

MUCH = 0.15
"""Share marked that matters by itself; dirty slides of healthy simulated rolls had up to .065."""

DUSTY, BLACK = 0.0005, 2.0
"""Share of a usual slide marked from which on it is odd that nothing is; density of the clearest film of a slide so
black that its damage is seen no better than its picture."""

UNSEEN = 0.05
INVERTED = -0.02
CLIPPED = 0.02

MASKED = 0.12
"""Tint of the median slide from which on a roll is of negatives: simulated, .2 and more; slides at most .03."""

MASK, BASE, DENSEST = 0.04, 0.2, 2.3
"""A negative among slides has more tint than they and clearest film that is denser, by these densities, for want of
clear highlights; and it is nowhere as dense as this, for want of blacks. 90 to 100 % of simulated negatives are told so
among slides of three films, and at most 9 slides in 1000 look so; by tint and contrast 44 to 95 %, and 27."""

CLEAR, UNMASKED = 0.25, -0.05
"""By how much a slide among negatives is clearer than their orange base; or the tint under which there is no mask; or
it is denser than `DENSEST`. 96 to 99 % of simulated slides are told so, and 3 negatives in 1000 look so."""

OF_NEGATIVES = 0.1
"""Slopes of which no negative is: their dyes let infrared through, with slopes of about .04."""

SILVER = "silver"


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


def _strength(slopes: float) -> float:
    return log10(max(slopes, FAINTEST))


FIGURES = (
    Figure("shift_y", 1.5, 2.0, "its infrared lies {0:.1f} px off in y, that of its roll {1:.1f}"),
    Figure("shift_x", 1.5, 2.0, "its infrared lies {0:.1f} px off in x, that of its roll {1:.1f}"),
    Figure("blur", 0.8, 1.5, "its infrared is blurred by {0:.1f} px, that of its roll by {1:.1f}"),
    Figure("sigma", 0.8, 1.5, "its infrared has noise of {0:.4f}, that of its roll {1:.4f}", _tens, above=True),
    Figure("coverage", 0.9, 1.5, "{0:.2%} of it are marked, of its roll {1:.2%}", _tens, above=True),
    Figure("holder", 0.03, 2.0, "{0:.0%} of it are holder or mount, of its roll {1:.0%}"),
)
"""Differences are in pixels, in density, in shares, and in powers of ten (of sigma and coverage)."""

LOOKS = ("clearest", "tint")


class Usual(NamedTuple):
    """What is usual on a roll: median and robust sigma of each figure, on its scale, and whether it is silver film.

    Of a roll of fewer than 5 slides nothing is known.
    """

    figures: dict[str, tuple[float, float]]
    silver: bool


def judge_rows(rows: Sequence[Row], false_discovery_rate: float, settled: Collection[str] = ()) -> list[Row]:
    """The rows, each with its `review`, why a person should look, the gravest first, and its `weight`.

    That is the gravest reason's weight and a tenth of the others': many small signs of one cause do not outweigh what
    spoils a slide. A slide that is not done has both, too. Nobody needs to look at `settled` slides, about which a
    person has decided.
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
    return row | {"review": text, "weight": round(gravest + OTHERS * others, 2)}


def _usual(roll: Sequence[Row]) -> Usual:
    done = [row for row in roll if row["status"] == "done"]
    scales = {figure.name: figure.scale for figure in FIGURES} | dict.fromkeys(LOOKS, float) | {"slopes": _strength}
    figures = {}
    for name, scale in scales.items():
        values = [scale(row[name]) for row in done if isfinite(row.get(name, float("nan")))]
        if len(values) >= FEWEST:
            figures[name] = robust_centre_and_scale(np.array(values))
    silver = sum(_is_silver(row) for row in roll)
    return Usual(figures, silver >= max(FEWEST, len(roll) / 2))


def _is_silver(row: Row) -> bool:
    return row["status"] == "refused" and SILVER in row["reason"]


def _reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    if row["status"] != "done":
        like_others = usual.silver and _is_silver(row)
        text = "it was not cleaned, nor was most of its roll" if like_others else "it was not cleaned"
        yield Reason(1.0 if like_others else 5.0 if row["status"] == "failed" else 4.0, text)
        return
    if usual.silver:
        yield Reason(4.0, "most of its roll was refused as silver film: is it other film?")
    yield from _film_reasons(row, usual)
    yield from _infrared_reasons(row, usual)
    yield from _look_reasons(row, usual)
    yield from _mark_reasons(row, usual, rate)
    for figure in FIGURES:
        value = row.get(figure.name, float("nan"))
        if figure.name in usual.figures and isfinite(value):
            centre, spread = usual.figures[figure.name]
            off = figure.scale(value) - centre
            if (off if figure.above else abs(off)) > max(figure.least, SIGMAS * spread):
                median = 10**centre if figure.scale is _tens else centre
                yield Reason(figure.weight, figure.text.format(value, median))


def _film_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """What speaks for another film: how the picture shows in the infrared, and what the roll's model leaves."""
    strength = usual.figures.get("slopes", (float("nan"), 0.0))[0]
    apart = abs(_strength(row["slopes"]) - strength)
    if apart > OTHER:
        text = "the picture shows in its infrared with slope {0:.2f}, in its roll {1:.2f}: other film?"
        yield Reason(3.0, text.format(row["slopes"], 10**strength))
    if row["slopes"] > SILVERY and row["chroma"] < COLOURLESS:
        yield Reason(4.0, "it has no colours, and its infrared shows the picture, as on silver film")
    if row["agreement"] > AGREES and apart < ALIKE:
        return
    if row.get("note"):
        yield Reason(3.0, row["note"])
    if row["misfit"] > FAR:
        text = "its infrared does not follow its colours as in its roll: other film, or another slide's?"
        yield Reason(3.0, text)


def _infrared_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """What speaks for the infrared of another slide, or for one that was badly scanned."""
    if row["agreement"] < DISAGREES and not (row["aligned"] and row["r2"] > EXPLAINED):
        text = "where its infrared shows damage, its colours show none: is it the infrared of another slide?"
        yield Reason(5.0, text)
    elif not row["aligned"] and not row["agreement"] > AGREES:
        sigma = 10 ** usual.figures.get("sigma", (float("inf"), 0.0))[0]
        if row["sigma"] > NOISY * sigma:
            yield Reason(4.0, "its infrared shows nothing of its colours: is it the infrared of another slide?")
        elif isnan(row["agreement"]):
            yield Reason(1.0, "its infrared gave no evidence of where it lies")
    if row["slopes"] < INVERTED:
        yield Reason(3.0, f"its infrared runs against the picture (slope {row['slopes']:.2f}): is it inverted?")
    if row["unseen"] > UNSEEN:
        yield Reason(1.5, f"{row['unseen']:.0%} of the picture were not seen by the infrared")
    if row["clipped"] > CLIPPED:
        yield Reason(2.0, f"{row['clipped']:.0%} of its infrared are as bright as can be: scan with less exposure")


def _look_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """A negative among slides, or a slide among negatives.

    No negative has film clearer than its orange base, nor nearly as black as a slide's shadows.
    """
    if any(name not in usual.figures for name in LOOKS):
        return
    clearest, tint = (row[name] - usual.figures[name][0] for name in LOOKS)
    if usual.figures["tint"][0] > MASKED:
        if clearest < -CLEAR or row["densest"] > DENSEST or row["tint"] < UNMASKED:
            yield Reason(2.0, "its film is clearer, blacker or less orange than that of its roll's negatives: a slide?")
        return
    masked = tint > MASK and row["tint"] > 0 and row["slopes"] < OF_NEGATIVES
    if masked and clearest > BASE and row["densest"] < DENSEST:
        yield Reason(2.0, "its film is orange where its roll's is clear, and nowhere black: a negative?")


def _mark_reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    """What speaks against its marks."""
    dusty = usual.figures.get("coverage", (0.0, 0.0))[0] > _tens(DUSTY)
    if not row["coverage"] and not isfinite(row["threshold"]) and dusty and row["clearest"] < BLACK:
        yield Reason(1.5, "nothing is marked: it is clean, or its damage cannot be told from the noise")
    if row["coverage"] > MUCH:
        yield Reason(2.0, f"{row['coverage']:.1%} of the picture are marked")
    if row["fdr"] > 2 * rate:
        yield Reason(2.0, f"{row['fdr']:.0%} of what is marked may be no defect")
