"""Dask workers for a lesson, from whatever the place offers: Dask Gateway, else a LocalCluster, else this process."""

from __future__ import annotations

import atexit
import logging
import os
import re
import socket
import warnings
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import dask

from .words import tr

_REACH_TIMEOUT = 5.0  # seconds to open a connection to the gateway; a gateway on the same site answers in milliseconds
_GRANTED = re.compile(r"Scaling to (\d+) instead")  # in the words of dask-gateway-server when a site caps a request
_GOODBYE_TIMEOUT = 2.0  # seconds for workers to hear that the end is near; an idle one hears it in milliseconds
_WORKERS_TIMEOUT = 120.0  # seconds until the first worker must have joined; a batch system may need a minute


class UnavailableError(Exception):
    """A way to compute that cannot be used here; the message is the reason, as half a sentence for the learner."""


class Scale:
    """A running set of workers; `close` (or leaving the ``with`` block, or ending the kernel) releases them.

    Attributes: ``kind`` (``gateway``, ``local`` or ``synchronous``), ``client`` (a connected `distributed.Client`,
    None when synchronous), ``sentence`` (what is used and why, in the learner's language).
    """

    def __init__(self, kind: str, client, sentence: str, resources: ExitStack) -> None:
        self.kind = kind
        self.client = client
        self.sentence = sentence
        self._resources = resources
        atexit.register(self.close)

    def __enter__(self) -> Scale:
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def close(self) -> None:
        """Release the workers; closing twice is allowed."""
        atexit.unregister(self.close)
        self.client = None
        self._resources.close()

    def on_every_worker(self, function, *arguments) -> list:
        """Call ``function(*arguments)`` once on each worker (here when synchronous) and return the results."""
        if self.client is None:
            return [function(*arguments)]
        return list(self.client.run(function, *arguments).values())

    def can_read(self, path) -> bool:
        """Whether every worker sees the file ``path``: they may run on another machine with another disk."""
        return all(self.on_every_worker(os.path.exists, str(path)))

    def worker_memory(self) -> list[int]:
        """Memory of each worker process in bytes, as the scheduler last heard; empty when synchronous."""
        if self.client is None:
            return []
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return [worker["metrics"]["memory"] for worker in workers.values()]


def cluster(workers: int = 2, timeout: float = _WORKERS_TIMEOUT) -> Scale:
    """Start ``workers`` Dask workers and connect to them.

    Tries Dask Gateway (when ``gateway.address`` is configured), a LocalCluster with one thread per worker, and the
    synchronous scheduler, in this order; prints one sentence that says what is used and, for a fallback, why.
    ``timeout`` is the number of seconds the first worker may take. Raises ValueError when ``workers`` is not a
    positive whole number.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(tr("scale.workers_wrong", workers=workers))
    reasons: list[str] = []
    for kind, start in (("gateway", _start_gateway), ("local", _start_local), ("synchronous", _start_synchronous)):
        with ExitStack() as resources:
            resources.callback(_choose_scheduler, dask.config.get("scheduler", None))
            try:
                client = start(workers, timeout, resources)
            except UnavailableError as reason:
                reasons.append(str(reason))
                continue
            sentence = tr(f"scale.{kind}", workers=_count(client), reason=tr("scale.and").join(reasons))
            print(sentence)
            return Scale(kind, client, sentence, resources.pop_all())
    raise AssertionError("the synchronous scheduler is always available")


def _start_gateway(workers: int, timeout: float, resources: ExitStack):
    address = dask.config.get("gateway.address", None)
    if not address:
        raise UnavailableError(tr("scale.gateway_absent"))
    from dask_gateway import Gateway

    try:
        gateway = Gateway()  # closes itself when dropped; see _release for why not here
        _reach(gateway.address)
        running = gateway.new_cluster()
        resources.callback(_release, running)
        granted = _scale(running, workers)
        client = resources.enter_context(running.get_client())
    except UnavailableError:
        raise
    except Exception as problem:  # a refusal may be any exception; its sentence is what the learner needs
        raise UnavailableError(tr("scale.gateway_refused", sentence=_sentence(problem))) from problem
    _wait_for_first(client, granted, timeout)
    return client


def _reach(address: str) -> None:
    """Open and close a connection to ``address``: the gateway client itself would wait for minutes."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=_REACH_TIMEOUT).close()
    except OSError as problem:
        raise UnavailableError(tr("scale.gateway_silent")) from problem


