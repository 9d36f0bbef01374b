"""One broker per database: the second refuses to start while the first lives."""

import fcntl
import time
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, text

from hub.errors import BrokerBusy

TIMEOUT = 10.0
"""Seconds to wait for a broker that is just stopping."""
_RETRY_PERIOD = 0.2
_POSTGRES_KEY = 0x5765726B62616E6B
"""`Werkbank` as eight bytes: the advisory lock's number."""


class Exclusive:
    """Held until `release`, or until this process ends however it ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file: IO[str] | None = None
        self._connection: Connection | None = None

    def acquire(self, timeout: float = TIMEOUT) -> None:
        """Raises BrokerBusy when another broker still holds it after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        take = self._take_file if self._engine.dialect.name == "sqlite" else self._take_lock
        while not take():
            if time.monotonic() > deadline:
                raise BrokerBusy
            time.sleep(_RETRY_PERIOD)

    def release(self) -> None:
        """Let the next broker in."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            self._connection.invalidate()  # closes the session, which holds the lock
            self._connection.close()
            self._connection = None

    def _take_file(self) -> bool:
        if not self._engine.url.database:
            return True  # in memory: nobody else can open it
        file = Path(f"{self._engine.url.database}.broker-lock").open("w")  # noqa: SIM115  # open as long as we live
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def _take_lock(self) -> bool:
        connection = self._engine.connect()
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _POSTGRES_KEY}).scalar()
        connection.commit()
        if not taken:
            connection.close()
            return False
        self._connection = connection
        return True
