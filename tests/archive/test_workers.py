"""The processes of a run: nobody else runs code in them, and one that dies costs one job."""

import asyncio
import os
import signal
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException

import distributed
import numpy as np
import psutil
import pytest
from distributed.comm import connect
from distributed.security import Security

from irtoolkit.archive import workers
from irtoolkit.archive.workers import local_workers, run_jobs

MEMORY = 1_200_000_000
PIECE = 20_000_000


@pytest.fixture(scope="module")
def client():
    with local_workers(2, MEMORY) as client:
        yield client


def work(job):
    """A name to note, and whether to take memory until the process ends."""
    notes, name, hungry = job
    with open(notes, "a", encoding="ascii") as file:
        file.write(f"{name}\n")
    held = []
    while hungry:
        held.append(np.ones(PIECE, np.uint8))
        time.sleep(0.01)
    time.sleep(0.2)
    return name


def test_a_job_that_takes_too_much_memory_ends_its_own_process_twice_and_no_other_job(client, tmp_path):
    notes = str(tmp_path / "notes")
    jobs = [(notes, name, name == "hungry") for name in ("a", "hungry", *"bcdefgh")]
    results = {job[1]: result for job, result in run_jobs(work, jobs, client)}
    lost = [name for name, result in results.items() if isinstance(result, BaseException)]
    assert lost == ["hungry"]
    assert "2 different workers" in str(results["hungry"])
    assert sorted((tmp_path / "notes").read_text(encoding="ascii").split()) == [*"abcdefgh", "hungry", "hungry"]


@pytest.mark.parametrize("security", [Security, Security.temporary], ids=["no key", "another key"])
@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_who_lacks_the_key_of_the_run_is_refused(client, protocol, security):
    client.wait_for_workers(2, timeout=30)
    own = client.security.get_connection_args("client")
    stranger = security().get_connection_args("client")
    for address in (client.scheduler.address, *client.nthreads()):
        assert address.startswith("tls://127.0.0.1:")
        assert ask_who(address, own)["type"] in ("Scheduler", "Worker")
        with pytest.raises((OSError, TypeError, RuntimeError)):
            ask_who(address.replace("tls", protocol), stranger)


def ask_who(address, options):
    """What a server of the cluster says of itself."""

    async def ask():
        comm = await connect(address, timeout=3, **options)
        await comm.write({"op": "identity", "reply": True})
        answer = await comm.read()
        await comm.close()
        return answer

    return asyncio.run(asyncio.wait_for(ask(), 10))


def listening():
    """Addresses at which this process and those below it listen."""
    here = psutil.Process(os.getpid())
    open_ = [found for each in (here, *here.children(recursive=True)) for found in each.net_connections("tcp")]
    return {found.laddr for found in open_ if found.status == psutil.CONN_LISTEN}


def test_the_processes_listen_on_this_machine_alone_and_say_nothing_over_http(client):
    client.wait_for_workers(2, timeout=30)
    found = listening()
    assert len(found) >= 6
    assert {address.ip for address in found} == {"127.0.0.1"}
    for address in found:
        for page in ("", "info/main/workers.html", "json/identity.json", "metrics", "health"):
            assert answer_to(address.port, page) in (None, 404)


def answer_to(port, page):
    """Status of the answer over HTTP; None where that is not understood."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection, suppress(OSError, HTTPException):
        connection.request("GET", f"/{page}")
        with closing(connection.getresponse()) as response:
            return response.status


def test_a_run_ends_where_no_process_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.5)
    with local_workers(1, MEMORY) as client:
        client.cluster.scale(0)
        with pytest.raises(ChildProcessError, match="run again"):
            list(run_jobs(work, [(str(tmp_path / "notes"), "a", False)], client))


def test_a_process_that_starts_again_is_waited_for(tmp_path, monkeypatch):
    with local_workers(1, MEMORY) as client:
        (nanny,) = client.cluster.workers.values()
        os.kill(nanny.pid, signal.SIGKILL)
        while client.nthreads() or not nanny.is_alive():
            time.sleep(0.01)
        monkeypatch.setattr(workers, "PATIENCE", 0.1)
        (done,) = run_jobs(work, [(str(tmp_path / "notes"), "a", False)], client)
        assert done[1] == "a"


def test_a_process_that_ends_while_it_starts_is_an_error_in_words(monkeypatch):
    def end(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", end)
    with pytest.raises(ChildProcessError, match="ended while it started"), local_workers(1, MEMORY):
        pass
