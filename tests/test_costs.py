"""What finding and healing cost in counts, which are the same on every machine: passes over the file, dask's tasks, and
filters. `python tests/test_costs.py` prints them beside their limits; a change that needs less lowers its limit.
"""

from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import cv2
import dask
import numpy as np
import pytest

import irtoolkit as irt
from irtoolkit.alignment import sample_slide
from irtoolkit.arrays import blocks, from_reader
from irtoolkit.pipeline import heal_slide, mark_slide, score_slide
from irtoolkit.synthetic import write_scanner_file

SHAPE, ROWS = (700, 1600), 100
FILTERS = ("GaussianBlur", "blur", "boxFilter", "medianBlur", "filter2D", "sepFilter2D")
FILTERS += ("dilate", "erode", "morphologyEx", "remap")

LIMITS = {
    "passes over the file: sampling": 1.0,
    "passes over the file: finding, mask written": 3.0,
    "passes over the file: healed slide written": 1.0,
    "tasks a block: score": 10,
    "tasks a block: mask": 2,
    "tasks a block: healed": 17,
    "filters of the whole slide: sampling and fit": 120,
    "filters of the whole slide: scoring, marking": 83,
    "filters of the whole slide: healing": 12,
}
"""Passes count every band once; a filter of a plane of the slide's size counts 1, one of a quarter of it .25."""


class CountingReader:
    """Counts of a slide in memory, and how many of them were read."""

    def __init__(self, counts):
        self.counts, self.shape, self.dtype, self.read = counts, counts.shape, counts.dtype, 0

    def __getitem__(self, key):
        block = self.counts[key]
        self.read += block.size
        return block

    def passes(self):
        """How often every count was read since the last call."""
        read, self.read = self.read, 0
        return read / self.counts.size


@contextmanager
def counted_filters(pixels):
    """Counter of OpenCV's filters by name, in slides of so many pixels."""
    done = Counter()

    def counting(name, filtered):
        def run(*given, **options):
            result = filtered(*given, **options)
            done[name] += result.size / pixels
            return result

        return run

    with ExitStack() as stack:
        for name in FILTERS:
            stack.enter_context(patch.object(cv2, name, counting(name, getattr(cv2, name))))
        yield done


def tasks(array):
    """Tasks of an array for each block of the slide."""
    (optimised,) = dask.optimize(array.data)
    return len(optimised.__dask_graph__()) / sum(map(len, blocks(*SHAPE)))


def measure_costs(folder):
    """Every count of `LIMITS`, and the filters by step and name."""
    scan = irt.make_slide(5, SHAPE, film="e6", scanner="plustek", defects=20)
    source = write_scanner_file(folder / "a.tif", scan.counts.values)[0]
    reader = CountingReader(scan.counts.values)
    chunks = (3, 1), (ROWS,) * (SHAPE[0] // ROWS), (SHAPE[1],)
    slide = scan[["counts"]].copy(data={"counts": from_reader(reader, chunks, "counted")})
    costs, filters = {}, {}
    with dask.config.set(scheduler="synchronous"):
        sample_slide(slide)
        costs["passes over the file: sampling"] = reader.passes()
        with counted_filters(np.prod(SHAPE)) as filters["sampling and fit"]:
            scored = score_slide(slide)
        with counted_filters(np.prod(SHAPE)) as filters["scoring, marking"]:
            found = mark_slide(scored, irt.Settings())
            irt.write_mask(found.mask, folder / "out" / "mask.tif", source=source)
        costs["passes over the file: finding, mask written"] = reader.passes()
        with counted_filters(np.prod(SHAPE)) as filters["healing"]:
            healed = heal_slide(found, scored, irt.Settings())
            irt.write_healed(healed, folder / "out" / "healed.tif", source=source)
        costs["passes over the file: healed slide written"] = reader.passes()
    lazy = {"score": found.score, "mask": found.mask, "healed": healed}
    costs |= {f"tasks a block: {name}": tasks(array) for name, array in lazy.items()}
    costs |= {f"filters of the whole slide: {step}": done.total() for step, done in filters.items()}
    return costs, filters


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    return measure_costs(tmp_path_factory.mktemp("costs"))[0]


@pytest.mark.parametrize("name", LIMITS)
def test_a_cost_is_within_its_limit(costs, name):
    assert 0 < costs[name] <= LIMITS[name]


def test_every_cost_has_a_limit(costs):
    assert set(costs) == set(LIMITS)


def print_costs():
    """Every count beside its limit, and the filters by name."""
    with TemporaryDirectory() as folder:
        costs, filters = measure_costs(Path(folder))
    for name, cost in costs.items():
        print(f"{name:48s}{cost:8.2f}{LIMITS[name]:8.2f}")
    for step, done in filters.items():
        print(f"{step}: {', '.join(f'{name} {number:.1f}' for name, number in done.most_common())}")


if __name__ == "__main__":
    print_costs()
