"""A field of displacements over a slide: fitted to measured places, and the infrared resampled along it."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from irtoolkit.alignment.film import film_at
from irtoolkit.arrays import Tile, map_blocks, to_sixteen_bits

DIRECTIONS = ("y", "x")
TERMS = ("1", "y", "x", "y2", "y3")
STAGES = ((1, 1), (3, 3), (5, 3))
NEEDED = 25.0
OUTLIER = 3.0
WORTHWHILE = 0.1
LANCZOS_REACH = 4
FEWEST, LEAST_SCATTER, BADLY = 3, 0.15, 1.5
STEPS = np.float32(32)


class Sample(NamedTuple):
    """A tile of a slide with its infrared on the colour grid.

    `planes` (4, y, x): float32 16-bit counts of R, G, B, IR, infrared NaN where it saw no film; `place`: rows (y, 1)
    and columns (1, x), from -1 to 1 over the slide.
    """

    planes: np.ndarray
    place: tuple[np.ndarray, np.ndarray]


def no_displacement(shape: tuple[int, int]) -> xr.Dataset:
    """Field of an infrared plane that lies exactly on a colour grid of this height and width."""
    return make_displacement(np.zeros((len(DIRECTIONS), len(TERMS))), shape)


def make_displacement(coefficient: np.ndarray, shape: tuple[int, int]) -> xr.Dataset:
    """Field from its coefficients (direction, term); see `fit_displacement`."""
    return xr.Dataset(
        {
            "shift_y": coefficient[0, 0],
            "shift_x": coefficient[1, 0],
            "displacement": (("direction", "displacement_term"), coefficient),
        },
        coords={"direction": list(DIRECTIONS), "displacement_term": list(TERMS)},
        attrs={"height": shape[0], "width": shape[1]},
    )


def fit_displacement(
    places: np.ndarray, moves: np.ndarray, information: np.ndarray, shape: tuple[int, int]
) -> tuple[xr.Dataset, float]:
    """Fit a field to displacements measured at places, robustly, and tell the standard error of its shift.

    A shift first; then scale and rotation (the six affine terms), then a drift along the rows to the third power: each
    where it lowers chi-squared by 25 and moves some corner by a tenth of a pixel. Displacements beyond 3 sigma are
    weighted down (Huber 1964, doi:10.1214/aoms/1177703732), and the errors are scaled so that half of them are as
    large as they should be.

    Parameters
    ----------
    places
        (place, 2) row and column.
    moves
        (place, 2) displacement in y and x, pixels.
    information
        (place, 2, 2) inverse covariance of each displacement.
    shape
        Height and width of the slide.

    Returns
    -------
    xarray.Dataset
        Scalars `shift_y` and `shift_x`, pixels, at the centre (infrared at (y + shift_y, x + shift_x) shows what colour
        shows at (y, x)); `displacement` (direction, displacement_term): polynomials of the place relative to the
        centre, in thousands of pixels. Attributes: height and width.
    float
        Standard error of the shift at the centre, pixels, the larger of both directions.
    """
    terms = _terms(places, shape)
    best, error, chi2, scale = _fit_terms(terms, moves, information, STAGES[0])
    for stage in STAGES[1:]:
        if len(places) < 2 * sum(stage):
            break
        fitted, _, new_chi2, _ = _fit_terms(terms, moves, information, stage, scale)
        moved = largest_displacement(make_displacement(fitted - best, shape))
        if chi2 - new_chi2 > NEEDED and moved > WORTHWHILE:
            best, error, chi2, scale = _fit_terms(terms, moves, information, stage)
    return make_displacement(best, shape), error


def _fit_terms(
    terms: np.ndarray, moves: np.ndarray, information: np.ndarray, stage: tuple[int, int], scale: float | None = None
) -> tuple[np.ndarray, float, float, float]:
    """Coefficients (direction, term), standard error of the shift, chi-squared, and the scale of the errors.

    The scale is that of the median distance (a chi-squared of two degrees of freedom has its median at 1.386), 1 at
    least, unless it is given.
    """
    number_y, number_x = stage
    design = np.zeros((len(terms), 2, number_y + number_x))
    design[:, 0, :number_y], design[:, 1, number_y:] = terms[:, :number_y], terms[:, :number_x]
    weights, used = np.ones(len(terms)), scale or 1.0
    for _ in range(10):
        weighted = information * (weights / used**2)[:, None, None]
        normal = np.einsum("pia,pij,pjb->ab", design, weighted, design)
        covariance = np.linalg.pinv(normal, hermitian=True)
        solution = covariance @ np.einsum("pia,pij,pj->a", design, weighted, moves)
        missed = moves - design @ solution
        distance2 = np.einsum("pi,pij,pj->p", missed, information, missed)
        used = scale or max(1.0, float(np.sqrt(np.median(distance2) / 1.386)))
        weights = np.minimum(1.0, OUTLIER * used / np.sqrt(np.maximum(distance2, 1e-12)))
    coefficient = np.zeros((2, len(TERMS)))
    coefficient[0, :number_y], coefficient[1, :number_x] = solution[:number_y], solution[number_y:]
    variance = max(covariance[0, 0], covariance[number_y, number_y]) if normal.any() else np.inf
    return coefficient, float(np.sqrt(variance)), float((weights * distance2).sum() / used**2), used


def _terms(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Terms (place, displacement_term) of the field at places (place, 2)."""
    y, x = _from_centre(places[:, 0], shape[0]), _from_centre(places[:, 1], shape[1])
    return np.stack([np.ones_like(y), y, x, y**2, y**3], axis=1)


