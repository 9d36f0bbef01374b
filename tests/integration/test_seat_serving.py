"""How a seat's server gets its socket, and says that it serves."""

import os
import socket
from pathlib import Path

import httpx
import pytest

from tests.support.bare_seat import bare_seat, what_it_says
from tests.support.workbench import eventually


def serves(port: int) -> bool:
    """Whether a seat answers on this port at once."""
    reply = httpx.get(f"http://127.0.0.1:{port}/user/x/api", timeout=20, trust_env=False)
    return "version" in reply.json()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_seat_serves_on_the_socket_it_inherits_and_says_when(tmp_path: Path) -> None:
    ready, seat_end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        variables = {"WERKBANK_LISTEN_FD": str(listening.fileno()), "WERKBANK_READY_FD": str(seat_end)}
        # The address that the hub told it is another one, and taken: it must not matter.
        taken = socket.create_server(("127.0.0.1", 0))
        with bare_seat(
            tmp_path,
            port=taken.getsockname()[1],
            variables=variables,
            descriptors=(listening.fileno(), seat_end),
        ):
            listening.close()
            assert what_it_says(seat_end, ready) == b"READY=1\n"
            assert serves(port)
            assert f"127.0.0.1:{port}/user/x/" in (tmp_path / "log").read_text()
        taken.close()


def test_nothing_a_seat_starts_sees_the_descriptors(tmp_path: Path) -> None:
    configuration = tmp_path / ".jupyter" / "jupyter_server_config.py"
    configuration.parent.mkdir()
    # Configuration is read before any extension, and this starts a program as carelessly as one can.
    configuration.write_text("import os; os.system('env > seen; readlink /proc/self/fd/* >> seen')")
    ready, seat_end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        links = [os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in (listening.fileno(), seat_end)]
        variables = {"WERKBANK_LISTEN_FD": str(listening.fileno()), "WERKBANK_READY_FD": str(seat_end)}
        with bare_seat(tmp_path, variables=variables, descriptors=(listening.fileno(), seat_end)):
            assert what_it_says(seat_end, ready) == b"READY=1\n"
    seen = (tmp_path / "seen").read_text()
    assert "JUPYTERHUB_USER=x" in seen
    assert "WERKBANK_" not in seen
    assert not [link for link in links if link in seen]


def test_a_seat_that_binds_its_own_port_says_when_it_serves(tmp_path: Path) -> None:
    ready, seat_end = os.pipe()
    port = free_port()
    with bare_seat(tmp_path, port=port, variables={"WERKBANK_READY_FD": str(seat_end)}, descriptors=(seat_end,)):
        assert what_it_says(seat_end, ready) == b"READY=1\n"
        assert serves(port)


def test_a_seat_without_either_serves_as_everywhere_else(tmp_path: Path) -> None:
    port = free_port()
    with bare_seat(tmp_path, port=port) as seat:
        eventually(lambda: seat.poll() is not None or listens(port), what="the seat listens")
        assert serves(port)


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_a_seat_that_cannot_serve_closes_without_a_word(tmp_path: Path) -> None:
    ready, seat_end = os.pipe()
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        bare_seat(
            tmp_path,
            port=taken.getsockname()[1],
            variables={"WERKBANK_READY_FD": str(seat_end)},
            descriptors=(seat_end,),
        ) as seat,
    ):
        assert what_it_says(seat_end, ready) == b""
        assert seat.wait(timeout=30) == 1


def test_a_seat_whose_starter_is_gone_serves_all_the_same(tmp_path: Path) -> None:
    ready, seat_end = os.pipe()
    port = free_port()
    with bare_seat(
        tmp_path, port=port, variables={"WERKBANK_READY_FD": str(seat_end)}, descriptors=(seat_end,)
    ) as seat:
        os.close(ready)
        os.close(seat_end)
        eventually(lambda: seat.poll() is not None or listens(port), what="the seat listens")
        assert serves(port)


BAD = {
    "no number": ("WERKBANK_LISTEN_FD", "x", "is not the number of an open descriptor"),
    "not open": ("WERKBANK_LISTEN_FD", "999", "is not the number of an open descriptor"),
    "huge": ("WERKBANK_LISTEN_FD", str(2**70), "is not the number of an open descriptor"),
    "negative": ("WERKBANK_READY_FD", "-1", "is not the number of an open descriptor"),
    "no socket": ("WERKBANK_LISTEN_FD", "1", "is not a listening socket"),
}


@pytest.mark.parametrize(("variable", "value", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_descriptor_that_makes_no_sense_starts_nothing_and_says_why(
    tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    with bare_seat(tmp_path, port=0, variables={variable: value}) as seat:
        assert seat.wait(timeout=60) == 1
    log = (tmp_path / "log").read_text()
    assert sentence in log
    assert "Nothing was started." in log
    assert "Traceback" not in log
