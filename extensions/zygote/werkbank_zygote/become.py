"""From a copy of the parent to a process of its user. Everything here runs before a byte of the request is read."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
from dataclasses import dataclass, field

from .caller import Caller, NotAllowed
from .confinement import Confinement
from .confinement.calls import LIBC

_PR_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Account:
    """Who to become, looked up while the files of this machine are still our own."""

    uid: int
    gid: int
    groups: list[int]
    home: str


def leave_parent() -> None:
    """Own session, no inherited signal dispositions or masks."""
    os.setsid()
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):  # SIGKILL, SIGSTOP and those of the C library
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python starts every program
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def user_for(asked: int | None, peer_uid: int, may_name: int | None) -> int:
    """The user id to become. `may_name` is the one caller who may name another. NotAllowed."""
    if asked is None or asked == peer_uid:
        return peer_uid
    if may_name is None or peer_uid != may_name:
        raise NotAllowed(f"user {peer_uid} asked for user {asked}")
    if asked == 0 and peer_uid != 0:
        raise NotAllowed("nobody is made root")
    return asked


@dataclass(frozen=True)
class Bounds:
    """What a child is held to, besides the limits of its caller."""

    join: bool = False
    """It enters the control groups and namespaces of its caller; else it may have some of its own."""
    confinement: Confinement = field(default_factory=Confinement)


def become(uid: int, caller_pid: int, caller_uid: int, bounds: Bounds, place: str = "") -> None:
    """A process of this user for good, within bounds. NotAllowed, OSError: then this process must end."""
    account = _account(uid) if os.getresuid() != (uid, uid, uid) else None
    if os.getresuid()[2] == 0:
        os.setresuid(-1, 0, -1)  # the parent imports as nobody and keeps the way back for this moment
    caller = Caller(caller_pid, caller_uid)
    try:
        caller.share_bounds(own_filters=bounds.confinement.filters)
        if bounds.join:
            caller.join_groups()
            caller.join_namespaces()
    finally:
        caller.close()
    home = account.home if account else ""
    if home and not bounds.join:
        bounds.confinement.enter(home, place)
    bounds.confinement.put_on(home)
    if account is not None:
        _drop_to(account)


def _account(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise NotAllowed(f"there is no account with user id {uid}") from None
    return Account(uid, found.pw_gid, os.getgrouplist(found.pw_name, found.pw_gid), found.pw_dir)


def _drop_to(account: Account) -> None:
    """No name is looked up and nothing is imported here: the files may be those of the caller's namespace."""
    uid, gid = account.uid, account.gid
    os.setgroups(account.groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    as_wanted = os.getresuid() == (uid,) * 3 and os.getresgid() == (gid,) * 3
    if not as_wanted or set(os.getgroups()) != set(account.groups):
        os._exit(71)
    if uid != 0:
        _insist_it_is_for_good()


def _insist_it_is_for_good() -> None:
    for back in (os.setuid, os.seteuid):
        with contextlib.suppress(PermissionError):
            back(0)
            os._exit(71)


def show_to_user() -> None:
    """A process that changed its user without exec has a /proc that belongs to root: debuggers and psutil fail.

    Not before the caller's word to start: until then its user could put words into its mouth with a debugger.
    """
    LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
