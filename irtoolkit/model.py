"""What is fitted to a slide or a roll, as typed records, and as the Dataset that is public and kept in files."""

from collections.abc import Mapping
from math import inf
from reprlib import repr as shortened
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.alignment import DIRECTIONS, DISPLACEMENT_TERMS, UsualDisplacement
from irtoolkit.crosstalk import POINTWISE, SHARED, TERMS, Crosstalk, FilmCurve, Pooled
from irtoolkit.detection import PLAIN, SQUARED, Noise
from irtoolkit.files import AnyPath, read_model
from irtoolkit.healing import POSSIBLE, Ratio
from irtoolkit.schema import MODEL, VISIBLE, ModelError, describe


class FittedSlide(NamedTuple):
    """What is known of one slide before anything is marked.

    `misfit`: how far its own crosstalk is from its roll's, where 1 is usual, 0 for a slide fitted by itself;
    `agreement`: visible over infrared density of its damage, NaN where too little is seen; `own_fit`: whether the
    crosstalk is the slide's own, not its roll's.
    """

    crosstalk: Crosstalk
    noise: Noise
    misfit: float
    agreement: float
    own_fit: bool


class OneSlide(NamedTuple):
    """What a model of one slide is based on: its `noise`, and the `spread` of its residual (robust sigma, density)."""

    noise: Noise
    spread: float


class Slides(NamedTuple):
    """What a model of a roll is based on: its slides `pooled`, their file names, and the shift (slide,) of each, px.

    `ratio` is that of the roll's defects, and `ratios` (slide, band) are those of each slide, NaN where it shows none.
    """

    pooled: Pooled
    names: tuple[str, ...]
    shift_y: np.ndarray
    shift_x: np.ndarray
    ratio: Ratio
    ratios: np.ndarray

    @property
    def outlier(self) -> np.ndarray:
        """Which slides (slide,) bool have no part in the model."""
        return np.asarray(self.pooled.weight == 0)

    @property
    def why(self) -> list[str]:
        """Why each slide has no part in the model, "" for one that has."""
        left_out = zip(self.outlier, self.pooled.misfit, strict=True)
        return [f"fits the roll {misfit:.1f} times worse than usual" if out else "" for out, misfit in left_out]


class Model(NamedTuple):
    """The fit of a roll, or of one slide: film and scanner that all its slides name, "" where they do not."""

    crosstalk: Crosstalk
    displacement: UsualDisplacement
    basis: OneSlide | Slides
    film: str
    scanner: str


class Field(NamedTuple):
    """What a variable of a model's Dataset holds: its dimensions, the least and greatest number, whether a number may
    be unknown (NaN), and whether the variable may be missing.
    """

    dimensions: tuple[str, ...] = ()
    least: float = -inf
    most: float = inf
    unknown: bool = False
    optional: bool = False


Fields = Mapping[str, Field]
SOME = 1e-6
"""The least number of what must be above 0."""

_CURVE: Fields = {
    **{"darkest": Field(("band",), 0), "offset": Field(("band",)), "softness": Field(("band",), SOME)},
    **{"densest": Field(("band",)), "maximum": Field(("band",), optional=True)},
    **{"exponent": Field((), 0.01, 100), "flare": Field((), 0, 0.99)},
    "flare_blur": Field((), SOME, 1000, optional=True),
}
_CROSSTALK: Fields = {
    **{"prediction": Field(("pointwise",)), "coefficient": Field(("term",))},
    **{"standard_error": Field(("term",), 0, unknown=True), "slopes": Field(), "neutral": Field((), 0)},
    **{"blur": Field((), 0, 1000), "sigma": Field((), 0), "r2": Field((), most=1, unknown=True)},
}
_NOISE: Fields = {
    **dict.fromkeys(("bias", "blocked", "bright"), Field(("feature",))),
    **dict.fromkeys(("low", "high", "usual"), Field(("plain",))),
}
_SPREAD: Fields = {"spread": Field((), 0)}
_POOLED: Fields = {
    **{"information": Field(("shared", "shared_with")), "usual_misfit": Field((), SOME)},
    **{"misfit": Field(("slide",), 0, unknown=True), "weight": Field(("slide",), 0)},
}
_OWN_FITS: Fields = dict.fromkeys(("r2", "slopes", "sigma"), Field(("slide",), unknown=True))
_RATIO: Fields = {"bands": Field(("band",), *POSSIBLE), "error": Field((), 0), "scatter": Field((), 0)}
_SHIFTS: Fields = dict.fromkeys(("shift_y", "shift_x"), Field(("slide",)))
_OF_SLIDES: Fields = {**_SHIFTS, "ratios": Field(("slide", "band"), unknown=True)}
_DISPLACEMENT: Fields = {
    "coefficient": Field(("direction", "displacement_term")),
    "scatter": Field(("direction",), SOME, optional=True),
    "uncertainty": Field((), 0, unknown=True, optional=True),
}
_LABELS = {"band": VISIBLE, "term": TERMS, "pointwise": POINTWISE, "shared": SHARED}
_SIZES = {
    **{"direction": len(DIRECTIONS), "displacement_term": len(DISPLACEMENT_TERMS), "shared_with": len(SHARED)},
    **{"plain": len(PLAIN), "feature": len(PLAIN) + len(SQUARED)},
}


