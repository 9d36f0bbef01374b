"""`python -m werkbank_zygote ROLE`: one zygote on a socket that it inherits. `python -m werkbank_zygote.node` keeps them."""

from __future__ import annotations

import argparse
import gc
import json
import os
import socket
import sys
import time


def main() -> None:
    from .preload import PRELOADS, before_imports

    arguments = _arguments(list(PRELOADS))
    gc.disable()
    before_imports()
    began = time.monotonic()
    _lower_rights(arguments.preload_uid)
    import setproctitle

    setproctitle.setproctitle(f"werkbank-zygote {arguments.role} (importing)")
    _prepare(arguments)
    setproctitle.setproctitle(f"werkbank-zygote {arguments.role}")
    _serve(arguments, began)


def _arguments(roles: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="werkbank-zygote")
    parser.add_argument("role", choices=roles)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--ready", type=int, help="descriptor to write a line to when the first child can come")
    parser.add_argument("--lifeline", type=int, help="descriptor whose end of file ends this zygote")
    parser.add_argument("--may-name", type=int, help="the user id that may ask for children of other users")
    parser.add_argument("--preload-uid", type=int, help="import as this user (root only)")
    parser.add_argument("--most-forks", type=int, default=2000)
    parser.add_argument("--seat-arguments", type=json.loads, default=[], help="what every seat is started with (JSON)")
    return parser.parse_args()


def _lower_rights(uid: int | None) -> None:
    """Import as an ordinary user; the way back is kept for children, which become their user for good."""
    if uid is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, 0)
        os.setresuid(uid, uid, 0)


def _prepare(arguments: argparse.Namespace) -> None:
    from . import hooks
    from .log import log
    from .preload import PRELOADS, insist_forkable, load
    from .rehearsal import try_rehearsal

    missing = load(PRELOADS[arguments.role])
    if missing:
        log("info", "zygote.without", role=arguments.role, modules=",".join(missing))
    if arguments.role == "seat":
        try_rehearsal(arguments.seat_arguments)
    hooks.prepare()
    insist_forkable()


def _serve(arguments: argparse.Namespace, began: float) -> None:
    from .child import Manner, run
    from .log import log
    from .parent import Parent, Peer

    is_root = os.getresuid()[2] == 0
    own = os.getresuid()[2]
    manner = Manner(may_name=arguments.may_name, join_caller=arguments.role != "seat" and is_root)

    def admits(peer: Peer) -> bool:
        if arguments.role == "seat":
            return peer.uid == (own if arguments.may_name is None else arguments.may_name)
        return is_root or peer.uid == own

    parent = Parent(
        listener=socket.socket(fileno=arguments.socket),
        run_child=lambda connection, peer, writer: run(connection, peer, writer, manner),
        admits=admits,
        lifeline=arguments.lifeline,
        most_forks=arguments.most_forks,
    )
    seconds = round(time.monotonic() - began, 2)
    log("info", "zygote.ready", role=arguments.role, modules=len(sys.modules), seconds=seconds)
    if arguments.ready is not None:
        os.write(arguments.ready, b"READY=1\n")
        os.close(arguments.ready)
    parent.serve()


if __name__ == "__main__":
    main()
