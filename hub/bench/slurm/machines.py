"""The machines of the cluster that is measured on."""

import sys
from pathlib import Path

from hub.runtime import ROOT
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.machines import Machine, said

WAYS = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
"""What jobs of Werkbank run."""
TMP = Path("/tmp")  # noqa: S108 - what jobs find there, whatever we use ourselves


def begin_node(made: Cluster, name: str, folder: Path) -> None:
    """Start a node again. Raises StartError."""
    made.begin_node(name)
    own_tmp(made.machines[name], folder)


def own_tmp(machine: Machine, folder: Path) -> None:
    """Jobs leave things in /tmp, and some are ended before they can clear up: what they left goes with the machine.

    `folder`, and what jobs run, stay where they are. Raises StartError.
    """
    kept = sorted({str(one.resolve()) for one in (folder, *WAYS) if TMP in one.resolve().parents})
    said(machine.run("sh", str(Path(__file__).with_name("own_tmp.sh")), *kept))
