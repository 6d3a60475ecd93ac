"""Planes of a slide: blocks, windows, robust statistics, counts and density."""

from irtoolkit.arrays.density import (
    FULL_SCALE, from_light, from_negative, light_to_density, to_density, to_light, to_negative, to_sixteen_bits,
    to_transmittance,
)
from irtoolkit.arrays.each import compute_each
from irtoolkit.arrays.film_levels import film_centre, film_level, film_sigma, level_offset, level_scales
from irtoolkit.arrays.mixture import PREVAILS, Dust, chance_of_film, measure_dust
from irtoolkit.arrays.robust_fit import Fit, dust_prevails, fit_trimmed
from irtoolkit.arrays.samples import Tile, tile_reduction
from irtoolkit.arrays.schedulers import TASKS
from irtoolkit.arrays.shrinking import HALF, QUARTER, blur_shrunk, enlarge, enlarge_nearest, shrink, wide_blur
from irtoolkit.arrays.statistics import (
    LIBRARIES, add_scaled, blur, blur_known, combine, even_step, gradient, high_pass, least_squares,
    mean_of, robust_centre_and_scale, shift_below_a_pixel, sums_of_products,
)
from irtoolkit.arrays.tiles import (
    Kernel, Reduction, blocks, from_indices, from_kernel, from_reader,
    lazy_number, map_blocks, measure_together, reduce_blocks, store,
)
from irtoolkit.arrays.windows import Place, find_windows, label_windows, lay_out, pieces_reaching
