"""The choices of one run, in one frozen object."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from operator import index

from irtoolkit.schema import SlideError

INPAINTING_METHODS = (
    "telea",
    "navier-stokes",
    "biharmonic",
    "gmic:inpaint_pde",
    "gmic:inpaint_morpho",
    "gmic:inpaint",
    "gmic:inpaint_matchpatch",
)
HEALING_METHODS = ("auto", *INPAINTING_METHODS, "copy", "none")
THRESHOLDS = ("mirror", "otsu", "yen", "triangle", "slope", "local", "ratio")
RAW = "raw:"

Box = tuple[int, int, int, int]
"""Top, left, bottom, right, the last two just outside, in stored pixels of the colour planes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a person may choose about cleaning a slide; the defaults suit an unknown slide.

    Parameters
    ----------
    false_discovery_rate
        Share of what is marked that may be no defect, for pixels and for regions, between 0 and 1.
    visibility
        Regions whose expected visible contrast is under this many times the visible noise over their area
        are left alone; 0 marks all.
    threshold
        How a slide's threshold on its score is found; ``"mirror"`` alone heeds the false discovery rate:

        - ``"mirror"``: the lowest at which at most that share of regions, and of pixels, is estimated to be false;
        - ``"otsu"``: that between the two classes of least variance in the histogram of the score;
        - ``"yen"``: that of the largest total correlation of both classes in that histogram;
        - ``"triangle"``: where that histogram lies farthest below the line from its peak to its end;
        - ``"slope"``: where that histogram leaves the slope of the noise;
        - ``"local"``: the same in each of some 8 by 8 parts of the slide, smoothly joined;
        - ``"ratio"``: Otsu's, on infrared divided by red instead of the score;
        - a number of 1 or more, or its text: so many sigma;
        - ``"raw:135"``: no score; marked is what has fewer than 135 counts in the infrared itself, of 255 for a
          number up to 255 and of 65535 above.
    heal
        What is done with the masked pixels:

        - ``"auto"``: divided out where light came through, rebuilt from around where none did;
        - ``"telea"``, ``"navier-stokes"``: filled by fast marching, or along isophotes (OpenCV);
        - ``"biharmonic"``: filled with the smoothest surface (scikit-image);
        - ``"gmic:inpaint_pde"``, ``"gmic:inpaint_morpho"``, ``"gmic:inpaint"``, ``"gmic:inpaint_matchpatch"``: filled
          by that command of G'MIC (the last two with patches), which must be installed (Debian: gmic; on Linux
          also ``pip install 'irtoolkit[gmic]'``);
        - ``"copy"``: colour bands as they are;
        - ``"none"``: only masks, no colour bands.
    grain
        Strength of the grain given to filled places: 0 none, 1 that of the surroundings.
    excluded
        Regions (top, left, bottom, right), the last two just outside, in stored pixels of the colour planes, in which
        nothing is marked or healed; of no effect on what is marked elsewhere, nor on the threshold and its false
        discovery rate. What of them lies beyond a slide is passed over.

    Examples
    --------
    >>> Settings(false_discovery_rate=0.01).false_discovery_rate
    0.01
    >>> Settings(threshold="3.5").threshold
    3.5
    >>> Settings(excluded=[[0, 0, 20, 300]]).excluded
    ((0, 0, 20, 300),)
    """

    false_discovery_rate: float = 0.05
    visibility: float = 3.0
    threshold: str | float = "mirror"
    heal: str = "auto"
    grain: float = 1.0
    excluded: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values that mean nothing; a threshold of digits becomes a number, lists become tuples."""
        if not 0 < self.false_discovery_rate < 1:
            raise SlideError(f"false_discovery_rate must lie between 0 and 1, not {self.false_discovery_rate}")
        if not self.visibility >= 0:
            raise SlideError(f"visibility must be 0 or more, not {self.visibility}")
        object.__setattr__(self, "threshold", _read_threshold(self.threshold))
        if self.heal not in HEALING_METHODS:
            raise SlideError(f"heal must be one of {', '.join(HEALING_METHODS)}, not {self.heal!r}")
        if not self.grain >= 0:
            raise SlideError(f"grain must be 0 or more, not {self.grain}")
        object.__setattr__(self, "excluded", _read_boxes(self.excluded))


def raw_counts(threshold: str) -> float:
    """16-bit counts of a threshold on the infrared itself, whose numbers up to 255 are 8-bit counts.

    >>> raw_counts("raw:135"), raw_counts("raw:30000")
    (34695.0, 30000.0)
    """
    number = float(threshold.removeprefix(RAW))
    return number * 257 if number <= 255 else number


def _read_threshold(threshold: str | float) -> str | float:
    """The name of a method or a number, of which `SlideError` tells what they may be."""
    if threshold in THRESHOLDS:
        return threshold
    with suppress(TypeError, ValueError):
        if isinstance(threshold, str) and threshold.startswith(RAW):
            if 0 < float(threshold.removeprefix(RAW)) <= 65535:
                return threshold
        elif 1 <= float(threshold) < float("inf"):
            return float(threshold)
    raise SlideError(
        f"threshold must be one of {', '.join(THRESHOLDS)}, a number of sigma from 1 on, or {RAW}NUMBER with infrared"
        f" counts over 0 and up to 65535, not {threshold!r}"
    )


def _read_boxes(excluded: Iterable[Iterable[int]]) -> tuple[Box, ...]:
    """Regions of whole numbers that hold a pixel, of which `SlideError` tells what they may be."""
    with suppress(TypeError, ValueError):
        boxes = [(index(top), index(left), index(bottom), index(right)) for top, left, bottom, right in excluded]
        if all(0 <= top < bottom and 0 <= left < right for top, left, bottom, right in boxes):
            return tuple(boxes)
    raise SlideError(
        "excluded must be regions (top, left, bottom, right) of whole pixels with 0 <= top < bottom and"
        f" 0 <= left < right, not {excluded!r}"
    )
