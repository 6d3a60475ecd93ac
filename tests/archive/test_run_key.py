"""The key of a run is used without a file on a disk."""

import pickle
import sys
import tempfile

import pytest

from irtoolkit.archive.run_key import RunKey


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files in memory")
@pytest.mark.parametrize("role", ["scheduler", "worker", "client"])
def test_no_temporary_file_is_written(monkeypatch, role):
    key = pickle.loads(pickle.dumps(RunKey.temporary()))
    monkeypatch.setattr(tempfile, "mkdtemp", None)
    assert key.get_connection_args(role)["ssl_context"].cert_store_stats()["x509"] == 1


def test_two_runs_have_different_keys():
    first, second = (RunKey.temporary().get_tls_config_for_role("worker") for _ in range(2))
    assert first["key"] != second["key"]
