"""What the demo cluster's programs read: Slurm's files, and the accounts that its machines know."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

NAME = "demo"
HEAD, HEAD_ADDRESS = "head", "10.77.0.1"
PARTITION = "gpu"
GPU_TYPE = "h200"
LOCAL_MAJOR = 240
"""The first of the device numbers that are kept for local use: no driver answers to it, a real GPU's least of all."""
DATABASE_PORT = 3310
FIRST_UID = 62_500
"""Of its users. Nobody else here should have these numbers: their processes are seen beside those of the machine."""


class Shape(NamedTuple):
    """How large the cluster is."""

    nodes: int = 3
    gpus: int = 2
    """On each node."""
    cpus: int = 8
    memory_mb: int = 4000
    """What Slurm may promise of each; the machine below is shared by all."""
    node_timeout: int = 10
    """Seconds after which a node that is silent is down."""
    requeue_delay: int = 30
    """Seconds before a job that was put back in the line may begin again; Slurm's own measure is two minutes."""

    @property
    def names(self) -> list[str]:
        """Of the nodes."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    def address(self, node: str) -> str:
        """Of a node, on the cluster's network."""
        return f"10.77.0.{10 + int(node.removeprefix('n'))}"


def slurm_conf(folder: Path, shape: Shape, *, confined: bool) -> str:
    """The cluster. The order of its scheduler is quick: people wait in front of a demo."""
    nodes = "\n".join(
        f"NodeName={name} NodeAddr={shape.address(name)} CPUs={shape.cpus} RealMemory={shape.memory_mb}"
        f" Gres=gpu:{GPU_TYPE}:{shape.gpus} State=UNKNOWN"
        for name in shape.names
    )
    return f"""\
ClusterName={NAME}
SlurmctldHost={HEAD}({HEAD_ADDRESS})
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock,cred_expire={shape.requeue_delay}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
ProctrackType=proctrack/{"cgroup" if confined else "linuxproc"}
TaskPlugin=task/{"cgroup" if confined else "none"}
JobAcctGatherType=jobacct_gather/{"cgroup" if confined else "linux"}
JobAcctGatherFrequency=task=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmctldTimeout=30
SlurmdTimeout={shape.node_timeout}
MessageTimeout=5
KillWait=3
InactiveLimit=0
MinJobAge=30
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_min_interval=100000,batch_sched_delay=0,sched_interval=5,bf_window=1440,bf_continue
PriorityType=priority/multifactor
PriorityCalcPeriod=1
PriorityWeightFairshare=100000
PriorityWeightAge=1000
JobRequeue=1
DefMemPerCPU=100
PropagateResourceLimits=NONE
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={HEAD}
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu,gres/gpu:{GPU_TYPE}
AccountingStoragePass={folder}/run/munge.sock
{nodes}
PartitionName={PARTITION} Nodes={",".join(shape.names)} Default=YES MaxTime=1-00:00:00 DefaultTime=1:00:00 State=UP
"""


def gres_conf(folder: Path, shape: Shape) -> str:
    """Where the devices are. They are devices to the kernel, with nothing behind them."""
    files = f"{folder}/devices/gpu{'0' if shape.gpus == 1 else f'[0-{shape.gpus - 1}]'}"
    return f"AutoDetect=off\nNodeName={','.join(shape.names)} Name=gpu Type={GPU_TYPE} File={files}\n"


def cgroup_conf(*, confined: bool) -> str:
    """How jobs are confined: memory, and only the devices they were given."""
    # Slurm 22.05 reads the plugin even where nothing uses it, and knows no value for "none".
    plugin = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\n"
    bounds = "ConstrainCores=no\nConstrainRAMSpace=yes\nConstrainSwapSpace=no\nConstrainDevices=yes\n"
    return plugin + (bounds if confined else "")


def slurmdbd_conf(folder: Path, password: str) -> str:
    """The accounting daemon."""
    return f"""\
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
DbdHost={HEAD}
DbdAddr={HEAD_ADDRESS}
SlurmUser=slurm
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={DATABASE_PORT}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/run/slurmdbd.pid
"""


def hosts(shape: Shape) -> str:
    """Names on the cluster's network."""
    nodes = "".join(f"{shape.address(name)} {name}\n" for name in shape.names)
    return f"127.0.0.1 localhost\n{HEAD_ADDRESS} {HEAD}\n{nodes}"


def accounts(folder: Path, users: Sequence[str]) -> dict[str, str]:
    """This machine's account files with the cluster's users added, by name: the files themselves stay as they are."""
    known = {name: Path("/etc", name).read_text().rstrip("\n") for name in ("passwd", "group", "shadow")}
    for uid, user in enumerate(users, FIRST_UID):
        known["passwd"] += f"\n{user}:x:{uid}:{uid}::{folder}/home/{user}:/bin/bash"
        known["group"] += f"\n{user}:x:{uid}:"
        known["shadow"] += f"\n{user}:!:19000::::::"
    return {name: f"{text}\n" for name, text in known.items()}
