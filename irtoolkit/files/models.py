"""Models of a roll as JSON files."""

import json
from math import isnan
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import xarray as xr

from irtoolkit.files.plain_json import parse_json, read_text
from irtoolkit.files.targets import AnyPath, write_whole
from irtoolkit.schema import VERSION, ModelError

KIND = "irtoolkit crosstalk model"
FORMAT = 5
"""Number of the format; 1 had no data of the slides, 2 had other names of variables, 3 no ratio, 4 other terms."""


def write_model(model: xr.Dataset, path: AnyPath) -> Path:
    """Write a model from `fit_roll` as JSON, atomically, every number exact; return the path."""
    content = {"kind": KIND, "format": FORMAT, "version": VERSION, "model": _without_nan(model.to_dict())}
    return write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def _without_nan(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def read_model(path: AnyPath) -> xr.Dataset:
    """Read a file that `write_model` wrote; what its variables hold is not checked.

    Raises
    ------
    ModelError
        The file is no model, or a model of another format.
    """
    try:
        content = parse_json(read_text(path))
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise ValueError("it is not of the kind")
        if content.get("format", 1) != FORMAT:
            raise ModelError(
                f"{path}: this model was written by another version of irtoolkit; fit the roll again (format"
                f" {shortened(content.get('format', 1))} instead of {FORMAT}, version"
                f" {shortened(content.get('version', 'unknown'))})"
            )
        return _to_dataset(content.get("model"))
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"{path}: this is no model; give a file written by irtoolkit fit ({error})") from error


def _to_dataset(model: Any) -> xr.Dataset:
    """The Dataset of plain values; `ValueError` names the first that is no variable."""
    parts = [dict(model).get(name) for name in ("data_vars", "coords", "attrs")] if isinstance(model, dict) else [None]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError("it has no data_vars, coords and attrs")
    *arrays, attributes = (dict(part or {}) for part in parts)
    variables, coordinates = ({name: _variable(name, each) for name, each in part.items()} for part in arrays)
    return xr.Dataset(variables, coordinates, attributes)


def _variable(name: str, value: Any) -> tuple[list[str], np.ndarray]:
    """Dimensions and values; unknown numbers become NaN."""
    dimensions = value.get("dims") if isinstance(value, dict) else None
    if not isinstance(dimensions, list) or not all(isinstance(each, str) for each in dimensions):
        raise ValueError(f"{name} has no dimensions")
    try:
        values = np.asarray(value.get("data"))
        values = values.astype(float) if values.dtype == object else values
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} holds no numbers: {error}") from error
    if values.ndim != len(dimensions):
        raise ValueError(f"{name} has {len(dimensions)} dimensions, but its values have {values.ndim}")
    return dimensions, values
