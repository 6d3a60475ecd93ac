"""Pictures of one cleaned slide for the report: small ones of the whole, close-ups of its most changed places, of its
doubtful place and of its least certain marks.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import xarray as xr
from dask.base import compute

from irtoolkit.archive.crop_windows import Mask, Place, count_marked, find_marks, find_places, find_worst
from irtoolkit.arrays import TASKS
from irtoolkit.files import replacing_together
from irtoolkit.pictures import THIN_ROWS, Picture, mark_mask, orient, view_picture, view_plane, write_jpeg
from irtoolkit.schema import VISIBLE

PREVIEW, THUMB = 640, 160
"""Pixels: the longest side of a preview, and that of a thumbnail."""

ENLARGED = 2
"""Pixels of the doubtful place's picture per pixel of the slide."""

RING, RING_RADIUS = (255, 210, 0), 12
"""Colour, and radius in pixels of the slide, of the ring around the doubtful place."""

INFRARED_RANGE = 0.5, 99.5
"""Percentiles of the infrared in that window that are black and white."""

SHOWN = 3
"""Number of crops of the most changed places."""

GAP, GAP_GRAY = 4, 128

PICTURES = ("scan", "mask", "healed", "thumb", "crops", "worst", "marks")
"""Names of the files, without suffix."""


class Views(NamedTuple):
    """A piece of a slide before and after healing, and its marks; all of one height and width, as stored."""

    before: Picture
    mask: Mask
    after: Picture | None

    def cut(self, place: Place) -> "Views":
        """A part of the piece."""
        return Views(self.before[place], self.mask[place], None if self.after is None else self.after[place])

    def upright(self, orientation: int) -> list[Picture]:
        """Before, with marks outlined, and (if healed) after, the right way up."""
        pictures = [self.before, mark_mask(self.before, self.mask), self.after]
        return [orient(picture, orientation) for picture in pictures if picture is not None]

    def change(self) -> float:
        """Number of marked pixels plus the sum of their changes in gray levels."""
        difference = 0 if self.after is None else np.abs(self.before[self.mask] - self.after[self.mask].astype(float))
        return float(self.mask.sum() + np.sum(difference))


def preview_folder(folder: Path, name: str) -> Path:
    """Folder of the pictures of the slide called `name` (its path without suffix) in a run's output folder."""
    return folder / "report" / "slides" / name


def draw_previews(found: xr.Dataset, healed: xr.DataArray | None) -> dict[str, Picture]:
    """Draw the pictures of one slide, the right way up, by their names in `PICTURES`.

    ``scan``, ``mask`` (the marks outlined) and ``healed``, their longer side of about 640 pixels; ``thumb``, the marks
    coloured, of 160; ``crops``: for each of up to three places a row of before, outlined, and healed at 100 %, the most
    changed place first; ``worst``: visible, infrared, marks and healed at the doubtful place, enlarged, with a ring;
    and ``marks``: such rows of smaller crops, one for each of the up to 24 least certain marks.

    Parameters
    ----------
    found
        `counts` (band, y, x), R, G, B first, and `mask` (y, x), True = defect; both are computed once. `worst_y` and
        `worst_x`, the doubtful place, NaN without one, and `infrared` (y, x), computed only there; `mark_y` and
        `mark_x` (mark), the marks, the least certain first. Its attributes `polarity`, `orientation` and `gamma` say
        how it is displayed (`view_picture`).
    healed
        R, G, B (band, y, x), uint8 or uint16; None if nothing was healed.
    """
    mask = found.mask.values
    places, doubtful, marks = find_places(mask), find_worst(found), find_marks(found)
    apart = [*places, *marks] if _step(mask.shape) > 1 else []
    whole, *views = _view(_read(found.counts, healed, [*doubtful, *apart]), mask, [*doubtful, *apart], found.attrs)
    worst, crops = views[: len(doubtful)], views[len(doubtful) :]
    crops = crops or [whole.cut(place) for place in (*places, *marks)]
    changed = sorted(crops[: len(places)], key=Views.change, reverse=True)[:SHOWN]
    orientation = found.attrs.get("orientation", 1)
    pictures = dict(zip(PICTURES, whole.upright(orientation), strict=False))
    pictures["thumb"] = orient(_thumb(whole), orientation)
    for name, shown in (("crops", changed), ("marks", crops[len(places) :])):
        if shown:
            pictures[name] = _stack([_stack(crop.upright(orientation), axis=1) for crop in shown], axis=0)
    if worst:
        rows, columns = doubtful[0]
        centre = int(found.worst_y) - rows.start, int(found.worst_x) - columns.start
        enlarged = _enlarge(worst[0], found.infrared[rows, columns].values, centre)
        pictures["worst"] = _stack([orient(each, orientation) for each in enlarged], axis=1)
    return pictures


