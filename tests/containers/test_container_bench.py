"""`werkbank bench containers` measures three hubs in one run, and leaves nothing at the engine."""

import json

from tests.support.seat_containers import IMAGE, Service
from tests.support.workbench import run_werkbank


def left(service: Service) -> list[str]:
    """Containers, volumes and networks of measurements."""
    kinds = (("ps", "--all", "--format", "{{.Names}}"), ("volume", "ls", "--quiet"), ("network", "ls", "--quiet"))
    return [name for words in kinds for name in service.engine.run(*words).stdout.split() if "bench" in name]


def test_a_seat_is_measured_beside_stock_dockerspawner_and_a_forked_one(service: Service) -> None:
    before = left(service)
    words = ("--socket", str(service.socket), "--image", IMAGE, "--runs", "1", "--json")
    done = run_werkbank("bench", "containers", *words, timeout=400)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["forked"]["median"] < report["containers"]["median"] < report["dockerspawner"]["median"]
    assert left(service) == before
