"""Damaged files one after the other, by a seed and a number, and what became of each."""

import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.fuzz.limits import HANG, MEMORY, OTHER, outcome
from tests.fuzz.looking import look
from tests.fuzz.mutants import Map, Step, choose_steps, damaged, map_of
from tests.fuzz.seeds import SEEDS, write_seed

FAILURES = (MEMORY, HANG, OTHER)
SECONDS, MEGABYTES = 5.0, 500
"""Bounds of looking at the headers of one slide."""


class Whole(NamedTuple):
    """A whole file of a slide: its kind, the names and bytes of all its files, and the forms of those."""

    kind: str
    files: dict[str, bytes]
    forms: dict[str, Map | None]


class Mutant(NamedTuple):
    """A slide of which one file is damaged by some steps."""

    number: int
    whole: Whole
    name: str
    steps: list[Step]


def wholes(counts: np.ndarray) -> list[Whole]:
    """The whole files of every kind."""
    found = []
    for kind in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            files = {path.name: path.read_bytes() for path in write_seed(kind, Path(folder), counts)}
        found.append(Whole(kind, files, {name: map_of(data) for name, data in files.items()}))
    return found


def noise() -> np.ndarray:
    """Counts (band, y, x) of a slide of 37 rows and 53 columns."""
    return np.random.default_rng(7).integers(0, 65536, (4, 37, 53), np.uint16)


def mutant(slides: list[Whole], seed: int, number: int) -> Mutant:
    """The damage of one number."""
    rng = random.Random(f"{seed} {number}")
    whole = slides[number % len(slides)]
    name = rng.choice([*whole.files] + [next(iter(whole.files))] * 2)
    return Mutant(number, whole, name, choose_steps(whole.files[name], rng))


def write_mutant(mutated: Mutant, others: list[bytes], folder: Path) -> list[Path]:
    """Write the files of a damaged slide, the slide first."""
    whole, paths = mutated.whole, []
    for name, data in whole.files.items():
        changed = damaged(data, whole.forms[name], mutated.steps, others) if name == mutated.name else data
        paths.append(folder / name)
        paths[-1].write_bytes(changed)
    return paths


Judge = Callable[[list[Path]], tuple[str, str]]


def look_at(paths: list[Path]) -> tuple[str, str]:
    """What becomes of looking at the headers of a slide."""
    return outcome(lambda: look(paths), SECONDS)


def results(
    slides: list[Whole], seed: int, numbers: Iterable[int], judge: Judge, folder: Path
) -> Iterator[tuple[Mutant, str, str]]:
    """The damaged slides of some numbers, what became of each, and the message."""
    others = [data for whole in slides for data in whole.files.values()]
    for number in numbers:
        mutated = mutant(slides, seed, number)
        paths = write_mutant(mutated, others, folder)
        yield mutated, *judge(paths)
        for path in paths:
            path.unlink()


def minimise(mutated: Mutant, others: list[bytes], kind: str, judge: Judge, folder: Path) -> Mutant:
    """The same damage with as few steps as fail in the same way."""
    for step in mutated.steps:
        shorter = mutated._replace(steps=[each for each in mutated.steps if each is not step])
        if shorter.steps and judge(write_mutant(shorter, others, folder))[0] == kind:
            mutated = shorter
    return mutated
