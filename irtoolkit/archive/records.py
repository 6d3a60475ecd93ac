"""The record of a finished slide, its sources and its outputs, from which the next run knows that it is done."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from irtoolkit.archive.names import is_name_of
from irtoolkit.archive.previews import preview_folder
from irtoolkit.archive.record_fields import KIND, check_record
from irtoolkit.files import digest_header, parse_json, read_text, write_whole
from irtoolkit.schema import VERSION
from irtoolkit.settings import Settings

RECORD = "record.json"
BLOCK, BLOCKS = 4096, 64
"""Bytes of a block, and number of blocks, besides the header, that a digest samples."""

MOST_BYTES = 2**20
"""Bytes of the longest record that is read."""

Record = dict[str, Any]
Source = dict[str, Any]


def identify(file: Path) -> Source:
    """Name, size, time of change, digest of the header, and digest of 64 blocks spread over the file, of a source."""
    status, header = file.stat(), digest_header(file)
    about = {"name": file.name, "size": status.st_size, "changed": status.st_mtime_ns}
    return about | {"header": header, "digest": _digest(file)}


def is_same(file: Path, known: Source) -> bool:
    """Whether a file is the identified source; of its content, only the header is read unless its time differs.

    Sources that were identified by an earlier version have no digest of their header.
    """
    status = file.stat()
    if status.st_size != known["size"] or known.get("header") not in (None, digest_header(file)):
        return False
    return status.st_mtime_ns == known["changed"] or _digest(file) == known["digest"]


def is_source(file: Path, known: Source) -> bool:
    """Whether a file can be read and is the identified source."""
    try:
        return is_same(file, known)
    except OSError:
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        content = hashlib.sha256(source.read(BLOCK))
        for place in np.linspace(BLOCK, max(size - BLOCK, BLOCK), BLOCKS).astype(int).tolist():
            source.seek(place)
            content.update(source.read(BLOCK))
    return content.hexdigest()


def digest_of(value: Mapping[str, Any]) -> str:
    """Digest of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def recipe(settings: Settings, compression: str, model: str, decision: str = "", mask: str = "") -> dict[str, str]:
    """What determines the outputs besides the sources: version, settings, digest of the model, and a `mask` of its own.

    The settings are those of the slide, changed by the `decision` about it.
    """
    given = {"mask": mask} if mask else {}
    chosen = digest_of(asdict(settings) | {"compression": compression, "decision": decision} | given)
    return {"version": VERSION, "settings": chosen, "model": model}


def read_records(folder: Path) -> dict[str, Record]:
    """The record of every slide that an output folder holds, by slide, each with the `name` of the slide's outputs.

    A slide whose outputs were removed is left out, and so is one that was not cleaned and whose source is gone.
    """
    top = preview_folder(folder, "")
    found: dict[str, Record] = {}
    for place, _, files in os.walk(top):
        record = read_record(Path(place) / RECORD) if RECORD in files else None
        name = Path(place).relative_to(top).as_posix()
        if record and is_name_of(name, record["row"]["slide"]) and _stands(record | {"name": name}, folder):
            found[record["row"]["slide"]] = record | {"name": name}
    return found


def _stands(record: Record, folder: Path) -> bool:
    if record["outputs"]:
        place = (folder / record["name"]).parent
        return any((place / name).is_file() for name in record["outputs"])
    return "source" not in record or os.path.exists(record["source"])


def keep_failure(row: Mapping[str, Any], source: Path, file: Path) -> None:
    """Record the row of a slide that was not cleaned, unless there is a record of earlier outputs or of a refusal."""
    known = read_record(file, row["slide"])
    if known is None or "about" not in known:
        with suppress(OSError):
            sources = [identify(source)] if source.exists() else []
            write_record({"source": str(source), "sources": sources, "outputs": {}, "row": row}, file)


def record_file(folder: Path, name: str) -> Path:
    """Path of the record of the slide called `name`, beside its pictures."""
    return preview_folder(folder, name) / RECORD


def write_record(record: Record, file: Path) -> None:
    """Write a record atomically, as the last file of its slide."""
    write_whole(file, (json.dumps({"kind": KIND, **record}, indent=1) + "\n").encode())


def read_record(file: Path, slide: str | None = None) -> Record | None:
    """The record in a file, or None if a field is missing or wrong, or it is of another slide than a given one."""
    try:
        record: Record = parse_json(read_text(file, MOST_BYTES))
        check_record(record)
    except (OSError, ValueError):
        return None
    return record if slide in (None, record["row"]["slide"]) else None


def of_sources(record: Record, folder: Path) -> bool:
    """Whether the sources in `folder` are those of the record."""
    return all(is_source(folder / source["name"], source) for source in record["sources"])


def is_of(record: Record, file: Path) -> bool:
    """Whether a record is of this file: it is in the folder of the record's source, or has its content.

    A record without `source` is of an earlier version, and taken for one of this file.
    """
    folder = Path(record.get("source", file)).parent
    same = folder == file.parent or folder.resolve() == file.parent.resolve()
    return same or (bool(record["sources"]) and of_sources(record, file.parent))


def sizes_of(files: Sequence[Path]) -> dict[str, int]:
    """Bytes of each file, by name."""
    return {file.name: file.stat().st_size for file in files}


def pictures_of(record: Record, folder: Path) -> list[Path]:
    """The pictures of a slide in the folder of its record; a record of an earlier version names none."""
    return [folder / name for name in record.get("pictures", {})]


def is_done(record: Record, wanted: Mapping[str, str], outputs: Sequence[Path]) -> bool:
    """Whether the slide was made by the wanted recipe, and its outputs (pictures are, too) are complete."""
    made = {name: record.get(name) for name in wanted} == dict(wanted)
    sizes = record["outputs"] | record.get("pictures", {})
    return made and all(file.is_file() and file.stat().st_size == sizes.get(file.name) for file in outputs)
