"""Why files cannot be cleaned: each reason once, with its files below it."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePath


def group_by_reason(refused: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Files by reason, from pairs of both; where reasons differ only in the file's own name, it becomes NAME.

    >>> group_by_reason([("1.tif", "there is no 1_IR.tif"), ("2.tif", "there is no 2_IR.tif"), ("3.tif", "empty")])
    {'there is no NAME_IR.tif': ['1.tif', '2.tif'], 'empty': ['3.tif']}
    """
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file, reason in refused:
        groups[reason.replace(f"there is no {PurePath(file).stem}", "there is no NAME")].append((file, reason))
    return {
        common if len(members) > 1 else members[0][1]: [file for file, _ in members]
        for common, members in groups.items()
    }
