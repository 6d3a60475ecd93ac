"""How the picture shows in the infrared, and its subtraction."""

from irtoolkit.crosstalk.candidates import (
    FEWEST_PIXELS, OF_CONTRAST, SMOOTHING, box_mean, check_enough, find_candidates, ghost_contrast, usual_size,
)
from irtoolkit.crosstalk.curve import FilmCurve, visible_density
from irtoolkit.crosstalk.ghost import (
    GROUPS, POINTWISE, TERMS, Crosstalk, ghost_density, ghost_slopes, subtract_crosstalk, subtract_ghost,
)
from irtoolkit.crosstalk.regression import clean_densities, fit_crosstalk, fit_terms, level_crosstalk, sample_terms
from irtoolkit.crosstalk.rolls import SHARED, Pooled, adapt_crosstalk, fit_slide, pool_slides
from irtoolkit.crosstalk.slopes import measure_slopes

__all__ = [
    "FEWEST_PIXELS", "GROUPS", "OF_CONTRAST", "POINTWISE", "SHARED", "SMOOTHING", "TERMS", "Crosstalk", "FilmCurve",
    "Pooled", "adapt_crosstalk", "box_mean", "check_enough", "clean_densities", "find_candidates", "fit_crosstalk",
    "fit_slide", "fit_terms", "ghost_contrast", "ghost_density", "ghost_slopes", "level_crosstalk", "measure_slopes",
    "pool_slides", "sample_terms", "subtract_crosstalk", "subtract_ghost", "usual_size", "visible_density",
]
