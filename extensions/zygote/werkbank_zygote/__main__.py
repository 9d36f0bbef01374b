"""`python -m werkbank_zygote ROLE`: one zygote on a socket that it inherits. `werkbank_zygote.node` keeps them."""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
import time


def main() -> None:
    from .preload import PRELOADS, before_imports

    _have_standard_streams()
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
    from .confinement import Confinement

    parser = argparse.ArgumentParser(prog="werkbank-zygote")
    parser.add_argument("role", choices=roles)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--ready", type=int, help="descriptor for lines: that children can come, and enough came")
    parser.add_argument("--lifeline", type=int, help="descriptor whose end of file ends this zygote")
    parser.add_argument("--may-name", type=int, help="the user id that may ask for children of other users")
    parser.add_argument("--preload-uid", type=int, help="import as this user (root only)")
    parser.add_argument("--most-forks", type=int, default=2000)
    parser.add_argument("--confinement", type=Confinement.of, default=Confinement(), help="of all children (JSON)")
    parser.add_argument("--seat-arguments", type=json.loads, default=[], help="what every seat is started with (JSON)")
    return parser.parse_args()


def _have_standard_streams() -> None:
    """Or a socket would get one of their numbers."""
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(lowest)


def _lower_rights(uid: int | None) -> None:
    """Import as an ordinary user; the way back is kept for children, which become their user for good."""
    if uid is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, 0)
        os.setresuid(uid, uid, 0)


def _prepare(arguments: argparse.Namespace) -> None:
    from . import hooks
    from .log import log
    from .preload import PRELOADS, insist_forkable, insist_on_packages_of_root, load
    from .rehearsal import try_rehearsal

    if arguments.preload_uid is not None and os.getresuid()[2] == 0:
        insist_on_packages_of_root()
    # Libraries look into their user's home when they are imported, and some make folders there.
    home, before = tempfile.mkdtemp(prefix="zygote-"), dict(os.environ)
    os.environ.update(HOME=home, MPLCONFIGDIR=home)
    try:
        missing = load(PRELOADS[arguments.role])
        if missing:
            log("info", "zygote.without", role=arguments.role, modules=",".join(missing))
        try_rehearsal(arguments.role, arguments.seat_arguments)
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(home, ignore_errors=True)
    hooks.prepare()
    insist_forkable()


def _serve(arguments: argparse.Namespace, began: float) -> None:
    from .become import Bounds
    from .child import Manner, run
    from .log import log
    from .parent import Parent, Peer
    from .preload import FOR_OTHERS

    own = os.getresuid()[2]
    bounds = Bounds(join=arguments.role not in FOR_OTHERS, confinement=arguments.confinement)
    manner = Manner(may_name=arguments.may_name, bounds=bounds)

    def admits(peer: Peer) -> bool:
        if arguments.role in FOR_OTHERS:
            return peer.uid == (own if arguments.may_name is None else arguments.may_name)
        # Who we import as has the rights to signal us: a service account, nobody's to work with.
        return peer.uid == own or (own == 0 and peer.uid != arguments.preload_uid)

    def tell(word: bytes) -> None:
        os.write(arguments.ready, word)

    parent = Parent(
        listener=socket.socket(fileno=arguments.socket),
        run_child=lambda connection, peer, writer: run(connection, peer, writer, manner),
        admits=admits,
        lifeline=arguments.lifeline,
        most_forks=arguments.most_forks,
        tell_full=None if arguments.ready is None else lambda: tell(b"FULL=1\n"),
    )
    # A descriptor for each child; children take their limits from their caller.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seconds = round(time.monotonic() - began, 2)
    log("info", "zygote.ready", role=arguments.role, modules=len(sys.modules), seconds=seconds)
    if arguments.ready is not None:
        tell(b"READY=1\n")
    parent.serve()


if __name__ == "__main__":
    main()
