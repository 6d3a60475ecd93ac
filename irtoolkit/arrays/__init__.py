"""Planes of a slide: blocks, windows, robust statistics, counts and density."""

from irtoolkit.arrays.density import FULL_SCALE, from_light, to_density, to_light, to_sixteen_bits, to_transmittance
from irtoolkit.arrays.robust_fit import Fit, fit_trimmed, level_scales
from irtoolkit.arrays.statistics import (
    LIBRARIES, add_scaled, blur, blur_bands, blur_known, combine, gradient, high_pass, least_squares,
    robust_centre_and_scale, shift_below_a_pixel, sums_of_products, wide_blur,
)
from irtoolkit.arrays.tiles import (
    Kernel, Reduction, Tile, blocks, compute_each, from_indices, from_kernel, from_reader, lazy_number, map_blocks,
    measure_together, reduce_blocks, sample_tiles, store,
)
from irtoolkit.arrays.windows import Place, find_windows, label_windows, lay_out, pieces_reaching

__all__ = [
    "FULL_SCALE", "LIBRARIES", "Fit", "Kernel", "Place", "Reduction", "Tile", "add_scaled", "blocks", "blur",
    "blur_bands", "blur_known", "combine", "compute_each", "find_windows", "fit_trimmed", "from_indices", "from_kernel",
    "from_light", "from_reader", "gradient", "high_pass", "label_windows", "lay_out", "lazy_number", "least_squares",
    "level_scales", "map_blocks", "measure_together", "pieces_reaching", "reduce_blocks", "robust_centre_and_scale",
    "sample_tiles", "shift_below_a_pixel", "store", "sums_of_products", "to_density", "to_light", "to_sixteen_bits",
    "to_transmittance", "wide_blur",
]
