"""Slides with known damage, in the layouts of scanner programs."""

from irtoolkit.synthetic.rolls import DEMO_SLIDES, make_roll, write_demo
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.slides import make_slide
