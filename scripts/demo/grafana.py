"""Grafana with our dashboard, where it is installed: Debian has none, and none was at hand when this was written.

So the demonstration does without it when it does not start.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts.demo.processes import Program
from scripts.demo.programs import ROOT
from scripts.demo.setup import HOST, Setup

DASHBOARD: Final = ROOT / "docs" / "grafana-dashboard.json"

_HOMES: Final = ("/usr/share/grafana", "/opt/homebrew/share/grafana", "/usr/local/share/grafana")
"""Where packages put what it cannot do without."""


def grafana(setup: Setup, executable: Path, environment: Mapping[str, str]) -> Program:
    """The program, set up by the files of compose/ with this machine's addresses."""
    folder = setup.folder / "grafana"
    dashboards = folder / "dashboards"
    for kind, file in (("datasources", "grafana-datasource.yml"), ("dashboards", "grafana-dashboards.yml")):
        text = (ROOT / "compose" / file).read_text(encoding="utf-8")
        text = text.replace("http://prometheus:9090", setup.url("prometheus"))
        text = text.replace("/etc/grafana/dashboards", str(dashboards))
        (folder / "provisioning" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "provisioning" / kind / file).write_text(text, encoding="utf-8")
    dashboards.mkdir(exist_ok=True)
    shutil.copyfile(DASHBOARD, dashboards / "bildwerk.json")
    return Program(
        name="grafana",
        command=_command(executable),
        environment={**environment, **_settings(setup, folder)},
        ready=setup.url("grafana", "/api/health"),
        is_optional=True,
    )


def found_grafana() -> Path | None:
    """On PATH."""
    found = shutil.which("grafana") or shutil.which("grafana-server")
    return Path(found) if found else None


def _command(executable: Path) -> tuple[str, ...]:
    homes = [executable.resolve().parent.parent, *map(Path, _HOMES)]
    home = next((home for home in homes if (home / "conf" / "defaults.ini").is_file()), None)
    server = ["server"] if executable.name == "grafana" else []
    return (str(executable), *server, *(["--homepath", str(home)] if home else []))


def _settings(setup: Setup, folder: Path) -> dict[str, str]:
    return {
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(folder / "dashboards" / "bildwerk.json"),
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "logs"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
        "GF_SECURITY_ADMIN_PASSWORD": setup.password,
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(setup.ports.grafana),
    }
