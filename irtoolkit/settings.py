"""The choices of one run, in one frozen object."""

from dataclasses import dataclass

from irtoolkit.schema import SlideError

HEALING_METHODS = ("auto", "telea", "copy", "none")


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
        ``"mirror"``, or a score in sigma at which pixels count as defects.
    heal
        ``"auto"`` and ``"telea"`` fill the mask; ``"copy"`` keeps the colour bands as they are; ``"none"`` makes only
        masks.
    grain
        Strength of the grain given to filled places: 0 none, 1 that of the surroundings.

    Examples
    --------
    >>> Settings(false_discovery_rate=0.01).false_discovery_rate
    0.01
    """

    false_discovery_rate: float = 0.05
    visibility: float = 3.0
    threshold: str | float = "mirror"
    heal: str = "auto"
    grain: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0 < self.false_discovery_rate < 1:
            raise SlideError(f"false_discovery_rate must lie between 0 and 1, not {self.false_discovery_rate}")
        if not self.visibility >= 0:
            raise SlideError(f"visibility must be 0 or more, not {self.visibility}")
        if isinstance(self.threshold, str) and self.threshold != "mirror":
            raise SlideError(
                f"threshold must be 'mirror' or a number in sigma, not {self.threshold!r};"
                " otsu, yen, triangle, slope, local, ratio and raw: come with a later version"
            )
        if not isinstance(self.threshold, str) and not 1 <= self.threshold < float("inf"):
            raise SlideError(f"threshold must be a number of sigma from 1 on, not {self.threshold}")
        if self.heal not in HEALING_METHODS:
            raise SlideError(f"heal must be one of {', '.join(HEALING_METHODS)}, not {self.heal!r}")
        if not self.grain >= 0:
            raise SlideError(f"grain must be 0 or more, not {self.grain}")
