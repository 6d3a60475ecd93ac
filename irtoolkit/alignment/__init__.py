"""Where the film is, where the infrared lies against the colour, and how much it is blurred."""

from irtoolkit.alignment.agreement import measure_agreement
from irtoolkit.alignment.displacement import (
    Displacement,
    Pieces,
    UsualDisplacement,
    displacement_at,
    is_doubtful,
    usual_displacement,
)
from irtoolkit.alignment.film import measure_film
from irtoolkit.alignment.registration import EVIDENCE, HIGH_PASS, measure_displacement
from irtoolkit.alignment.resampling import Sample, align_samples, frame_place, shift_infrared, unseen_share
from irtoolkit.alignment.sampling import SlideSample, sample_slide, thin_sample
from irtoolkit.alignment.sharpness import measure_blur

__all__ = [
    "EVIDENCE",
    "HIGH_PASS",
    "Appearance",
    "Displacement",
    "Pieces",
    "Sample",
    "SlideSample",
    "UsualDisplacement",
    "align_samples",
    "displacement_at",
    "frame_place",
    "is_doubtful",
    "measure_agreement",
    "measure_appearance",
    "measure_blur",
    "measure_displacement",
    "measure_film",
    "sample_slide",
    "shift_infrared",
    "thin_sample",
    "unseen_share",
    "usual_displacement",
]
