"""A filter for system calls: without those that only administer a machine, or that are known for holes in kernels.

libseccomp knows the numbers of each architecture and compiles the filter once; putting it on is one call. Debuggers,
profilers of one's own processes and GPU libraries go on working; containers of one's own (user namespaces) do not.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator

from .calls import LIBC, insist, no_new_privileges

REFUSED = (
    *("mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount"),
    *("open_tree", "mount_setattr", "setns", "unshare", "open_by_handle_at", "quotactl", "quotactl_fd"),
    *("init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "reboot"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("add_key", "request_key", "keyctl", "swapon", "swapoff", "acct", "syslog", "iopl", "ioperm", "vhangup"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "lookup_dcookie"),
    *("nfsservctl", "uselib", "ustat", "sysfs", "_sysctl", "vm86", "vm86old"),
)
_ALLOW = 0x7FFF0000
_BAD_ARCHITECTURE = 2
_MASKED_EQUAL = 7
_NEW_NAMESPACES = 0x7E020080
_PR_SET_SECCOMP, _FILTER = 22, 2


class _Comparison(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def reason() -> str:
    """Why there can be no filter on this machine; empty when there can."""
    try:
        _library()
    except OSError as problem:
        return f"libseccomp is not installed ({problem})"
    return "" if os.path.exists("/proc/sys/kernel/seccomp/actions_avail") else "this kernel has no filters"


def compiled() -> bytes:
    """The filter as a program for this machine. OSError."""
    library = _library()
    context = library.seccomp_init(_ALLOW)
    if not context:
        raise OSError("libseccomp: no filter")
    try:
        _insist(library.seccomp_attr_set(context, _BAD_ARCHITECTURE, _refuse(errno.EPERM)), "architecture")
        for name in REFUSED:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:  # else this architecture has none of that name
                _insist(library.seccomp_rule_add_array(context, _refuse(errno.EPERM), number, 0, None), name)
        for name, action, conditions in _clones():
            number = library.seccomp_syscall_resolve_name(name.encode())
            array = (_Comparison * len(conditions))(*conditions)
            _insist(library.seccomp_rule_add_array(context, action, number, len(conditions), array), name)
        return _exported(library, context)
    finally:
        library.seccomp_release(context)


def put_on(program: bytes) -> None:
    """Once and for all, with the renunciation of new privileges. OSError."""
    no_new_privileges()
    filter_ = _Program(len(program) // 8, program)
    insist(LIBC.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(filter_), 0, 0), "seccomp")


def _clones() -> Iterator[tuple[str, int, list[_Comparison]]]:
    """No namespaces by `clone` either. A filter cannot see the flags of `clone3`: C libraries then use `clone`."""
    for bit in (1 << number for number in range(32) if _NEW_NAMESPACES >> number & 1):
        yield "clone", _refuse(errno.EPERM), [_Comparison(0, _MASKED_EQUAL, bit, bit)]
    yield "clone3", _refuse(errno.ENOSYS), []


def _exported(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes:
    memory = os.memfd_create("filter")
    with open(memory, "rb") as file:
        _insist(library.seccomp_export_bpf(context, memory), "export")
        file.seek(0)
        return file.read()


def _refuse(number: int) -> int:
    return 0x00050000 | number


def _insist(status: int, what: str) -> None:
    if status < 0:
        raise OSError(-status, f"libseccomp, {what}: {os.strerror(-status)}")


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint),
        ctypes.POINTER(_Comparison),
    ]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library
