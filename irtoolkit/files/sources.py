"""Sources are only read: nothing is written over them or next to them, under whatever name."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from irtoolkit.files.targets import AnyPath
from irtoolkit.schema import SlideError, near

Identity = tuple[int, int] | str
"""Device and inode of a file or folder; of a new one its path, in small letters."""


@dataclass(frozen=True)
class Sources:
    """Files that are only read, and their folders, by what they are on the disk; the values are the sources."""

    files: Mapping[Identity, Path]
    folders: Mapping[Identity, Path]

    def hold(self, folder: AnyPath) -> bool:
        """Whether a source is in this very folder."""
        return _identity(folder) in self.folders

    def check(self, target: AnyPath, top: AnyPath | None = None) -> None:
        """Refuse a target that is one of the sources, or in the folder of one.

        Parameters
        ----------
        target
            It need not exist; links to it or on the way to it are followed.
        top
            A folder above the target: nor may the target's folders up to this one be in the folder of a source.

        Raises
        ------
        SlideError
            The message names the target and the source.
        """
        target = os.fspath(target)
        if source := self.files.get(_identity(target)):
            raise SlideError(f"{near(target)} would overwrite the source {near(source)}; write to another folder")
        for folder in _folders(target, top):
            if source := self.folders.get(_identity(folder)):
                raise SlideError(f"{near(target)} would be next to the source {near(source)}; write to another folder")


def find_sources(paths: Iterable[AnyPath]) -> Sources:
    """The files with these paths; of a link, what it leads to is a source too."""
    files: dict[Identity, Path] = {}
    folders: dict[Path, Path] = {}
    for path in dict.fromkeys(map(Path, paths)):
        files[_identity(path)] = path
        for real in (path, path.resolve()) if path.is_symlink() else (path,):
            folders.setdefault(real.parent, path)
    known = {name: path for folder, path in folders.items() for name in (_identity(folder), _text(folder))}
    return Sources(files, known)


def check_target(path: AnyPath, sources: Iterable[AnyPath]) -> None:
    """Refuse a target that is one of the sources, under any name, or in the folder of one, as `Sources.check` does."""
    find_sources(sources).check(path)


def _folders(target: str, top: AnyPath | None) -> Iterator[str]:
    """The folder of a target, and those above it up to `top`."""
    folder = os.path.dirname(target) or os.curdir
    last = folder if top is None else os.fspath(top)
    yield folder
    while folder != last and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def _identity(path: AnyPath) -> Identity:
    try:
        status = os.stat(path)
    except OSError:
        return _text(path)
    return (status.st_dev, status.st_ino) if status.st_ino else _text(path)


def _text(path: AnyPath) -> str:
    return os.path.abspath(path).casefold()
