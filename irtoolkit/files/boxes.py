"""Boxes of an array: what an index asks for, and how boxes overlap."""

from typing import Any


def overlap(side: range, start: int, length: int) -> range:
    """The part of a side of a box that is within `length` places from `start`; empty if no part is.

    >>> overlap(range(2, 8), 5, 9), overlap(range(2, 4), 5, 9)
    (range(5, 8), range(5, 5))
    """
    first = max(side.start, start)
    return range(first, max(first, min(side.stop, start + length)))


def slice_within(side: range, origin: int) -> slice:
    """Slice for a side of a box in an array that begins at `origin`."""
    return slice(side.start - origin, side.stop - origin)


def split_index(key: Any, shape: tuple[int, ...]) -> tuple[tuple[range, ...], tuple[int | slice, ...]]:
    """Split an index of integers and slices into the box that holds it, and the index within that box.

    Examples
    --------
    >>> split_index((2, slice(9, 3, -2)), (4, 10))
    ((range(2, 3), range(5, 10)), (0, slice(None, None, -2)))
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        keys[place : place + 1] = [slice(None)] * (len(shape) - len(keys) + 1)
    keys += [slice(None)] * (len(shape) - len(keys))
    box: list[range] = []
    rest: list[int | slice] = []
    for item, length in zip(keys, shape, strict=True):
        chosen = range(length)[item]
        if isinstance(chosen, int):
            box.append(range(chosen, chosen + 1))
            rest.append(0)
        elif not chosen:
            box.append(range(0))
            rest.append(slice(None))
        else:
            box.append(range(min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1))
            rest.append(slice(None, None, chosen.step))
    return tuple(box), tuple(rest)
