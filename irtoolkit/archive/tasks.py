"""The slides of a run, and where their outputs go."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from irtoolkit import files
from irtoolkit.archive.names import plain_name
from irtoolkit.files import MASK_ENDINGS, Layout, choose_infrared, find_layout
from irtoolkit.schema import SlideError, in_words, near
from irtoolkit.settings import SAMPLE

if TYPE_CHECKING:
    import xarray as xr

MASK, CLEAN = MASK_ENDINGS["tiff"], "_clean.tif"
"""Endings of the outputs of a slide."""

TABLE, REPORT = "slides", "report.html"
"""The table of a run, without an ending, and its report."""

HEALED = "_clean"
"""End of the stem of a healed slide; one in the scan's own format has the scan's ending."""

PROGRAM = "irtoolkit "
"""Name of this program in the Software tag of its outputs."""

NAMED_BY_FILE = "it has no infrared at the place given with --infrared: that which the file names was taken"
"""In the `note` of such a slide; no reason to look at it."""


TRANSIENT = {
    getattr(errno, name)
    for name in ("EIO", "EAGAIN", "EBUSY", "EINTR", "ETIMEDOUT", "ESTALE", "ENFILE", "EMFILE", "ENETDOWN", "EREMOTEIO")
    if hasattr(errno, name)
}
"""Errors of input and output that may not recur."""

WAITS = (0.5, 3.0)
"""Seconds before the second and the third attempt."""

Given = ParamSpec("Given")
Found = TypeVar("Found")


class CallError(SlideError):
    """The call itself is wrong, and nothing was written."""


def persist(work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """The result of a call; after an error of input and output that may not recur, it is tried twice again."""
    for wait in WAITS:
        try:
            return work(*given, **named)
        except OSError as error:
            if error.errno not in TRANSIENT:
                raise
            time.sleep(wait)
    return work(*given, **named)


def attempt(look: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found | Exception:
    """What a function finds in a file, or the error: whatever is in a file, it ends no run."""
    try:
        return look(*given, **named)
    except Exception as error:
        return error


def describe_error(error: BaseException, path: Path | None = None) -> str:
    """An error in words, without the path that its message begins with; its kind comes first unless it is expected.

    >>> describe_error(SlideError("a.tif: no infrared"), Path("a.tif")), describe_error(MemoryError())
    ('no infrared', 'MemoryError')
    """
    message = str(error).removeprefix(f"{path}: ")
    kind = "" if isinstance(error, SlideError) else type(error).__name__
    return in_words(": ".join(filter(None, (kind, message))))


@dataclass(frozen=True)
class Task:
    """One slide of a run: its file, its path relative to the run's deepest common folder, and the name of its outputs.

    The name is that path without its ending, unless `name_slides` chooses another. `frame` is the slide's number in a
    file that holds several, else 0, and `infrared` what the settings say of the infrared.
    """

    path: Path
    slide: str
    name: str = ""
    frame: int = 0
    infrared: str = ""

    def __post_init__(self) -> None:
        """Name the outputs."""
        object.__setattr__(self, "name", self.name or plain_name(self.slide))

    @property
    def place(self) -> str:
        """The file as a person would name it, and the number of the slide in it if it holds several."""
        return f"{near(self.path)} (frame {self.frame})" if self.frame else near(self.path)

    @property
    def note(self) -> str:
        """Whether the settings name a place for the infrared that the slide has not, in words."""
        elsewhere = self.infrared and choose_infrared(self.path, self.infrared) is None
        return NAMED_BY_FILE if elsewhere else ""

    @property
    def inside(self) -> str | None:
        """The sample with the infrared, where the settings name one that the file has."""
        chosen = choose_infrared(self.path, self.infrared)
        return chosen if isinstance(chosen, str) and chosen.startswith(SAMPLE) else None

    def layout(self) -> Layout:
        """Find the slide's planes; errors are those of `find_layout`."""
        return find_layout(self.path, choose_infrared(self.path, self.infrared), self.frame or None)

    def open(self) -> "xr.Dataset":
        """Open the slide; errors are those of `open_slide`."""
        return files.open_slide(self.path, choose_infrared(self.path, self.infrared), frame=self.frame or None)

    def output(self, folder: Path, ending: str) -> Path:
        """Path of one of its files in the output folder."""
        return folder / f"{self.name}{ending}"


def check_unhealed(file: Path) -> None:
    """Raise `SlideError` if a slide with infrared is, by its name, a healed one in the scan's own format."""
    if file.stem.endswith(HEALED):
        raise SlideError(f"{file}: by its name this slide was healed already; clean the scan itself, or rename it")


def describe_layout(layout: Layout) -> dict[str, Any]:
    """What a run needs to know of a slide before it is cleaned: its size, and film and scanner from its tags.

    `bytes` is the size of the healed slide without compression, `copied` that in the scan's own format, in which a
    compressed file may grow to twice its size. Empty for a slide without infrared.
    """
    if layout.infrared is None:
        return {}
    about = {name: layout.metadata[name] for name in ("film", "scanner", "dpi", "bits")}
    size, file = layout.height * layout.width, layout.files[0].stat().st_size
    healed = size * 3 * layout.colour_bits // 8
    return about | {"pixels": size, "bytes": healed, "copied": file if file >= healed else 2 * file}
