"""The machines of the cluster that is measured on."""

import sys
from collections.abc import Iterable
from pathlib import Path

from hub.runtime import ROOT
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.machines import Machine, closed_above, said

WAYS = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
"""What both sides run lies below these."""
TMP = Path("/tmp")  # noqa: S108 - what jobs find there, whatever we use ourselves


def furnish(made: Cluster, folder: Path) -> None:
    """What both sides need on a cluster that has just begun. `folder` stays where it is. Raises StartError."""
    for name in made.shape.names:
        _own_tmp(made.machines[name], folder)
    # Stock's Dask Gateway runs a program of its own as its users on the head, where ours have nothing to run.
    closed = list(closed_above(WAYS))[::2]
    _cover(made.head, {TMP, *closed}, {folder, *WAYS})


def begin_node(made: Cluster, name: str, folder: Path) -> None:
    """Start a node again. Raises StartError."""
    made.begin_node(name)
    _own_tmp(made.machines[name], folder)


def _own_tmp(machine: Machine, folder: Path) -> None:
    """Jobs leave things in /tmp, and some are ended before they can clear up: what they left goes with the machine."""
    _cover(machine, {TMP}, {folder, *WAYS})


def _cover(machine: Machine, places: Iterable[Path], kept: Iterable[Path]) -> None:
    inside = sorted({str(one.resolve()) for one in kept if any(place in one.resolve().parents for place in places)})
    script = str(Path(__file__).with_name("own_places.sh"))
    said(machine.run("sh", script, *sorted(map(str, places)), "--", *inside))
