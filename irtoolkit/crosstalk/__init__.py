"""How the picture shows in the infrared, and its subtraction."""

from irtoolkit.crosstalk.candidates import (
    FEWEST_PIXELS, OF_CONTRAST, SMOOTHING, box_mean, check_enough, find_candidates, ghost_contrast,
    is_picture, usual_size,
)
from irtoolkit.crosstalk.curve import FilmCurve, visible_density
from irtoolkit.crosstalk.ghost import (
    GROUPS, POINTWISE, TERMS, Crosstalk, ghost_density, ghost_slopes, subtract_crosstalk, subtract_ghost,
)
from irtoolkit.crosstalk.regression import clean_densities, fit_crosstalk, fit_terms, level_crosstalk, sample_terms
from irtoolkit.crosstalk.rolls import SHARED, Pooled, adapt_crosstalk, fit_slide, pool_slides
from irtoolkit.crosstalk.slopes import measure_slopes
