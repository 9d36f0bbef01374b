"""What a seat's job runs on a node of a Slurm cluster: start the seat, say where it serves, and stay until it ends.

`WERKBANK_JOB` holds JSON in base64: `argv` and `env` of the seat, its `log` (below the home) and `arrivals`, where the
hub hears of it. Only Python's standard library is imported: this process stays beside the seat for as long as it runs.
"""

import base64
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

JOB = "WERKBANK_JOB"
BACKLOG = 128
TRIES_S = 120.0
"""For how long a hub that does not answer is told again: it may be starting anew."""
PATIENCE_S = 10.0
LAST_LINE = 300


def main():
    """Run the seat of this job; its exit status."""
    if begins_again():
        return 0  # what was open in it is lost, and its user may have another by now
    job = take_job()
    log = open_log(job["log"])
    listener = socket.create_server(("", 0), backlog=BACKLOG)
    reader, writer = os.pipe()
    seat = subprocess.Popen(
        job["argv"],
        env={
            **environment(job["env"]),
            "WERKBANK_LISTEN_FD": str(listener.fileno()),
            "WERKBANK_READY_FD": str(writer),
        },
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=(listener.fileno(), writer),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: seat.send_signal(number))
    port = listener.getsockname()[1]
    os.close(writer)
    listener.close()
    # The other end closes with the seat, so this ends in any case.
    serves = os.read(reader, 64)
    if serves and not _tell(job, {"port": port}):
        seat.terminate()
    status = seat.wait()
    if not serves:
        _tell(job, {"ended": _last_line(job["log"]) or f"exit status {status}"})
    return status if status >= 0 else 128 - status


def begins_again():
    """Whether this job ran before and was put back in the line."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0


def take_job():
    """What this job is about; nothing that it starts finds it in its environment."""
    return json.loads(base64.b64decode(os.environ.pop(JOB)))


def open_log(place, goes_on=False):
    """A descriptor of a log below the home, which nobody else can read: a new one, or the one that was there."""
    file = Path.home() / place
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    how = os.O_APPEND if goes_on else os.O_TRUNC
    return os.open(file, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC, 0o600)


def _last_line(place):
    with open(Path.home() / place, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][-LAST_LINE:] if lines else ""


def environment(given):
    """What a program of this job gets: what it was given, with what is the node's and the account's."""
    account = pwd.getpwuid(os.getuid())
    slurm = {name: value for name, value in os.environ.items() if name.startswith(("SLURM_", "TMPDIR"))}
    own = {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name, "SHELL": account.pw_shell}
    return {**slurm, **own, **given}


def _tell(job, news):
    """Tell the hub; False when it does not want to know (any more): then nobody waits for this seat."""
    request = urllib.request.Request(  # noqa: S310 - the address is the hub's
        job["arrivals"],
        json.dumps(news).encode(),
        {"Authorization": f"token {job['env']['JUPYTERHUB_API_TOKEN']}", "Content-Type": "application/json"},
    )
    # The hub is in reach; a proxy of the facility is for the world outside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end, pause = time.monotonic() + TRIES_S, 0.2
    while True:
        try:
            opener.open(request, timeout=PATIENCE_S).close()
            return True
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                return False
        except OSError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(5.0, pause * 2)


if __name__ == "__main__":
    sys.exit(main())
