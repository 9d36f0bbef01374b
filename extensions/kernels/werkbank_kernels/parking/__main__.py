"""`python -m werkbank_kernels.parking --journal FOLDER`: the actuator of one user."""

import argparse
import logging
import os
import sys
from pathlib import Path

from .actuator import Lines, serve
from .journal import Journal
from .parker import Parker


def main() -> None:
    options = argparse.ArgumentParser(prog="werkbank-parking", description=__doc__)
    options.add_argument("--journal", type=Path, required=True, help="folder for what is about to be done")
    options.add_argument("--clean-timeout", type=float, default=30, help="seconds until a left device must be clear")
    options.add_argument("--budget", type=float, default=30, help="seconds to wait for a driver that is still at it")
    chosen = options.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    # Whatever a library prints must not look like an answer.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # The seat may hide devices from itself; parking is about all of them.
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    lines = Lines(sys.stdin.fileno())
    lines.listen()
    serve(Parker(Journal(chosen.journal), lines.ended, chosen.clean_timeout, chosen.budget), lines, answers)


if __name__ == "__main__":
    main()
