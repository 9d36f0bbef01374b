"""`werkbank bench use` for real, with few leases."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.workbench import ROOT


def test_pages_are_measured_beside_a_scan_and_nothing_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub.cli", "bench", "use", "--records", "300", "--users", "20", "--runs", "1"]
    done = subprocess.run(
        [*command, "--json"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    report = json.loads(done.stdout)
    assert done.returncode == bool(report["missed"]), done.stderr
    assert list(report["databases"]) == ["sqlite"]
    assert "postgresql" in report["left_out"]
    figures = report["databases"]["sqlite"]
    assert figures["fill"]["leases"] == 30, "a tenth is counted by the ledger itself"
    assert figures["differs_by"] < 1e-9
    assert len(figures["pages_s"]) >= 10
    assert figures["direct_scan_s"] > 0
    assert list(tmp_path.glob("werkbank-bench-*")) == []
