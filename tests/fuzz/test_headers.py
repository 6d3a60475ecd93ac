"""Two thousand damaged files: each is looked at or refused in words, soon and in little memory."""

from collections import Counter

import pytest

from tests.fuzz.headers import FAILURES, MEGABYTES, look_at, noise, results, wholes
from tests.fuzz.limits import READ, REFUSED, most_memory
from tests.fuzz.looking import look
from tests.fuzz.seeds import SEEDS, write_seed

NUMBER, SEED, PARTS = 2000, 1, 4


@pytest.mark.parametrize("kind", SEEDS)
def test_a_whole_file_of_every_kind_is_read(tmp_path, kind):
    look(write_seed(kind, tmp_path, noise()))


@pytest.mark.changes_sources
@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_are_looked_at_or_refused_in_words(tmp_path, part):
    slides, found, failed = wholes(noise()), Counter(), []
    with most_memory(MEGABYTES):
        for mutant, kind, message in results(slides, SEED, range(part, NUMBER, PARTS), look_at, tmp_path):
            found[kind] += 1
            if kind in FAILURES:
                failed.append((mutant.whole.kind, mutant.name, mutant.steps, kind, message))
    assert not failed, f"{len(failed)} failed, the first: {failed[0]}"
    assert min(found[READ], found[REFUSED]) > NUMBER // PARTS // 5
