"""What the page "Operations" says of the things that the workbench needs, and what to do without them.

English message ids; Dutch is in `hub/locale/nl.po`. What stands between backticks is typed into a terminal.
"""

from hub.words import later

TITLES = {
    "hub": later("JupyterHub"),
    "proxy": later("Proxy"),
    "database": later("Database of the workbench"),
    "leases": later("Database of GPU leases"),
    "broker": later("GPU broker"),
    "devices": later("GPU driver"),
    "slurm": later("Slurm"),
    "dask-gateway": later("Dask Gateway"),
}

AWAY = {
    "hub": later("JupyterHub does not answer"),
    "proxy": later("The proxy does not answer"),
    "database": later("The database of the workbench does not answer"),
    "leases": later("The database of GPU leases does not answer"),
    "broker": later("The GPU broker decides nothing"),
    "devices": later("The GPUs cannot be read"),
    "slurm": later("Slurm does not answer"),
    "dask-gateway": later("Dask Gateway does not answer"),
}

TODO = {
    "hub": later(
        "Seats and kernels run on; nobody can sign in or start a seat. `werkbank status` says whether it runs, and "
        "logs/hub.log in the state folder ends with its last words. `werkbank down` and `werkbank up` start it anew; "
        "seats stay."
    ),
    "proxy": later(
        "Nobody reaches a page or a seat; kernels run on. The hub starts a proxy that ended within half a minute. "
        "If it does not come back: `werkbank down`, then `werkbank up`; seats stay."
    ),
    "database": later(
        "What runs goes on; settings, workshops and seats that are kept cannot be written down. Look for room on the "
        "disk."
    ),
    "leases": later(
        "Kernels keep their GPUs; nobody is given a new one. Look for room on the disk, or whether PostgreSQL answers."
    ),
    "broker": later(
        "Kernels keep their GPUs; nobody is given a new one. Look whether its database answers and the disk has room. "
        "If it stays so: `werkbank down`, then `werkbank up`; seats and leases stay."
    ),
    "devices": later(
        "Who holds a GPU keeps it; nobody is given a new one. Try `nvidia-smi` on this machine: what it says is what "
        "is wrong. It is read again every half minute."
    ),
    "slurm": later(
        "Seats, kernels and Dask workers run on; none begins or ends. Try `sinfo` on this machine: what it says is "
        "what is wrong. Look whether slurmctld and munge run. It is asked again every ten seconds."
    ),
    "dask-gateway": later(
        "Clusters run on; none can be started or scaled. The hub starts a gateway that ended anew. One that hangs is "
        "ended by hand: `werkbank status` names its process."
    ),
}
