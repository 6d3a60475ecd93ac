"""Finds and heals dust and scratches on scanned film from the scanner's infrared channel."""

from typing import TYPE_CHECKING

from irtoolkit.schema import VERSION, names_of_door

if TYPE_CHECKING:
    from irtoolkit import plots, widgets
    from irtoolkit.archive import Decision, clean_archive, open_results, read_decisions, write_decisions
    from irtoolkit.detection import measure_defects
    from irtoolkit.files import count_frames, open_slide, write_healed, write_mask, write_model
    from irtoolkit.model import open_model
    from irtoolkit.pipeline import clean_slide, fit_roll
    from irtoolkit.schema import LayoutError, ModelError, NoInfraredError, NotUsableError, SlideError
    from irtoolkit.settings import Settings
    from irtoolkit.synthetic import make_roll, make_slide
else:
    __getattr__, __dir__ = names_of_door(__name__)

__version__ = VERSION

__all__ = [
    "Decision", "LayoutError", "ModelError", "NoInfraredError", "NotUsableError", "Settings", "SlideError",
    "clean_archive", "clean_slide", "count_frames", "fit_roll", "make_roll", "make_slide", "measure_defects",
    "open_model", "open_results", "open_slide", "plots", "read_decisions", "widgets", "write_decisions", "write_healed",
    "write_mask", "write_model",
]
