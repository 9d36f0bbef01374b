"""Loaded by kernels that try a lesson: a machine without a network. Only this machine itself can be reached."""

import ipaddress
import socket
import warnings

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


def _leave_the_network():
    """Go where only this machine is, if the system allows it; children come along. Else the guard above remains."""
    import ctypes
    import fcntl
    import os
    import struct

    if os.environ.pop("WERKBANK_OFFLINE", None) != "namespace":
        return
    new_network, set_flags, up = 0x40000000, 0x8914, 0x1  # CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP
    if ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, set_flags, struct.pack("16sH14x", b"lo", up))  # Dask talks over it


_leave_the_network()

# What our own kit does that will break some day is an error; of a lesson's own cells PYTHONWARNINGS says the same.
warnings.filterwarnings("error", category=DeprecationWarning, module=r"werkbank_lessons(\.|$)")
