"""Names that every module shares: dimensions, bands, the version, and the errors."""

VERSION = "0.1.0"

VISIBLE = ("R", "G", "B")
INFRARED = "IR"
BANDS = (*VISIBLE, INFRARED)
DIMENSIONS = ("band", "y", "x")


class SlideError(ValueError):
    """A slide or model cannot be used; the message says what was expected, what was found and what to do."""


class LayoutError(SlideError):
    """The file is not a slide in a layout that this package reads, or it is damaged."""


class NoInfraredError(SlideError):
    """The file is a readable picture, but no infrared plane belongs to it."""


class NotUsableError(SlideError):
    """The infrared plane cannot show defects: blocked as in silver film, constant, or not exposed."""


class ModelError(SlideError):
    """A crosstalk model is damaged, or does not fit the slide it is asked to serve."""
