"""What is fitted to a slide or a roll, as typed records, and as the Dataset that is public and kept in files."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from irtoolkit.alignment import UsualDisplacement
from irtoolkit.crosstalk import POINTWISE, SHARED, TERMS, Crosstalk, FilmCurve, Pooled
from irtoolkit.detection import Noise
from irtoolkit.healing import Ratio
from irtoolkit.schema import VISIBLE, ModelError

Dimensions = Mapping[str, tuple[str, ...]]


class FittedSlide(NamedTuple):
    """What is known of one slide before anything is marked.

    `misfit`: how far its own crosstalk is from its roll's, where 1 is usual, 0 for a slide fitted by itself;
    `agreement`: visible over infrared density of its damage, NaN where too little is seen.
    """

    crosstalk: Crosstalk
    noise: Noise
    misfit: float
    agreement: float


class OneSlide(NamedTuple):
    """What a model of one slide rests on: its `noise`, and the `spread` of its residual (robust sigma, density)."""

    noise: Noise
    spread: float


class Slides(NamedTuple):
    """What a model of a roll rests on: its slides `pooled`, their file names, and the shift (slide,) of each, px.

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


_CURVE: Dimensions = {
    **dict.fromkeys(("darkest", "offset", "softness", "densest", "maximum"), ("band",)),
    **dict.fromkeys(("exponent", "flare"), ()),
}
_CROSSTALK: Dimensions = {
    **{"prediction": ("pointwise",), "coefficient": ("term",), "standard_error": ("term",)},
    **dict.fromkeys(("slopes", "neutral", "blur", "sigma", "r2"), ()),
}
_NOISE: Dimensions = {
    **dict.fromkeys(("bias", "blocked", "bright"), ("feature",)),
    **dict.fromkeys(("low", "high"), ("plain",)),
}
_POOLED: Dimensions = {
    **{"information": ("shared", "shared_with"), "usual_misfit": ()},
    **dict.fromkeys(("misfit", "weight"), ("slide",)),
}
_OWN_FITS: Dimensions = dict.fromkeys(("r2", "slopes", "sigma"), ("slide",))
_RATIO: Dimensions = {"bands": ("band",), "error": (), "scatter": ()}
_SHIFTS: Dimensions = dict.fromkeys(("shift_y", "shift_x"), ("slide",))
_OF_SLIDES: Dimensions = {**_SHIFTS, "ratios": ("slide", "band")}
_DISPLACEMENT: Dimensions = {
    **{"coefficient": ("direction", "displacement_term"), "scatter": ("direction",), "uncertainty": ()}
}


def to_dataset(model: Model) -> xr.Dataset:
    """The public form of a model; its variables are named as the fields of the records, with a prefix of their step."""
    basis = model.basis
    variables = _pack(model.crosstalk.curve, _CURVE) | _pack(model.crosstalk, _CROSSTALK)
    variables |= _pack(model.displacement, _DISPLACEMENT, "displacement_")
    variables |= {name: ((), shift) for name, shift in zip(_SHIFTS, model.displacement.coefficient[:, 0], strict=True)}
    coordinates: dict[str, Any] = {"band": list(VISIBLE), "term": list(TERMS), "pointwise": list(POINTWISE)}
    if isinstance(basis, OneSlide):
        variables |= _pack(basis.noise, _NOISE, "noise_") | {"spread": ((), basis.spread)}
    else:
        variables |= _pack(basis.pooled, _POOLED) | _pack(basis.pooled, _OWN_FITS, "slide_")
        variables |= _pack(basis.ratio, _RATIO, "ratio_")
        variables |= _pack(basis, _OF_SLIDES, "slide_") | _pack(basis, dict.fromkeys(("outlier", "why"), ("slide",)))
        coordinates |= {"shared": list(SHARED), "slide": list(basis.names)}
    return xr.Dataset(variables, coordinates, {"film": model.film, "scanner": model.scanner})


def from_dataset(dataset: xr.Dataset) -> Model:
    """The typed form of a model from `to_dataset`; `ModelError` for one that lacks something or has other terms."""
    if tuple(dataset.get("term", xr.DataArray([])).values) != TERMS:
        raise ModelError("this model has other terms than this version of irtoolkit; fit the roll again")
    try:
        curve = FilmCurve(**_unpack(dataset, _CURVE))
        crosstalk = Crosstalk(curve=curve, **_unpack(dataset, _CROSSTALK))
        displacement = UsualDisplacement(**_unpack(dataset, _DISPLACEMENT, "displacement_"))
        return Model(
            crosstalk, displacement, _basis(dataset), *(str(dataset.attrs[name]) for name in ("film", "scanner"))
        )
    except (KeyError, TypeError) as error:
        raise ModelError(f"this model is incomplete; fit the roll again (it lacks {error})") from error


def _basis(dataset: xr.Dataset) -> OneSlide | Slides:
    if "spread" in dataset:
        return OneSlide(Noise(**_unpack(dataset, _NOISE, "noise_")), dataset["spread"].item())
    names = tuple(map(str, dataset["slide"].values))
    pooled = Pooled(**_unpack(dataset, _POOLED), **_unpack(dataset, _OWN_FITS, "slide_"))
    ratio = _unpack(dataset, _RATIO, "ratio_")
    red, green, blue = ratio.pop("bands").tolist()
    of_slides = _unpack(dataset, _OF_SLIDES, "slide_")
    return Slides(pooled, names, ratio=Ratio((red, green, blue), **ratio), **of_slides)


def _pack(record: tuple[Any, ...], dimensions: Dimensions, prefix: str = "") -> dict[str, tuple[tuple[str, ...], Any]]:
    """Variables of the fields of a record that are known."""
    fields = ((prefix + name, dims, getattr(record, name)) for name, dims in dimensions.items())
    return {name: (dims, np.asarray(value) if dims else value) for name, dims, value in fields if value is not None}


def _unpack(dataset: xr.Dataset, dimensions: Dimensions, prefix: str = "") -> dict[str, Any]:
    """Fields of a record: numbers, and arrays of what has dimensions."""
    known = {name: dataset[prefix + name] for name in dimensions if prefix + name in dataset}
    return {name: value.values if dimensions[name] else value.item() for name, value in known.items()}
