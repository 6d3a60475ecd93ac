"""Widgets for Jupyter: look, adjust, decide; they call what a script would call and compute nothing of their own."""

from irtoolkit.roll_review import review_roll
from irtoolkit.threshold_explorer import explore_threshold

__all__ = ["explore_threshold", "review_roll"]
