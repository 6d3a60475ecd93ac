"""Widgets for Jupyter: look, adjust, decide; they call what a script would call and compute nothing of their own."""

from irtoolkit.alignment_explorer import explore_alignment
from irtoolkit.crosstalk_explorer import explore_crosstalk
from irtoolkit.pieces import open_cleaned
from irtoolkit.roll_review import review_roll
from irtoolkit.slide_explorer import explore_slide
from irtoolkit.threshold_explorer import explore_threshold

__all__ = [
    "explore_alignment",
    "explore_crosstalk",
    "explore_slide",
    "explore_threshold",
    "open_cleaned",
    "review_roll",
]
