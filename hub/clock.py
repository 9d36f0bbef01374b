"""The time decisions are made for: Unix seconds that never jump."""

import time


class Clock:
    """Wall time at its making, then the monotonic clock: setting the machine's clock moves no timer."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self._offset + time.monotonic()
