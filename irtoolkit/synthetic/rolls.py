"""Synthetic rolls: slides that share film and scanner, in files as scanner programs write them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.slides import make_slide

FILM_NAMES = {
    "e6": "Kodak Ektachrome 100",
    "faded-e6": "Kodak Ektachrome 64",
    "c41": "Kodak Portra 400",
    "kodachrome": "Kodak Kodachrome 64",
    "silver": "Ilford HP5 Plus",
}
ROLL_LAYOUTS = (
    "vuescan-rgbi",
    "silverfast-hdri-preview",
    "vuescan-dng",
    "silverfast-dng",
    "sidecar",
    "silverfast-hdri",
)
"""Layouts that the slides of a synthetic roll take in turn."""

DEMO_SLIDES = len(ROLL_LAYOUTS) + 1


def make_roll(
    folder: str | os.PathLike[str],
    seed: int = 0,
    count: int = 6,
    shape: tuple[int, int] = (480, 720),
    *,
    film: str = "e6",
    scanner: str = "plustek",
    layouts: Sequence[str] = ROLL_LAYOUTS,
    refused: bool = False,
    magnified: float = 1.0,
) -> list[Path]:
    """Write the slides of one synthetic roll in the layouts of scanner programs.

    Parameters
    ----------
    folder
        Where to write; created if missing.
    seed
        Determines film, scanner and, with a slide's number, everything else.
    count
        Number of slides.
    shape
        Height and width in pixels.
    film, scanner
        As in `make_slide`; the slides share their constants.
    layouts
        Layouts of `write_scanner_file` that the slides take in turn; those of SilverFast name another scanner.
    refused
        Add one slide without infrared, which cleaning must refuse.
    magnified
        As in `make_slide`.

    Returns
    -------
    list of pathlib.Path
        The slides in order, without the infrared sidecars beside them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in make_roll(folder, count=3, shape=(30, 40))]
    ['slide_01.tif', 'slide_02.tif', 'slide_03.dng']
    """
    kind = {"film": film, "scanner": scanner, "magnified": magnified}
    taken = [layouts[number % len(layouts)] for number in range(count)] + ["rgb"] * refused
    return list(write_slides(Path(folder), seed, taken, shape, **kind))


def write_slides(
    folder: Path, seed: int, layouts: Sequence[str], shape: tuple[int, int], **kind: Any
) -> Iterator[Path]:
    """Write a slide in each of the layouts, and yield its path; `kind` is how `make_slide` makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, layout in enumerate(layouts, start=1):
        slide = make_slide(seed * 1000 + number, shape, roll=seed, **kind)
        path = folder / f"slide_{number:02d}.{'dng' if 'dng' in layout else 'tif'}"
        tags = {"dpi": slide.attrs["dpi"], "polarity": slide.attrs["polarity"], "film": FILM_NAMES[kind["film"]]}
        yield write_scanner_file(path, slide.counts.values, layout, **tags)[0]


def write_demo(folder: Path) -> Iterator[Path]:
    """Write the `DEMO_SLIDES` slides of the demonstration one by one; the last has no infrared.

    A frame shows a third of a landscape's width, so that its details are as large beside dust as those of a real
    slide. Details as thin as the infrared is blurred are not healed well.
    """
    kind = {"film": "e6", "scanner": "plustek", "magnified": 3.0}
    return write_slides(folder, 0, (*ROLL_LAYOUTS, "rgb"), (480, 720), **kind)
