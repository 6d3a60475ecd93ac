"""Reasons to look at a slide that concern its marks: too many, too few, or uncertain ones."""

from collections.abc import Iterator
from math import inf, isfinite, isnan

from irtoolkit.archive.results import Row
from irtoolkit.archive.roll_figures import MAX_SIGMAS, Reason, Usual, log10_of
from irtoolkit.detection import HARDLY_ANY, LARGE

DUSTY, BLACK = 0.0005, 2.0
"""Share of a usual slide marked above which it is odd that nothing is; density of the clearest film above which a slide
shows its damage no better than its picture."""

MAX_COVERAGE = 0.15
"""Share of the picture marked above which some film may be marked as dirt."""

THRESHOLDS = 2.0, 8.0
"""Sigma; lowest and highest threshold that makes sense."""

THRESHOLD_DIFFERENCE = 1.0
"""Sigma; difference from the threshold of the roll that matters."""

MANY, MANY_PER_MEGAPIXEL = 30, 100.0
"""Possible defects, and possible defects per megapixel, from which it is odd that hardly any is marked."""

PER_DECOY = 3.0
"""Possible defects per decoy from which most of them are more than noise."""

RATIOS = 0.5, 2.5
"""Lowest and highest ratio of the density of defects in the colours to that in the infrared that makes sense."""

RATIO_DIFFERENCE, RATIO_ERRORS = 0.25, 3.0
"""Difference from the ratio of the roll that matters, and its own standard errors that it must exceed."""


def mark_reasons(row: Row, usual: Usual, rate: float) -> Iterator[Reason]:
    """Signs that too much or too little is marked, or that marks or their healing are uncertain.

    A threshold that is NaN was given by the user; candidates that are NaN, the marks themselves.
    """
    if row.get("largest", 0.0) > LARGE:
        text = f"one mark covers {row['largest']:.0%} of the picture"
        yield Reason(4.0, f"{text}: is it dirt? If not, exclude it, or reject the slide")
    elif row["coverage"] > MAX_COVERAGE:
        text = f"{row['coverage']:.0%} of the picture is marked"
        yield Reason(2.0, f"{text}: with so much dirt some film may be marked, too")
    if isnan(row["fdr"]) and not isnan(row.get("candidates", 0)):
        yield Reason(1.5, "how many of its marks are false is not known")
    elif row["fdr"] > 2 * rate:
        yield Reason(2.0, f"about {row['fdr']:.0%} of what is marked is probably false")
    yield from _threshold_reasons(row, usual)
    yield from _ratio_reasons(row, usual)


def _threshold_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs that the threshold of the mirror leaves dust, or that it found none that makes sense."""
    threshold = row["threshold"]
    if isfinite(threshold) and not THRESHOLDS[0] <= threshold <= THRESHOLDS[1]:
        text = f"its threshold of {threshold:.1f} sigma is outside {THRESHOLDS[0]:g} to {THRESHOLDS[1]:g} sigma"
        yield Reason(2.0, f"{text}: dust and picture look alike on it")
    elif _is_unusual(row, usual):
        text = f"its threshold is {threshold:.1f} sigma (usual for the roll: {usual.figures['threshold'][0]:.1f} sigma)"
        yield Reason(1.5, f"{text} and most possible defects are not marked")
    possible, marked = row.get("candidates", 0), row["defects"]
    if not isnan(threshold) and _is_plenty(row) and marked < HARDLY_ANY * possible:
        some = f"only {marked:,} of {possible:,}" if marked else f"none of {possible:,}"
        verb = "are" if marked > 1 else "is"
        yield Reason(2.5, f"{some} possible defects {verb} marked: dust and picture look alike on it")
        return
    dusty = usual.figures.get("coverage", (0.0, 0.0))[0] > log10_of(DUSTY)
    if not row["coverage"] and threshold == inf and dusty and row["clearest"] < BLACK:
        yield Reason(1.5, "nothing is marked: the slide is clean, or its damage is hidden in the noise")


def _is_unusual(row: Row, usual: Usual) -> bool:
    """Whether a threshold differs from the roll's and leaves most possible defects unmarked.

    On a slide with one defect it is the score of that defect, however large.
    """
    centre, spread = usual.figures.get("threshold", (float("nan"), 0.0))
    off = abs(row["threshold"] - centre)
    return (
        isfinite(off)
        and off > max(THRESHOLD_DIFFERENCE, MAX_SIGMAS * spread)
        and 2 * row["defects"] < row.get("candidates", 0)
    )


def _is_plenty(row: Row) -> bool:
    """Whether a slide has so many possible defects that some must be dust, or that its picture makes them."""
    possible = row.get("candidates", 0)
    dense = possible >= MANY_PER_MEGAPIXEL * row["megapixels"]
    return possible >= MANY and (dense or possible >= PER_DECOY * row.get("decoys", 0))


def _ratio_reasons(row: Row, usual: Usual) -> Iterator[Reason]:
    """Signs that healing divides by a ratio that is wrong."""
    bands = [row.get(name, float("nan")) for name in ("ratio_r", "ratio_g", "ratio_b")]
    if any(isnan(band) for band in bands):
        return
    odd = min(bands) if min(bands) < RATIOS[0] else max(bands)
    if not RATIOS[0] <= odd <= RATIOS[1]:
        text = f"its defects are {odd:.2f} times as dense in the colours as in the infrared"
        yield Reason(2.0, f"{text} (usual: {RATIOS[0]:g} to {RATIOS[1]:g}): see how it is healed")
        return
    centre, spread = usual.figures.get("ratio_g", (float("nan"), 0.0))
    off = abs(row["ratio_g"] - centre)
    if off > max(RATIO_DIFFERENCE, RATIO_ERRORS * row["ratio_error"], MAX_SIGMAS * spread):
        text = f"its defects are {row['ratio_g']:.2f} times as dense in green as in the infrared"
        yield Reason(1.5, f"{text} (usual for the roll: {centre:.2f}): see how it is healed")
