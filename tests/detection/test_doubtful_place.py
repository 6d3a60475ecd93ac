"""The place of a slide that a person should see: the doubtful one."""

import numpy as np
import pytest
import xarray as xr

from irtoolkit.detection.marking import NO_REGIONS, Choice, find_doubtful_place

SHAPE = (90, 100)


def make_regions(*parts):
    """Regions from (score, row, first column, length), each a strip of one row."""
    owner = np.repeat(np.arange(len(parts)), [length for *_, length in parts])
    index = [row * SHAPE[1] + left + step for _, row, left, length in parts for step in range(length)]
    score = np.array([part[0] for part in parts], float)
    pixels = {"pixel_region": ("pixel", owner), "pixel_index": ("pixel", np.array(index, int))}
    return xr.Dataset({**pixels, "score": ("region", score)})


FOUR = make_regions((5.0, 3, 10, 5), (4.4, 7, 20, 3), (4.5, 9, 40, 7), (6.0, 11, 60, 9))


def test_among_many_marks_it_is_the_largest_of_the_least_certain_quarter():
    """Of the scores 4.4, 4.5, 5, 6 only 4.4 is below the lower quartile, 4.475: columns 20 to 22 of row 7."""
    assert find_doubtful_place(Choice(FOUR, 4.4, 0.0, FOUR), SHAPE) == (7, 21)
    five = make_regions((4.4, 7, 20, 3), (4.4, 9, 40, 7), (5.0, 1, 0, 9), (6.0, 2, 0, 9), (6.0, 3, 0, 9))
    assert find_doubtful_place(Choice(five, 4.4, 0.0, five), SHAPE) == (9, 43)


@pytest.mark.parametrize(("length", "place"), [(450, (7, 21)), (451, (22, 25))])
def test_a_mark_over_a_twentieth_of_the_picture_is_the_doubtful_place(length, place):
    """A twentieth of 90 x 100 is 450; the middle of 451 pixels from (20, 0) is pixel 225."""
    large = make_regions((5.0, 3, 10, 5), (4.4, 7, 20, 3), (9.0, 20, 0, length))
    assert find_doubtful_place(Choice(large, 4.4, 0.0, large), SHAPE) == place


@pytest.mark.parametrize(("others", "place"), [(9, (1, 1)), (10, (11, 64))])
def test_where_less_than_a_tenth_is_marked_it_is_the_strongest_unmarked_region(others, place):
    """One of ten is a tenth, one of eleven is less."""
    least = (4.4, 1, 0, 3)
    many = make_regions(least, *((4.5, 3 + 2 * number, 10, 2) for number in range(others - 1)), (6.0, 11, 60, 9))
    assert find_doubtful_place(Choice(make_regions(least), 4.4, 0.0, many), SHAPE) == place


def test_where_nothing_is_marked_it_is_the_strongest_region():
    assert find_doubtful_place(Choice(NO_REGIONS, np.inf, 0.0, FOUR), SHAPE) == (11, 64)


@pytest.mark.parametrize("possible", [NO_REGIONS, make_regions((5.0, 1, 1, 0))], ids=["none", "without a pixel"])
def test_without_regions_there_is_none(possible):
    assert np.isnan(find_doubtful_place(Choice(NO_REGIONS, np.inf, 0.0, possible), SHAPE)).all()
