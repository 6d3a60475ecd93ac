"""Names that every module shares: dimensions, bands, the version, and the errors."""

VERSION = "0.1.0"

VISIBLE = ("R", "G", "B")
INFRARED = "IR"
BANDS = (*VISIBLE, INFRARED)
DIMENSIONS = ("band", "y", "x")


class SlideError(ValueError):
    """A slide or model cannot be used; the message says what is wrong, what to do, and the figures."""


class LayoutError(SlideError):
    """The file is not a slide in a layout that this package reads, or it is damaged."""


class NoInfraredError(SlideError):
    """The file is a readable picture, but has no infrared channel."""


class NotUsableError(SlideError):
    """The infrared cannot show defects: it is blocked, as in silver film, or constant, or not exposed."""


class ModelError(SlideError):
    """A crosstalk model is damaged, or does not match the slide."""