def _from_centre(index: np.ndarray, length: int) -> np.ndarray:
    return np.asarray((index - (length - 1) / 2) / 1000)


def displacement_at(displacement: xr.Dataset, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Displacement (2, rows, columns) in y and x, float32 pixels, at every row and column."""
    y, x = _from_centre(rows, displacement.attrs["height"]), _from_centre(columns, displacement.attrs["width"])
    coefficient = displacement.displacement.values
    along_rows = coefficient[:, [0, 1, 3, 4]] @ np.stack([np.ones_like(y), y, y**2, y**3])
    along_columns = coefficient[:, 2, None] * x
    return along_rows[:, :, None].astype(np.float32) + along_columns[:, None, :].astype(np.float32)


def _moves(displacement: xr.Dataset, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Displacement in the steps that the resampling makes of it whatever the block."""
    return np.round(displacement_at(displacement, rows, columns) * STEPS) / STEPS


def largest_displacement(displacement: xr.Dataset) -> float:
    """Largest displacement along y or x, in pixels, anywhere on the slide."""
    rows, columns = (np.linspace(0, displacement.attrs[side] - 1, 33) for side in ("height", "width"))
    return float(np.abs(displacement_at(displacement, rows, columns)).max())


def roll_displacement(displacements: Sequence[xr.Dataset]) -> xr.Dataset:
    """Median of the fields that are trusted, to stand in where a slide of the roll tells nothing; 0 of none.

    Of three and more, `shift_scatter` (direction), px, says how far slides lie apart (robust sigma, at least .15), and
    `usual_uncertainty`, px, how well they tell it.
    """
    trusted = [field for field in displacements if field.trusted]
    coefficients = [field.displacement.values for field in trusted] or [np.zeros((len(DIRECTIONS), len(TERMS)))]
    median = np.median(coefficients, axis=0)
    field = make_displacement(median, (0, 0)).drop_attrs()
    if len(trusted) < FEWEST:
        return field
    scatter = 1.4826 * np.median(np.abs(np.array(coefficients) - median), axis=0)[:, 0]
    usual = float(np.median([float(one.shift_uncertainty) for one in trusted]))
    field = field.assign(shift_scatter=("direction", np.maximum(scatter, LEAST_SCATTER)))
    return field.assign(usual_uncertainty=usual)


def doubtful(displacement: xr.Dataset, roll: xr.Dataset) -> bool:
    """Whether a slide's displacement is not to be trusted, or is told badly and lies 3 sigma off those of its `roll`.

    Told badly is a shift whose uncertainty is over 1.5 times what is usual on the roll: one edge in a nearly black
    slide gave .8 px too much, and called it certain to .09 px where its roll's others were to .045 px.
    """
    if not displacement.trusted or "shift_scatter" not in roll:
        return not displacement.trusted
    badly = float(displacement.shift_uncertainty) > BADLY * float(roll.usual_uncertainty)
    apart = np.abs(displacement.displacement.values - roll.displacement.values)[:, 0] / roll.shift_scatter.values
    return badly and bool((apart > OUTLIER).any())


def align_samples(samples: Sequence[Tile], displacement: xr.Dataset, film: xr.DataArray) -> list[Sample]:
    """Bring the infrared of tiles (4, y, x) of counts onto the colour grid, as `shift_infrared` does."""
    shape = displacement.attrs["height"], displacement.attrs["width"]
    aligned = []
    for tile in samples:
        start, size = (tile.row, tile.column), tile.planes.shape[1:]
        infrared = _resample(tile.planes[3:], displacement=displacement, film=film, start=start)
        planes = np.concatenate([to_sixteen_bits(tile.planes[:3]), infrared])
        aligned.append(Sample(planes, frame_place(start, size, shape)))
    return aligned


def frame_place(start: tuple[int, int], size: tuple[int, ...], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (y, 1) and columns (1, x) of a piece of a slide of this shape, from -1 to 1 over the slide, float32."""
    y, x = (
        ((np.arange(length) + first) * (2 / (whole - 1)) - 1).astype(np.float32)
        for first, length, whole in zip(start, size, shape, strict=True)
    )
    return y[:, None], x[None, :]


def shift_infrared(counts: xr.DataArray, displacement: xr.Dataset, film: xr.DataArray) -> xr.DataArray:
    """Resample the infrared onto the colour grid by Lanczos' kernel of eight taps, which keeps thin minima; lazy.

    Parameters
    ----------
    counts
        (band, y, x) with the infrared last.
    displacement
        From `fit_displacement`; under .1 px everywhere it is left alone, because every resampling softens thin defects.
    film
        From `measure_film`.

    Returns
    -------
    xarray.DataArray
        (y, x) float32 16-bit counts; NaN where the infrared's frame ends, or either saw no film.
    """
    depth = int(np.ceil(largest_displacement(displacement))) + LANCZOS_REACH + 1
    kernel = partial(_resample, displacement=displacement, film=film)
    data = map_blocks(kernel, counts.data[3:], depth=depth, dtype=np.float32, located=True)
    return xr.DataArray(data[0], dims=("y", "x"), name="infrared")


def _resample(
    infrared: np.ndarray, *, displacement: xr.Dataset, film: xr.DataArray, start: tuple[int, int]
) -> np.ndarray:
    plane = to_sixteen_bits(infrared[0])
    known = film_at(film, start, plane.shape)
    if largest_displacement(displacement) >= WORTHWHILE:
        rows, columns = (np.arange(length) for length in plane.shape)
        move_y, move_x = _moves(displacement, rows + start[0], columns + start[1])
        from_y, from_x = rows[:, None].astype(np.float32) + move_y, columns.astype(np.float32) + move_x
        plane = cv2.remap(plane, from_x, from_y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
        if not known.all():
            known &= cv2.remap(known.astype(np.float32), from_x, from_y, cv2.INTER_LINEAR) > 0.999
        known &= _inside(from_y, from_x, plane.shape)
    return np.where(known, plane, np.float32(np.nan))[None]


def unseen_share(displacement: xr.Dataset) -> float:
    """Share of the slide whose infrared lies outside its frame."""
    if largest_displacement(displacement) < WORTHWHILE:
        return 0.0
    height, width = displacement.attrs["height"], displacement.attrs["width"]
    columns, seen = np.arange(width), 0
    for rows in np.array_split(np.arange(height), -(-height // 256)):
        move_y, move_x = _moves(displacement, rows, columns)
        seen += int(_inside(rows[:, None] + move_y, columns + move_x, (height, width)).sum())
    return 1 - seen / (height * width)


def _inside(y: np.ndarray, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (y >= 0) & (y <= shape[0] - 1) & (x >= 0) & (x <= shape[1] - 1)
