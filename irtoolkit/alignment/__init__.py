"""Where the film is, where the infrared lies against the colour, and how much it is blurred."""

from irtoolkit.alignment.agreement import measure_agreement
from irtoolkit.alignment.displacement import (
    Sample,
    align_samples,
    displacement_at,
    doubtful,
    frame_place,
    roll_displacement,
    shift_infrared,
    unseen_share,
)
from irtoolkit.alignment.film import measure_film, measure_look
from irtoolkit.alignment.registration import EVIDENCE, HIGH_PASS, measure_displacement
from irtoolkit.alignment.sharpness import measure_blur

__all__ = [
    "EVIDENCE",
    "HIGH_PASS",
    "Sample",
    "align_samples",
    "displacement_at",
    "doubtful",
    "frame_place",
    "measure_agreement",
    "measure_blur",
    "measure_displacement",
    "measure_film",
    "measure_look",
    "roll_displacement",
    "shift_infrared",
    "unseen_share",
]
