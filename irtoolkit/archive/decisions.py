"""What a person decided about the slides of a run, kept beside its results and heeded by the next run."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import locket

from irtoolkit.files import AnyPath, replacing
from irtoolkit.schema import SlideError
from irtoolkit.settings import Box, Settings

FILE, LOCK = "decisions.json", ".irtoolkit-decisions.lock"
KIND, VERSION = "irtoolkit decisions", 1
VERDICTS = ("", ACCEPTED := "accepted", REJECTED := "rejected")

PATIENCE = 10.0
"""Seconds to wait for another who writes decisions."""

EVERYWHERE: Box = (0, 0, 2**32, 2**32)
"""More rows and columns than a TIFF file can have."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about one slide; nothing, by default.

    Parameters
    ----------
    verdict
        ``"accepted"``: its files are good, and it needs no more looking at; ``"rejected"``: nothing of it is marked or
        healed; or ``""``.
    threshold
        So many sigma instead of the run's threshold, 1 or more.
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
        """Refuse what means nothing; lists become tuples."""
        if self.verdict not in VERDICTS:
            raise SlideError(f"verdict must be {ACCEPTED!r}, {REJECTED!r} or empty, not {self.verdict!r}")
        if isinstance(self.threshold, str):
            raise SlideError(f"the threshold of a decision must be a number of sigma, not {self.threshold!r}")
        checked = Settings(threshold="mirror" if self.threshold is None else self.threshold, excluded=self.excluded)
        object.__setattr__(self, "excluded", checked.excluded)

    def settings(self, chosen: Settings) -> Settings:
        """What the settings chosen for a run become for this slide."""
        if self.verdict == REJECTED:
            return replace(chosen, excluded=(EVERYWHERE,))
        threshold = chosen.threshold if self.threshold is None else self.threshold
        return replace(chosen, threshold=threshold, excluded=(*chosen.excluded, *self.excluded))

    @property
    def effect(self) -> str:
        """What it changes in the slide's files, in words that tell different effects apart; "" for nothing."""
        if self.verdict == REJECTED:
            return REJECTED
        told = [] if self.threshold is None else [f"threshold {float(self.threshold)}"]
        told += [
            f"excluded rows {top} to {bottom}, columns {left} to {right}" for top, left, bottom, right in self.excluded
        ]
        return "; ".join(told)

    def tell(self, effect: str) -> str:
        """What the table says of a slide so decided whose files were made with an effect."""
        return "; ".join(filter(None, (effect, self.verdict if self.verdict == ACCEPTED else "")))

    def is_heeded(self, told: str) -> bool:
        """Whether a slide of which the table says this was made as is decided now.

        >>> Decision(verdict="accepted").is_heeded(""), Decision().is_heeded("threshold 4.5; accepted")
        (True, False)
        """
        return set(told.split("; ")) - {"", ACCEPTED} == set(self.effect.split("; ")) - {""}


def decision_of(decisions: Mapping[str, Decision], slide: str) -> Decision:
    """What was decided about a slide, by its name as the table writes it, in which bytes of no text are escaped."""
    return decisions.get(slide.encode("utf-8", "backslashreplace").decode("utf-8"), Decision())


def read_decisions(folder: AnyPath) -> dict[str, Decision]:
    """Read what was decided about the slides of a run, by their names in its table; nothing where there is no file.

    Raises
    ------
    SlideError
        ``decisions.json`` in the folder cannot be understood.
    """
    file = Path(folder) / FILE
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if (told["kind"], told["version"]) != (KIND, VERSION):
            raise SlideError(f"it is {told['kind']!r} of version {told['version']!r}")
        return {slide: Decision(**decision) for slide, decision in told["slides"].items()}
    except FileNotFoundError:
        return {}
    except (SlideError, ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "mend it, or move it away to decide anew"
        raise SlideError(
            f"{file}: expected {KIND} of version {VERSION}, found something else ({error}); {advice}"
        ) from error


def write_decisions(decisions: Mapping[str, Decision], folder: AnyPath) -> Path:
    """Enter decisions into ``decisions.json`` of a run's output folder, atomically; return its path.

    Those of other slides stay, also while others write theirs or a run is going on; a `Decision` of nothing takes a
    slide out.

    Parameters
    ----------
    decisions
        By the slides' names in the table.
    folder
        The folder that `clean` wrote to.

    Raises
    ------
    SlideError
        There is no such folder, or its decisions cannot be understood; they stay as they are.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SlideError(f"{folder}: expected the folder that clean wrote to, found none")
    try:
        with locket.lock_file(str(folder / LOCK), timeout=PATIENCE):
            decided = read_decisions(folder) | dict(decisions)
            return _write({slide: decision for slide, decision in decided.items() if decision != Decision()}, folder)
    except locket.LockError as error:
        raise SlideError(f"{folder}: another is writing decisions for more than {PATIENCE:g} s; try again") from error


def _write(decisions: Mapping[str, Decision], folder: Path) -> Path:
    """One line a slide; once more if a run that has just begun took the temporary file for a leftover."""
    lines = ",\n".join(
        f"  {json.dumps(slide)}: {json.dumps(_plain(decision))}" for slide, decision in decisions.items()
    )
    text = f'{{\n "kind": "{KIND}",\n "version": {VERSION},\n "slides": {{\n{lines}\n }}\n}}\n'
    with suppress(FileNotFoundError):
        return _replace(folder / FILE, text)
    return _replace(folder / FILE, text)


def _replace(file: Path, text: str) -> Path:
    with replacing(file) as part:
        part.write_text(text, encoding="utf-8")
    return file


def _plain(decision: Decision) -> dict[str, Any]:
    """What differs from a decision of nothing."""
    return {name: value for name, value in asdict(decision).items() if value != getattr(Decision, name)}
