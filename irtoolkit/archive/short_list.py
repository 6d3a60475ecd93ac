"""The short list: which slides a person should look at, and why, judged by their own figures and by their roll.

Reasons about film and infrared are worded here, those about the marks in `mark_reasons`, and those that compare a
figure with the roll's in `roll_figures`. `docs/method.md` has the measurements behind the constants.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from math import isnan

from irtoolkit.archive.mark_reasons import mark_reasons
from irtoolkit.archive.results import Row
from irtoolkit.archive.roll_figures import Reason, Usual, compare_with_roll, is_silver, log_slopes, measure_usual
from irtoolkit.archive.tasks import NAMED_BY_FILE

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

SILVER_SLOPES, SILVER_CHROMA = 0.4, 0.016
"""Silver film has larger slopes and less chroma."""

MAX_MISFIT = 5.0

MAX_UNSEEN, LEAST_NO_DATA, MAX_CLIPPED, MIN_CROSSTALK = 0.05, 0.01, 0.02, -0.02
"""Share of the picture that the infrared does not cover, share of which it holds no data, share that is saturated, and
slopes of inverted infrared."""

NEGATIVE_TINT = 0.12
"""Tint of the median slide above which a roll is of negatives."""

MASK_TINT, BASE_DENSITY, MAX_NEGATIVE_DENSITY = 0.04, 0.2, 2.3
"""A negative among slides: more tint, denser clearest film (it has no clear highlights), and no blacks."""

CLEARER, NO_MASK_TINT = 0.25, -0.05
"""A slide among negatives: clearer than their orange base by this density, tint below this, or blacks."""

MAX_NEGATIVE_SLOPES = 0.1
"""Negatives have smaller slopes: their dyes let infrared through."""

NOT_OF_ITS_ROLL = "it does not match its roll's model and was fitted on its own: another film or scanner?"
"""The `note` of a slide that was fitted on its own because its roll's model was refused."""


INVERTED = (
    "a positive made from a negative: its dust is bright, and is healed by an estimate of the negative's light,"
    " which is worse than healing a raw scan"
)
OWN_FIT = "fitted on its own, as its roll's model does not fit all of its densities"
"""In the `note` of such slides; no reasons to look at them."""


def judge_rows(
    rows: Sequence[Row], false_discovery_rate: float, settled: Collection[str] = (), given: Collection[str] = ()
) -> list[Row]:
    """The rows, each with its `review`, why a person should look, the gravest reason first, and its `weight`.

    The weight is that of the gravest reason and a tenth of the others: many small signs of one cause do not outweigh
    what spoils a slide. Slides that are not done have both, too. `settled` slides, about which a person has decided,
    have neither. The threshold of `given` slides is not the mirror's, and is not judged.
    """
    unknown = {"threshold": float("nan")}
    known = [row | unknown if row.get("slide") in given else row for row in rows]
    rolls: dict[str, list[Row]] = defaultdict(list)
    for row in known:
        rolls[row.get("roll", "")].append(row)
    usual = {name: measure_usual(roll) for name, roll in rolls.items()}
    reasons = (list(_reasons(row, usual[row.get("roll", "")], false_discovery_rate)) for row in known)
    return [_judged(row, [] if row.get("slide") in settled else why) for row, why in zip(rows, reasons, strict=True)]


def _judged(row: Row, reasons: list[Reason]) -> Row:
    reasons.sort(key=lambda reason: -reason.weight)
    text = "; ".join(reason.text for reason in reasons)
    gravest, others = (sum(reason.weight for reason in part) for part in (reasons[:1], reasons[1:]))
    return row | {"review": text, "weight": round(gravest + MINOR_SHARE * others, 2)}


def _reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    if row["status"] != "done":
        like_others = usual.silver and is_silver(row)
        text = "it was not cleaned, like most of its roll" if like_others else "it was not cleaned"
        yield Reason(1.0 if like_others else 5.0 if row["status"] == "failed" else 4.0, text)
        return
    if usual.silver:
        yield Reason(4.0, "most of its roll was refused as silver film, but it was not: another film?")
    yield from _film_reasons(row, usual)
    yield from _infrared_reasons(row, usual)
    yield from _missing_reasons(row)
    yield from _polarity_reasons(row, usual)
    yield from mark_reasons(row, usual, rate)
    yield from compare_with_roll(row, usual)


def _film_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs of another film: how the picture shows in the infrared, and what the roll's model leaves."""
    slopes = usual.figures.get("slopes", (float("nan"), 0.0))[0]
    difference = abs(log_slopes(row["slopes"]) - slopes)
    if difference > OTHER_FILM:
        text = f"its crosstalk is {row['slopes']:.2f} (usual for the roll: {10**slopes:.2f}): another film?"
        yield Reason(3.0, text)
    if row["slopes"] > SILVER_SLOPES and row["chroma"] < SILVER_CHROMA:
        yield Reason(4.0, "it has no colours and its infrared shows the picture: silver film?")
    if row["agreement"] > GOOD_AGREEMENT and difference < SAME_FILM:
        return
    notes = [note for note in row.get("note", "").split("; ") if note not in ("", INVERTED, OWN_FIT, NAMED_BY_FILE)]
    if notes:
        yield Reason(3.0, "; ".join(notes))
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
        text = "its infrared is bright where the picture is dark: is it inverted?"
        yield Reason(3.0, f"{text} Or is the picture a positive made from a negative, with few defects?")


def _missing_reasons(row: Row) -> Iterator[Reason]:
    """Signs that the infrared does not show all of the picture."""
    if row.get("no_data", 0.0) >= LEAST_NO_DATA:
        text = f"{row['no_data']:.0%} of the picture holds no infrared, only one value from edge to edge or in a corner"
        yield Reason(1.5, f"{text}: nothing was looked for there")
    elif row["unseen"] > MAX_UNSEEN:
        yield Reason(1.5, f"{row['unseen']:.0%} of the picture was not covered by the infrared")
    if row["clipped"] > MAX_CLIPPED:
        yield Reason(2.0, f"{row['clipped']:.0%} of its infrared is saturated: scan with less exposure")


def _polarity_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs of a negative among slides, or of a slide among negatives.

    No negative has film clearer than its orange base, nor nearly as black as a slide's shadows.
    """
    if not usual.figures.keys() >= {"clearest", "tint", "densest", "slopes"}:
        return
    clearest, tint = (row[name] - usual.figures[name][0] for name in ("clearest", "tint"))
    if _of_negatives(usual):
        if clearest < -CLEARER or row["densest"] > MAX_NEGATIVE_DENSITY or row["tint"] < NO_MASK_TINT:
            yield Reason(2.0, "its film is clearer, blacker or less orange than the roll's negatives: is it a slide?")
        return
    masked = tint > MASK_TINT and row["tint"] > 0 and row["slopes"] < MAX_NEGATIVE_SLOPES
    if masked and clearest > BASE_DENSITY and row["densest"] < MAX_NEGATIVE_DENSITY:
        yield Reason(2.0, "its film is orange where the roll's is clear, and has no blacks: is it a negative?")


def _of_negatives(usual: Usual) -> bool:
    """Whether a roll is of negatives: orange film without blacks whose picture hardly shows in the infrared."""
    tint, densest, slopes = (usual.figures[name][0] for name in ("tint", "densest", "slopes"))
    return tint > NEGATIVE_TINT and densest <= MAX_NEGATIVE_DENSITY and slopes <= log_slopes(MAX_NEGATIVE_SLOPES)
