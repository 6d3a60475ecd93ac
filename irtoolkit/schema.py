"""What every module shares: the version, the names of bands and variables, the errors, how a door hands on names."""

import ast
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import get_data
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

VERSION = "0.2.0"

VISIBLE = ("R", "G", "B")
INFRARED = "IR"
BANDS = (*VISIBLE, INFRARED)
DIMENSIONS = ("band", "y", "x")

Names = Mapping[str, tuple[str, str]]

VARIABLES: Names = {
    "band": ("band", "1"),
    "y": ("row", "px"),
    "x": ("column", "px"),
    "counts": ("counts", "count"),
    "infrared": ("infrared on the grid of the colours, 16 bit", "count"),
    "residual": ("residual: infrared density without crosstalk (log10)", "1"),
    "score": ("score: residual over local noise", "sigma"),
    "mask": ("mask: true at a defect", "1"),
    "healed": ("healed counts", "count"),
    "coverage": ("share of the picture that is marked", "1"),
    "defects": ("number of defects", "1"),
    "largest": ("share of the picture that the largest mark covers", "1"),
    "shift_y": ("shift of the infrared, rows down", "px"),
    "shift_x": ("shift of the infrared, columns right", "px"),
    "shift_uncertainty": ("standard error of the shift", "px"),
    "aligned": ("the slide gave evidence of its shift", "1"),
    "unseen": ("share of the picture without infrared", "1"),
    "no_data": ("share of the picture where the infrared holds no data", "1"),
    "holder": ("share of the scan that is holder", "1"),
    "blur": ("blur of the infrared against the colours", "px"),
    "r2": ("share of the infrared's variation that the colours explain", "1"),
    "slopes": ("change of infrared density per change of visible density", "1"),
    "sigma": ("noise of the residual (density, log10)", "1"),
    "misfit": ("misfit of the slide to its roll, 1 is usual", "1"),
    "own_fit": ("the slide's own fit is used, not its roll's", "1"),
    "agreement": ("visible over infrared density of the damage", "1"),
    "inverted": ("the picture is a positive made from a negative", "1"),
    "clipped": ("share of the infrared that is saturated", "1"),
    "clearest": ("density of the clearest film in blue (log10)", "1"),
    "densest": ("mean density of the densest film (log10)", "1"),
    "tint": ("tint of the clearest film (density, log10)", "1"),
    "chroma": ("difference between the colours (density, log10)", "1"),
    "threshold": ("threshold of the score", "sigma"),
    "fdr": ("estimated share of false marks", "1"),
    "candidates": ("number of possible defects", "1"),
    "decoys": ("number of decoys", "1"),
    "candidate_score": ("score of a possible defect", "sigma"),
    "decoy_score": ("score of a decoy", "sigma"),
    "worst_y": ("row of the doubtful place", "px"),
    "worst_x": ("column of the doubtful place", "px"),
    "mark_y": ("row of a mark, the least certain first", "px"),
    "mark_x": ("column of a mark, the least certain first", "px"),
    "ratio_r": ("density of defects in red over infrared", "1"),
    "ratio_g": ("density of defects in green over infrared", "1"),
    "ratio_b": ("density of defects in blue over infrared", "1"),
    "ratio_error": ("standard error of the mean ratio", "1"),
    "ratio_scatter": ("scatter of the ratio between defects", "1"),
    "dust_shift_y": ("shift of the defects in the infrared, rows down", "px"),
    "dust_shift_x": ("shift of the defects in the infrared, columns right", "px"),
    "undamaged": ("counts of the same film without damage", "count"),
    "transmittance": ("share of visible light that passes the defects", "1"),
    "truth": ("true defects", "1"),
    "visibility": ("visible contrast of a defect over the visible noise", "1"),
    "top": ("first row of the defect", "px"),
    "left": ("first column of the defect", "px"),
    "bottom": ("row below the defect", "px"),
    "right": ("column right of the defect", "px"),
    "area": ("area of the defect, in pixels", "px"),
    "length": ("length of the defect", "px"),
    "width": ("width of the defect", "px"),
    "area_um2": ("area of the defect", "um2"),
    "length_um": ("length of the defect", "um"),
    "width_um": ("width of the defect", "um"),
    "straightness": ("straightness of the defect, at most 1", "1"),
    "kind": ("kind of defect", "1"),
    "peak_opacity": ("largest share of infrared light that the defect blocks", "1"),
    "mean_opacity": ("mean share of infrared light that the defect blocks", "1"),
    "probability_false": ("probability that the defect is noise", "1"),
    "slide": ("slide", "1"),
    "name": ("name of the slide's outputs", "1"),
    "roll": ("roll", "1"),
    "status": ("done, refused or failed", "1"),
    "reason": ("why the slide was not cleaned", "1"),
    "review": ("why a person should look at the slide", "1"),
    "weight": ("importance of the remarks", "1"),
    "decision": ("what a person decided", "1"),
    "note": ("note of the run", "1"),
    "kept": ("what the healed file does not carry over unchanged", "1"),
    "dpi": ("resolution", "px/inch"),
    "film": ("film", "1"),
    "scanner": ("scanner", "1"),
    "layout": ("layout of the file", "1"),
    "megapixels": ("size of the scan in megapixels", "1e6 px"),
    "seconds": ("time to clean the slide", "s"),
    "overview": ("counts of the whole slide", "count"),
    "density": ("visible density (log10)", "1"),
    "ghost": ("predicted infrared density (log10)", "1"),
    "count": ("number of pixels", "1"),
    "edge": ("lower edge of the bin", "sigma"),
}
"""`long_name` and `units` of the variables of public Datasets, by name; "1" is for what has no unit."""

