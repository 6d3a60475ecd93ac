"""From the mask to the healed picture."""

from irtoolkit.healing.film_grain import Grain, measure_grain
from irtoolkit.healing.inpainting import check_method
from irtoolkit.healing.methods import heal
from irtoolkit.healing.ratio import POSSIBLE, UNKNOWN, USUAL, Ratio, fit_ratio, measure_ratio, of_roll, weigh_tile
