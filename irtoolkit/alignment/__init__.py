"""Where the film is, how the infrared is displaced against the colour, and how much it is blurred."""

from irtoolkit.alignment.agreement import measure_agreement
from irtoolkit.alignment.displacement import (
    DIRECTIONS, TERMS as DISPLACEMENT_TERMS, Displacement, Pieces, UsualDisplacement, displacement_at,
    usual_displacement,
)
from irtoolkit.alignment.registration import EVIDENCE, HIGH_PASS
from irtoolkit.alignment.resampling import Sample, frame_place, shift_infrared, unseen_share
from irtoolkit.alignment.sampling import SlideSample, sample_slide, thin_sample
from irtoolkit.alignment.sharpness import measure_blur
