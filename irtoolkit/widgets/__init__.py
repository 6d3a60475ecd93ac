"""Widgets for Jupyter to look at slides, adjust settings and decide; all results are those a script would get."""

from irtoolkit.widgets.alignment_explorer import explore_alignment
from irtoolkit.widgets.crosstalk_explorer import explore_crosstalk
from irtoolkit.widgets.pieces import open_cleaned
from irtoolkit.widgets.roll_review import review_roll
from irtoolkit.widgets.slide_explorer import explore_slide
from irtoolkit.widgets.threshold_explorer import explore_threshold

__all__ = [
    "explore_alignment", "explore_crosstalk", "explore_slide", "explore_threshold", "open_cleaned", "review_roll",
]
