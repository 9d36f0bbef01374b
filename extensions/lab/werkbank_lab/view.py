"""What the browser is told: named parts, each whole. A part is told again only when it changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

Told = Callable[[str, Any], None]


class View:
    """The parts as they are now. `tell` hears of each change."""

    def __init__(self, tell: Told) -> None:
        self._tell = tell
        self._parts: dict[str, Any] = {}
        self._written: dict[str, str] = {}

    def put(self, part: str, value: Any) -> None:
        """Set a part. Nobody hears of what is as it was."""
        written = json.dumps(value, sort_keys=True)
        if self._written.get(part) == written:
            return
        self._parts[part], self._written[part] = value, written
        self._tell(part, value)

    def get(self, part: str) -> Any:
        """A part as it is now; None where there is none."""
        return self._parts.get(part)

    def all(self) -> dict[str, Any]:
        """All parts, with the seat's clock."""
        return {**self._parts, "now": time.time()}
