"""Loaded by kernels under test: a machine without a network. Only this machine itself can be reached."""

import ipaddress
import socket

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


class NetworkRefusedError(OSError):
    """A lesson tried to leave the machine."""


def _stay(address):
    if isinstance(address, tuple) and not _is_here(address[0]):
        raise NetworkRefusedError(f"lessons run without a network; this one tried {address!r}")


def _is_here(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusing(connect):
    def only_here(self, address):
        _stay(address)
        return connect(self, address)

    return only_here


socket.socket.connect = _refusing(_connect)
socket.socket.connect_ex = _refusing(_connect_ex)