def to_dataset(model: Model) -> xr.Dataset:
    """The public form of a model; its variables are named as the fields of the records, with a prefix of their step."""
    basis = model.basis
    variables = _pack(model.crosstalk.curve, _CURVE) | _pack(model.crosstalk, _CROSSTALK)
    variables |= _pack(model.displacement, _DISPLACEMENT, "displacement_")
    variables |= {name: ((), shift) for name, shift in zip(_SHIFTS, model.displacement.coefficient[:, 0], strict=True)}
    coordinates: dict[str, Any] = {"band": list(VISIBLE), "term": list(TERMS), "pointwise": list(POINTWISE)}
    if isinstance(basis, OneSlide):
        variables |= _pack(basis.noise, _NOISE, "noise_") | _pack(basis, _SPREAD)
    else:
        variables |= _pack(basis.pooled, _POOLED) | _pack(basis.pooled, _OWN_FITS, "slide_")
        variables |= _pack(basis.ratio, _RATIO, "ratio_")
        variables |= _pack(basis, _OF_SLIDES, "slide_")
        variables |= {"outlier": (("slide",), basis.outlier), "why": (("slide",), np.asarray(basis.why))}
        coordinates |= {"shared": list(SHARED), "slide": list(basis.names)}
    return describe(xr.Dataset(variables, coordinates, {"film": model.film, "scanner": model.scanner}), MODEL)


def open_model(path: AnyPath) -> xr.Dataset:
    """Read a model that `write_model` wrote.

    Raises
    ------
    ModelError
        The file is no model, or one of another format, or a field of it is missing or wrong.
    """
    dataset = describe(read_model(path), MODEL)
    if "coefficient" not in dataset and isinstance(dataset.attrs.get("reason"), str):
        return dataset
    try:
        from_dataset(dataset)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return dataset


def from_dataset(dataset: xr.Dataset) -> Model:
    """The typed form of a model from `to_dataset`; `ModelError` for one that lacks something or has other terms."""
    for name, labels in _LABELS.items():
        if name in dataset.dims and tuple(dataset.get(name, xr.DataArray([])).values.tolist()) != tuple(labels):
            raise ModelError(f"this model has other terms than this version of irtoolkit; fit the roll again ({name})")
    for name in ("film", "scanner"):
        if not isinstance(dataset.attrs.get(name), str):
            raise ModelError(f"this model is incomplete; fit the roll again ({name} must be a text)")
    crosstalk = Crosstalk(curve=FilmCurve(**_unpack(dataset, _CURVE)), **_unpack(dataset, _CROSSTALK))
    displacement = UsualDisplacement(**_unpack(dataset, _DISPLACEMENT, "displacement_"))
    return Model(crosstalk, displacement, _basis(dataset), dataset.attrs["film"], dataset.attrs["scanner"])


def _basis(dataset: xr.Dataset) -> OneSlide | Slides:
    if "spread" in dataset:
        return OneSlide(Noise(**_unpack(dataset, _NOISE, "noise_")), **_unpack(dataset, _SPREAD))
    if "slide" not in dataset.coords:
        raise ModelError("this model is incomplete; fit the roll again (it lacks slide)")
    names = tuple(map(str, dataset["slide"].values))
    pooled = Pooled(**_unpack(dataset, _POOLED), **_unpack(dataset, _OWN_FITS, "slide_"))
    if not _is_inverse_covariance(pooled.information):
        raise ModelError("this model is damaged; fit the roll again (information must be symmetric and positive)")
    ratio = _unpack(dataset, _RATIO, "ratio_")
    red, green, blue = ratio.pop("bands").tolist()
    of_slides = _unpack(dataset, _OF_SLIDES, "slide_")
    return Slides(pooled, names, ratio=Ratio((red, green, blue), **ratio), **of_slides)


def _is_inverse_covariance(information: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(information)
        return np.allclose(information, information.T)
    except np.linalg.LinAlgError:
        return False


def _pack(record: tuple[Any, ...], fields: Fields, prefix: str = "") -> dict[str, tuple[tuple[str, ...], Any]]:
    """Variables of the fields of a record that are known."""
    known = {name: value for name in fields if (value := getattr(record, name)) is not None}
    dims = {name: fields[name].dimensions for name in known}
    return {prefix + name: (dims[name], np.asarray(value) if dims[name] else value) for name, value in known.items()}


def _unpack(dataset: xr.Dataset, fields: Fields, prefix: str = "") -> dict[str, Any]:
    """Fields of a record: numbers, and arrays of what has dimensions."""
    lacking = [prefix + name for name, field in fields.items() if prefix + name not in dataset and not field.optional]
    if lacking:
        raise ModelError(f"this model is incomplete; fit the roll again (it lacks {', '.join(lacking)})")
    known = {name: field for name, field in fields.items() if prefix + name in dataset}
    return {name: _check(dataset[prefix + name], field) for name, field in known.items()}


def _check(variable: xr.DataArray, field: Field) -> Any:
    """The value of a variable; `ModelError` with its name if it is not what its field holds."""
    numbers = variable.dtype.kind in "fiu"
    variable = variable.astype(float) if variable.dtype.kind in "iu" else variable
    sizes = {name: size for name, size in _SIZES.items() if name in field.dimensions}
    if not numbers or variable.dims != field.dimensions or not sizes.items() <= variable.sizes.items():
        wanted = f"numbers on ({', '.join(field.dimensions)})" if field.dimensions else "a number"
        raise _wrong(variable, wanted, f"{variable.dtype} on {shortened(dict(variable.sizes))}")
    known = variable.values[np.isfinite(variable.values)]
    if known.size < variable.size and not field.unknown:
        raise _wrong(variable, "finite", "NaN or an infinite number")
    for number in (known.min(initial=inf), known.max(initial=-inf)):
        if known.size and not field.least <= number <= field.most:
            raise _wrong(variable, f"from {field.least:g} to {field.most:g}", f"{number:g}")
    return variable.values if field.dimensions else variable.item()


def _wrong(variable: xr.DataArray, wanted: str, found: str) -> ModelError:
    return ModelError(f"this model is damaged; fit the roll again ({variable.name} must be {wanted}, not {found})")
