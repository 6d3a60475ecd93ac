"""Cleaned slides for the tests of what shows them."""

import numpy as np
import xarray as xr

import irtoolkit as irt
from irtoolkit.synthetic.scanner_files import write_scanner_file

SHAPE = 211, 307


def write_cleaned(folder):
    """A slide stored turned by a quarter, its mask and its healed file."""
    slide = irt.make_slide(5, SHAPE, scanner="plustek")
    write_scanner_file(folder / "a.tif", slide.counts.values, layout="silverfast-hdri", orientation=6)
    cleaned = irt.clean_slide(irt.open_slide(folder / "a.tif"))
    irt.write_mask(cleaned.mask, folder / "out" / "a_mask.tif", source=folder / "a.tif")
    irt.write_healed(cleaned.healed, folder / "out" / "a_clean.tif", source=folder / "a.tif")


def plain(shape=(90, 130), **attributes):
    """A slide in memory whose R counts the columns and G the rows, and two defects."""
    y, x = np.indices(shape, np.uint16)
    counts = np.stack([x, y, y + x, 2 * y + 2 * x])
    mask = np.zeros(shape, bool)
    mask[10:14, 20:30] = mask[70, 100] = True
    slide = xr.Dataset({"counts": (("band", "y", "x"), counts)}, {"band": ["R", "G", "B", "IR"]}, attributes)
    return slide.assign(mask=(("y", "x"), mask))
