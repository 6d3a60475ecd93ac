"""Plots of the score and its threshold: of whole regions, which are ranked, and of pixels."""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from irtoolkit.detection import HISTOGRAM_THRESHOLDS, measure_histogram
from irtoolkit.plots.fit_plots import BLUE, GREEN, VERMILION, number_plainly
from irtoolkit.plots.slide_plots import percent
from irtoolkit.schema import SlideError

LOWEST_SCORE, HIGHEST_SCORE = -6.0, (15.0, 40.0)
"""Sigma; the left end of the axis, and the range of its right end."""

NAME_HEIGHT, NAME_SPACING = 0.68, 0.032
"""Height at which the names of thresholds begin, and the space between two, as shares of the axes."""

AGREEMENT = 0.5
"""Of visible and infrared damage: halfway between two slides, 0, and one, 1."""

REGION_BIN, REGION_SPAN = 0.05, (4.5, 5.5)
"""Sigma; width of the bins of the regions' score, and what its axis covers at least."""


def describe_rate(rate: float) -> str:
    """Say which share of the marks is probably false.

    >>> describe_rate(0.021), describe_rate(float("nan"))
    ('about 2.1 % of the marks are probably false', 'how many of the marks are false is not known')
    """
    if math.isnan(rate):
        return "how many of the marks are false is not known"
    return f"about {percent(rate)} of the marks are probably false"


def rate_of(cleaned: xr.Dataset) -> float:
    """The `fdr` of a cleaned slide; NaN where neither shift nor damage shows that its infrared is its own.

    >>> found = xr.Dataset({"fdr": 0.02, "aligned": False, "agreement": float("nan")})
    >>> rate_of(found), rate_of(found.assign(aligned=True)), rate_of(found.assign(agreement=1.1))
    (nan, 0.02, 0.02)
    """
    own = bool(cleaned.get("aligned", True)) or float(cleaned.agreement) > AGREEMENT
    return float(cleaned.fdr) if own else math.nan


def plot_scores(cleaned: xr.Dataset, ax: Axes) -> Axes:
    """Draw the scores of the possible defects, those of the decoys over them, and the threshold.

    Dust only blocks light, noise goes both ways. The decoys, regions of the mirrored score, are therefore noise alone;
    where there are more possible defects than decoys, there is dust. Regions from the threshold on are marked.

    Parameters
    ----------
    cleaned
        From `clean_slide` with a threshold that ranks regions: ``"mirror"`` or a number.
    ax
        Axes to draw on.
    """
    if "candidate_score" not in cleaned:
        raise SlideError("this threshold cuts pixels, so regions have no score; use plot_histogram")
    possible, decoys = cleaned.candidate_score.values, cleaned.decoy_score.values
    draw_region_scores(possible, decoys, ax, span_scores(possible, decoys))
    chosen = float(cleaned.threshold)
    if np.isfinite(chosen):
        ax.axvline(chosen, color=VERMILION, linewidth=2, label=f"threshold {chosen:.2f} sigma")
    ax.legend(loc="upper right", fontsize="small")
    ax.set_title(f"Score: {describe_rate(rate_of(cleaned))}")
    return ax


def draw_region_scores(possible: np.ndarray, decoys: np.ndarray, ax: Axes, span: tuple[float, float]) -> None:
    """Draw histograms of the scores of possible defects and of decoys, in sigma, on an axis of the given range."""
    low, high = span
    edges = np.linspace(low, high, round((high - low) / REGION_BIN) + 1)
    found, mirrored = (np.histogram(scores, edges)[0] for scores in (possible, decoys))
    noise = "decoys, mirrored: noise" if decoys.size else "no decoys"
    ax.stairs(found, edges, baseline=0.5, fill=True, color="0.8", label="possible defects")
    ax.stairs(mirrored, edges, baseline=0.5, color=BLUE, linewidth=1.5, label=noise)
    ax.set(ylim=(0.5, 2 * max(found.max(), mirrored.max(), 1)), yscale="log", xlim=(edges[0], edges[-1]))
    ax.set(xlabel="score of a region (sigma)", ylabel=f"regions per {REGION_BIN:g} sigma")
    number_plainly(ax.yaxis)


def span_scores(possible: np.ndarray, decoys: np.ndarray) -> tuple[float, float]:
    """Range in sigma of an axis or a slider for the scores of regions, with room on both sides.

    >>> span_scores(np.array([4.42, 6.02]), np.array([4.37])), span_scores(np.array([]), np.array([]))
    ((4.2, 6.2), (4.4, 5.6))
    """
    scores = np.concatenate([possible, decoys])
    low, high = scores.min(initial=REGION_SPAN[0]), scores.max(initial=REGION_SPAN[1])
    return (math.floor(10 * low) - 1) / 10, (math.ceil(10 * high) + 1) / 10


