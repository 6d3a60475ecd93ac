"""Values of tags: texts, bytes, and numbers that are finite, and whole and of a plausible size where they must be."""

from typing import Any

import numpy as np
from tifffile import TIFF

from irtoolkit.files.directories import ASCII, LONG, SHORT, UNDEFINED
from irtoolkit.files.directory_reader import DirectoryReader, Entry
from irtoolkit.schema import LayoutError

LONGEST_SIDE = 1_000_000
"""Most pixels of a side of a picture, strip or tile: 20,000 dpi over 50 inches."""

MOST_SAMPLES = 64
"""Most samples of a pixel."""

MOST_LEVELS = 65536
"""Most values of a table of levels: one for each code of 16 bits."""

_NO_NUMBERS = frozenset({271, 272, 305, 306, 700, 34675, 50706})
_FRACTIONS = frozenset({282, 283, *range(50714, 50718), 50719, 50720})
_LONG = frozenset({273, 279, 324, 325, 330, 50715, 50716})
_LEVELS = frozenset({50712, 50714})

_SINGLE = {SHORT: "H", LONG: "I"}
_WHOLE = 2**53
_LARGEST = dict.fromkeys((256, 257, 322, 323), LONGEST_SIDE) | {277: MOST_SAMPLES, 50712: 65535}


def read_value(reader: DirectoryReader, code: int, entry: Entry) -> Any:
    """Read the value of a tag: text, bytes, or numbers of 64 bits, fractions as quotients.

    Numbers are finite. Those of all tags but resolutions, levels and crops are whole and not negative. Sides are at
    most `LONGEST_SIDE` px, samples of a pixel at most `MOST_SAMPLES`.

    Raises
    ------
    LayoutError
        The value is outside the file, a number is not as its tag asks for, or there are too many numbers.
    """
    if code not in _NO_NUMBERS:
        if entry.count == 1 and entry.type in _SINGLE:
            return _single(reader, code, entry)
        _check_count(reader, code, entry)
    data, form = reader.value(entry), TIFF.DATA_FORMATS[entry.type]
    if entry.type == ASCII:
        return data.partition(b"\0")[0].decode("utf-8", "replace").strip()
    if form == "1B" and (entry.type == UNDEFINED or code in _NO_NUMBERS):
        return data
    reader.spend(8 * entry.count)
    numbers = _numbers(np.frombuffer(data, reader.variant.order + form[1]), form)
    return numbers if code in _NO_NUMBERS else checked(numbers, code, reader.path)


def _single(reader: DirectoryReader, code: int, entry: Entry) -> np.ndarray:
    """The usual tag, of one whole number."""
    (number,) = reader.variant.unpack(_SINGLE[entry.type], reader.value(entry))
    if number > _LARGEST.get(code, number):
        raise LayoutError(f"{reader.path}: its value is larger than {_LARGEST[code]} ({number})")
    return np.array([number], np.int64)


def checked(numbers: np.ndarray, code: int, path: str) -> np.ndarray:
    """Numbers of a tag, as float64 or int64; `LayoutError` unless they are what its code asks for."""
    kind, largest = numbers.dtype.kind, _LARGEST.get(code)
    if kind == "f" and not np.isfinite(numbers).all():
        raise LayoutError(f"{path}: its value is no finite number")
    if code in _FRACTIONS:
        return numbers.astype(np.float64 if kind == "f" else np.int64)
    if (kind == "f" and (numbers % 1 != 0).any()) or (kind != "u" and (numbers < 0).any()):
        raise LayoutError(f"{path}: its value is no whole number from 0 ({numbers[0]})")
    if (largest or numbers.dtype.itemsize == 8) and numbers.max() > (largest or _WHOLE):
        raise LayoutError(f"{path}: its value is larger than {largest or _WHOLE} ({numbers.max()})")
    return numbers.astype(np.int64)


def _check_count(reader: DirectoryReader, code: int, entry: Entry) -> None:
    """Refuse a tag of numbers that holds something else, or too many."""
    most = MOST_LEVELS if code in _LEVELS else MOST_SAMPLES
    if entry.type in (ASCII, UNDEFINED):
        raise LayoutError(f"{reader.path}: its value is no number (type {entry.type})")
    if code not in _LONG and entry.count > most:
        raise LayoutError(f"{reader.path}: it has {entry.count} values, more than {most}")


def _numbers(numbers: np.ndarray, form: str) -> np.ndarray:
    """The numbers of a type; those of two parts as quotients, 0 where they are divided by 0."""
    if form[0] == "1":
        return numbers
    upper, lower = numbers.reshape(-1, 2).astype(np.float64).T
    return np.divide(upper, lower, out=np.zeros_like(upper), where=lower != 0)