def _release(running) -> None:
    """Shut a gateway cluster down, without the traceback that its client would print later.

    dask-gateway closes its connection again when it is collected, which fails on the loop that the first closing
    stopped.
    """
    running.close()
    running.gateway.close = _already_closed


def _already_closed() -> None:
    pass


def _scale(running, workers: int) -> int:
    """Ask for ``workers`` and return how many were granted.

    A cap of the site arrives as a warning, whose sentence is shown, and is the only place that tells the number.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        running.scale(workers)
    for warning in said:
        if type(warning.message).__name__ == "GatewayWarning":
            print(tr("scale.gateway_says", sentence=_sentence(warning.message)))
            less = _GRANTED.search(str(warning.message))
            workers = int(less[1]) if less else workers
    return workers


def _wait_for_first(client, workers: int, timeout: float) -> None:
    """Return when all workers are there, or some when the time is up; raises `UnavailableError` when none came."""
    if workers == 0:
        raise UnavailableError(tr("scale.gateway_none"))
    try:
        client.wait_for_workers(workers, timeout=timeout)
    except TimeoutError:
        if not _count(client):
            raise UnavailableError(tr("scale.gateway_no_workers", seconds=timeout)) from None


def _start_local(workers: int, timeout: float, resources: ExitStack):
    from distributed import Client, LocalCluster

    everything, nanny = logging.getLogger("distributed"), logging.getLogger("distributed.nanny")
    for logger in (everything, nanny):
        resources.callback(logger.setLevel, logger.level)
    # LocalCluster silences the handler that Dask gave its logger; where another library was first, that is the root's.
    everything.setLevel(logging.WARNING)
    try:
        local = resources.enter_context(
            # One thread per worker: numerical libraries would otherwise start a thread per core in each worker.
            LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")
        )
        client = resources.enter_context(Client(local, timeout=timeout))
        # A worker that is slow to end is ended, and one that just reports finds nobody: no news for a learner, on a
        # page that shows warnings in red.
        resources.callback(nanny.setLevel, logging.ERROR)
        resources.callback(_let_workers_stop_reporting, client)
        return client
    except Exception as problem:  # no processes, no ports, no memory: all lead to the same next step
        raise UnavailableError(tr("scale.local_failed", sentence=_sentence(problem))) from problem


def _let_workers_stop_reporting(client) -> None:
    """Stop the heartbeats of all workers; one that is too busy to hear it, or already gone, is let go all the same."""
    if client.status != "running":
        return
    with suppress(TimeoutError, OSError):
        client.run(_stop_reporting, on_error="ignore", callback_timeout=_GOODBYE_TIMEOUT)


def _stop_reporting(dask_worker) -> None:
    dask_worker.periodic_callbacks["heartbeat"].stop()


def _start_synchronous(workers: int, timeout: float, resources: ExitStack) -> None:
    resources.enter_context(dask.config.set(scheduler="synchronous"))


def _choose_scheduler(name: str | None) -> None:
    """What computes by default from now on: a client that is closed before its ``with`` block ends stays chosen."""
    if name is None:
        dask.config.config.pop("scheduler", None)
    else:
        dask.config.set(scheduler=name)


def _count(client) -> int:
    return 1 if client is None else len(client.scheduler_info(n_workers=-1)["workers"])


def _sentence(problem) -> str:
    """What an exception says, without its last full stop; its type when it says nothing."""
    return (str(problem).strip() or type(problem).__name__).rstrip(".")
