"""An archive cleaned in one go, killed and taken up again, and by the workers of a cluster: always the same."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from archives import digests, leftovers, make_archive, outcome
from commands import CALL, rows_of
from distributed import Client, LocalCluster

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.archive.plan import Choices, plan_run
from irtoolkit.archive.roll_models import fit_models


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("archive") / "scans")


@pytest.fixture(scope="module")
def uninterrupted(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    before = digests(tree)
    irt.clean_archive(tree, out, workers=1, quiet=True)
    assert digests(tree) == before
    return out


@pytest.fixture(scope="module")
def cluster():
    """Two processes on this machine, as a user would start them."""
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        yield cluster


def test_all_slides_but_the_two_broken_ones_are_done(uninterrupted):
    rows = rows_of(uninterrupted)
    undone = {row["slide"]: row["reason"] for row in rows if row["status"] != "done"}
    assert len(rows) == 24
    assert list(undone) == ["roll2/slide 2.tif", "roll3/slide 1.tif"]
    assert "no infrared" in undone["roll2/slide 2.tif"]
    assert "truncated" in undone["roll3/slide 1.tif"]
    assert {row["roll"] for row in rows if row["status"] == "done"} == {"roll1", "roll2", "roll3"}
    assert len(digests(uninterrupted)) == 44
    assert not leftovers(uninterrupted)
    assert "22 of 22 slides to clean" in (uninterrupted / "irtoolkit.log").read_text(encoding="utf-8")


def test_the_table_opens_as_a_dataset(uninterrupted):
    results = irt.open_results(uninterrupted)
    assert results.sizes == {"slide": 24}
    assert results.status.sel(slide="roll1/slide 3.tif") == "done"
    assert results.coverage.dtype == float
    assert bool(results.coverage.isnull().sel(slide="roll2/slide 2.tif"))
    with pytest.raises(irt.SlideError, match=r"no table slides\.csv"):
        irt.open_results(uninterrupted / "roll1")


def test_a_second_run_does_only_what_is_not_done(tree, uninterrupted, monkeypatch):
    before, done = outcome(uninterrupted), []
    real = archive.clean_job
    monkeypatch.setattr(archive, "clean_job", lambda job: done.append(job.task.slide) or real(job))
    irt.clean_archive(tree, uninterrupted, workers=1, quiet=True)
    assert done == ["roll2/slide 2.tif", "roll3/slide 1.tif"]
    assert outcome(uninterrupted) == before


@pytest.mark.parametrize("masks", [3, 9, 17])
def test_a_killed_run_leaves_nothing_half_written_and_is_taken_up(tree, uninterrupted, tmp_path, masks):
    call = [sys.executable, "-c", CALL, "clean", str(tree), "--out", str(tmp_path), "--quiet", "--workers", "1"]
    with subprocess.Popen(call, stderr=subprocess.DEVNULL) as run:
        while len(list(tmp_path.rglob("*_mask.tif"))) < masks:
            assert run.poll() is None
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGKILL)
    whole = digests(uninterrupted)
    assert digests(tmp_path).items() <= whole.items()
    irt.clean_archive(tree, tmp_path, workers=1, quiet=True)
    assert outcome(tmp_path) == outcome(uninterrupted)
    assert not leftovers(tmp_path)


def test_a_cluster_gives_the_same_and_does_the_work(tree, uninterrupted, tmp_path, cluster):
    with Client(cluster) as client:
        irt.clean_archive(tree, tmp_path, client=client, quiet=True)
        seen = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    assert "clean_job" in seen
    assert outcome(tmp_path) == outcome(uninterrupted)


def test_a_worker_that_is_killed_is_replaced(tree, uninterrupted, tmp_path, cluster, monkeypatch):
    killed = []

    def kill_one(job, result):
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)
        return real(job, result)

    real = archive._outcome
    monkeypatch.setattr(archive, "_outcome", kill_one)
    with Client(cluster) as client:
        irt.clean_archive(tree, tmp_path, client=client, quiet=True)
    assert killed
    assert outcome(tmp_path) == outcome(uninterrupted)


def test_the_slides_of_a_single_roll_are_sampled_by_the_workers(tree, tmp_path, cluster):
    roll = str(tree / "roll2")
    irt.clean_archive(roll, tmp_path / "here", workers=1, quiet=True)
    with Client(cluster) as client:
        irt.clean_archive(roll, tmp_path / "there", client=client, quiet=True)
        seen = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    assert "sample_alone" in seen
    assert outcome(tmp_path / "there") == outcome(tmp_path / "here")


def test_a_script_without_a_guard_around_its_calls_can_start_processes(tmp_path):
    irt.make_roll(tmp_path / "roll", seed=1, count=2, shape=(120, 160))
    script = tmp_path / "script.py"
    call = f"irt.clean_archive({str(tmp_path / 'roll')!r}, {str(tmp_path / 'out')!r}, workers=2, quiet=True)"
    script.write_text(f"import irtoolkit as irt\nprint(*{call}.status.values, __file__)\n")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["done", "done", str(script)], run.stderr


def test_processes_of_its_own_and_the_address_of_a_scheduler_give_the_same(tree, uninterrupted, tmp_path, cluster):
    irt.clean_archive(tree, tmp_path / "own", workers=2, quiet=True)
    assert outcome(tmp_path / "own") == outcome(uninterrupted)
    call = [sys.executable, "-c", CALL, "clean", str(tree), "--out", str(tmp_path / "address"), "--quiet"]
    run = subprocess.run([*call, "--scheduler", cluster.scheduler_address], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert outcome(tmp_path / "address") == outcome(uninterrupted)


def test_the_slides_of_a_roll_are_counted_as_it_is_fitted(tree, tmp_path):
    run = plan_run([str(tree / "roll1"), str(tree / "roll3")], tmp_path, Choices(), quiet=True)
    told, rolls = [], [roll for roll, _ in run.rolls]
    fitted = list(fit_models(rolls, None, 1, lambda roll, slides: told.append((roll.name, slides))))
    assert [roll.name for roll, _ in fitted] == ["roll1", "roll3"]
    sizes = {roll.name: len(roll.tasks) for roll in rolls}
    assert told == [(name, count) for name, size in sizes.items() for count in (0, *[1] * size)]


def test_workers_that_fit_a_roll_each_say_which_slides_they_sample(tree, tmp_path, cluster):
    run = plan_run([str(tree / "roll1"), str(tree / "roll2")], tmp_path, Choices(), quiet=True)
    told, rolls = [], [roll for roll, _ in run.rolls]
    with Client(cluster) as client:
        list(fit_models(rolls, client, 1, lambda roll, slides: told.append((roll.name, slides))))
    for name, slides in (("roll1", 8), ("roll2", 7)):
        assert [count for roll, count in told if roll == name] == [0, *[1] * slides]
