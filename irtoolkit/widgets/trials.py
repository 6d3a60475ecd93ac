"""Thresholds tried on one slide: the slow steps are computed once, and every trial reuses them."""

import ctypes
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace

import dask
import numpy as np
import xarray as xr

from irtoolkit.arrays import measure_together
from irtoolkit.detection import (
    NO_REGIONS,
    REGION_LEVEL,
    SMALLEST_MARK,
    Candidates,
    Choice,
    Cut,
    candidate_level,
    choose_regions,
    connect_pixels,
    count_scores,
    cut_score,
    explained_by_picture,
    find_exceedances,
    join_regions,
    keep_regions,
    make_candidates,
    measure_candidates,
    ranks_regions,
    scale_visibility,
    score_regions,
    uses_score,
    visible_regions,
)
from irtoolkit.pipeline import Scored, score_slide
from irtoolkit.settings import Settings

LARGE = 30e6
"""Pixels of a slide above which a single thread scores it, to save memory (`docs/method.md`)."""


class Trials:
    """A slide that is scored once, to try any number of settings on.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        Of its roll; if None, the slide is fitted on its own.

    Attributes
    ----------
    scored
        The result of `score_slide`.
    histogram
        Of the score, from `measure_histogram`.

    Examples
    --------
    >>> from irtoolkit import Settings, clean_slide, make_slide
    >>> slide = make_slide(3, (301, 402), scanner="plustek")
    >>> choice = Trials(slide).choose(Settings(threshold=6.0))
    >>> choice.rate == float(clean_slide(slide, settings=Settings(threshold=6.0)).fdr)
    True
    """

    def __init__(self, slide: xr.Dataset, model: xr.Dataset | None = None) -> None:
        self.scored: Scored = score_slide(slide, model)
        _return_freed_memory()
        with self._spared():
            candidates, self.histogram = _measure_score(self.scored)
        self._cuts: dict[str | float, Cut] = {}
        self._candidates: dict[str | float, Candidates] = {"score": candidates}
        _return_freed_memory()

    def choose(self, settings: Settings) -> Choice:
        """Choose what `clean_slide` would mark with these settings; the slide is read again only if necessary."""
        level = self._cut(settings.threshold).level
        if not np.isfinite(level):
            return Choice(NO_REGIONS, level, 0.0)
        return choose_regions(self._candidates_for(settings.threshold), settings, level)

    def find_unmarked(self, settings: Settings) -> xr.Dataset:
        """Find the regions (as in `join_regions`) without any mark under these settings; exclusions are ignored.

        They score at least 3.2 sigma, or reach the level of the threshold if it is lower or of another score. Without
        a level there are no such regions. `why` names the rule that left each region unmarked.
        """
        whole = replace(settings, excluded=())
        choice, level = self.choose(whole), self._cut(settings.threshold).level
        if not np.isfinite(level):
            return NO_REGIONS
        lowest = candidate_level(settings.threshold, level)
        candidates = self._candidates_for(settings.threshold)
        others = _others(candidates, choice.defects.pixel_index.values, lowest)
        possible, _ = visible_regions(candidates, settings, lowest)
        return others.assign(why=("region", _why_left_alone(others, possible, settings)))

    def _candidates_for(self, threshold: str | float) -> Candidates:
        """The candidates for a threshold with a finite level, measured once."""
        cut, kind = self._cut(threshold), "score" if uses_score(threshold) else threshold
        lowest = candidate_level(threshold, cut.level)
        if kind not in self._candidates or self._candidates[kind].level > lowest:
            evidence, optics = self.scored.evidence, self.scored.optics
            with self._spared():
                self._candidates[kind] = measure_candidates(evidence, cut._replace(level=lowest), **optics)
            _return_freed_memory()
        return self._candidates[kind]

    def _spared(self) -> AbstractContextManager[object]:
        large = self.scored.found.sizes["y"] * self.scored.found.sizes["x"] > LARGE
        return dask.config.set(scheduler="synchronous") if large else nullcontext()

    def _cut(self, threshold: str | float) -> Cut:
        if not uses_score(threshold) and threshold in self._cuts:
            return self._cuts[threshold]
        with self._spared():
            self._cuts[threshold] = cut_score(self.scored.evidence, self.scored.samples, threshold, self.histogram)
        return self._cuts[threshold]


def _others(candidates: Candidates, marked: np.ndarray, level: float) -> xr.Dataset:
    """Regions at or above a level without a marked pixel (flat indices)."""
    exceedances = candidates.exceedances
    index = exceedances["index"].values[exceedances.score.values >= level]
    region, count = connect_pixels(index, int(exceedances.width))
    untouched = np.bincount(region, np.isin(index, marked), count) == 0
    regions = score_regions(scale_visibility(join_regions(exceedances, sign=1, level=level), candidates.factors))
    return keep_regions(regions, xr.DataArray(untouched & (regions.area.values > 0), dims="region"))


def _why_left_alone(regions: xr.Dataset, possible: xr.Dataset, settings: Settings) -> np.ndarray:
    """The first rule that keeps each unmarked region (region,) from being marked, in words."""
    shared = np.isin(regions.pixel_index.values, possible.pixel_index.values)
    is_possible = np.bincount(regions.pixel_region.values, shared, regions.sizes["region"]) > 0
    ranked = ranks_regions(settings.threshold)
    rules = {
        f"below the visibility of {settings.visibility:g}": regions.visibility.values < settings.visibility,
        "below the threshold" if ranked else "no visible part is above the threshold": is_possible,
        f"smaller than {SMALLEST_MARK} px": ranked & (regions.area.values < SMALLEST_MARK),
        "its infrared follows the picture": explained_by_picture(regions),
    }
    return np.select(list(rules.values()), list(rules), "one of many dots that hardly show")


def _measure_score(scored: Scored) -> tuple[Candidates, xr.Dataset]:
    """The candidates at or above 3.2 sigma, and the histogram of the score, in one pass over the slide."""
    evidence, optics = scored.evidence, scored.optics
    exceedances, histogram = measure_together(find_exceedances(evidence, **optics), count_scores(evidence.score))
    candidates = make_candidates(exceedances, REGION_LEVEL)
    return candidates, histogram.isel(tile_y=0, tile_x=0, drop=True)


def _return_freed_memory() -> None:
    """Return freed memory to the system; only glibc can (`docs/method.md`)."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
