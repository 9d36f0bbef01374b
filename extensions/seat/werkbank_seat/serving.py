"""How a seat's server gets its socket from whoever starts it, and says when it serves.

Two environment variables, each the number of an inherited descriptor:

- `WERKBANK_LISTEN_FD`: a listening socket to serve on. The server binds nothing itself, so nobody can take its port.
- `WERKBANK_READY_FD`: `READY=1` and a newline are written to it, and it is closed, once the server accepts requests and
  its event loop runs. Closed without that line, the server ended first.

Without them a server binds its port and says nothing, as everywhere else. Both variables leave the environment and both
descriptors become close-on-exec before anything is configured or loaded: kernels and terminals never see them.
"""

import contextlib
import functools
import os
import socket

LISTEN = "WERKBANK_LISTEN_FD"
READY = "WERKBANK_READY_FD"
READY_LINE = b"READY=1\n"


def apply(serverapp):
    """Correct the class of the freshly imported module `jupyter_server.serverapp`. Twice is once."""
    app = serverapp.ServerApp
    if hasattr(app, "_werkbank_socket"):
        return
    app._werkbank_socket = app._werkbank_ready = None
    app.initialize = _taking_what_is_inherited(app.initialize)
    app._find_http_port = _on_the_inherited_port(app._find_http_port)
    app._bind_http_server_tcp = _on_the_inherited_socket(app._bind_http_server_tcp)
    app._bind_http_server = _then_ready(app._bind_http_server)


def install():
    """For who imports Jupyter Server by hand: correct it now."""
    import jupyter_server.serverapp

    apply(jupyter_server.serverapp)


def _taking_what_is_inherited(initialize):
    @functools.wraps(initialize)
    def taking(self, *args, **kwargs):
        try:
            self._werkbank_socket = _socket(_take(LISTEN))
            self._werkbank_ready = _take(READY)
        except ValueError as error:
            self.log.critical("%s Nothing was started.", error)
            self.exit(1)
        return initialize(self, *args, **kwargs)

    return taking


def _take(variable):
    """The descriptor that a variable names, None without it. Raises ValueError when it is no open descriptor."""
    text = os.environ.pop(variable, "")
    if not text:
        return None
    try:
        descriptor = int(text)
        os.set_inheritable(descriptor, False)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{variable}={text!r} is not the number of an open descriptor.") from None
    return descriptor


def _socket(descriptor):
    if descriptor is None:
        return None
    problem = ValueError(f"{LISTEN}={descriptor} is not a listening socket.")
    try:
        inherited = socket.socket(fileno=descriptor)
        listens = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        raise problem from None
    if not listens:
        raise problem
    inherited.setblocking(False)
    return inherited


def _on_the_inherited_port(find_port):
    @functools.wraps(find_port)
    def find(self):
        if self._werkbank_socket is None:
            find_port(self)
        elif self._werkbank_socket.family != socket.AF_UNIX:  # which has none: the configured one stays
            self.port = self._werkbank_socket.getsockname()[1]

    return find


def _on_the_inherited_socket(bind):
    @functools.wraps(bind)
    def bound(self):
        if self._werkbank_socket is None:
            return bind(self)
        self.http_server.add_socket(self._werkbank_socket)
        return True

    return bound


def _then_ready(bind):
    @functools.wraps(bind)
    def bound(self):
        # The event loop calls this, so it runs; a failure to bind leaves by SystemExit.
        bind(self)
        if self._werkbank_ready is not None:
            descriptor, self._werkbank_ready = self._werkbank_ready, None
            with contextlib.suppress(OSError):  # nobody may be listening any more
                os.write(descriptor, READY_LINE)
            os.close(descriptor)

    return bound
