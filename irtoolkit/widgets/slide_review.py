"""One slide of a run in a notebook: its pictures, why it is on the short list, and the decision about it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import cv2
import ipywidgets
import numpy as np

from irtoolkit.archive import ACCEPTED, CLEAN, REJECTED, Decision, Row, output_name, preview_folder
from irtoolkit.files import MASK_ENDINGS
from irtoolkit.pictures import Picture
from irtoolkit.schema import SlideError
from irtoolkit.settings import Box
from irtoolkit.widgets.parts import Text, beside, button, in_row, round_down, toggles
from irtoolkit.widgets.region_picture import RegionPicture, read_frame
from irtoolkit.widgets.review_texts import describe_box, describe_decision, describe_slide

KINDS = {"Marks": "mask", "Scan": "scan", "Healed": "healed"}
CAPTIONS = {
    "worst": "The most doubtful place: scan, infrared, marks",
    "crops": "The most changed places, one per row: scan, marks",
}
"""Of the strips of pictures, by their names."""

SIDES = ("top", "left", "bottom", "right")
NOWHERE: Box = (0, 0, 0, 0)
USUAL = 4.5
"""Sigma; the threshold offered for a slide without one."""

LEFT, RIGHT, HIGH = 500, 440, 440
"""Widths of the picture and of the controls, and height of the picture with its buttons, in screen pixels."""


def read_picture(path: Path) -> Picture:
    """Read a JPEG as RGB (y, x, 3), uint8; `OSError` if it is missing or damaged."""
    decoded = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        raise OSError(f"{path}: the picture is damaged; clean the slide again")
    return decoded.astype(np.uint8, copy=False)


class SlideReview(ipywidgets.VBox):
    """Pictures of one slide, and controls that decide about it.

    Attributes
    ----------
    row
        The slide's row in the table of the run.
    decision
        The decision about it.
    accept, reject, undo, remove
        Buttons: the verdicts; take back the last decision about any slide; remove the whole decision about this one.
    threshold, use_threshold, find_threshold
        A number of sigma; a button that uses it, and one that returns to the threshold of the run.
    sides, exclude
        Top, left, bottom and right of a region in stored pixels, also set with the mouse; a button that excludes it.
    regions, include
        The excluded regions; a button that includes the chosen one again.
    message
        The last action, or why it failed.
    """

    def __init__(self, folder: Path, save: Callable[[str, Decision], None], undo: Callable[[], str]) -> None:
        self.row: Row = {"slide": "", "status": ""}
        self.decision = Decision()
        self._folder, self._save, self._undo = folder, save, undo
        self.head, self.message = Text("head", lines=7), Text("saved", lines=2)
        self.kind = toggles("Picture", list(KINDS), "Marks")
        self.picture = RegionPicture(self._fill_sides)
        self.worst, self.crops = (ipywidgets.Image(format="jpeg", layout={"max_width": "100%"}) for _ in range(2))
        self._strips = [ipywidgets.VBox([ipywidgets.HTML(), image]) for image in (self.worst, self.crops)]
        self._make_controls()
        self.kind.observe(lambda _: self._draw(), "value")
        for side in self.sides:
            side.observe(lambda _: self.picture.outline(self._region()), "value")
        self._views = ipywidgets.VBox([self.kind, self.picture.drawing.widget])
        left = ipywidgets.VBox([self._views], layout={"width": f"{LEFT}px", "min_height": f"{HIGH}px"})
        right = ipywidgets.VBox(
            [self._verdicts, self.head, self.message, self._changes], layout={"width": f"{RIGHT}px"}
        )
        super().__init__([beside(left, right), beside(*self._strips)])
        self.add_class("irt-slide-review")

    def _make_controls(self) -> None:
        self.accept = button("Accept", "accept", lambda: self._decide(verdict=ACCEPTED), "The cleaned files are good.")
        self.reject = button("Reject", "reject", lambda: self._decide(verdict=REJECTED), "Mark and heal nothing on it.")
        self.undo = button("Undo", "undo", self._take_back, "Take back the last decision.")
        self.remove = button("Remove decision", "remove", self._remove, "Remove the whole decision about this slide.")
        self.undo.disabled = True
        self.threshold = ipywidgets.BoundedFloatText(value=USUAL, min=1, max=1e6, step=0.05, description="Threshold")
        self.threshold.layout.width, self.threshold.style.description_width = "140px", "70px"
        self.threshold.tooltip = "The least score of a marked region, in sigma; explore_threshold shows what it marks."
        use, find = (lambda: self._decide(threshold=self.threshold.value), lambda: self._decide(threshold=None))
        self.use_threshold = button("Use this threshold", "use-threshold", use)
        self.find_threshold = button("Use the run's threshold", "find-threshold", find)
        self.sides = [ipywidgets.BoundedIntText(description=side.title(), max=2**31 - 1) for side in SIDES]
        for side in self.sides:
            side.layout.width, side.style.description_width = "140px", "52px"
        self.exclude = button("Exclude this region", "exclude", self._exclude)
        self.regions = ipywidgets.Dropdown(description="Excluded", options=[], layout={"width": "320px"})
        self.regions.style.description_width = "70px"
        self.include = button("Include again", "include", self._include)
        self._verdicts = in_row(self.accept, self.reject, self.undo, self.remove)
        how = "draw it, or type its sides" if self.picture.drawing.live else "type its sides"
        hint = ipywidgets.HTML(f"To keep a region as scanned, {how} (pixels):")
        lines = [(self.threshold, self.use_threshold, self.find_threshold), (hint,), self.sides[:2]]
        lines += [(*self.sides[2:], self.exclude), (self.regions, self.include)]
        self._changes = ipywidgets.VBox([in_row(*line) for line in lines])

    def show(self, row: Row, decision: Decision, place: str = "") -> None:
        """Show a slide and the decision about it; `place` is its number in the list, as text."""
        is_new = row["slide"] != self.row["slide"]
        self.row, self.decision = row, decision
        self.head.value = describe_slide(row, decision, place)
        self.remove.disabled = decision == Decision()
        _offer(self.regions, [(describe_box(box), box) for box in decision.excluded])
        self.regions.disabled = self.include.disabled = not decision.excluded
        if is_new:
            self.message.value = ""
            self._fill_sides(NOWHERE)
            self._offer_threshold()
            self._offer_pictures()
        self._draw()

    def _offer_threshold(self) -> None:
        """Offer the slide's threshold, rounded down so that it marks the same."""
        found = float(self.row.get("threshold", float("nan")))
        self.threshold.value = self.decision.threshold or (round_down(found) if 1 <= found < 1e6 else USUAL)

    def _offer_pictures(self) -> None:
        """Offer the kinds of pictures that exist, and show the doubtful place and the crops."""
        there = tuple(label for label, name in KINDS.items() if self._file(name).is_file())
        if there != self.kind.options:
            _offer(self.kind, there)
        for (name, caption), strip in zip(CAPTIONS.items(), self._strips, strict=True):
            text, image = strip.children
            text.value = caption + ", healed" * ("Healed" in there)
            image.value = self._file(name).read_bytes() if self._file(name).is_file() else b""
            strip.layout.display = None if image.value else "none"

    def _file(self, name: str) -> Path:
        return preview_folder(self._folder, output_name(self.row)) / f"{name}.jpg"

    def _output(self) -> Path:
        """Its mask, or its healed file if the mask is no TIFF file."""
        begin = self._folder / output_name(self.row)
        mask, *others, healed = (begin.with_name(begin.name + ending) for ending in (*MASK_ENDINGS.values(), CLEAN))
        return healed if any(file.is_file() for file in others) and not mask.is_file() else mask

    def _draw(self) -> None:
        self._views.layout.display = None if self.kind.value else "none"
        if self.kind.value is None:
            self.message.value = "There are no pictures of this slide."
            return
        try:
            frame = read_frame(self._output())
            picture = read_picture(self._file(KINDS[self.kind.value]))
            self.picture.show(picture, frame, self.decision.excluded, self._region())
        except (SlideError, OSError) as error:
            self._views.layout.display, self.message.value = "none", escape(str(error))

    def _typed(self) -> Box:
        top, left, bottom, right = (side.value for side in self.sides)
        return top, left, bottom, right

    def _region(self) -> Box | None:
        """The region being drawn, if its sides enclose one."""
        top, left, bottom, right = box = self._typed()
        return box if top < bottom and left < right else None

    def _fill_sides(self, box: Box) -> None:
        for side, value in zip(self.sides, box, strict=True):
            side.value = value

    def _exclude(self) -> None:
        box, excluded = self._typed(), self.decision.excluded
        self._decide(excluded=excluded if box in excluded else (*excluded, box))
        if box in self.decision.excluded:
            self._fill_sides(NOWHERE)

    def _include(self) -> None:
        self._decide(excluded=tuple(box for box in self.decision.excluded if box != self.regions.value))

    def _remove(self) -> None:
        self._keep(Decision())

    def _take_back(self) -> None:
        try:
            slide = self._undo()
        except (SlideError, OSError) as error:
            self.message.value = f"Not saved: {escape(str(error))}"
        else:
            self.message.value = f"Taken back: the last decision about {escape(slide)}."

    def _decide(self, **changes: Any) -> None:
        """Change the decision; a new threshold or region removes the verdict, which judged the earlier files."""
        try:
            self._keep(replace(self.decision, **({"verdict": ""} | changes)))
        except SlideError as error:
            self.message.value = escape(str(error))

    def _keep(self, decision: Decision) -> None:
        slide = self.row["slide"]
        try:
            self._save(slide, decision)
        except (SlideError, OSError) as error:
            self.message.value = f"Not saved: {escape(str(error))}"
        else:
            self.message.value = f"Saved: {escape(slide)}: {escape(describe_decision(decision))}."


def _offer(menu: Any, options: Sequence[Any]) -> None:
    """Set the options of a menu and choose the first; an empty menu does not choose one by itself."""
    menu.options = options
    menu.index = 0 if options else None
