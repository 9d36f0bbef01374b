"""What a job of a Dask cluster runs on a node: a scheduler or a worker, in a folder of its own on the node's disk.

`WERKBANK_JOB` holds JSON in base64: `argv` and `env` of the program, its `log` (below the home), `files` by the
variables that are to name them, and whether it `may_begin_again` after Slurm put it back in the line.
"""

import os
import signal
import subprocess
import sys

from werkbank_seat.on_node import begins_again, environment, open_log, take_job
from werkbank_seat.scratch import clear_away, scratch

DEVICES = "CUDA_VISIBLE_DEVICES"
PREFIX = "werkbank-dask-"
SCRATCH, TEMPORARY = "DASK_TEMPORARY_DIRECTORY", "TMPDIR"
"""Where Dask puts what does not fit in memory, and all programs what is of no use afterwards."""


def main():
    """Run the program of this job; its exit status."""
    job, again = take_job(), begins_again()
    if again and not job.get("may_begin_again"):
        return 0  # the gateway has put another in its place
    devices = {DEVICES: os.environ.get(DEVICES, "")}  # those that Slurm gave the job; none where it gave none
    with scratch(PREFIX, job["env"].get(SCRATCH)) as folder:
        files = {}
        for name, text in job["files"].items():
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(text)
        for variable, name in job["file_variables"].items():
            files[variable] = str(folder / name)
        program = subprocess.Popen(
            job["argv"],
            env={**environment(job["env"]), **devices, **files, **_temporary(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=open_log(job["log"], goes_on=again),
            stderr=subprocess.STDOUT,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: program.send_signal(number))
        clear_away(PREFIX, folder.parent)  # after it began: there may be much, and nobody should wait for it
        status = program.wait()
    return status if status >= 0 else 128 - status


def _temporary(folder):
    made = folder / "tmp"
    made.mkdir()
    return {SCRATCH: str(folder), TEMPORARY: str(made)}


if __name__ == "__main__":
    sys.exit(main())
