"""An archive of many tiny slides, some of them broken, and what may happen to a scan while a run reads it."""

import hashlib
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from irtoolkit.synthetic import make_slide, write_scanner_file

SHAPE = (64, 80)
FILMS = ("e6", "c41")
TEMPLATES = 12
BROKEN = 0.02
NOISE = 3
"""Counts by which the pixels of slides of one template differ at most."""

Random = random.Random


class Template(NamedTuple):
    """The bytes of a scan, and where its uncompressed 16-bit pixels are."""

    content: bytes
    first: int
    end: int

    def vary(self, rng: Random) -> bytes:
        """A scan of its own, with other noise."""
        counts = np.frombuffer(self.content[self.first : self.end], np.uint16).astype(int)
        noise = np.random.default_rng(rng.getrandbits(64)).integers(-NOISE, NOISE, counts.size, endpoint=True)
        pixels = np.clip(counts + noise, 0, 65535).astype(np.uint16).tobytes()
        return self.content[: self.first] + pixels + self.content[self.end :]


def make_template(number: int, roll: int, shape: tuple[int, int] = SHAPE, layout: str = "vuescan-rgbi") -> Template:
    """A slide with its own picture and dust, in one strip."""
    slide = make_slide(number, shape, scanner="plustek", film=FILMS[roll % len(FILMS)], roll=roll)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.tif"
        write_scanner_file(file, slide.counts.values, layout, rows_per_strip=shape[0])
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages[0]
            first, end = page.dataoffsets[0], page.dataoffsets[-1] + page.databytecounts[-1]
        return Template(file.read_bytes(), first, end)


def make_broken(scan: bytes, rng: Random) -> bytes:
    """What a broken file in place of a scan may hold."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: scan[: rng.randrange(8, len(scan) - 8)],
        lambda: b"",
        lambda: b"This is no scan.\n" * 40,
        lambda: rng.randbytes(4000),
        lambda: scan[:60] + rng.randbytes(40) + scan[100:],
        lambda: make_template(rng.randrange(1000), 1, (40, 44)).content,
        lambda: make_template(rng.randrange(1000), 1, layout="rgb").content,
    )
    return rng.choice(kinds)()


def make_slides(folder: Path, slides: int, seed: int) -> dict[int, list[Template]]:
    """Write slides into folders of at most 50, a roll each; the templates of every roll are returned."""
    rng, of_rolls = Random(seed), {}
    size = min(50, max(slides // 4, 2))
    for number in range(slides):
        roll = number // size % 4
        if roll not in of_rolls:
            of_rolls[roll] = [make_template(100 * roll + each, roll + 1) for each in range(TEMPLATES)]
        file = folder / f"roll {number // size:03d}" / f"slide {number:05d}.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        scan = rng.choice(of_rolls[roll]).vary(rng)
        file.write_bytes(make_broken(scan, rng) if rng.random() < BROKEN else scan)
    return of_rolls


def disturb(folder: Path, templates: dict[int, list[Template]], rng: Random) -> Path:
    """Delete, cut off or replace one scan, as a user may do during a run; which one."""
    file = rng.choice(sorted(folder.rglob("*.tif")))
    what = rng.choice(("deleted", "cut off", "replaced"))
    if what == "deleted":
        file.unlink()
    elif what == "cut off":
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.write_bytes(rng.choice(rng.choice(list(templates.values()))).vary(rng))
    return file


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, by its path there."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
