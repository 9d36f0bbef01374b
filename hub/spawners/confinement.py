"""How this site confines seats, kernels and Dask workers: what the settings want, and what this machine can do."""

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from werkbank_zygote.confinement import Confinement, landlock, private, system_calls

from hub.cgroups.groups import clusters_group_name, group_name
from hub.runtime import ROOT
from hub.settings import Settings
from hub.state import StateDirectory


def confinement_of(settings: Settings, state: StateDirectory) -> Confinement:
    """What all processes of this site put on. The same for all: who could choose would choose less."""
    wanted = settings.site.confinement
    accounts = settings.site.seats_run_as == "system-accounts"
    private_folders = accounts and wanted.private_folders == "auto" and not _no_private_folders()
    return Confinement(
        private_folders=str(state.private) if private_folders else "",
        files=accounts and wanted.files == "auto" and not _no_file_rules(wanted.new_privileges),
        readable=(*_installed(settings), *wanted.readable),
        writable=(*([str(state.clusters)] if settings.gateway.enabled else []), *wanted.writable),
        new_privileges=wanted.new_privileges,
        core_dumps=False,
        filter=_filter() if wanted.system_calls == "filtered" and not system_calls.reason() else b"",
    )


def shortcomings(settings: Settings) -> Iterator[str]:
    """What the settings want and this machine cannot do, in sentences for the admin."""
    wanted = settings.site.confinement
    accounts = settings.site.seats_run_as == "system-accounts"
    if accounts and wanted.private_folders == "auto" and (reason := _no_private_folders()):
        yield f"Seats share /tmp, /var/tmp and /dev/shm: they cannot be given their own here ({reason})."
    if accounts and wanted.files == "auto" and (reason := _no_file_rules(wanted.new_privileges)):
        yield f"Seats are not kept from files beside their homes: {reason}."
    if wanted.system_calls == "filtered" and (reason := system_calls.reason()):
        yield f"System calls of seats are not filtered: {reason}."


def place_of_seat(state: StateDirectory, user: str, server: str) -> str:
    """The name of a seat's private folders."""
    return _digest(group_name(state.path, user, server))


def place_of_clusters(workbench: Path, user: str) -> str:
    """The name of the private folders of a user's Dask clusters."""
    return _digest(clusters_group_name(workbench, user))


def open_place(confinement: Confinement, place: str) -> str:
    """Make the private folders of a place, where there are to be any; its name, empty for none. OSError."""
    if not confinement.private_folders:
        return ""
    private.make(os.path.join(confinement.private_folders, place))
    return place


def close_place(confinement: Confinement, place: str) -> None:
    """Remove what was left there. To be called when none of its processes runs any more."""
    if confinement.private_folders:
        private.remove(os.path.join(confinement.private_folders, place))


def _installed(settings: Settings) -> list[str]:
    """Where the programs are that every seat needs: the environments, their Pythons, and Werkbank's own folder."""
    found = [str(ROOT)]
    for name in settings.environments:
        python = settings.python_of(name)
        found += [str(python.parent.parent), str(Path(os.path.realpath(python)).parent.parent)]
    return list(dict.fromkeys(found))


def _no_file_rules(new_privileges: bool) -> str:
    if landlock.version() < landlock.LEAST_VERSION:
        return "this kernel has no Landlock (Linux 5.19 or newer has)"
    if new_privileges and _no_private_folders():
        return "without CAP_SYS_ADMIN, Landlock needs `site.confinement.new_privileges: false`"
    return ""


@cache
def _no_private_folders() -> str:
    return private.reason()


@cache
def _filter() -> bytes:
    return system_calls.compiled()


def _digest(group: str) -> str:
    return hashlib.sha256(os.fsencode(group)).hexdigest()[:32]
