"""`cluster` always answers: Dask Gateway, else a LocalCluster, else this process; it says which and why, and lets go
at the end.
"""

from __future__ import annotations

import gc
import logging
import re
import socket
import sys
import threading
import warnings

import dask
import dask.array
import dask_gateway  # before any change of the configuration: its import adds its defaults there
import distributed
import psutil
import pytest
from werkbank_lessons import scaling, words
from werkbank_lessons.scaling import cluster
from werkbank_lessons.words import tr

from .support import free_port, wait_until


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setattr(words, "_chosen", "en")


@pytest.fixture
def no_gateway():
    with dask.config.set({"gateway.address": None}):
        yield


@pytest.fixture
def no_local_cluster(monkeypatch):
    """A machine that does not allow further processes."""

    class NoProcessesLeft:
        def __init__(self, **options):
            raise OSError("no processes left.")

    monkeypatch.setattr("distributed.LocalCluster", NoProcessesLeft)


class FakeGateway:
    """Stands where dask_gateway.Gateway stands, for a gateway that answers and then disappoints."""

    def __init__(self, listening):
        self.address = listening

    def __call__(self):
        return self


class GatewayRefuses(FakeGateway):
    def new_cluster(self):
        raise ValueError("Your programme has 0 of 4 Dask workers left until 18:00.")


class GatewayWithoutWorkers(FakeGateway):
    """Starts a scheduler to which no worker ever comes."""

    def __init__(self, listening, sentence):
        super().__init__(listening)
        self.sentence = sentence
        self.closed = False

    def new_cluster(self):
        from distributed import LocalCluster

        outer = self
        inner = LocalCluster(n_workers=0, processes=False, dashboard_address=None)

        class NobodyComes:
            gateway = outer

            def scale(self, workers):
                warnings.warn(dask_gateway.GatewayWarning(f"{outer.sentence}."), stacklevel=1)

            def get_client(self):
                return inner.get_client()

            def close(self):
                inner.close()
                outer.closed = True

        return NobodyComes()


