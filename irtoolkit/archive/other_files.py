"""Files of other kinds in the folders of a call, which are passed over."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from irtoolkit.archive.search import folders_below, list_folder
from irtoolkit.archive.tasks import REPORT, attempt
from irtoolkit.files import SIDECAR_SUFFIXES, SLIDE_SUFFIXES
from irtoolkit.schema import counted

MOST_KINDS = 5
KNOWN = {*SLIDE_SUFFIXES, *SIDECAR_SUFFIXES}


def describe_other_files(paths: Sequence[str], out: Path | None = None) -> list[str]:
    """A line that counts the files in folders that are neither slides nor infrared, by ending; none without any."""
    files = {file.resolve() for path in paths if Path(path).is_dir() for file in _other_files(Path(path), out)}
    if not files:
        return []
    kinds = Counter(file.suffix.lower() or "no ending" for file in files).most_common()
    endings = [*(kind for kind, _ in kinds[:MOST_KINDS]), *(["..."] if kinds[MOST_KINDS:] else [])]
    return [f"passed over: {counted(len(files), 'file')} of other kinds ({', '.join(endings)})"]


def _other_files(folder: Path, out: Path | None) -> Iterator[Path]:
    """Such files below a folder, without hidden ones and what runs have written."""
    runs: set[Path] = set()
    for place in folders_below(folder, out):
        if attempt((place / REPORT).is_file) is True or not runs.isdisjoint(place.parents):
            runs.add(place)
            continue
        others = (
            file for file in list_folder(place) if file.suffix.lower() not in KNOWN and not file.name.startswith(".")
        )
        yield from (file for file in others if attempt(file.is_file) is True)
