"""A widget that compares views of one slide: one by one, wiped, blinked or side by side, with mouse or keyboard."""

import html
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets
import numpy as np

from irtoolkit.pictures import Picture
from irtoolkit.schema import SlideError
from irtoolkit.widgets.panels import MouseActions, Panels
from irtoolkit.widgets.parts import Text, button, in_row, toggles
from irtoolkit.widgets.views import Size, View, fit_view

MODES = ("one", "wipe", "blink", "side by side", "all")
PAN, ZOOM, TURN = 1 / 3, 2.0, 1.25
"""Share of a panel that an arrow button moves; zoom of a button, and of one step of the mouse wheel."""

BLINK = 600
"""Milliseconds."""

Draw = Callable[[list[str], View, Size], list[tuple[Picture, str]]]
Describe = Callable[[int, int], str]


class Comparison(ipywidgets.VBox):
    """Linked panels, menus that choose their views, and buttons that move and zoom them.

    Parameters
    ----------
    names
        Names of the views.
    shape
        Height and width of the upright slide.
    draw
        Takes names, a view and the size of a panel; returns a picture (y, x, 3) and a caption for each name.
    describe
        Takes row and column on the upright slide; returns the values there as text.
    mode
        The mode at the start.

    Attributes
    ----------
    view
        The part of the slide on the panels.
    first, second, mode, wipe, blink, swap
        The controls; `mode` is one of ``"one"``, ``"wipe"``, ``"blink"``, ``"side by side"`` and ``"all"``.
    status, pointer
        Values in the middle of the view, and under the mouse pointer.
    """

    def __init__(
        self,
        names: Sequence[str],
        shape: Size,
        draw: Draw,
        describe: Describe,
        *,
        mode: str = "one",
        width: int = 900,
        height: int = 560,
    ) -> None:
        self._names, self._shape, self._draw_views, self._describe = list(names), shape, draw, describe
        self.panels = Panels(width, height, MouseActions(self._drag, self._wheel, self._hover))
        self._drawn: list[tuple[Picture, str]] = []
        self._make_controls(mode)
        self.view = fit_view(shape, self.size)
        super().__init__([*self._rows(), self.panels.drawing.widget, self._buttons(), self.status, self.pointer])
        self.add_class("irt-comparison")

    def _make_controls(self, mode: str) -> None:
        names = self._names
        narrow = {"style": {"description_width": "60px"}, "layout": {"width": "270px"}}
        self.first = ipywidgets.Dropdown(options=names, value=names[0], description="View", **narrow)
        self.second = ipywidgets.Dropdown(options=names, value=names[-1], description="Against", **narrow)
        self.mode = toggles("Compare", MODES, mode)
        self.wipe = ipywidgets.FloatSlider(value=0.5, min=0, max=1, step=0.01, description="Wipe", readout=False)
        self.wipe.layout.width, self.wipe.style.description_width = "180px", "40px"
        self.blink = ipywidgets.Play(min=0, max=1, interval=BLINK, repeat=True, description="Blink")
        self.swap = ipywidgets.ToggleButton(description="swap", tooltip="Show the other view", layout={"width": "60px"})
        self.status, self.pointer = Text("status"), Text("pointer")
        for name in ("first", "second", "mode", "wipe", "blink", "swap"):
            getattr(self, name).add_class(f"irt-{name}")
        for menu in (self.first, self.second):
            menu.observe(lambda _: self.refresh(), "value")
        for control in (self.wipe, self.blink, self.swap):
            control.observe(lambda _: self._compose(), "value")
        self.mode.observe(self._change_mode, "value")
        self._offer()

    def _rows(self) -> list[ipywidgets.Widget]:
        return [in_row(self.mode, self.wipe, self.blink, self.swap), in_row(self.first, self.second)]

    def _buttons(self) -> ipywidgets.HBox:
        height, width = self._shape
        steps: dict[str, Callable[[], View]] = {
            "left": lambda: self.view.moved(0, -PAN * self.size[1]),
            "right": lambda: self.view.moved(0, PAN * self.size[1]),
            "up": lambda: self.view.moved(-PAN * self.size[0], 0),
            "down": lambda: self.view.moved(PAN * self.size[0], 0),
            "closer": lambda: self.view.zoomed(ZOOM),
            "farther": lambda: self.view.zoomed(1 / ZOOM),
            "whole": lambda: fit_view((height, width), self.size),
            "1:1": lambda: self.view._replace(step=1.0),
        }
        hooks = {name: name.replace("1:1", "full") for name in steps}
        return in_row(*(button(name, hooks[name], partial(self._step, step)) for name, step in steps.items()))

    def _step(self, step: Callable[[], View]) -> None:
        self.go(step())

    @property
    def size(self) -> Size:
        """Height and width of a panel, in pixels of the screen."""
        return self.panels.size({"side by side": 2, "all": len(self._names)}.get(self.mode.value, 1))

    @property
    def shown(self) -> list[str]:
        """Names of the views that are drawn, including one hidden by wiping or blinking."""
        both = [self.first.value, self.second.value]
        return {"one": both[:1], "all": self._names}.get(self.mode.value, both)

    def go(self, view: View) -> None:
        """Move or zoom to a view."""
        self.view = view.within(self._shape, self.size)
        self.refresh()

    def refresh(self) -> None:
        """Draw the views again; if the slide cannot be read, the status says why."""
        self.status.value = "computing&hellip;"
        try:
            self._drawn = self._draw_views(self.shown, self.view, self.size)
        except (SlideError, OSError) as error:
            self.status.value = html.escape(f"The slide cannot be shown: {error}")
            return
        self._compose()
        middle = self.view.place(self.size[0] / 2, self.size[1] / 2, self.size)
        self.status.value = html.escape(f"{1 / self.view.step:.0%}, middle: {self._describe(*middle)}")

    def _compose(self) -> None:
        """Put the drawn views on the panels."""
        if not self._drawn:
            return
        drawn = self._drawn
        if self.mode.value == "wipe":
            drawn = [_wiped(drawn[0], drawn[1], self.wipe.value)]
        elif self.mode.value == "blink":
            drawn = [drawn[(self.blink.value + self.swap.value) % 2]]
        self.panels.show(*zip(*drawn, strict=True))

    def _change_mode(self, change: Any) -> None:
        number = {"side by side": 2, "all": len(self._names)}.get(change["old"], 1)
        fitted = self.view == fit_view(self._shape, self.panels.size(number))
        self._offer()
        self.go(fit_view(self._shape, self.size) if fitted else self.view)

    def _offer(self) -> None:
        """Show only the controls that the mode uses."""
        used = {
            "one": [self.first],
            "wipe": [self.first, self.second, self.wipe],
            "blink": [self.first, self.second, self.blink, self.swap],
            "side by side": [self.first, self.second],
        }.get(self.mode.value, [])
        for control in (self.first, self.second, self.wipe, self.blink, self.swap):
            control.layout.display = None if control in used else "none"

    def _drag(self, down: float, across: float) -> None:
        self.go(self.view.moved(-down, -across))

    def _wheel(self, turns: float, down: float, across: float) -> None:
        self.go(self.view.zoomed(TURN**turns, down - self.size[0] / 2, across - self.size[1] / 2))

    def _hover(self, down: float, across: float) -> None:
        self.pointer.value = html.escape(f"pointer: {self._describe(*self.view.place(down, across, self.size))}")


def _wiped(left: tuple[Picture, str], right: tuple[Picture, str], share: float) -> tuple[Picture, str]:
    """The first picture up to a share of the width, then a white line and the second picture."""
    edge = round(share * left[0].shape[1])
    picture = np.concatenate([left[0][:, :edge], right[0][:, edge:]], axis=1)
    picture[:, max(edge - 1, 0) : edge + 1] = 255
    return picture, f"{left[1]} | {right[1]}"
