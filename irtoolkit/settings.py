"""The choices of one run, in one frozen object."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from operator import index
from reprlib import repr as shortened
from typing import SupportsIndex

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
FORMATS = ("rgb", "same")
THRESHOLDS = ("mirror", "otsu", "yen", "triangle", "slope", "local", "ratio")
RAW = "raw:"
SAMPLE = "sample:"
LONGEST_ENDING, MOST_DIGITS = 250, 9
"""Letters of the end of a file's name, and digits of the number of a page or sample."""

FARTHEST = 2**32
"""More rows and columns than a TIFF file can have."""

Box = tuple[int, int, int, int]
"""Top, left, bottom, right, the last two just outside, in stored pixels of the colour planes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All choices about cleaning a slide; the defaults suit an unknown slide.

    Parameters
    ----------
    false_discovery_rate
        Share of the marks that may be false, of pixels and of regions, between 0 and 1.
    visibility
        Regions whose expected visible contrast is below this many times the visible noise over their area are not
        marked; 0 marks all.
    threshold
        How a slide's threshold on its score is found; only ``"mirror"`` uses the false discovery rate:

        - ``"mirror"``: the lowest at which the estimated rate, of regions and of pixels, is at most that;
        - ``"otsu"``: between the two classes of least variance in the histogram of the score;
        - ``"yen"``: with the largest total correlation of both classes in that histogram;
        - ``"triangle"``: where that histogram is farthest below the line from its peak to its end;
        - ``"slope"``: where that histogram leaves the slope of the noise;
        - ``"local"``: the same in each of about 8 by 8 parts of the slide, interpolated;
        - ``"ratio"``: Otsu's method on infrared divided by red instead of the score;
        - a number of 1 or more, or its text: the least score of a region, in sigma, such as a row reports;
        - ``"raw:135"``: marks pixels with fewer than 135 infrared counts, of 255 for a number up to 255, otherwise
          of 65535.
    heal
        What is done with the marked pixels:

        - ``"auto"``: the defect is divided out where light came through, and filled from its surroundings elsewhere;
        - ``"telea"``, ``"navier-stokes"``: filled by fast marching, or along isophotes (OpenCV);
        - ``"biharmonic"``: filled with the smoothest surface (scikit-image: ``pip install 'irtoolkit[biharmonic]'``);
        - ``"gmic:inpaint_pde"``, ``"gmic:inpaint_morpho"``, ``"gmic:inpaint"``, ``"gmic:inpaint_matchpatch"``: filled
          by that command of G'MIC (the last two with patches), which must be installed (Debian: gmic; on Linux
          also ``pip install 'irtoolkit[gmic]'``);
        - ``"copy"``: the colour bands are not changed;
        - ``"none"``: only masks are written.
    format
        What a healed slide is written as:

        - ``"rgb"``: a TIFF of R, G, B with the scan's tags;
        - ``"same"``: a copy of the scan's file, with its ending, in which only R, G, B under marks differ.
    grain
        Strength of the grain added to filled places: 0 none, 1 as in the surroundings.
    infrared
        Where the infrared is, for scans whose files do not name it: the number of a page (0 is the first),
        ``"sample:3"`` (0 is red), or how the name of the infrared file ends, such as ``"_NIR.tif"``. With "" the
        file decides.
    excluded
        Regions (top, left, bottom, right), the last two just outside, in stored pixels of the colour planes, in which
        nothing is marked or healed. They do not change the marks elsewhere, the threshold or its false discovery rate,
        and may reach beyond the slide.

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
    format: str = "rgb"
    infrared: str = ""
    excluded: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        """Refuse invalid values, in messages that begin with the field; digits become a number, lists become tuples."""
        for name in ("false_discovery_rate", "visibility", "grain"):
            _check_number(name, getattr(self, name))
        if not 0 < self.false_discovery_rate < 1:
            raise SlideError(
                f"false_discovery_rate must be between 0 and 1, not {self.false_discovery_rate}; for 5 %, write 0.05"
            )
        if not self.visibility >= 0:
            raise SlideError(f"visibility must be 0 or more, not {self.visibility}")
        object.__setattr__(self, "threshold", _read_threshold(self.threshold))
        if self.heal not in HEALING_METHODS:
            raise SlideError(f"heal must be one of {', '.join(HEALING_METHODS)}, not {shortened(self.heal)}")
        if not self.grain >= 0:
            raise SlideError(f"grain must be 0 or more, not {self.grain}")
        if self.format not in FORMATS:
            raise SlideError(f"format must be one of {', '.join(FORMATS)}, not {shortened(self.format)}")
        object.__setattr__(self, "infrared", _read_infrared(self.infrared))
        object.__setattr__(self, "excluded", _read_boxes(self.excluded))


def raw_counts(threshold: str) -> float:
    """16-bit counts of a threshold on infrared counts; numbers up to 255 are 8-bit counts.

    >>> raw_counts("raw:135"), raw_counts("raw:30000")
    (34695.0, 30000.0)
    """
    number = float(threshold.removeprefix(RAW))
    return number * 257 if number <= 255 else number


def _check_number(name: str, value: object) -> None:
    """Refuse anything but a finite number."""
    with suppress(OverflowError):
        if isinstance(value, Real) and not isinstance(value, bool) and isfinite(value):
            return
    raise SlideError(f"{name} must be a number, not {shortened(value)}")


def _read_threshold(threshold: str | float) -> str | float:
    """The name of a method, or a number; anything else is a `SlideError`."""
    with suppress(ValueError, OverflowError):
        if isinstance(threshold, str):
            if threshold in THRESHOLDS:
                return threshold
            if threshold.startswith(RAW) and 0 < float(threshold.removeprefix(RAW)) <= 65535:
                return threshold
        known = isinstance(threshold, str | Real) and not isinstance(threshold, bool)
        if known and 1 <= float(threshold) < float("inf"):
            return float(threshold)
    raise SlideError(
        f"threshold must be one of {', '.join(THRESHOLDS)}, a number of sigma (1 or more), or {RAW}NUMBER (infrared"
        f" counts above 0, at most 65535), not {shortened(threshold)}"
    )


def _read_infrared(infrared: str | int) -> str:
    """A page, a sample or an ending as text; anything else is a `SlideError`."""
    text = infrared if isinstance(infrared, str) else _page(infrared)
    number = text.removeprefix(SAMPLE)
    named = number == text and not set(text) & set("/\\\0") and len(text) <= LONGEST_ENDING
    if named or (number.isdecimal() and len(number) <= MOST_DIGITS):
        return text
    ways = f"the number of a page, {SAMPLE}N, or how the name of the infrared file ends"
    raise SlideError(f"infrared must be {ways}, not {shortened(infrared)}")


def _page(infrared: object) -> str:
    """The number of a page as text; "/", which no name has, for anything else."""
    with suppress(TypeError):
        return str(_whole(infrared)) if _whole(infrared) >= 0 else "/"
    return "/"


def _whole(value: object) -> int:
    """A whole number; `TypeError` for anything else, and for a truth value."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError
    return index(value)


def _read_boxes(excluded: Iterable[Iterable[int]]) -> tuple[Box, ...]:
    """Regions of whole numbers that hold at least one pixel; anything else is a `SlideError`."""
    with suppress(TypeError, ValueError):
        boxes = [(_whole(top), _whole(left), _whole(bottom), _whole(right)) for top, left, bottom, right in excluded]
        if all(0 <= top < bottom <= FARTHEST and 0 <= left < right <= FARTHEST for top, left, bottom, right in boxes):
            return tuple(boxes)
    raise SlideError(
        "excluded must be regions (top, left, bottom, right) of whole pixels with 0 <= top < bottom and"
        f" 0 <= left < right, not {shortened(excluded)}"
    )
