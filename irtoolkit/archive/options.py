"""Options of the command line that become settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from irtoolkit.archive.tasks import CallError
from irtoolkit.files import read_text
from irtoolkit.schema import SlideError
from irtoolkit.settings import Settings

MOST_BYTES = 2**20
"""Bytes of the longest file of settings that is read."""


def read_infrared(choice: str | None) -> str:
    """The choice of --infrared, checked."""
    try:
        return Settings(infrared=choice or "").infrared
    except SlideError as error:
        raise CallError(f"--{error}") from error


def read_settings(options: Mapping[str, Any]) -> Settings:
    """Settings from the TOML file, overruled by the options that were given; errors name the option or the file."""
    chosen: dict[str, Any] = {}
    if options["file"]:
        chosen = _read_toml(options["file"])
        known = [field.name for field in fields(Settings)]
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            raise CallError(f"{options['file']}: unknown settings {', '.join(unknown)}; use {', '.join(known)}")
    names = {"fdr": "false_discovery_rate"} | {
        name: name for name in ("visibility", "threshold", "heal", "format", "infrared")
    }
    given = {name: option for option, name in names.items() if options[option] is not None}
    try:
        return Settings(**chosen | {name: options[option] for name, option in given.items()})
    except SlideError as error:
        name, _, problem = str(error).partition(" ")
        place = f"--{given[name]}" if name in given else f"{options['file']}: {name}"
        raise CallError(f"{place} {problem}") from error


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file, MOST_BYTES))
    except OSError as error:
        raise CallError(f"--settings {file}: {str(error.strerror).lower()}") from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise CallError(f"{file} is not a TOML file: {reason}") from error
