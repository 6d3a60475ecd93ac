"""A person's decisions about the slides of a run, kept beside its results and applied by the next run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from irtoolkit.archive import locks
from irtoolkit.files import AnyPath, write_whole
from irtoolkit.schema import SlideError
from irtoolkit.settings import Box, Settings

FILE = "decisions.json"
KIND, VERSION = "irtoolkit decisions", 1
VERDICTS = ("", ACCEPTED := "accepted", REJECTED := "rejected")

EVERYWHERE: Box = (0, 0, 2**32, 2**32)
"""More rows and columns than a TIFF file can have."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A person's decision about one slide; by default, none.

    Parameters
    ----------
    verdict
        ``"accepted"``: its files are good, and it leaves the short list; ``"rejected"``: nothing is marked or healed;
        or ``""``.
    threshold
        Replaces the run's threshold; in sigma, 1 or more.
    excluded
        Regions in which nothing is marked or healed, as in `Settings`.

    Examples
    --------
    >>> decision = Decision(threshold=4.5, excluded=[[0, 0, 20, 300]])
    >>> decision.effect
    'threshold 4.5; excluded rows 0 to 20, columns 0 to 300'
    >>> decision.settings(Settings(threshold="otsu")).threshold
    4.5
    """

    verdict: str = ""
    threshold: float | None = None
    excluded: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        """Refuse invalid values; lists become tuples."""
        if self.verdict not in VERDICTS:
            raise SlideError(f"verdict must be {ACCEPTED!r}, {REJECTED!r} or empty, not {self.verdict!r}")
        if isinstance(self.threshold, str):
            raise SlideError(f"threshold must be a number of sigma, not {self.threshold!r}")
        checked = Settings(threshold="mirror" if self.threshold is None else self.threshold, excluded=self.excluded)
        object.__setattr__(self, "excluded", checked.excluded)

    def settings(self, chosen: Settings) -> Settings:
        """The settings of a run, changed for this slide."""
        if self.verdict == REJECTED:
            return replace(chosen, excluded=(EVERYWHERE,))
        threshold = chosen.threshold if self.threshold is None else self.threshold
        return replace(chosen, threshold=threshold, excluded=(*chosen.excluded, *self.excluded))

    @property
    def effect(self) -> str:
        """What the decision changes in the slide's files, in words; "" for nothing."""
        if self.verdict == REJECTED:
            return REJECTED
        changes = [] if self.threshold is None else [f"threshold {float(self.threshold)}"]
        changes += [
            f"excluded rows {top} to {bottom}, columns {left} to {right}" for top, left, bottom, right in self.excluded
        ]
        return "; ".join(changes)

    def summary(self, effect: str) -> str:
        """Entry in the table for a slide with this decision whose files were made with `effect`."""
        return "; ".join(filter(None, (effect, self.verdict if self.verdict == ACCEPTED else "")))

    def is_applied(self, entry: str) -> bool:
        """Whether the files of a slide with this entry in the table were made with this decision.

        >>> Decision(verdict="accepted").is_applied(""), Decision().is_applied("threshold 4.5; accepted")
        (True, False)
        """
        return set(entry.split("; ")) - {"", ACCEPTED} == set(self.effect.split("; ")) - {""}


def decision_of(decisions: Mapping[str, Decision], slide: str) -> Decision:
    """The decision about a slide, by its name as the table writes it (bytes that are no text are escaped)."""
    return decisions.get(slide.encode("utf-8", "backslashreplace").decode("utf-8"), Decision())


def read_decisions(folder: AnyPath) -> dict[str, Decision]:
    """Read the decisions about the slides of a run, by their names in its table; empty if there is no file.

    Raises
    ------
    SlideError
        ``decisions.json`` in the folder cannot be read.
    """
    file = Path(folder) / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if (content["kind"], content["version"]) != (KIND, VERSION):
            raise SlideError(f"it is {content['kind']!r}, version {content['version']!r}")
        return {slide: Decision(**decision) for slide, decision in content["slides"].items()}
    except FileNotFoundError:
        return {}
    except (SlideError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"cannot be read as {KIND}, version {VERSION}"
        raise SlideError(f"{file} {problem}; repair it, or move it away and decide again ({error})") from error


def write_decisions(decisions: Mapping[str, Decision], folder: AnyPath) -> Path:
    """Enter decisions into ``decisions.json`` of a run's output folder, atomically; return its path.

    The decisions about other slides stay, even while others write theirs or a run is going on; ``Decision()`` removes
    that about a slide.

    Parameters
    ----------
    decisions
        By the slides' names in the table.
    folder
        The folder that `clean` wrote to.

    Raises
    ------
    SlideError
        There is no such folder, or its decisions cannot be read; the file stays as it is.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SlideError(f"{folder}: no such folder; give the output folder of irtoolkit clean")
    try:
        with locks.locked(folder / locks.DECISIONS_LOCK, locks.PATIENCE):
            decided = read_decisions(folder) | dict(decisions)
            return _write({slide: decision for slide, decision in decided.items() if decision != Decision()}, folder)
    except BlockingIOError as error:
        raise SlideError(f"{folder}: another program is writing decisions; try again later") from error


def _write(decisions: Mapping[str, Decision], folder: Path) -> Path:
    """Write one line per slide."""
    lines = ",\n".join(
        f"  {json.dumps(slide)}: {json.dumps(_plain(decision))}" for slide, decision in decisions.items()
    )
    text = f'{{\n "kind": "{KIND}",\n "version": {VERSION},\n "slides": {{\n{lines}\n }}\n}}\n'
    return write_whole(folder / FILE, text.encode())


def _plain(decision: Decision) -> dict[str, Any]:
    """The fields that differ from those of ``Decision()``."""
    return {name: value for name, value in asdict(decision).items() if value != getattr(Decision, name)}
