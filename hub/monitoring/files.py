"""The files for Prometheus and Grafana, by their place in the folder where an admin wants them."""

from collections.abc import Iterator
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from hub.monitoring.dashboards import MADE
from hub.runtime import Runtime

HERE = Path(__file__).parent
TOKEN = Path("prometheus/token")
"""Readable by its owner alone."""


def files_for(runtime: Runtime) -> dict[Path, str]:
    """Texts by place, with the address and the token of this workbench filled in. Raises SettingsError."""
    scheme, target = _address(runtime)
    scraping = Template((HERE / "prometheus" / "prometheus.yaml").read_text())
    return {
        Path("prometheus/prometheus.yaml"): scraping.substitute(scheme=scheme, target=target),
        Path("prometheus/rules.yaml"): (HERE / "prometheus" / "rules.yaml").read_text(),
        TOKEN: runtime.state.secret("prometheus") + "\n",
        **dict(_as_they_are(MADE, Path("grafana/dashboards"))),
        **dict(_as_they_are(HERE / "grafana" / "provisioning", Path("grafana/provisioning"))),
    }


def _address(runtime: Runtime) -> tuple[str, str]:
    """Scheme, and host with port: where it runs now, else where the settings put it."""
    server = runtime.settings.server
    run = runtime.state.read_run() or {}
    found = urlsplit(run.get("address") or f"http://{server.address}:{server.port}")
    return found.scheme, found.netloc


def _as_they_are(folder: Path, place: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield place / file.relative_to(folder), file.read_text()
