"""Controls and rows that keep their place: lines reserved for texts, and parts side by side that wrap."""

from collections.abc import Callable, Sequence
from math import floor

import ipywidgets

LINE = 28
"""Height of a line of text, in screen pixels."""

ROW = 32
"""Height of a row of controls."""


class Text(ipywidgets.HTML):
    """A text in a fixed number of lines; a longer one is scrolled, so that nothing below it moves.

    >>> Text("message", lines=2).layout.height
    '56px'
    """

    def __init__(self, name: str, *, lines: int = 1) -> None:
        super().__init__(layout={"height": f"{LINE * lines}px", "overflow": "hidden auto"})
        self.add_class(f"irt-{name}")


def beside(*parts: ipywidgets.Widget) -> ipywidgets.HBox:
    """Put parts beside each other, their tops in line, or, in a narrow window, below each other."""
    return ipywidgets.HBox(parts, layout={"flex_flow": "row wrap", "align_items": "flex-start"})


def in_row(*controls: ipywidgets.Widget) -> ipywidgets.HBox:
    """Put controls in a row that keeps its height when they are hidden, and that wraps in a narrow window."""
    return ipywidgets.HBox(
        controls, layout={"flex_flow": "row wrap", "align_items": "center", "min_height": f"{ROW}px"}
    )


def toggles(name: str, options: Sequence[str], value: str) -> ipywidgets.ToggleButtons:
    """Make buttons of which one is pressed, on one line with their name; each is as wide as its text."""
    made = ipywidgets.ToggleButtons(options=options, value=value, description=name, style={"button_width": "auto"})
    made.layout = {"display": "flex", "width": "auto", "flex": "0 0 auto"}
    return made


def button(label: str, hook: str, action: Callable[[], None], tooltip: str = "") -> ipywidgets.Button:
    """Make a button with the CSS class ``irt-`` plus `hook` that calls an action."""
    made = ipywidgets.Button(description=label, tooltip=tooltip or label, layout={"width": "auto"})
    made.add_class(f"irt-{hook}")
    made.on_click(lambda _: action())
    return made


def round_down(sigma: float) -> float:
    """A threshold in steps of 0.01 sigma, rounded down, so that it marks the same.

    >>> round_down(4.4168), round_down(4.41)
    (4.41, 4.41)
    """
    return floor(100 * sigma + 1e-6) / 100
