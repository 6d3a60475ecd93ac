"""Models of a roll as JSON files."""

import json
import os
from pathlib import Path

import xarray as xr

from irtoolkit.files.targets import replacing
from irtoolkit.schema import VERSION, ModelError

KIND = "irtoolkit crosstalk model"
FORMAT = 3
"""Number of the format; 1 had no data of the slides, 2 had other names of variables."""


def write_model(model: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a model from `fit_roll` as JSON, atomically, every number exact; return the path."""
    content = {"kind": KIND, "format": FORMAT, "version": VERSION, "model": model.to_dict()}
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return Path(path)


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
        return xr.Dataset.from_dict(content["model"])
    except ModelError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: this is no model; give a file written by irtoolkit fit ({error})") from error
