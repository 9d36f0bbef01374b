"""Corrections to libraries can be left out, for who wants to compare with the libraries as they come."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
import jupyterlab.commands
import dask_gateway.client
print(jupyterlab.commands.get_app_version.__module__, dask_gateway.client.Gateway.__del__.__module__)
print(any(name.startswith("werkbank_seat.") and name != "werkbank_seat.on_import" for name in sys.modules))
"""
CORRECTED = "werkbank_seat.lab_version dask_gateway.client\nTrue\n"
AS_THEY_COME = "jupyterlab.commands dask_gateway.client\nFalse\n"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, CORRECTED),
        ({"WERKBANK_SEAT_CORRECTIONS": "1"}, CORRECTED),
        ({"WERKBANK_SEAT_CORRECTIONS": ""}, CORRECTED),
        ({"WERKBANK_SEAT_CORRECTIONS": "0"}, AS_THEY_COME),
    ],
    ids=["unset", "1", "empty", "0"],
)
def test_libraries_are_corrected_unless_that_is_switched_off(variables: dict[str, str], expected: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert said.stdout == expected


HEARTBEAT = """
import types
from dask_gateway.scheduler_preload import GatewaySchedulerService
scheduler = types.SimpleNamespace(loop=None, add_plugin=lambda plugin: None)
gateway = types.SimpleNamespace(token="")
services = [GatewaySchedulerService(scheduler, gateway=gateway, heartbeat_period=period) for period in (15, 0)]
print([service.heartbeat_initial for service in services])
"""


@pytest.mark.parametrize(("corrections", "expected"), [("1", "[0, 3600]"), ("0", "[0.25, 3600]")])
def test_a_scheduler_tells_the_gateway_at_once_that_it_is_there(corrections: str, expected: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", HEARTBEAT],
        env=os.environ | {"WERKBANK_SEAT_CORRECTIONS": corrections},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == expected


EXPORTERS = """
import builtins, sys
from pathlib import Path
from nbconvert.exporters import base
opened = []
read = Path.read_text
Path.read_text = lambda self, *a, **k: (opened.append(self.name), read(self, *a, **k))[1]
names = base.get_export_names()
for name in names: base.get_exporter(name)
first = len(opened)
for name in names: base.get_exporter(name)
again = len(opened) - first
folder = Path(sys.argv[1])
(folder / "more-1.dist-info").mkdir()
(folder / "more-1.dist-info" / "METADATA").write_text("Name: more")
offered = "[nbconvert.exporters]\\nmore = nbconvert.exporters.html:HTMLExporter"
(folder / "more-1.dist-info" / "entry_points.txt").write_text(offered)
print(first, again, "more" in names, "more" in base.get_export_names())
"""


def test_what_packages_export_to_is_read_once_until_a_package_is_installed(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", EXPORTERS, tmp_path],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, again, before, after = said.stdout.split()
    assert (again, before, after) == ("0", "False", "True")
    assert 0 < int(first) < 1_000, "each installed package once"
