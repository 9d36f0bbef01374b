"""The state directory."""

from dataclasses import astuple
from pathlib import Path

import pytest

from hub.errors import StateError
from hub.running import ports
from hub.state import PORTS, StateDirectory, free_ports


def test_ports_are_kept_for_the_seats_that_know_them(tmp_path: Path) -> None:
    assert StateDirectory.open(tmp_path).ports() == StateDirectory.open(tmp_path).ports()


def test_ports_lie_where_no_outgoing_connection_can_take_them() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = free_ports(20)
    assert len(set(found)) == 20
    assert max(found) < lowest_outgoing


def test_the_public_port_is_none_of_those_kept_for_the_hub_and_its_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PORTS, raising=False)
    kept = StateDirectory.open(tmp_path).ports()
    (free,) = free_ports(1, besides=astuple(kept))
    monkeypatch.setattr("hub.state.LISTENING_PORTS", (*astuple(kept), free))
    assert [ports.choose("127.0.0.1", 0, kept) for _ in range(20)] == [free] * 20


def test_an_admin_can_say_which_ports_to_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PORTS, "21000-21009")
    assert set(free_ports(5)) <= set(range(21_000, 21_010))


@pytest.mark.parametrize("text", ["21000", "21009-21000", "80-90", "a-b", "60000-70000", "-"])
def test_what_is_no_range_of_ports_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(PORTS, text)
    with pytest.raises(StateError, match=f'WERKBANK_PORTS="{text}"'):
        free_ports(1)