@contextmanager
def replacing_previews(pictures: Mapping[str, Picture], folder: str | os.PathLike[str]) -> Iterator[list[Path]]:
    """Write pictures of `draw_previews` to a folder as JPEG, and give their paths.

    On success they replace those of an earlier run, others of which are removed; on any error those stay.
    """
    files = {name: Path(folder, f"{name}.jpg") for name in PICTURES}
    shown = [files[name] for name in pictures]
    with replacing_together(shown) as parts:
        for part, picture in zip(parts, pictures.values(), strict=True):
            write_jpeg(part, picture)
        yield shown
    for name in set(PICTURES) - set(pictures):
        files[name].unlink(missing_ok=True)


def _enlarge(worst: Views, infrared: np.ndarray, centre: tuple[int, int]) -> list[Picture]:
    """Visible, infrared, marks and (if healed) healed, of the doubtful place as stored, enlarged; a ring around the
    centre of the marks.
    """
    low, high = np.nanpercentile(infrared, INFRARED_RANGE) if np.isfinite(infrared).any() else (0, 1)
    gray = view_plane(np.nan_to_num(infrared), low, max(high, low + 1))[..., None].repeat(3, axis=2)
    healed = [] if worst.after is None else [worst.after]
    before, gray, mask, *healed = (
        np.asarray(view, np.uint8).repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
        for view in (worst.before, gray, worst.mask, *healed)
    )
    marked = mark_mask(before, mask)
    cv2.circle(marked, (ENLARGED * centre[1], ENLARGED * centre[0]), ENLARGED * RING_RADIUS, RING, 1, cv2.LINE_AA)
    return [before, gray, marked, *healed]


def _read(counts: xr.DataArray, healed: xr.DataArray | None, places: Sequence[Place]) -> list[list[np.ndarray]]:
    """Compute, for the slide and the healed slide at once, a small version of the whole and then each place."""
    planes = [counts] if healed is None else [counts, healed]
    lazy = [[_thin(plane), *(plane.data[: len(VISIBLE), *place] for place in places)] for plane in planes]
    pieces: tuple[list[np.ndarray], ...] = compute(*lazy)
    return [[_deepened(piece, counts.dtype) for piece in of_slide] for of_slide in pieces]


def _step(shape: tuple[int, ...]) -> int:
    """Rows and columns of a slide per pixel of its preview."""
    return max(1, round(max(shape) / PREVIEW))


def _thin(plane: xr.DataArray) -> Any:
    """Means of R, G, B over whole squares of pixels, lazy; rows and columns left over at the end are dropped."""
    step = _step(plane.shape[1:])
    if step == 1:
        return plane.data[: len(VISIBLE)]
    height, width = (length // step for length in plane.shape[1:])
    squares = plane[: len(VISIBLE), : height * step, : width * step]
    rows = squares.chunk().data.rechunk((-1, THIN_ROWS // step * step, -1), method=TASKS)
    sizes = tuple(chunk // step for chunk in rows.chunks[1])
    return rows.map_blocks(_average, step, chunks=((len(VISIBLE),), sizes, (width,)), dtype=plane.dtype)


def _average(bands: np.ndarray, step: int) -> np.ndarray:
    size = bands.shape[2] // step, bands.shape[1] // step
    return np.stack([cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in bands])


def _deepened(counts: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """8-bit counts on the scale of 16-bit counts, if the slide has those."""
    return counts if counts.dtype == dtype else counts.astype(dtype) * np.array(257, dtype)


def _view(
    pieces: Sequence[Sequence[np.ndarray]], mask: Mask, places: Sequence[Place], attributes: Mapping[str, Any]
) -> list[Views]:
    """Turn the pieces into pictures with one curve for the whole slide, and cut the mask in the same way."""
    height, width = pieces[0][0].shape[1:]
    step = _step(mask.shape)
    small = mask if step == 1 else count_marked(mask[: height * step, : width * step], step, (height, width)) > 0
    masks = [small, *(mask[place] for place in places)]
    display = {name: attributes[name] for name in ("polarity", "gamma") if name in attributes}
    flat = np.concatenate([piece.reshape(len(VISIBLE), 1, -1) for of_slide in pieces for piece in of_slide], axis=2)
    seen = view_picture(flat, reference=pieces[0][0], **display)[0]
    cuts = np.split(seen, np.cumsum([part.size for part in masks * len(pieces)])[:-1])
    shaped = [cut.reshape(*part.shape, -1) for cut, part in zip(cuts, masks * len(pieces), strict=True)]
    after: list[Picture | None] = [*shaped[len(masks) :]] or [None] * len(masks)
    return [Views(*views) for views in zip(shaped, masks, after, strict=False)]


def _thumb(whole: Views) -> Picture:
    """The whole, smaller, with marks coloured: outlines would be larger than most marks."""
    height, width = whole.mask.shape
    step = max(height, width) / min(THUMB, max(height, width))
    shape = max(1, round(height / step)), max(1, round(width / step))
    small = cv2.resize(whole.before, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    marks = cv2.resize(whole.mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) > 0
    return mark_mask(small, marks, width=0, tint=1)


def _stack(pictures: Sequence[Picture], axis: int) -> Picture:
    """Join pictures, gray gaps between them."""
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, GAP_GRAY, np.uint8)
    return np.concatenate([part for picture in pictures for part in (gap, picture)][1:], axis=axis)
