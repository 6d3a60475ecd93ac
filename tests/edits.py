"""Edits of JSON values, one place at a time."""

import copy

GONE = object()
"""In place of a value: the place is removed."""


def places(value, place=()):
    """The place of every value in a JSON value."""
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*place, name))


def edited(content, place, value):
    """A copy of a JSON value with another value at one place."""
    content = copy.deepcopy(content)
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return content
