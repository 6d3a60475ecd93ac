"""Run jobs in this process or on the workers of a dask cluster, a few at a time."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import dask

from irtoolkit.archive.tasks import CallError

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2
"""Jobs submitted per worker: no worker idles, and little is lost when the run is stopped."""

CONFIG = {
    **{f"distributed.{server}.http.routes": [] for server in ("scheduler", "worker", "nanny")},
    "distributed.scheduler.worker-saturation": 1.0,
}
"""No server of the processes answers a browser, and each process has one job: when it dies, no other is tried again."""

PATIENCE = 30.0
"""Seconds after which it is asked whether processes are left, at work or starting."""

DEATHS = 1
"""Processes that a job may end before it is given up at the next."""

STOPS = ("SIGINT", "SIGHUP")
"""Signals that a terminal sends to all processes of a run."""

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    work: Callable[[Job], Result], jobs: Iterable[Job], client: "Client | None"
) -> Iterator[tuple[Job, Result | BaseException]]:
    """Yield each job with its result as it finishes: in this process and in order, or on the workers of `client`.

    A job that fails, or whose worker dies repeatedly, is yielded with the error. When a worker dies, another does its
    jobs. Leaving the iteration cancels waiting jobs.
    """
    return _run_here(work, jobs) if client is None else _run_on(client, work, iter(jobs))


def _run_here(work: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | BaseException]]:
    for job in jobs:
        try:
            yield job, work(job)
        except Exception as error:
            yield job, error


def _run_on(
    client: "Client", work: Callable[[Job], Result], jobs: Iterator[Job]
) -> Iterator[tuple[Job, Result | BaseException]]:
    at_work: dict[Future[Result], Job] = {}
    try:
        while True:
            room = AHEAD * max(len(client.nthreads()), 1) - len(at_work)
            at_work |= {client.submit(work, job, pure=False): job for job in islice(jobs, max(room, 0))}
            if not at_work:
                return
            for future in _wait(client, list(at_work)):
                yield at_work.pop(future), future.exception() or future.result()
    finally:
        client.cancel(list(at_work), force=True)


def _wait(client: "Client", futures: "Sequence[Future[Result]]") -> "Collection[Future[Result]]":
    """Those of the futures that finish first; `ChildProcessError` where no local process is left to finish any."""
    from distributed import wait

    while True:
        try:
            with client.as_current():
                return wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            if not _may_work(client):
                raise ChildProcessError("all processes that clean slides were ended; run again to go on") from None


def _may_work(client: "Client") -> bool:
    """Whether a process has registered, or is still starting; of another machine's cluster it is not asked."""
    cluster = client.cluster
    return cluster is None or bool(client.nthreads()) or any(nanny.is_alive() for nanny in cluster.workers.values())


@contextmanager
def local_workers(count: int, memory: int) -> Iterator["Client"]:
    """Client of `count` single-threaded processes on this machine that share `memory` bytes and end with it.

    They talk over TLS with a key that only they and this process have. Ctrl-C and the end of the terminal reach only
    this process, which ends the others. They do not import the calling script, which would start its work again in
    each of them if it lacks ``if __name__ == "__main__":``.
    """
    from distributed import Client, LocalCluster

    from irtoolkit.archive.run_key import RunKey

    scheduler = {"dashboard": False, "dashboard_address": "127.0.0.1:0", "allowed_failures": DEATHS}
    options = {"n_workers": count, "threads_per_worker": 1, "memory_limit": memory // count, "host": "127.0.0.1"}
    options |= {"security": RunKey.temporary(), "scheduler_kwargs": scheduler, "silence_logs": logging.CRITICAL}
    with _hidden_script(), dask.config.set(CONFIG):
        with _stops_ignored():
            try:
                cluster = LocalCluster(**options)
            except Exception as error:
                raise ChildProcessError("a process was ended while it started; run again") from error
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def cluster_at(address: str | None) -> Iterator["Client | None"]:
    """Client of the cluster whose scheduler has this address; None without one."""
    if address is None:
        yield None
        return
    from distributed import Client

    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CallError(f"--scheduler {address}: no scheduler found there; check the address ({error})") from error
    with client:
        yield client


@contextmanager
def _hidden_script() -> Iterator[None]:
    """Hide the file of the main module, which `multiprocessing` would import in every process it starts."""
    script = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: script[name] for name in ("__file__", "__spec__") if name in script}
    script.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        script.update(hidden)


@contextmanager
def _stops_ignored() -> Iterator[None]:
    """Processes started in this context ignore the signals of a terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stops = [getattr(signal, name) for name in STOPS if hasattr(signal, name)]
    before = [(stop, signal.signal(stop, signal.SIG_IGN)) for stop in stops]
    try:
        yield
    finally:
        for stop, handler in before:
            signal.signal(stop, handler)