@pytest.fixture
def listening(monkeypatch):
    """An address that accepts connections, configured as the gateway's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with dask.config.set({"gateway.address": address}):
            yield address


def test_without_a_gateway_a_local_cluster_computes_and_says_so(no_gateway, capsys):
    with cluster(workers=2) as workers:
        assert workers.kind == "local"
        assert sorted(workers.client.nthreads().values()) == [1, 1]
        assert int(dask.array.ones(10, chunks=5).sum().compute()) == 10
        assert len(workers.worker_memory()) == 2
    said = capsys.readouterr().out.splitlines()
    assert said == [tr("scale.local", workers=2, reason=tr("scale.gateway_absent"))]


def test_leaving_the_block_releases_workers_and_client(no_gateway):
    with cluster(workers=1) as workers:
        client = workers.client
    assert client.status == "closed"
    assert dask.config.get("scheduler", None) is None
    assert client.cluster.status.name == "closed"
    workers.close()


def test_an_error_in_the_block_releases_the_workers_too(no_gateway):
    clients = []

    def work():
        with cluster(workers=1) as workers:
            clients.append(workers.client)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert clients[0].status == "closed"


def test_a_gateway_that_does_not_answer_costs_one_sentence(capsys):
    with dask.config.set({"gateway.address": f"http://127.0.0.1:{free_port()}"}), cluster(workers=1) as workers:
        assert workers.kind == "local"
    assert capsys.readouterr().out.splitlines() == [tr("scale.local", workers=1, reason=tr("scale.gateway_silent"))]


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_refusal_is_shown_as_the_sentence_it_is(listening, monkeypatch, capsys, language):
    monkeypatch.setattr(words, "_chosen", language)
    monkeypatch.setattr("dask_gateway.Gateway", GatewayRefuses(listening))
    with cluster(workers=1) as workers:
        assert workers.kind == "local"
    (said,) = capsys.readouterr().out.splitlines()
    assert "Your programme has 0 of 4 Dask workers left until 18:00" in said
    assert said == workers.sentence


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Scale request of 2 workers would exceed resource limit of 0 workers. Scaling to 0 instead", "gateway_none"),
        ("It is busy here", "gateway_no_workers"),
    ],
)
def test_a_gateway_without_workers_is_given_back_and_its_warning_shown(listening, monkeypatch, capsys, sentence, why):
    gateway = GatewayWithoutWorkers(listening, sentence)
    monkeypatch.setattr("dask_gateway.Gateway", gateway)
    with cluster(workers=2, timeout=0.2) as workers:
        assert workers.kind == "local"
        assert gateway.closed
    limit, used = capsys.readouterr().out.splitlines()
    assert limit == tr("scale.gateway_says", sentence=sentence)
    assert tr(f"scale.{why}", seconds=0.2) in used


def test_dask_keeps_to_itself_how_workers_come_and_go_even_where_others_log(no_gateway, caplog):
    caplog.set_level(logging.INFO, logger="distributed")
    with cluster(workers=1):
        pass
    assert [record.getMessage() for record in caplog.records if record.name.startswith("distributed")] == []
    assert logging.getLogger("distributed").level == logging.INFO


@pytest.mark.parametrize("ends", ["client", "cluster"])
def test_workers_that_somebody_has_ended_already_are_let_go_without_a_word(no_gateway, ends, caplog):
    with cluster(workers=1) as workers:
        client = workers.client
        (client if ends == "client" else client.cluster).close()
    assert client.status == "closed"
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_worker_that_hears_nothing_is_ended_all_the_same(no_gateway, caplog):
    with cluster(workers=1) as workers:
        never = workers.client.submit(re.match, "(a+)+$", "a" * 60 + "b")  # holds the interpreter for years
        scheduler = workers.client.cluster.scheduler
        wait_until(lambda: never.key in scheduler.tasks and scheduler.tasks[never.key].state == "processing")
        process = next(iter(workers.client.cluster.workers.values())).pid
    wait_until(lambda: not psutil.pid_exists(process))


def test_a_worker_that_is_slow_to_end_is_ended_without_a_word(no_gateway, caplog):
    def goes_on():
        import threading
        import time

        threading.Thread(target=time.sleep, args=(60,)).start()

    with cluster(workers=1) as workers:
        workers.on_every_worker(goes_on)
    assert [record.message for record in caplog.records if "alive" in record.message] == []


def test_a_worker_that_reports_while_it_is_ended_says_nothing(no_gateway, capfd, monkeypatch):
    reports = []
    often = threading.Event()

    def heartbeat_interval(workers):
        reports.append(workers)
        if len(reports) > 100:
            often.set()
        return 0.002

    monkeypatch.setattr("distributed.scheduler.heartbeat_interval", heartbeat_interval)
    for _ in range(3):
        with cluster(workers=2):
            assert often.wait(60)
            often.clear()
            reports.clear()
    assert "heartbeat" not in capfd.readouterr().err


def test_where_no_process_may_start_the_notebook_computes_itself(no_gateway, no_local_cluster, capsys):
    with cluster() as workers:
        assert (workers.kind, workers.client, workers.worker_memory()) == ("synchronous", None, [])
        assert dask.config.get("scheduler") == "synchronous"
        assert workers.on_every_worker(lambda number: number + 1, 1) == [2]
        assert workers.can_read(__file__)
        assert not workers.can_read(__file__ + ".missing")
    assert dask.config.get("scheduler", None) is None
    said = capsys.readouterr().out
    assert tr("scale.gateway_absent") in said
    assert "no processes left" in said


def test_workers_say_whether_they_can_read_a_file(no_gateway, tmp_path):
    with cluster(workers=1) as workers:
        assert workers.can_read(__file__)
        assert not workers.can_read(tmp_path / "missing.nc")


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "2", None, True])
def test_a_number_of_workers_that_makes_no_sense_is_refused_before_anything_starts(wrong, monkeypatch):
    monkeypatch.setattr(scaling, "_start_gateway", None)
    with pytest.raises(ValueError, match="whole number of workers"):
        cluster(workers=wrong)


def test_a_real_gateway_gives_workers_and_gets_the_cluster_back(gateway, capsys):
    with dask.config.set({"gateway.address": gateway}):
        with cluster(workers=2) as workers:
            assert workers.kind == "gateway"
            assert int(dask.array.arange(100, chunks=10).sum().compute()) == 4950
            versions = workers.client.get_versions(check=True)
            assert len(versions["workers"]) == 2
        assert dask_gateway.Gateway().list_clusters() == []
    assert capsys.readouterr().out.splitlines() == [tr("scale.gateway", workers=2)]


def test_closing_a_gateway_cluster_leaves_no_traceback_for_later(gateway, monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with dask.config.set({"gateway.address": gateway}), cluster(workers=1):
        pass
    gc.collect()
    assert complaints == []


def test_a_cap_of_the_gateway_is_told_and_only_the_granted_workers_are_waited_for(gateway, capsys, monkeypatch):
    awaited = []
    waits = distributed.Client.wait_for_workers
    monkeypatch.setattr(
        "distributed.Client.wait_for_workers",
        lambda client, number, timeout: (awaited.append(number), waits(client, number, timeout=timeout))[1],
    )
    with dask.config.set({"gateway.address": gateway}), cluster(workers=3) as workers:
        assert workers.kind == "gateway"
        assert len(workers.worker_memory()) == 2
    assert awaited == [2]
    assert "Dask Gateway says:" in capsys.readouterr().out
