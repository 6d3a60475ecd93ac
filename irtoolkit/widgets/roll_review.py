"""The slides of a run in a notebook, the short list first, with the decision about each."""

import os
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets
import xarray as xr

from irtoolkit.archive import Decision, Row, open_results, output_name, preview_folder, read_decisions, write_decisions
from irtoolkit.schema import SlideError
from irtoolkit.widgets.parts import Text, button, in_row
from irtoolkit.widgets.review_list import (
    ALL,
    CHANGED,
    DECIDED,
    EVERY_ROLL,
    SHORT_LIST,
    Decisions,
    describe_progress,
    list_slides,
)
from irtoolkit.widgets.review_texts import describe_decision
from irtoolkit.widgets.slide_review import SlideReview

CARDS = 5
"""Slides per page."""

STRIP = 210
"""Height of a page, in screen pixels; it is kept when a list is empty."""


def review_roll(results: xr.Dataset | str | os.PathLike[str]) -> "RollReview":
    """Review the slides of a run: accept or reject them, change the threshold, exclude regions.

    Every decision is saved at once (`write_decisions`). The next `clean` into the same folder applies it.

    Parameters
    ----------
    results
        The output folder of `clean`, or the table from `open_results` or `clean_archive`.

    Returns
    -------
    RollReview
        The widget; if nothing can be reviewed, its message says why.
    """
    return RollReview(results)


class Card(ipywidgets.VBox):
    """A slide on a page: its picture, a button with its name that opens it, and its decision and remarks."""

    def __init__(self, open_slide: "Callable[[Card], None]") -> None:
        self.picture = ipywidgets.Image(format="jpeg", layout={"height": "110px", "object_fit": "contain"})
        self.name = ipywidgets.Button(layout={"width": "auto"})
        self.name.add_class("irt-open")
        self.name.on_click(lambda _: open_slide(self))
        self.text = Text("remark", lines=2)
        super().__init__([self.picture, self.name, self.text], layout={"width": "182px", "margin": "2px"})
        self.add_class("irt-card")

    def show(self, row: Row, decision: Decision, folder: Path) -> None:
        """Show a slide."""
        thumb = preview_folder(folder, output_name(row)) / "thumb.jpg"
        self.picture.value = thumb.read_bytes() if thumb.is_file() else b""
        self.picture.layout.visibility = None if self.picture.value else "hidden"
        self.name.description = Path(row["slide"]).name
        self.name.tooltip = f"open {row['slide']}"
        why = row["review"] or row["status"]
        decided = f"<b>{escape(describe_decision(decision))}</b><br>" if decision != Decision() else ""
        self.text.value = f'<div style="line-height: 1.4">{decided}{escape(why)}</div>'


class RollReview(ipywidgets.VBox):
    """The slides of a run, one page at a time, and one slide opened below.

    Attributes
    ----------
    folder
        The output folder of the run.
    decisions
        The decisions by slide name, as in the file.
    listed
        Rows of the slides chosen with the menus `lists` and `rolls`, at the time of the choice.
    cards, page, slide
        The slides on the page, the number of the page from 0, and the open slide.
    message
        The progress of the review, or why there is none.
    """

    def __init__(self, results: xr.Dataset | str | os.PathLike[str]) -> None:
        self.message = Text("message", lines=2)
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
            self.message.value = f"{escape(str(self.folder))}: the table of this run has no slides."
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
        self.slide = SlideReview(self.folder, self._save, self._undo)
        self.page, self.at, self.listed = 0, 0, self.rows
        self._earlier: list[tuple[str, Decision]] = []
        turn = [button("Previous page", "previous-page", lambda: self.turn(-1))]
        turn.append(button("Next page", "next-page", lambda: self.turn(1)))
        step = [button("Previous slide", "previous-slide", lambda: self.open_slide(self.at - 1))]
        step.append(button("Next slide", "next-slide", lambda: self.open_slide(self.at + 1)))
        self.place = ipywidgets.HTML()
        for menu in (self.lists, self.rolls):
            menu.layout.width, menu.style.description_width = "190px", "45px"
        self.steps = in_row(*step)
        bar = in_row(self.lists, self.rolls, *turn, self.place, self.steps)
        strip = ipywidgets.HBox(self.cards, layout={"min_height": f"{STRIP}px", "overflow": "auto hidden"})
        self.children = [self.message, bar, strip, self.slide]
        for menu in (self.lists, self.rolls):
            menu.observe(lambda _: self._choose(), "value")

    def _choose(self) -> None:
        """List the slides chosen with the menus, and open the first."""
        self.listed = list_slides(self.rows, self.decisions, show=self.lists.value, roll=self.rolls.value)
        self.page, self.at = 0, 0
        self._fill()
        self.open_slide(0)

    def turn(self, by: int) -> None:
        """Show another page, if there is one."""
        self.page = min(max(self.page + by, 0), max(len(self.listed) - 1, 0) // CARDS)
        self._fill()

    def open_slide(self, at: int) -> None:
        """Open a slide by its number in the list, from 0, and show its page."""
        for part in (self.slide, self.steps):
            part.layout.visibility = None if self.listed else "hidden"
        if not 0 <= at < len(self.listed):
            return
        self.at = at
        row = self.listed[at]
        self.slide.show(row, self._decision(row), f"({at + 1:,} of {len(self.listed):,})")
        if self.page != at // CARDS:
            self.page = at // CARDS
            self._fill()

    def _open_card(self, card: Card) -> None:
        self.open_slide(self.page * CARDS + self.cards.index(card))

    def _decision(self, row: Row) -> Decision:
        return self.decisions.get(row["slide"], Decision())

    def _save(self, slide: str, decision: Decision) -> None:
        """Save a decision; a verdict also opens the next slide."""
        earlier = self.decisions.get(slide, Decision())
        write_decisions({slide: decision}, self.folder)
        self._earlier.append((slide, earlier))
        judged = decision.verdict and decision.verdict != earlier.verdict
        self.reload(min(self.at + bool(judged), len(self.listed) - 1))

    def _undo(self) -> str:
        """Save what was decided before the last decision, open its slide if it is listed, and return its name."""
        slide, earlier = self._earlier[-1]
        write_decisions({slide: earlier}, self.folder)
        self._earlier.pop()
        names = [row["slide"] for row in self.listed]
        self.reload(names.index(slide) if slide in names else self.at)
        return slide

    def reload(self, at: int | None = None) -> None:
        """Read the decisions again, as others may have written some, and open a slide; the same one if None."""
        self.decisions = read_decisions(self.folder)
        self.slide.undo.disabled = not self._earlier
        self._fill()
        self.open_slide(self.at if at is None else at)

    def _fill(self) -> None:
        """Update the progress and the cards of the page."""
        self.message.value = describe_progress(self.rows, self.decisions, self.folder)
        first, pages = self.page * CARDS, -(-len(self.listed) // CARDS)
        self.place.value = f"page {self.page + 1} of {pages}" if pages else "No slide matches."
        shown = self.listed[first : first + CARDS]
        for number, card in enumerate(self.cards):
            card.layout.display = None if number < len(shown) else "none"
            if number < len(shown):
                card.show(shown[number], self._decision(shown[number]), self.folder)


def _folder_of(table: xr.Dataset) -> str:
    if "folder" not in table.attrs:
        raise SlideError(
            "this table does not name the folder of its run; give that folder, or the result of open_results"
        )
    return str(table.attrs["folder"])


def _rows_of(table: xr.Dataset) -> list[Row]:
    """The rows of a table, each a mapping from column names."""
    columns = {str(name): column.values.tolist() for name, column in table.variables.items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
