"""Two kills and three kinds of faults; `make soak` has hundreds."""

import pytest

from tests.soak.kills import finish, kill_once, make_reference
from tests.soak.soak import report, soak
from tests.soak.sources import digests


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Two rolls of tiny slides."""
    return make_reference(tmp_path_factory.mktemp("kills"), slides=6, shape=(120, 160))


@pytest.mark.parametrize("victim", ["the run", "a worker"])
def test_a_run_that_is_killed_or_loses_a_worker_ends_as_if_it_had_not(reference, tmp_path, victim):
    before = digests(reference.sources)
    assert list(kill_once(reference, tmp_path, victim, masks=2)) == []
    assert digests(reference.sources) == before


def test_a_wrong_picture_and_a_lost_row_would_be_found(reference, tmp_path):
    other = dict.fromkeys(reference.files, "another digest")
    found = list(finish(reference._replace(files=other, rows=reference.rows | {"lost.tif": {}}), tmp_path))
    assert {f"differs: {name}" for name in reference.files} <= set(found)
    assert "other row: lost.tif" in found


def test_an_archive_with_broken_files_and_faults_ends_as_without_faults(tmp_path):
    results, end, samples = soak(tmp_path, 40, 5, ["run killed", "scans changed", "errors on writing"])
    assert [result.wrong for result in results] == [[], [], []]
    assert results[0].injected == 1
    assert end.wrong == []
    assert end.done > 30
    assert "| run killed | 1 | 1 | killed: 1 |" in report(results, end, samples)
