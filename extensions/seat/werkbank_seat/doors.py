"""Passes on what a seat in a container says to its workbench, and holds the line by which that knows of the seat."""

import asyncio
import os
from typing import NamedTuple

from werkbank_seat.arriving import arrive

AGAIN_S = 0.5
CHUNK = 65_536


class Way(NamedTuple):
    """To the workbench: the folder of its sockets, and the word by which it knows the seat."""

    folder: str
    word: str


def serve(way, listening, line, reader, seat):
    """Until the seat has ended. `listening` are sockets by the name of the door that each leads to."""
    asyncio.run(_serve(way, listening, line, reader, seat))


async def _serve(way, listening, line, reader, seat):
    for name, listener in listening.items():
        await asyncio.start_server(_passing(f"{way.folder}/{name}"), sock=listener)
    holding = asyncio.create_task(_hold(way, line, reader))
    await asyncio.to_thread(seat.wait)
    holding.cancel()


async def _hold(way, line, reader):
    """Say that the seat serves. When the line breaks the workbench starts anew, and is told that we are here."""
    # The other end closes with the seat, so this ends in any case.
    if not await asyncio.to_thread(os.read, reader, 64):
        return
    while True:
        line.setblocking(False)
        ends = await asyncio.open_connection(sock=line)
        ends[1].write(b'{"serves": true}\n')
        await ends[0].read()
        ends[1].close()
        line = await _arrive_again(way)


async def _arrive_again(way):
    while True:
        await asyncio.sleep(AGAIN_S)
        try:
            return arrive(way.folder, way.word, again=True)
        except OSError:
            continue  # it is not there yet


def _passing(door):
    async def passing(here_in, here_out):
        try:
            there_in, there_out = await asyncio.open_unix_connection(door)
        except OSError:
            here_out.close()  # as a port on which nobody listens, a moment later
            return
        await both_ways((here_in, here_out), (there_in, there_out))

    return passing


async def both_ways(here, there):
    """Pass on what comes at either end of two connections until both have ended, and close them."""
    try:
        await asyncio.gather(_pass_on(here[0], there[1]), _pass_on(there[0], here[1]))
    finally:
        here[1].close()
        there[1].close()


async def _pass_on(source, target):
    """All that comes, until its end; the end too."""
    try:
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.close()
