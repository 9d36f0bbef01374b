"""Lines of `key=value` on standard error, without the logging module: its state would be everybody's."""

from __future__ import annotations

import os
import time

MOST_LETTERS = 300  # of one fact: some come from callers


def log(level: str, event: str, **facts: object) -> None:
    """One line, written at once."""
    words = [f"timestamp={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}", f"level={level}", f"event={event}"]
    words += [f"{name}={_quoted(str(fact)[:MOST_LETTERS])}" for name, fact in facts.items()]
    os.write(2, (" ".join(words) + "\n").encode())


def _quoted(text: str) -> str:
    return text if text and text.isprintable() and " " not in text and '"' not in text else repr(text)
