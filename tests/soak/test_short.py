"""Two kills and three kinds of faults; `make soak` has hundreds."""

import pytest

from tests.soak.kills import compare, kill_once, make_reference
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


def test_a_wrong_file_and_a_lost_row_would_be_found(reference):
    assert list(compare(reference, reference.out)) == []
    other = reference._replace(files=reference.files | {"a_mask.tif": ""}, rows=reference.rows | {"a.tif": {}})
    assert list(compare(other, reference.out)) == ["differs: a_mask.tif", "other row: a.tif"]


def test_an_archive_with_broken_files_and_faults_ends_as_without_faults(tmp_path):
    results, end, samples = soak(tmp_path, 24, 5, ["run killed", "scans changed", "errors on writing"])
    assert [result.wrong for result in results] == [[], [], []]
    assert results[0].injected == 1
    assert end.wrong == []
    assert end.done > 18
    assert "| run killed | 1 | 1 | killed: 1 |" in report(results, end, samples, 24)