MODEL: Names = {
    **VARIABLES,
    "densest": ("density of the densest film (log10)", "1"),
    "maximum": ("density that no film exceeds (log10)", "1"),
    "darkest": ("light of the darkest places, 16 bit", "count"),
    "offset": ("black level, 16 bit", "count"),
    "softness": ("light under which density is linear in light, 16 bit", "count"),
    "exponent": ("exponent of light over counts", "1"),
    "flare": ("share of the surroundings' light in a pixel", "1"),
    "flare_blur": ("blur of the light that is flare", "px"),
    "prediction": ("coefficient of the ghost before its blur", "1"),
    "coefficient": ("coefficient of the crosstalk", "1"),
    "standard_error": ("standard error of the coefficient", "1"),
    "neutral": ("least share of a colour that another explains", "1"),
    "displacement_coefficient": ("coefficient of the displacement", "px"),
    "displacement_scatter": ("scatter of the shift between slides", "px"),
    "displacement_uncertainty": ("usual standard error of a slide's shift", "px"),
    "noise_bias": ("coefficient of the residual's centre (density, log10)", "1"),
    "noise_blocked": ("coefficient of ln(noise) of positive residuals", "1"),
    "noise_bright": ("coefficient of ln(noise) of negative residuals", "1"),
    "noise_low": ("least value of the noise feature", "1"),
    "noise_high": ("greatest value of the noise feature", "1"),
    "noise_usual": ("value of the noise feature on usual film", "1"),
    "spread": ("robust sigma of the residual (density, log10)", "1"),
    "information": ("inverse covariance of a slide's coefficients", "1"),
    "usual_misfit": ("misfit that counts as 1", "1"),
    "weight": ("weight of the slide in the roll", "1"),
    "ratio_bands": ("density of defects in a colour over infrared", "1"),
    "slide_r2": ("R² of the slide's own fit", "1"),
    "slide_slopes": ("slopes of the slide's own fit", "1"),
    "slide_sigma": ("noise of the slide's own fit (density, log10)", "1"),
    "slide_shift_y": ("shift of the slide's infrared, rows down", "px"),
    "slide_shift_x": ("shift of the slide's infrared, columns right", "px"),
    "slide_ratios": ("density of the slide's defects in a colour over infrared", "1"),
    "outlier": ("the slide has no part in the model", "1"),
    "why": ("why the slide has no part in the model", "1"),
    "term": ("term of the crosstalk", "1"),
    "pointwise": ("term of a pixel's own densities", "1"),
    "shared": ("term that the slides of a roll share", "1"),
}
"""The same of a model, where some names mean something else."""


def describe(dataset: "xr.Dataset", names: Names = VARIABLES) -> "xr.Dataset":
    """The Dataset with `long_name` and `units` at every variable that the table names; nothing is computed."""
    described = dataset.copy()
    for name, variable in described.variables.items():
        if name in names:
            variable.attrs["long_name"], variable.attrs["units"] = names[str(name)]
    return described


class SlideError(ValueError):
    """A slide or model cannot be used; the message says what is wrong, what to do, and the figures."""


class LayoutError(SlideError):
    """The file is not a slide in a layout that this package reads, or it is damaged."""


class NoInfraredError(SlideError):
    """The file is a readable picture, but has no infrared channel."""


class NotUsableError(SlideError):
    """The infrared cannot show defects: it is blocked, as in silver film, or constant, or not exposed."""


class ModelError(SlideError):
    """A crosstalk model is damaged, or does not match the slide."""


def printable(text: str) -> str:
    r"""A text on one line, its control and formatting characters written as escapes: safe to print on a terminal.

    >>> printable("a\x1b[2J\nb ü"), printable("\u202egnp.exe")
    ('a\\x1b[2J\\nb ü', '\\u202egnp.exe')
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def in_words(text: str, longest: int = 1000) -> str:
    r"""A text on one printable line, without its end if it has more characters than `longest`.

    >>> in_words("two\nlines"), in_words("abcdef", 4)
    ('two lines', 'a...')
    """
    line = printable(" ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def counted(count: int, name: str) -> str:
    """A number of things in words.

    >>> counted(1, "slide"), counted(4000, "slide")
    ('1 slide', '4,000 slides')
    """
    return f"{count:,} {name}{'s' * (count != 1)}"


def near(path: str | os.PathLike[str]) -> str:
    """A path as a person would type it: relative to the current folder if it is below that.

    >>> near("slides/a.tif"), near(os.path.abspath("slides/a.tif")) == os.path.join("slides", "a.tif")
    ('slides/a.tif', True)
    """
    here = os.path.join(os.getcwd(), "")
    text = os.fspath(path)
    return text.removeprefix(here) or text


def names_of_door(door: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package with a table of imports under ``if TYPE_CHECKING:``.

    A module of the table is imported when one of its names is asked for, or the module itself (``from DOOR import``).
    """
    tables = [part.body for part in ast.parse(get_data(door, "__init__.py") or b"").body if isinstance(part, ast.If)]
    rows = (row for table in tables for row in table if isinstance(row, ast.ImportFrom))
    places = {alias.name: str(row.module) for row in rows for alias in row.names}

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {door!r} has no attribute {name!r}")
        return import_module(f"{door}.{name}") if places[name] == door else getattr(import_module(places[name]), name)

    return get, lambda: sorted(places)
