"""The state directory."""

from pathlib import Path

from hub.state import StateDirectory, free_ports


def test_ports_are_kept_for_the_seats_that_know_them(tmp_path: Path) -> None:
    assert StateDirectory.open(tmp_path).ports() == StateDirectory.open(tmp_path).ports()


def test_ports_lie_where_no_outgoing_connection_can_take_them() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < lowest_outgoing
