"""The processes of `golive up`: their commands, their surroundings, and how each shows it is ready.

How they are kept alive is in `golive_cli/serve/supervisor.py`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import golive_gateway
from golive_cli.serve.ports import HOST
from golive_core.settings import Ports, Settings, child_environment

WORKSPACE = Path(golive_gateway.__file__).parent.parent / "workspace.yaml"
LONGEST_SOCKET = 100
"""Bytes of a UNIX socket's path that every system takes."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `url` answers 200 once it is ready; without one it is ready when it runs."""

    name: str
    title: str
    command: tuple[str, ...]
    url: str = ""
    folder: Path | None = None
    niceness: int = 0
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def alone(settings: Settings, ports: Ports, host: str) -> list[Service]:
    """Return each service as a machine or container of its own runs it, listening on `host`.

    Dagster's two load our code themselves: there is no code server beside them.
    """
    web = ("--host", host, "--port", str(ports.dagster), "--workspace", str(WORKSPACE))
    below = ("--path-prefix", settings.dagster_prefix) if settings.dagster_prefix else ()
    daemon = (*python("dagster._daemon"), "run", "--workspace", str(WORKSPACE))
    return [
        _gateway(settings, ports, host),
        _dashboards(settings, ports, host),
        Service("dagster", "Dagster", (*python("dagster_webserver"), *web, *below)),
        Service("dagster-daemon", "schedules and sensors", daemon),
    ]


def front(settings: Settings, ports: Ports) -> list[Service]:
    """Return what people see first: the gateway and the dashboards."""
    return [_gateway(settings, ports), _dashboards(settings, ports)]


def back(settings: Settings, ports: Ports) -> list[Service]:
    """Return Dagster: the server of our code, its pages, and the daemon of schedules."""
    home = settings.home / "dagster"
    socket = _socket(home)
    workspace = home / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n  - grpc_server:\n      socket: {socket}\n      location_name: golive\n"
    )
    module = ("-m", "golive_dagster.definitions")
    code = ("code-server", "start", "--socket", str(socket), "--location-name", "golive")
    web = ("--host", HOST, "--port", str(ports.dagster), "--workspace", str(workspace))
    below = settings.dagster_prefix
    return [
        Service("dagster-code", "code location", (*python("dagster"), *code, *module)),
        Service(
            "dagster", "Dagster",
            (*python("dagster_webserver"), *web, *(("--path-prefix", below) if below else ())),
            url=f"http://{HOST}:{ports.dagster}{below}/server_info",
        ),
        Service(
            "dagster-daemon", "schedules and sensors",
            (*python("dagster._daemon"), "run", "--workspace", str(workspace)),
        ),
    ]  # fmt: skip


def environment(settings: Settings, ports: Ports) -> dict[str, str]:
    """Return the environment of every child: this home and these ports, and no telemetry."""
    return child_environment(
        GOLIVE_HOME=str(settings.home),
        GOLIVE_BASE=str(settings.base),
        GOLIVE_SIGN_IN="1",
        GOLIVE_PORT_GATEWAY=str(ports.gateway),
        GOLIVE_PORT_DASHBOARDS=str(ports.dashboards),
        GOLIVE_PORT_DAGSTER=str(ports.dagster),
        DAGSTER_HOME=str(settings.home / "dagster"),
        DAGSTER_DISABLE_TELEMETRY="1",
        STREAMLIT_BROWSER_GATHER_USAGE_STATS="false",
        DO_NOT_TRACK="1",
        PYTHONUNBUFFERED="1",
    )


def python(module: str) -> tuple[str, ...]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module)


def _gateway(settings: Settings, ports: Ports, host: str = HOST) -> Service:
    # Who listens to /v1/events would never go by himself when the gateway is to end.
    options = (
        "--factory", "--host", host, "--port", str(ports.gateway), "--no-access-log",
        "--timeout-graceful-shutdown", "3",
    )  # fmt: skip
    # Who calls is what the front door says; without one nobody may say so.
    proxy = "--proxy-headers" if settings.gateway.url else "--no-proxy-headers"
    return Service(
        "gateway", "gateway",
        (*python("uvicorn"), "golive_gateway.app:create_app", *options, proxy,
         "--log-level", "warning"),
        url=f"http://{HOST}:{ports.gateway}/health/ready",
    )  # fmt: skip


def _dashboards(settings: Settings, ports: Ports, host: str = HOST) -> Service:
    folder = Path(golive_gateway.__file__).parent.parent / "dashboards"
    options = {
        "server.address": host, "server.port": ports.dashboards, "server.headless": "true",
        "server.fileWatcherType": "none", "browser.gatherUsageStats": "false",
        "browser.serverAddress": HOST, "global.developmentMode": "false",
    }  # fmt: skip
    if settings.gateway.url:
        options["server.corsAllowedOrigins"] = settings.gateway.url.rstrip("/")
    words = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    return Service(
        "dashboards", "dashboards",
        (*python("streamlit"), "run", str(folder / "app.py"), *words),
        url=f"http://{HOST}:{ports.dashboards}/_stcore/health",
        folder=folder,  # Streamlit reads its theme from there
    )  # fmt: skip


def _socket(home: Path) -> Path:
    """Return a path for the code server's socket: in the home, or short where that is too deep."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "code.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        path = Path(tempfile.mkdtemp(prefix="golive-")) / "code.sock"
    path.unlink(missing_ok=True)
    return path
