"""How the picture shows in the infrared, and its subtraction."""

from irtoolkit.crosstalk.blurs import Blurs
from irtoolkit.crosstalk.candidates import (
    FEWEST_PIXELS, OF_CONTRAST, SMOOTHING, box_mean, check_enough, find_candidates, ghost_contrast, ghost_detail,
    is_picture, largest_detail, usual_size,
)
from irtoolkit.crosstalk.curve import FilmCurve, infrared_density, visible_density
from irtoolkit.crosstalk.ghost import (
    GROUPS, TERMS, Crosstalk, blurs_of, ghost_slopes, separate_ghost, subtract_ghost,
)
from irtoolkit.crosstalk.pointwise import POINTWISE, ghost_density
from irtoolkit.crosstalk.regression import (
    clean_densities, fit_crosstalk, fit_terms, level_crosstalk, offset_at_levels, sample_terms,
)
from irtoolkit.crosstalk.rolls import SHARED, Pooled, adapt_crosstalk, fit_slide, pool_slides
from irtoolkit.crosstalk.slopes import BLOCKED_SLOPES, SILVER, looks_like_silver, measure_slopes
