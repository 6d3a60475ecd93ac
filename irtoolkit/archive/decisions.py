"""A person's decisions about the slides of a run, kept beside its results and applied by the next run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, NamedTuple

from irtoolkit.archive import locks
from irtoolkit.archive.names import name_in_table
from irtoolkit.files import AnyPath, members, parse_json, read_text, write_whole
from irtoolkit.schema import SlideError
from irtoolkit.settings import FARTHEST, Box, Settings

FILE = "decisions.json"
KIND, VERSION = "irtoolkit decisions", 1
VERDICTS = ("", ACCEPTED := "accepted", REJECTED := "rejected")

EVERYWHERE: Box = (0, 0, FARTHEST, FARTHEST)


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
            raise SlideError(f"verdict must be {ACCEPTED!r}, {REJECTED!r} or empty, not {shortened(self.verdict)}")
        if isinstance(self.threshold, str):
            raise SlideError(f"threshold must be a number of sigma, not {shortened(self.threshold)}")
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


class Entries(NamedTuple):
    """What ``decisions.json`` holds, by slide: the decisions, and of other entries what is wrong and the text."""

    decisions: dict[str, Decision]
    problems: dict[str, str]
    texts: dict[str, str]


def decision_of(decisions: Mapping[str, Decision], slide: str) -> Decision:
    """The decision about a slide, by its name as the table writes it."""
    return decisions.get(name_in_table(slide), Decision())


def read_decisions(folder: AnyPath) -> dict[str, Decision]:
    """Read the decisions about the slides of a run, by their names in its table; empty if there is no file.

    An entry that is no decision is left out; a run names it, and its slide is cleaned without one.

    Raises
    ------
    SlideError
        ``decisions.json`` in the folder cannot be read.
    """
    return read_entries(folder).decisions


def read_entries(folder: AnyPath) -> Entries:
    """Read ``decisions.json`` of a folder; errors are those of `read_decisions`."""
    file, entries = Path(folder) / FILE, Entries({}, {}, {})
    try:
        texts = _split(read_text(file))
    except FileNotFoundError:
        return entries
    except (OSError, ValueError) as error:
        problem = f"cannot be read as {KIND}, version {VERSION}"
        raise SlideError(f"{file} {problem}; repair it, or move it away and decide again ({error})") from error
    for slide, text in texts.items():
        try:
            entries.decisions[slide] = _decision(parse_json(text))
        except SlideError as error:
            entries.problems[slide] = f"its entry in {FILE} is no decision and is left out: {error}"
            entries.texts[slide] = text
    return entries


def _split(text: str) -> dict[str, str]:
    """The text of each entry of a file of decisions, by slide; `ValueError` if it is no such file."""
    content = parse_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("slides"), dict):
        raise ValueError("it has no slides")
    if (content.get("kind"), content.get("version")) != (KIND, VERSION):
        raise ValueError(f"it is {shortened(content.get('kind'))}, version {shortened(content.get('version'))}")
    place = {name: first for name, first, _ in members(text)}["slides"]
    return {slide: text[first:last] for slide, first, last in members(text, place)}


def _decision(entry: Any) -> Decision:
    """The decision of an entry; `SlideError` that begins with the field that is wrong."""
    names = [field.name for field in fields(Decision)]
    if not isinstance(entry, dict):
        raise SlideError(f"a decision must be an object with {', '.join(names)}, not {shortened(entry)}")
    for name in entry:
        if name not in names:
            raise SlideError(f"{shortened(name)} is no field of a decision; use {', '.join(names)}")
    return Decision(**entry)


def write_decisions(decisions: Mapping[str, Decision], folder: AnyPath) -> Path:
    """Enter decisions into ``decisions.json`` of a run's output folder, atomically; return its path.

    The decisions about other slides stay, even while others write theirs or a run is going on, and so do entries that
    are no decisions; ``Decision()`` removes that about a slide.

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
            known = read_entries(folder)
            decided = known.decisions | dict(decisions)
            texts = {slide: json.dumps(_plain(each)) for slide, each in decided.items() if each != Decision()}
            kept = {slide: text for slide, text in known.texts.items() if slide not in decisions}
            return _write(kept | texts, folder)
    except BlockingIOError as error:
        raise SlideError(f"{folder}: another program is writing decisions; try again later") from error


def _write(texts: Mapping[str, str], folder: Path) -> Path:
    """Write one line per slide."""
    lines = ",\n".join(f"  {json.dumps(slide)}: {text}" for slide, text in texts.items())
    content = f'{{\n "kind": "{KIND}",\n "version": {VERSION},\n "slides": {{\n{lines}\n }}\n}}\n'
    return write_whole(folder / FILE, content.encode())


def _plain(decision: Decision) -> dict[str, Any]:
    """The fields that differ from those of ``Decision()``."""
    return {name: value for name, value in asdict(decision).items() if value != getattr(Decision, name)}
