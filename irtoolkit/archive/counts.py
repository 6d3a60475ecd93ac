"""How many slides of a run are in which of four groups; every slide is in exactly one."""

from collections.abc import Iterable
from typing import NamedTuple

from irtoolkit.archive.results import Row
from irtoolkit.schema import counted


class Counts(NamedTuple):
    """Numbers of slides: done without remarks, done and to look at, refused, failed.

    What is refused cannot be cleaned, and is counted apart.
    """

    fine: int
    to_look_at: int
    refused: int
    failed: int

    def __str__(self) -> str:
        """One line of text; empty groups are left out.

        >>> str(Counts(5, 1, 1, 0)), str(Counts(1, 0, 0, 0))
        ('6 slides: 5 done without remarks, 1 to look at; 1 refused', '1 slide: 1 done without remarks')
        """
        names = {"done without remarks": self.fine, "to look at": self.to_look_at, "failed": self.failed}
        groups = ", ".join(f"{count:,} {name}" for name, count in names.items() if count)
        slides = ": ".join(filter(None, (counted(sum(names.values()), "slide"), groups)))
        return f"{slides}; {self.refused:,} refused" if self.refused else slides


def count_groups(rows: Iterable[Row]) -> Counts:
    """Count the slides of each group; a slide that is done is to be looked at if its `review` is not empty.

    >>> count_groups([{"status": "done", "review": "pale"}, {"status": "refused", "review": "it was not cleaned"}])
    Counts(fine=0, to_look_at=1, refused=1, failed=0)
    """
    groups = [_group(row) for row in rows]
    return Counts(*map(groups.count, Counts._fields))


def _group(row: Row) -> str:
    if row["status"] == "done":
        return "to_look_at" if row.get("review") else "fine"
    return str(row["status"])


def summarise(rows: Iterable[Row]) -> str:
    """Summarise a run in one line, for the console, the log and the page.

    >>> summarise([{"status": "done", "review": "pale"}, {"status": "done"}, {"status": "failed"}])
    '3 slides: 1 done without remarks, 1 to look at, 1 failed'
    """
    return str(count_groups(rows))
