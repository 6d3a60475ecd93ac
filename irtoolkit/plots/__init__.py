"""Plots with matplotlib: each draws on the axes given and returns them; `plot_slide` draws six on a new figure.

Plots of a slide show it upright; the axes count rows y and columns x of the stored pixels.
"""

from irtoolkit.plots.crosstalk_sample import (
    CrosstalkSample, choose_terms, explain_pixels, preview_residual, sample_crosstalk,
)
from irtoolkit.plots.fit_plots import (
    NEGLIGIBLE, VERMILION, add_key, plot_crosstalk, plot_defects, plot_displacement, scaled,
)
from irtoolkit.plots.overview import plot_slide
from irtoolkit.plots.roll_plots import plot_roll
from irtoolkit.plots.score_plots import (
    describe_rate, draw_region_scores, draw_scores, plot_histogram, plot_scores, rate_of, span_scores,
)
from irtoolkit.plots.slide_plots import (
    RESIDUAL_RANGE, percent, plot_bands, plot_before_after, plot_healed, plot_infrared, plot_mask, plot_picture,
    plot_residual, preview,
)

__all__ = [
    "NEGLIGIBLE", "RESIDUAL_RANGE", "VERMILION", "CrosstalkSample", "add_key", "choose_terms", "describe_rate",
    "draw_region_scores", "draw_scores", "explain_pixels", "percent", "plot_bands", "plot_before_after",
    "plot_crosstalk", "plot_defects", "plot_displacement", "plot_healed", "plot_histogram", "plot_infrared",
    "plot_mask", "plot_picture", "plot_residual", "plot_roll", "plot_scores", "plot_slide", "preview",
    "preview_residual", "rate_of", "sample_crosstalk", "scaled", "span_scores",
]
