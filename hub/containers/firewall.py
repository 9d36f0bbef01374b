"""The wall between seats with a network of their own and this machine."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from hub.cgroups.groups import Enforcement

RULES = Path(__file__).with_name("firewall.nft")
PATIENCE_S = 10
ELSEWHERE = "/usr/sbin:/sbin"


@cache
def wall() -> Enforcement:
    """Put it up, once for a process, and say whether it stands. It stays when we end, as seats do."""
    program = shutil.which("nft") or shutil.which("nft", path=ELSEWHERE)
    if program is None:
        return Enforcement(False, "nft is not installed (on Debian: apt install nftables)")
    if os.geteuid() != 0:
        return Enforcement(False, "only root may put up rules of the firewall")
    try:
        done = subprocess.run(
            [program, "--file", str(RULES)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Enforcement(False, str(error))
    return Enforcement(done.returncode == 0, done.stderr.strip().partition("\n")[0])
