"""The slides of a run in a notebook: the short list first, and what is decided about each."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import ipywidgets
import xarray as xr

from irtoolkit.archive import Decision, Row, Task, open_results, preview_folder, read_decisions, write_decisions
from irtoolkit.schema import SlideError
from irtoolkit.widgets.slide_review import SlideReview, button, tell_decision

CARDS = 12
"""Slides on a page."""

SHORT_LIST, ALL, DECIDED, CHANGED = "short list", "all", "decided", "to be cleaned again"
EVERY_ROLL = "all rolls"

Decisions = Mapping[str, Decision]


def review_roll(results: xr.Dataset | str | os.PathLike[str]) -> "RollReview":
    """Review the slides of a run: look, accept, reject, set another threshold, exclude regions.

    Every decision is saved at once (`write_decisions`), and heeded by the next `clean` into the same folder.

    Parameters
    ----------
    results
        The folder that `clean` wrote to, or what `open_results` or `clean_archive` returned.

    Returns
    -------
    RollReview
        The widget; where nothing can be reviewed, it says why.
    """
    return RollReview(results)


def list_slides(rows: Sequence[Row], decisions: Decisions, *, show: str = ALL, roll: str = EVERY_ROLL) -> list[Row]:
    """Rows to be shown: those of a roll and of a kind, the short list first, then as in the table.

    In the short list come first the slides that have pictures to look at, then those that were not cleaned; of each the
    gravest first.

    >>> rows = [{"slide": "a", "review": ""}, {"slide": "b", "review": "pale", "weight": 1.0, "status": "done"}]
    >>> rows += [{"slide": "c", "review": "it was not cleaned", "weight": 4.0, "status": "refused"}]
    >>> rows += [{"slide": "d", "review": "other film?", "weight": 3.0, "status": "done"}]
    >>> [row["slide"] for row in list_slides(rows, {})]
    ['d', 'b', 'c', 'a']
    """
    chosen = [row for row in rows if _is_shown(row, decisions, show) and roll in (EVERY_ROLL, row.get("roll"))]
    return sorted(chosen, key=_order)


def _order(row: Row) -> tuple[bool, bool, float]:
    return (False, row["status"] != "done", -row["weight"]) if row["review"] else (True, False, 0.0)


def _is_shown(row: Row, decisions: Decisions, show: str) -> bool:
    if show == SHORT_LIST:
        return bool(row["review"])
    if show == DECIDED:
        return row["slide"] in decisions
    return show == ALL or is_changed(row, decisions)


def is_changed(row: Row, decisions: Decisions) -> bool:
    """Whether the next run will clean a slide again because of what is decided about it."""
    return not decisions.get(row["slide"], Decision()).is_applied(row.get("decision", ""))


def tell_progress(rows: Sequence[Row], decisions: Decisions, folder: Path) -> str:
    """How many of the slides to decide about are decided, and what the next run will do, as HTML."""
    look = [row["slide"] for row in rows if row["review"] or row["slide"] in decisions]
    decided = sum(slide in decisions for slide in look)
    redone = sum(is_changed(row, decisions) for row in rows)
    told = f"{decided:,} of {len(look):,} decided"
    if not redone:
        return f"{told}; nothing to clean again."
    slides = "1 slide" if redone == 1 else f"{redone:,} slides"
    call = f"irt.clean_archive(paths, {str(folder)!r})"
    command = f"irtoolkit clean PATH... --out {shlex.quote(str(folder))}"
    return (
        f"{told}; run the same clean again: {slides} will be redone: "
        f"<code>{escape(call)}</code> or <code>{escape(command)}</code>"
    )


class Card(ipywidgets.VBox):
    """A slide on a page: its picture, its name as the button that opens it, and what is known of it."""

    def __init__(self, open_slide: "Callable[[Card], None]") -> None:
        self.picture = ipywidgets.Image(format="jpeg", layout={"max_height": "120px", "object_fit": "contain"})
        self.name = ipywidgets.Button(layout={"width": "auto"})
        self.name.add_class("irt-open")
        self.name.on_click(lambda _: open_slide(self))
        self.told = ipywidgets.HTML()
        super().__init__([self.picture, self.name, self.told], layout={"width": "190px", "margin": "4px"})
        self.add_class("irt-card")

    def show(self, row: Row, decision: Decision, folder: Path) -> None:
        """Show a slide."""
        thumb = preview_folder(folder, Task(Path(), row["slide"]).name) / "thumb.jpg"
        self.picture.value = thumb.read_bytes() if thumb.is_file() else b""
        self.picture.layout.display = None if self.picture.value else "none"
        self.name.description = Path(row["slide"]).name
        self.name.tooltip = f"open {row['slide']}"
        why = row["review"] or row["status"]
        decided = f"<b>{escape(tell_decision(decision))}</b><br>" if decision != Decision() else ""
        self.told.value = f"{decided}{escape(why if len(why) < 90 else why[:88] + '…')}"


class RollReview(ipywidgets.VBox):
    """The slides of a run, a page at a time, and the one that is looked at.

    Attributes
    ----------
    folder
        The output folder of the run.
    decisions
        What is decided, by the slides' names; as in the file.
    listed
        Rows of the slides that are chosen by the menus `lists` and `rolls`, as they were when these were set.
    cards, page, slide
        What is shown of a page, the number of the page from 0, and the slide that is open.
    message
        How far the review has come, or why there is none.
    """

    def __init__(self, results: xr.Dataset | str | os.PathLike[str]) -> None:
        self.message = ipywidgets.HTML()
        super().__init__([self.message])
        self.add_class("irt-roll-review")
        try:
            table = results if isinstance(results, xr.Dataset) else open_results(results)
            self.folder = Path(_folder_of(table))
            self.rows = _rows_of(table)
            self.decisions: Decisions = read_decisions(self.folder)
        except (SlideError, OSError) as error:
            self.message.value = escape(str(error))
            return
        if not self.rows:
            self.message.value = f"{escape(str(self.folder))}: there are no slides in the table of this run."
            return
        self._build()
        self._choose()

    def _build(self) -> None:
        listed = [SHORT_LIST, ALL, DECIDED, CHANGED]
        start = SHORT_LIST if any(row["review"] for row in self.rows) else ALL
        self.lists = ipywidgets.Dropdown(description="Show", options=listed, value=start)
        names = dict.fromkeys(row["roll"] for row in self.rows)
        self.rolls = ipywidgets.Dropdown(description="Roll", options=[EVERY_ROLL, *names])
        self.cards = [Card(self._open_card) for _ in range(min(CARDS, len(self.rows)))]
        self.slide = SlideReview(self.folder, self._save)
        self.page, self.at, self.listed = 0, 0, self.rows
        turn = [button("Previous page", "previous-page", lambda: self.turn(-1))]
        turn.append(button("Next page", "next-page", lambda: self.turn(1)))
        step = [button("Previous slide", "previous-slide", lambda: self.look(self.at - 1))]
        step.append(button("Next slide", "next-slide", lambda: self.look(self.at + 1)))
        self.place = ipywidgets.HTML()
        bar = ipywidgets.HBox([self.lists, self.rolls, *turn, self.place], layout={"flex_flow": "row wrap"})
        grid = ipywidgets.HBox(self.cards, layout={"flex_flow": "row wrap"})
        self.steps = ipywidgets.HBox(step)
        self.children = [self.message, bar, grid, self.steps, self.slide]
        for menu in (self.lists, self.rolls):
            menu.observe(lambda _: self._choose(), "value")

    def _choose(self) -> None:
        """List the slides that the menus choose, and open the first."""
        self.listed = list_slides(self.rows, self.decisions, show=self.lists.value, roll=self.rolls.value)
        self.page, self.at = 0, 0
        self._fill()
        self.look(0)

    def turn(self, by: int) -> None:
        """Show another page, if there is one."""
        self.page = min(max(self.page + by, 0), max(len(self.listed) - 1, 0) // CARDS)
        self._fill()

    def look(self, at: int) -> None:
        """Open the slide of a number from 0 in the list, and its page."""
        for part in (self.slide, self.steps):
            part.layout.display = None if self.listed else "none"
        if not 0 <= at < len(self.listed):
            return
        self.at = at
        row = self.listed[at]
        self.slide.show(row, self._decision(row), f"({at + 1:,} of {len(self.listed):,})")
        if self.page != at // CARDS:
            self.page = at // CARDS
            self._fill()

    def _open_card(self, card: Card) -> None:
        self.look(self.page * CARDS + self.cards.index(card))

    def _decision(self, row: Row) -> Decision:
        return self.decisions.get(row["slide"], Decision())

    def _save(self, slide: str, decision: Decision) -> None:
        """Save a decision; after a verdict the next slide is opened."""
        write_decisions({slide: decision}, self.folder)
        judged = decision.verdict and decision.verdict != self.slide.decision.verdict
        self.decisions = read_decisions(self.folder)
        self._fill()
        self.look(min(self.at + bool(judged), len(self.listed) - 1))

    def _fill(self) -> None:
        """Tell how far the review is, and show the cards of the page."""
        self.message.value = tell_progress(self.rows, self.decisions, self.folder)
        first, pages = self.page * CARDS, -(-len(self.listed) // CARDS)
        self.place.value = f"page {self.page + 1} of {pages}" if pages else "There is no such slide."
        shown = self.listed[first : first + CARDS]
        for number, card in enumerate(self.cards):
            card.layout.display = None if number < len(shown) else "none"
            if number < len(shown):
                card.show(shown[number], self._decision(shown[number]), self.folder)


def _folder_of(table: xr.Dataset) -> str:
    if "folder" not in table.attrs:
        raise SlideError(
            "expected the table of a run with the folder it was read from; give the folder, or open_results of it"
        )
    return str(table.attrs["folder"])


def _rows_of(table: xr.Dataset) -> list[Row]:
    """The rows of a table, by the columns' names."""
    columns = {str(name): column.values.tolist() for name, column in table.variables.items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