def plot_histogram(cleaned: xr.Dataset, ax: Axes, *, methods: Sequence[str] = tuple(HISTOGRAM_THRESHOLDS)) -> Axes:
    """Draw the histogram of the pixels' score, the mirrored noise, and the thresholds of methods that cut pixels.

    Noise is symmetric and defects only add high scores. The left side is therefore noise alone; where the right side
    rises above the mirrored left side, there are defects. The last bin also counts all higher scores. Pixels without
    infrared, whose score is 0, are left out.

    Parameters
    ----------
    cleaned
        From `clean_slide`, not a preview; the score is computed at full resolution, in bands of rows.
    ax
        Axes to draw on.
    methods
        Methods that derive a threshold from this histogram: ``"otsu"``, ``"yen"``, ``"triangle"``, ``"slope"``. The
        bold line is the threshold that was used for the slide, if it cuts pixels; `plot_scores` draws one that ranks
        regions.
    """
    histogram = measure_histogram(cleaned.score)
    ranked = "candidate_score" in cleaned
    chosen = float("nan") if ranked else float(cleaned.threshold)
    others = {name: HISTOGRAM_THRESHOLDS[name](histogram) for name in methods}
    farthest = max((threshold for threshold in (*others.values(), chosen) if np.isfinite(threshold)), default=0.0)
    draw_scores(histogram, ax, highest=np.clip(np.ceil(farthest + 1), *HIGHEST_SCORE))
    if np.isfinite(chosen):
        ax.axvline(chosen, ymax=NAME_HEIGHT, color=VERMILION, linewidth=2, label=f"threshold {chosen:.1f} sigma")
    ax.legend(loc="upper left" if methods else "upper right", fontsize="small")
    _name_thresholds(ax, {name: threshold for name, threshold in others.items() if np.isfinite(threshold)})
    ax.set_title("Score of the pixels" if ranked else f"Score: {describe_rate(rate_of(cleaned))}")
    return ax


def _coarse(histogram: xr.Dataset, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Edges of bins of 0.1 sigma up to `highest`, and pixels in each; the outer bins hold everything beyond."""
    lower = histogram.edge.values + 1e-6
    edges = np.arange(round(10 * lower[0]), round(10 * highest) + 1) / 10
    place = np.clip(np.searchsorted(edges, lower, side="right") - 1, 0, len(edges) - 2)
    return edges, np.bincount(place, histogram["count"].values, len(edges) - 1)


def draw_scores(histogram: xr.Dataset, ax: Axes, *, highest: float = HIGHEST_SCORE[0]) -> None:
    """Draw a histogram from `measure_histogram` up to `highest` sigma, with its left side mirrored over the right."""
    edges, pixels = _coarse(histogram, highest)
    width = edges[1] - edges[0]
    centres = edges[:-1] + width / 2
    left = (centres < 0) & (pixels > 0)
    normal = pixels.sum() * width * np.exp(-(centres**2) / 2) / np.sqrt(2 * np.pi)
    ax.stairs(pixels, edges, fill=True, color="0.8", label="this slide")
    ax.plot(-centres[left], pixels[left], color=BLUE, label="left side mirrored: noise")
    ax.plot(centres, normal, color=GREEN, linestyle="--", label="standard normal")
    top = max(pixels.max(), 1)
    ax.set(yscale="log", ylim=(0.5, top * (2 * top) ** (1 / NAME_HEIGHT - 1)), xlim=(LOWEST_SCORE, edges[-1]))
    ax.set(xlabel="score of a pixel (sigma), positive where light is blocked", ylabel=f"pixels per {width:.1f} sigma")
    number_plainly(ax.yaxis)
    ticks = np.r_[np.arange(-5, edges[-1] - 1, 5), edges[-1]]
    ax.set_xticks(ticks, [*(f"{tick:g}" for tick in ticks[:-1]), f"{edges[-1]:g}+"])


def _name_thresholds(ax: Axes, thresholds: dict[str, float]) -> None:
    """Draw a thin line for each threshold, with its name at the top; names do not overlap."""
    left, right = ax.get_xlim()
    spacing, at = NAME_SPACING * (right - left), left
    knee, end = NAME_HEIGHT, NAME_HEIGHT + 0.04
    share = ax.get_xaxis_transform()
    for name, threshold in sorted(thresholds.items(), key=lambda item: item[1]):
        at = max(threshold, at + spacing)
        ax.plot([threshold, threshold, at], [0, knee, end], transform=share, color="0.25", linewidth=0.8)
        label = f"{name} {threshold:.1f}"
        ax.text(at, end + 0.01, label, transform=share, rotation=90, ha="center", va="bottom", fontsize="small")
