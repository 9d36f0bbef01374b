"""What seats that are containers cannot reach: each other, and the machine that they are on."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.notebook import Notebook
from tests.support.reaching import REACH, addresses, reached
from tests.support.seat_containers import Service
from tests.support.workbench import Workbench

LISTEN = """
import socket
listener = socket.create_server(("0.0.0.0", 9999))
print(listener.getsockname()[1])
"""
KERNEL_SOCKETS = """
import json, pathlib, ipykernel.connect
facts = json.loads(pathlib.Path(ipykernel.connect.get_connection_file()).read_text())
print(json.dumps([facts["transport"], facts["ip"]]))
"""


@pytest.fixture(scope="module")
def pair(docked: Workbench) -> Iterator[tuple[Notebook, Notebook]]:
    """Notebooks of two people."""
    visitors = [docked.browser(user) for user in ("scientist", "trainer")]
    for visitor in visitors:
        visitor.start_seat()
    notebooks = [Notebook(visitor, "python3") for visitor in visitors]
    yield notebooks[0], notebooks[1]
    for notebook in notebooks:
        notebook.close()
    for visitor in visitors:
        visitor.stop_seat()


@contextmanager
def listening() -> Iterator[int]:
    """A port of this machine on all its addresses, which answers."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    listener.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def test_neither_reaches_what_the_other_serves(pair: tuple[Notebook, Notebook]) -> None:
    mine, theirs = pair
    assert theirs.done(theirs.run(LISTEN)).strip() == "9999"
    (address,) = addresses(theirs)
    assert reached(theirs, [(address, 9999)]) == [True], "it is there"
    assert reached(mine, [(address, 9999)]) == [False]


def test_neither_reaches_the_others_kernel(pair: tuple[Notebook, Notebook]) -> None:
    mine, theirs = pair
    transport, folder = json.loads(theirs.done(theirs.run(KERNEL_SOCKETS)))
    assert transport == "ipc", "no port leads to it"
    look = f"import glob, os; print(len(glob.glob({folder!r} + '*')), len(glob.glob('/tmp/kernels-*')))"
    assert [theirs.done(theirs.run(look)).strip(), mine.done(mine.run(look)).strip()] == ["5 1", "0 1"]


def test_neither_sees_the_others_files(pair: tuple[Notebook, Notebook], docked: Workbench, service: Service) -> None:
    mine, theirs = pair
    theirs.done(theirs.run("open('secret.txt', 'w').write('theirs'); open('/tmp/secret.txt', 'w').write('theirs')"))
    look = (
        "import glob; print([f for top in ('home', 'tmp', 'var', 'run') for f in glob.glob(f'/{top}/**/secret.txt')])"
    )
    assert mine.done(mine.run(look)).strip() == "[]"
    mounts = [one["Destination"] for one in service.told(docked, "scientist")["Mounts"]]
    assert sorted(mounts) == ["/home/werkbank", "/opt/werkbank-lab-settings", "/run/werkbank"]


def test_a_seat_sees_its_own_processes_alone(pair: tuple[Notebook, Notebook]) -> None:
    count = "import os; print(len([name for name in os.listdir('/proc') if name.isdecimal()]))"
    assert int(pair[0].done(pair[0].run(count))) < 20


def test_a_seat_reaches_the_workbench(pair: tuple[Notebook, Notebook], docked: Workbench) -> None:
    ask = """
import json, os, urllib.request
for url in (os.environ["JUPYTERHUB_API_URL"] + "/", os.environ["WERKBANK_API"] + "/me"):
    request = urllib.request.Request(url, headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]})
    print(urllib.request.urlopen(request).status)
"""
    assert pair[0].done(pair[0].run(ask)).split() == ["200", "200"]


def test_a_seat_reaches_nothing_else_of_this_machine(pair: tuple[Notebook, Notebook], docked: Workbench) -> None:
    mine, _ = pair
    ports = json.loads((docked.state / "ports.json").read_text())
    with listening() as port:
        places = [(gateway, port) for gateway in (*gateways(mine), own_address())]
        assert reached(mine, places) == [False] * len(places)
        loopback = [("127.0.0.1", port), ("127.0.0.1", ports["proxy_api"])]
        assert reached(mine, loopback) == [False, False]


def test_a_seat_without_a_network_reaches_the_workbench_alone(own_docked: Workbench) -> None:
    visitor = own_docked.browser("scientist")
    visitor.start_seat()
    notebook = Notebook(visitor, "python3")
    assert notebook.done(notebook.run("import os; print(os.listdir('/sys/class/net'))")).strip() == "['lo']"
    with listening() as port:
        assert reached(notebook, [(own_address(), port), ("127.0.0.1", port)]) == [False, False]
    notebook.close()


def gateways(notebook: Notebook) -> list[str]:
    """Addresses of this machine on a seat's network."""
    return [address.rpartition(".")[0] + ".1" for address in addresses(notebook)]


def own_address() -> str:
    """Where this machine is for others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_what_is_tried_is_a_connection() -> None:
    with listening() as port:
        found: dict[str, object] = {"places": [("127.0.0.1", port)]}
        exec(REACH, found)
        assert found["reached"] == [True]
