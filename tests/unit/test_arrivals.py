"""The line between a seat in a container and the hub: who is let in, and what is done for them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from werkbank_seat.arriving import arrive

from hub.containers.arrivals import Arrivals, Seat

WORD = "a-word-of-this-seat"


@pytest.fixture
async def arrivals(tmp_path: Path) -> AsyncIterator[Arrivals]:
    """A hub's, without doors to anything."""
    made = Arrivals(tmp_path / "run" / "seats", {})
    await made.open()
    yield made
    for server in made._servers:
        server.close()


def expected(arrivals: Arrivals, ended: list[str]) -> Seat:
    return arrivals.expect(WORD, arrivals.folder / "serving" / "one", lambda: ended.append("ended"))


async def came(arrivals: Arrivals, word: str, **more: object) -> socket.socket:
    return await asyncio.to_thread(lambda: arrive(str(arrivals.shown), word, **more))


async def test_a_seat_is_given_the_socket_that_it_serves_on(arrivals: Arrivals) -> None:
    ended: list[str] = []
    seat = expected(arrivals, ended)
    line = await came(arrivals, WORD)
    _, (descriptor,), _, _ = await asyncio.to_thread(socket.recv_fds, line, 1, 1)
    with socket.socket(fileno=descriptor) as listener:
        assert listener.getsockname() == str(seat.serving)
    line.sendall(b'{"serves": true}\n')
    assert await asyncio.wait_for(seat.serves, 5)
    assert ended == []
    line.close()
    while not ended:  # noqa: ASYNC110 - a test's own limit ends it
        await asyncio.sleep(0.01)


async def test_a_seat_that_lets_go_before_it_serves_has_ended(arrivals: Arrivals) -> None:
    ended: list[str] = []
    seat = expected(arrivals, ended)
    (await came(arrivals, WORD)).close()
    assert await asyncio.wait_for(seat.serves, 5) is False
    assert ended == [], "its start is told, and nobody else"


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({"word": "another"}).encode() + b"\n",
        json.dumps({"word": ""}).encode() + b"\n",
        json.dumps({"word": "w\u00f6rd"}).encode() + b"\n",
        json.dumps([WORD]).encode() + b"\n",
        b"rubbish\n",
        b"\xff\xfe\n",
        b"\n",
        b"x" * 200_000,
    ],
)
async def test_who_does_not_know_the_word_gets_nothing(arrivals: Arrivals, said: bytes) -> None:
    seat = expected(arrivals, [])
    reader, writer = await asyncio.open_unix_connection(str(arrivals.shown / "arrivals"))
    writer.write(said)
    with suppress(ConnectionResetError):  # as good
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert not seat.came.is_set()
    assert not seat.serving.exists()


async def test_a_seat_that_was_forgotten_is_not_let_in_again(arrivals: Arrivals) -> None:
    seat = expected(arrivals, [])
    arrivals.forget(WORD)
    line = await came(arrivals, WORD)
    assert await asyncio.to_thread(line.recv, 1) == b""
    line.close()
    assert not seat.came.is_set()


async def test_what_seats_see_they_cannot_write(arrivals: Arrivals) -> None:
    assert arrivals.shown.stat().st_mode & 0o777 == 0o755
    assert arrivals.folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in arrivals.shown.iterdir()} == {"arrivals"}
