"""What a job of a Dask cluster runs on a node: a scheduler or a worker, with its certificates in a folder of its own.

`WERKBANK_JOB` holds JSON in base64: `argv` and `env` of the program, its `log` (below the home), and `files` by the
variables that are to name them.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from werkbank_seat.on_node import begins_again, environment, open_log, take_job

DEVICES = "CUDA_VISIBLE_DEVICES"


def main():
    """Run the program of this job; its exit status."""
    if begins_again():
        return 0  # the gateway has put another in its place
    job = take_job()
    devices = {DEVICES: os.environ.get(DEVICES, "")}  # those that Slurm gave the job; none where it gave none
    with tempfile.TemporaryDirectory(prefix="werkbank-dask-") as folder:
        files = {}
        for name, text in job["files"].items():
            file = Path(folder, name)
            file.touch(mode=0o600)
            file.write_text(text)
        for variable, name in job["file_variables"].items():
            files[variable] = str(Path(folder, name))
        program = subprocess.Popen(
            job["argv"],
            env={**environment(job["env"]), **devices, **files},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=open_log(job["log"]),
            stderr=subprocess.STDOUT,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: program.send_signal(number))
        status = program.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
