"""Bytes that reach new code, by atheris (``make fuzz-coverage``): headers, XMP and tags, records, decisions.

``python -m tests.fuzz.coverage_guided headers CORPUS -max_total_time=3600`` starts from the whole files of every kind,
and keeps what reaches new code in the folder CORPUS. It stops at the first failure and keeps that file.
Options are those of libFuzzer.
"""

import json
import logging
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["irtoolkit.files", "irtoolkit.archive"]):
    from irtoolkit.archive.decisions import read_decisions
    from irtoolkit.archive.records import read_record
    from irtoolkit.files.metadata import describe
    from irtoolkit.schema import SlideError
    from tests.fuzz.looking import check_text, look

from tests.fuzz.headers import noise, wholes
from tests.fuzz.seeds import XMP, profile

FOLDER = Path(tempfile.mkdtemp(prefix="irtoolkit-fuzz-"))
DECISIONS = {"kind": "irtoolkit decisions", "version": 1, "slides": {"a.tif": {}}}
RECORD = {"kind": "irtoolkit record", "row": {"slide": "a.tif"}, "sources": [], "outputs": {}}


def headers(data: bytes) -> None:
    """Look at a file as a slide."""
    path = FOLDER / "a.tif"
    path.write_bytes(data)
    with suppress(SlideError, OSError):
        look([path])


def metadata(data: bytes) -> None:
    """Describe tags: a number that splits the bytes into XMP, profile and texts."""
    parts = [data[1:][start :: data[0] % 3 + 1] for start in range(3)] if data else [b""] * 3
    text = parts[2].decode("utf-8", "replace")
    for value in describe([{700: data[1:], 34675: parts[1], 271: text, 305: text}, {700: parts[0]}]).values():
        check_text(str(value), FOLDER)


def records(data: bytes) -> None:
    """Read a record."""
    path = FOLDER / "record.json"
    path.write_bytes(data)
    read_record(path)


def decisions(data: bytes) -> None:
    """Read decisions."""
    (FOLDER / "decisions.json").write_bytes(data)
    with suppress(SlideError, OSError):
        read_decisions(FOLDER)


def starts(target: Callable[[bytes], None]) -> list[bytes]:
    """Bytes to start from."""
    if target is headers:
        return [data for whole in wholes(noise()) for data in whole.files.values()]
    if target is metadata:
        return [b"\0" + XMP, b"\1" + profile(), struct.pack(">I", 3) + profile() + XMP]
    return [json.dumps(DECISIONS if target is decisions else RECORD).encode()]


def main() -> None:
    """Run one target, the first argument, on a corpus, the second."""
    logging.getLogger("irtoolkit").setLevel(logging.CRITICAL)
    target = {each.__name__: each for each in (headers, metadata, records, decisions)}[sys.argv.pop(1)]
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(starts(target)):
        (corpus / f"start-{number}").write_bytes(data)
    atheris.Setup([*sys.argv, f"-artifact_prefix={corpus}{os.sep}", "-timeout=10", "-rss_limit_mb=2000"], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
