"""How a run ends that is stopped from outside, and what a process that dies leaves behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from archives import leftovers, make_archive
from commands import CALL, rows_of

PATIENCE = 10.0
"""Seconds that what a killed run has started may outlive it."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("archive") / "scans")


@pytest.fixture
def start(tree, tmp_path):
    """A function that starts a run with so many processes and waits until it has cleaned two slides."""
    started = []

    def clean(workers):
        out = tmp_path / "out"
        call = [sys.executable, "-c", CALL, "clean", str(tree), "--out", str(out), "--alone", "--workers", str(workers)]
        environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.Popen(call, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(run)
        while len(list(out.rglob("record.json"))) < 2:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.01)
        return run, out

    yield clean
    for run in started:
        run.kill()
        run.wait()
        run.stderr.close()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_a_run_with_table_report_and_one_message(start, tree, tmp_path, name, workers):
    run, out = start(workers)
    run.send_signal(getattr(signal, name))
    run.send_signal(signal.SIGTERM)
    told = run.communicate()[1]
    assert run.returncode == 130, told
    assert told.count("irtoolkit: stopped") == 1
    assert "Traceback" not in told
    assert 0 < len(rows_of(out)) < 24
    assert (out / "report.html").is_file()
    assert not leftovers(out)
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "dask-scratch-space"}


def test_a_terminal_that_is_gone_takes_neither_table_nor_status(start):
    run, out = start(1)
    run.stderr.close()
    run.send_signal(signal.SIGHUP)
    assert run.wait() == 130
    assert len(rows_of(out)) < 24


DELETED = """
import os, signal, time
from irtoolkit.archive import stopped_by_signals

class Held:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.1)

try:
    with stopped_by_signals():
        Held()
        time.sleep(10)
        print("lost")
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_not_lost_where_python_ignores_exceptions(name):
    run = subprocess.run([sys.executable, "-c", DELETED.format(name=name)], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("stopped\n", "")


def test_nothing_outlives_a_killed_run(start, tmp_path):
    run, _ = start(2)
    below = psutil.Process(run.pid).children(recursive=True)
    assert len(below) >= 2
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)
    assert not alive
    assert not list(tmp_path.glob("irtoolkit-*"))
    assert [path for path in Path.cwd().iterdir() if path.name.startswith("dask")] == []
