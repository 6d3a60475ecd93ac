"""Models of a roll as JSON files."""

import json
import os
from math import isnan
from pathlib import Path
from typing import Any

import xarray as xr

from irtoolkit.files.targets import replacing
from irtoolkit.schema import VERSION, ModelError

KIND = "irtoolkit crosstalk model"
FORMAT = 5
"""Number of the format; 1 had no data of the slides, 2 had other names of variables, 3 no ratio, 4 other terms."""


def write_model(model: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a model from `fit_roll` as JSON, atomically, every number exact; return the path."""
    content = {"kind": KIND, "format": FORMAT, "version": VERSION, "model": _without_nan(model.to_dict())}
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return Path(path)


def _without_nan(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def open_model(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a model that `write_model` wrote.

    Raises
    ------
    ModelError
        The file is no model, or a model of another format.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["kind"] != KIND:
            raise KeyError(content["kind"])
        if content.get("format", 1) != FORMAT:
            raise ModelError(
                f"{path}: this model was written by another version of irtoolkit; fit the roll again (format"
                f" {content.get('format', 1)} instead of {FORMAT}, version {content.get('version', 'unknown')})"
            )
        model = xr.Dataset.from_dict(content["model"])
        return model.map(lambda each: each.astype(float) if each.dtype == object else each)
    except ModelError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: this is no model; give a file written by irtoolkit fit ({error})") from error
