"""A small archive of rolls, and what a run has made of it."""

import hashlib
from pathlib import Path

from commands import rows_of

import irtoolkit as irt
from irtoolkit.synthetic.scanner_files import write_scanner_file

SHAPE = (96, 131)
FILMS = ("e6", "c41", "e6")


def make_archive(root: Path, slides: int = 8) -> Path:
    """Three rolls; the second has a slide without infrared, the third one that is cut off."""
    for roll, film in enumerate(FILMS, 1):
        for number in range(1, slides + 1):
            slide = irt.make_slide(10 * roll + number, SHAPE, scanner="plustek", film=film, roll=roll)
            layout = "rgb" if (roll, number) == (2, 2) else "vuescan-rgbi"
            file = root / f"roll{roll}" / f"slide {number}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_scanner_file(file, slide.counts.values, layout=layout)
    cut = root / "roll3" / "slide 1.tif"
    cut.write_bytes(cut.read_bytes()[: -cut.stat().st_size // 3])
    return root


def digests(folder: Path) -> dict[str, str]:
    """Digest of every TIFF file below a folder, by its path there."""
    files = sorted(file for file in folder.rglob("*.tif") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def outcome(folder: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Everything that must be the same however a run came to its end: pictures, and rows but for their seconds."""
    rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in rows_of(folder)]
    return digests(folder), rows


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(".*.part"))
