"""Which slides a run cleans that is limited to a few: some of each roll, spread over it."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def pick_spread(items: Sequence[Item], count: int) -> list[Item]:
    """So many of the items, or all if there are fewer, evenly spread: the first of each share.

    >>> pick_spread("abcdefghi", 3), pick_spread("abc", 5)
    (['a', 'd', 'g'], ['a', 'b', 'c'])
    """
    count = min(len(items), count)
    return [items[place * len(items) // count] for place in range(count)]


def share_out(sizes: Sequence[int], count: int) -> list[int]:
    """How many to take of each group, as equal as the sizes allow; what is left after equal shares is spread over them.

    >>> share_out([36, 2, 36], 12), share_out([36, 36, 36], 1), share_out([1, 1], 5)
    ([5, 2, 5], [1, 0, 0], [1, 1])
    """
    shares = [0] * len(sizes)
    while left := min(count, sum(sizes)) - sum(shares):
        growing = [place for place, size in enumerate(sizes) if shares[place] < size]
        for place in pick_spread(growing, left):
            shares[place] += 1
    return shares


def pick_of_each(groups: Sequence[Sequence[Item]], count: int) -> list[Item]:
    """So many items, as many of each group as `share_out` says, spread over it.

    >>> pick_of_each(["abcde", "xyz"], 4)
    ['a', 'c', 'x', 'y']
    """
    shares = share_out(list(map(len, groups)), count)
    return [item for group, share in zip(groups, shares, strict=True) for item in pick_spread(group, share)]
