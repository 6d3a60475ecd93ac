"""From the residual to the mask and the table of defects."""

from irtoolkit.detection.cutting import HISTOGRAM_THRESHOLDS, Cut, cut_score, ranks_regions, uses_score
from irtoolkit.detection.exceedances import REGION_LEVEL, find_exceedances
from irtoolkit.detection.histogram import count_scores, measure_histogram
from irtoolkit.detection.marking import (
    HARDLY_ANY, LARGE, NO_REGIONS, SMALLEST_MARK, Candidates, Choice, candidate_level, choose_regions, make_candidates,
    mark_defects, mark_given, measure_candidates, visible_regions,
)
from irtoolkit.detection.measurement import measure_defects
from irtoolkit.detection.noise import SQUARED, Noise, fit_noise
from irtoolkit.detection.noise_features import PLAIN, find_dark
from irtoolkit.detection.ranking import explained_by_picture, score_regions
from irtoolkit.detection.scoring import score_infrared
from irtoolkit.detection.segmentation import connect_pixels, count_defects, join_regions, keep_regions
from irtoolkit.detection.visibility import scale_visibility
