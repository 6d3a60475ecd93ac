"""What a slide is found to have, before it is healed."""

from irtoolkit.pipeline import mark_slide, score_slide
from irtoolkit.settings import Settings


def find_defects(slide, settings=None, model=None):
    """A slide marked by the settings, the defaults if None."""
    return mark_slide(score_slide(slide, model), settings or Settings())
