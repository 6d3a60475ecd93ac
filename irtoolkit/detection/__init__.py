"""From the residual to the mask and the table of defects."""

from irtoolkit.detection.histogram import count_scores, measure_histogram
from irtoolkit.detection.marking import (
    NOTHING,
    OF_HISTOGRAM,
    Candidates,
    Choice,
    Cut,
    choose_regions,
    cut_score,
    least_level,
    mark_defects,
    measure_candidates,
    of_score,
    weigh_tails,
)
from irtoolkit.detection.measurement import measure_defects
from irtoolkit.detection.noise import Noise, fit_noise, score_residual
from irtoolkit.detection.segmentation import GROW, connect_pixels, count_defects, find_tails, join_regions, keep_regions
from irtoolkit.detection.visibility import temper_visibility

__all__ = [
    "GROW",
    "NOTHING",
    "OF_HISTOGRAM",
    "Candidates",
    "Choice",
    "Cut",
    "Noise",
    "choose_regions",
    "connect_pixels",
    "count_defects",
    "count_scores",
    "cut_score",
    "find_tails",
    "fit_noise",
    "join_regions",
    "keep_regions",
    "least_level",
    "mark_defects",
    "measure_candidates",
    "measure_defects",
    "measure_histogram",
    "of_score",
    "score_residual",
    "temper_visibility",
    "weigh_tails",
]
