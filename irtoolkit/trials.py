"""Thresholds tried on one slide: what takes long is computed once, and every trial chooses from that."""

import ctypes
from contextlib import suppress

import dask
import numpy as np
import xarray as xr

from irtoolkit import tiles
from irtoolkit.detection import GROW, find_tails
from irtoolkit.histogram import count_scores
from irtoolkit.marking import (
    NOTHING,
    Candidates,
    Choice,
    Cut,
    choose_regions,
    cut_score,
    least_level,
    measure_candidates,
    of_score,
    weigh_tails,
)
from irtoolkit.pipeline import Scored, score_slide
from irtoolkit.settings import Settings


class Trials:
    """A slide scored once, on which settings are tried one after another.

    One thread scores it: every further one would hold some .1 GB more.

    Parameters
    ----------
    slide
        From `open_slide`.
    model
        Of its roll; if None, the slide is fitted by itself.

    Attributes
    ----------
    scored
        What `score_slide` returns.
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
        with dask.config.set(scheduler="synchronous"):
            candidates, self.histogram = _measure_score(self.scored)
        self._cuts: dict[str | float, Cut] = {}
        self._candidates: dict[str | float, Candidates] = {"score": candidates}
        _return_freed_memory()

    def choose(self, settings: Settings) -> Choice:
        """What `find_defects` would mark by these settings; the slide is read only if no earlier trial told enough."""
        threshold = settings.threshold
        cut = self._cut(threshold)
        if not np.isfinite(cut.level):
            return Choice(NOTHING, cut.level, 0.0)
        lowest, kind = least_level(threshold, cut.level), "score" if of_score(threshold) else threshold
        if kind not in self._candidates or self._candidates[kind].level > lowest:
            evidence, optics = self.scored.evidence, self.scored.optics()
            with dask.config.set(scheduler="synchronous"):
                self._candidates[kind] = measure_candidates(evidence, cut._replace(level=lowest), **optics)
            _return_freed_memory()
        return choose_regions(self._candidates[kind], settings, cut.level)

    def _cut(self, threshold: str | float) -> Cut:
        if not of_score(threshold) and threshold in self._cuts:
            return self._cuts[threshold]
        with dask.config.set(scheduler="synchronous"):
            self._cuts[threshold] = cut_score(self.scored.evidence, self.scored.samples, threshold, self.histogram)
        return self._cuts[threshold]


def _measure_score(scored: Scored) -> tuple[Candidates, xr.Dataset]:
    """The candidates from 3.2 sigma on, and the histogram of the score, in one pass over the slide."""
    evidence, optics = scored.evidence, scored.optics()
    wanted = find_tails(evidence, infrared_blur=optics["infrared_blur"]), count_scores(evidence.score)
    tails, histogram = tiles.measure_together(*wanted)
    candidates = weigh_tails(tails, evidence.visible, GROW, exponent=optics["exponent"])
    return candidates, histogram.isel(tile_y=0, tile_x=0, drop=True)


def _return_freed_memory() -> None:
    """Give back what the C library keeps of freed memory: .4 GB after a slide of 61 MP; only glibc is told."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
