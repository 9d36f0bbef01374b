"""The node daemon of this workbench: one for each environment, so that seats and kernels are forked and not started."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import BinaryIO

from hub.settings import Settings
from hub.spawners.confinement import confinement_of
from hub.spawners.zygotes import lab_arguments, node_folder, zygote_environment
from hub.state import StateDirectory

STOP_TIMEOUT = 5.0
NOBODY = 65_534


def command(state: StateDirectory, settings: Settings, name: str) -> list[str]:
    """What starts the daemon of an environment. Makes the folder in which its own folder will be."""
    place = node_folder(state.path, settings, name)
    place.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    words = [os.fspath(settings.python_of(name)), "-P", "-m", "werkbank_zygote.node"]
    words += ["--folder", str(place), "--role", "seat", "--role", "kernel"]
    words += ["--role", "dask"] if settings.gateway.enabled else []
    words += ["--seat-arguments", json.dumps(lab_arguments(settings, "en"))]
    words += ["--confinement", confinement_of(settings, state).dumped()]
    if settings.site.seats_run_as == "system-accounts":
        words += ["--public", "--may-name", str(os.geteuid()), "--preload-uid", str(NOBODY)]
    return words


class Nodes:
    """The daemons of one run. They end with us, however we end; what they forked runs on."""

    def __init__(self) -> None:
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._folders: set[Path] = set()

    def start(self, state: StateDirectory, settings: Settings, log: BinaryIO) -> None:
        """Start them; they are ready some seconds later, and until then seats start in the ordinary way."""
        if settings.site.kind != "local" or not settings.site.warm or settings.site.node == "service":
            return
        for name in sorted({profile.environment for profile in settings.profiles}):
            self._folders.add(node_folder(state.path, settings, name).parent)
            try:
                self._daemons.append(self._start(state, settings, name, log))
            except OSError as error:
                # Its seats start in the ordinary way, or cannot start and say why.
                log.write(f"level=error event=node.not-started environment={name} why={str(error)!r}\n".encode())
                log.flush()

    @staticmethod
    def _start(state: StateDirectory, settings: Settings, name: str, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(state, settings, name),
            cwd="/",
            env=zygote_environment(settings.environments[name]),
            stdin=subprocess.PIPE,  # it ends when this does
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Let go of them and wait until they have ended."""
        for daemon in self._daemons:
            assert daemon.stdin is not None
            daemon.stdin.close()
        for daemon in self._daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(STOP_TIMEOUT)
                continue
            daemon.kill()
            daemon.wait()
        self._daemons.clear()
        for folder in self._folders:  # sockets that nobody answers
            shutil.rmtree(folder, ignore_errors=True)
