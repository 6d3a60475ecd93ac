import sys

from dask import config, local, threaded

from irtoolkit.arrays.schedulers import local_scheduler, usual_scheduler


def test_threads_compute_unless_another_scheduler_is_configured(monkeypatch):
    monkeypatch.delitem(sys.modules, "distributed", raising=False)
    assert local_scheduler() is usual_scheduler() is threaded.get
    with config.set(scheduler="sync"):
        assert local_scheduler() is usual_scheduler() is local.get_sync
    with config.set(scheduler=local.get_sync):
        assert local_scheduler() is usual_scheduler() is local.get_sync


def test_where_there_may_be_a_client_dask_chooses(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", object())
    assert usual_scheduler() is None
    assert local_scheduler() is threaded.get
