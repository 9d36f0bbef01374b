"""What several lesson tests need: places, ports, and waiting for a condition."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

from tutorials.build.execution import OFFLINE as OFFLINE
from tutorials.build.verdict import printed as printed

ROOT = Path(__file__).resolve().parents[2]
LESSON_KIT = ROOT / "extensions" / "lessons"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition, timeout: float = 60.0) -> None:
    """Return as soon as ``condition()`` is true; fail the test after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain"
        time.sleep(0.05)
